//! Messages on the wire (gRPC over HTTP/2, "Length-Prefixed-Message"): a flag, four bytes of length, the message.

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes before each message.
const PREFIX_BYTES: usize = 5;
/// Largest message that is kept to be looked into: as much as a file that comes with a job.
pub(super) const KEPT_BYTES_MAX: usize = shared::job::ATTACHED_FILE_BYTES_MAX;

/// Takes messages off a stream of bytes, in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    prefix: [u8; PREFIX_BYTES],
    prefix_filled: usize,
    /// Bytes of the message at hand that have not come yet.
    left: usize,
    message: Vec<u8>,
    is_kept: bool,
}

/// What is no stream of messages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// A message that is compressed, which was not offered.
    #[error("a message is compressed, which nothing had asked for")]
    Compressed,
    /// Another first byte.
    #[error("a message begins with {0:#04x}, which is no flag of gRPC")]
    Flag(u8),
    /// A message that was to be kept, and is too long for that.
    #[error("a message has {0} bytes, and at most {KEPT_BYTES_MAX} can be looked into")]
    TooLong(usize),
    /// The stream ended within a message.
    #[error("the answer ended within a message")]
    Cut,
}

impl FrameReader {
    /// Begins anew. Messages are kept until the next one if they are looked into.
    #[inline]
    pub(super) fn begin(&mut self, is_kept: bool) {
        (self.prefix_filled, self.left, self.is_kept) = (0, 0, is_kept);
        self.message.clear();
    }

    /// Takes in what came, and tells each message that is whole by that.
    ///
    /// # Errors
    /// What is no message.
    pub(super) fn feed(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), FrameError> {
        while !piece.is_empty() {
            if self.prefix_filled < PREFIX_BYTES {
                let taken = piece.len().min(PREFIX_BYTES - self.prefix_filled);
                self.prefix[self.prefix_filled..self.prefix_filled + taken].copy_from_slice(&piece[..taken]);
                self.prefix_filled += taken;
                piece = &piece[taken..];
                if self.prefix_filled < PREFIX_BYTES {
                    return Ok(());
                }
                self.open()?;
            }
            let (own, rest) = piece.split_at(piece.len().min(self.left));
            self.left -= own.len();
            if self.is_kept {
                self.message.extend_from_slice(own);
            }
            piece = rest;
            if self.left == 0 {
                each(&self.message);
                self.prefix_filled = 0;
            }
        }
        Ok(())
    }

    /// The stream ended.
    ///
    /// # Errors
    /// When it ended within a message.
    pub(super) fn end(&self) -> Result<(), FrameError> {
        if self.prefix_filled == 0 { Ok(()) } else { Err(FrameError::Cut) }
    }

    /// Reads the prefix of a message.
    fn open(&mut self) -> Result<(), FrameError> {
        let [flag, length @ ..] = self.prefix;
        match flag {
            0 => {}
            1 => return Err(FrameError::Compressed),
            other => return Err(FrameError::Flag(other)),
        }
        self.left = u32::from_be_bytes(length) as usize;
        self.message.clear();
        if self.is_kept && self.left > KEPT_BYTES_MAX {
            return Err(FrameError::TooLong(self.left));
        }
        Ok(())
    }
}

/// A message as it stands on the wire; `None`: it is longer than its prefix can tell.
pub(super) fn framed(message: &[u8]) -> Option<Bytes> {
    let length = u32::try_from(message.len()).ok()?;
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    bytes.put_u8(0);
    bytes.put_u32(length);
    bytes.put_slice(message);
    Some(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let (mut reader, mut messages) = (FrameReader::default(), Vec::new());
        reader.begin(true);
        for piece in bytes.chunks(piece) {
            reader.feed(piece, |message| messages.push(message.to_vec()))?;
        }
        reader.end().map(|()| messages)
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(read(&[1, 0, 0, 0, 0], 5), Err(FrameError::Compressed));
        assert_eq!(read(b"HTTP/1.1 400", 4), Err(FrameError::Flag(b'H')));
        assert_eq!(read(&[0, 0, 0, 0, 2, 7], 9), Err(FrameError::Cut));
        assert_eq!(read(&[0, 255, 255, 255, 255], 5), Err(FrameError::TooLong(u32::MAX as usize)));
    }

    proptest! {
        #[test]
        fn messages_come_back_as_they_were_sent(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6), piece in 1..50_usize
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|message| framed(message).unwrap()).collect();
            prop_assert_eq!(read(&bytes, piece), Ok(messages));
        }
    }
}
