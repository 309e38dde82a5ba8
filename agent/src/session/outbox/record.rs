//! An interval's envelope in a file: what tells a damaged file from what was written there.
//!
//! ```text
//!  length u32 │ CRC32 u32 │ number u64 │ the interval's bytes
//! ```
//! Numbers are big-endian. The CRC covers the spill's id, the interval's number and its bytes: a record that turns up in
//! another place is as damaged as one with a flipped bit.

use super::spill::SpillId;
use crate::rpc::codec::INTERVAL_BYTES_MAX;

/// Bytes before the interval's own.
pub(super) const HEADER_BYTES: usize = 16;

/// What the head of a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// How long the interval is, at most [`INTERVAL_BYTES_MAX`].
    pub(super) length: usize,
    crc: u32,
    sequence: u64,
}

/// Why bytes are not the record that was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    /// A length that no interval has.
    #[error("it says to be {0} bytes long")]
    Length(usize),
    /// Another number than the one that is next.
    #[error("it says to be interval {0}")]
    Number(u64),
    /// Some bit has changed.
    #[error("its checksum does not fit")]
    Checksum,
}

/// How many bytes a record takes on disk whose interval has so many.
pub(super) fn size_bytes(interval_bytes: u64) -> u64 {
    HEADER_BYTES as u64 + interval_bytes
}

/// Seals an interval. The caller has checked [`INTERVAL_BYTES_MAX`].
pub(super) fn seal(spill: SpillId, sequence: u64, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("the outbox refuses larger intervals");
    let mut record = Vec::with_capacity(HEADER_BYTES + bytes.len());
    record.extend_from_slice(&length.to_be_bytes());
    record.extend_from_slice(&checksum(spill, sequence, bytes).to_be_bytes());
    record.extend_from_slice(&sequence.to_be_bytes());
    record.extend_from_slice(bytes);
    record
}

impl Header {
    /// Reads the head of the record that should hold this number.
    ///
    /// # Errors
    /// When it is another one's, or says a length that no interval has.
    pub(super) fn read(bytes: [u8; HEADER_BYTES], sequence: u64) -> Result<Self, RecordError> {
        let [l0, l1, l2, l3, c0, c1, c2, c3, number @ ..] = bytes;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let (crc, number) = (u32::from_be_bytes([c0, c1, c2, c3]), u64::from_be_bytes(number));
        if length > INTERVAL_BYTES_MAX {
            return Err(RecordError::Length(length));
        }
        if number != sequence {
            return Err(RecordError::Number(number));
        }
        Ok(Self { length, crc, sequence })
    }

    /// Holds the interval's bytes against the head.
    ///
    /// # Errors
    /// When they are not what was written.
    pub(super) fn check(&self, spill: SpillId, bytes: &[u8]) -> Result<(), RecordError> {
        let fits = bytes.len() == self.length && checksum(spill, self.sequence, bytes) == self.crc;
        if fits { Ok(()) } else { Err(RecordError::Checksum) }
    }
}

fn checksum(spill: SpillId, sequence: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&spill.to_be_bytes());
    hasher.update(&sequence.to_be_bytes());
    hasher.update(bytes);
    hasher.finalize()
}
