//! A header block that comes in several frames.

use crate::workload::http::http2::breach::Breach;
use crate::workload::http::http2::frame::StreamId;
use crate::workload::http::response::HEAD_BYTES_MAX;

/// Longest header block: of a head that we would keep, even if its Huffman code made it longer.
const BLOCK_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;
/// Most frames of a header block: as many as a server needs that fills none of them.
const BLOCK_FRAMES_MAX: usize = 16;

/// The beginning of a header block.
#[derive(Debug)]
pub(super) struct Block {
    /// The stream that it belongs to.
    pub(super) stream: StreamId,
    /// Whether the stream ends with it.
    pub(super) ends_stream: bool,
    /// What came of it.
    pub(super) bytes: Vec<u8>,
    frames: usize,
}

impl Block {
    /// The first piece, which is not the last.
    pub(super) fn new(stream: StreamId, ends_stream: bool, piece: &[u8]) -> Self {
        Self { stream, ends_stream, bytes: piece.to_vec(), frames: 1 }
    }

    /// Another piece.
    ///
    /// # Errors
    /// When there are too many of them.
    pub(super) fn add(&mut self, piece: &[u8]) -> Result<(), Breach> {
        self.frames += 1;
        self.bytes.extend_from_slice(piece);
        if self.bytes.len() > BLOCK_BYTES_MAX || self.frames > BLOCK_FRAMES_MAX {
            return Err(Breach::BlockTooLong { bytes: self.bytes.len(), frames: self.frames });
        }
        Ok(())
    }
}
