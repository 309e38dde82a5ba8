//! A body's framing as a machine fed with bytes: it says which are content and when the body is whole.
//!
//! Keeps nothing of the body, so that no answer makes it grow.
//!
//! ```text
//!            ┌──────── next chunk ────────┐
//!            ▼                            │
//! Size ─▶ Extension ─▶ SizeEnd ─▶ Data ─▶ DataReturn ─▶ DataEnd
//!                         │ size 0
//!                         ▼
//!                      Trailer ─▶ Done        (Length and UntilClose: Data only)
//! ```

use super::response::Framing;

/// Largest chunk: 1 TiB, more than any timeout lets through; keeps all arithmetic far from overflow.
const CHUNK_BYTES_MAX: u64 = 1 << 40;
/// Longest line with a chunk's size and its extensions, which nobody uses and which must not go on for ever.
const CHUNK_LINE_BYTES_MAX: usize = 4 * 1024;
/// Longest trailer section: as long as the longest head.
const TRAILER_BYTES_MAX: usize = super::response::HEAD_BYTES_MAX;

/// Why bytes are not a body in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// A chunk's size is not a hexadecimal number.
    #[error("a chunk whose size is not a hexadecimal number")]
    ChunkSize,
    /// A chunk larger than [`CHUNK_BYTES_MAX`].
    #[error("a chunk of more than {CHUNK_BYTES_MAX} bytes")]
    ChunkTooLarge,
    /// A line longer than [`CHUNK_LINE_BYTES_MAX`].
    #[error("a chunk's first line of more than {CHUNK_LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// A chunk that is not followed by a line break.
    #[error("a chunk that is longer than it says")]
    ChunkEnd,
    /// Trailers longer than [`TRAILER_BYTES_MAX`].
    #[error("trailers of more than {TRAILER_BYTES_MAX} bytes")]
    TrailerTooLong,
}

/// Where in a body the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size {
        size: u64,
        digits: usize,
    },
    Extension {
        size: u64,
        length: usize,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataReturn,
    DataEnd,
    /// `line`: bytes of the running line other than its return.
    Trailer {
        line: usize,
        length: usize,
    },
    UntilClose,
    Done,
}

/// A body that is being read.
#[derive(Debug, Clone)]
pub(super) struct Body {
    state: State,
    is_chunked: bool,
}

impl Body {
    /// A body of which nothing was read yet.
    pub(super) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Data { left: length },
            Framing::Chunked => State::Size { size: 0, digits: 0 },
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, is_chunked: framing == Framing::Chunked }
    }

    /// Reads bytes, passing on what is content, and says how many belong to this body: all, unless it is
    /// whole before their end.
    pub(super) fn feed(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Result<usize, BodyError> {
        let mut used = 0;
        while used < bytes.len() && !self.is_whole() {
            match self.state {
                State::Data { left } => {
                    let rest = &bytes[used..];
                    let here = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    content(&rest[..here]);
                    used += here;
                    self.state = self.after_data(left - here as u64);
                }
                State::UntilClose => {
                    content(&bytes[used..]);
                    used = bytes.len();
                }
                _ => {
                    self.state = step(self.state, bytes[used])?;
                    used += 1;
                }
            }
        }
        Ok(used)
    }

    /// Whether all of it was read.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the end of the connection is the end of the body.
    pub(super) fn ends_with_connection(&self) -> bool {
        self.state == State::UntilClose
    }

    fn after_data(&self, left: u64) -> State {
        match left {
            0 if self.is_chunked => State::DataReturn,
            0 => State::Done,
            _ => State::Data { left },
        }
    }
}

/// One byte of a chunked body's frame (RFC 9112, 7.1).
fn step(state: State, byte: u8) -> Result<State, BodyError> {
    match (state, byte) {
        (State::Size { size, digits: 1.. }, b'\r') => Ok(State::SizeEnd { size }),
        (State::Size { size, digits: 1.. }, b';' | b' ' | b'\t') => Ok(State::Extension { size, length: 1 }),
        (State::Size { size, digits }, _) => {
            let digit = (byte as char).to_digit(16).ok_or(BodyError::ChunkSize)?;
            let size = size * 16 + u64::from(digit);
            if size > CHUNK_BYTES_MAX {
                return Err(BodyError::ChunkTooLarge);
            }
            if digits >= CHUNK_LINE_BYTES_MAX {
                return Err(BodyError::LineTooLong);
            }
            Ok(State::Size { size, digits: digits + 1 })
        }
        (State::Extension { size, .. }, b'\r') => Ok(State::SizeEnd { size }),
        (State::Extension { length: CHUNK_LINE_BYTES_MAX.., .. }, _) => Err(BodyError::LineTooLong),
        (State::Extension { size, length }, _) => Ok(State::Extension { size, length: length + 1 }),
        (State::SizeEnd { size: 0 }, b'\n') => Ok(State::Trailer { line: 0, length: 0 }),
        (State::SizeEnd { size }, b'\n') => Ok(State::Data { left: size }),
        (State::SizeEnd { .. }, _) => Err(BodyError::ChunkSize),
        (State::DataReturn, b'\r') => Ok(State::DataEnd),
        (State::DataEnd, b'\n') => Ok(State::Size { size: 0, digits: 0 }),
        (State::DataReturn | State::DataEnd, _) => Err(BodyError::ChunkEnd),
        (State::Trailer { line: 0, .. }, b'\n') => Ok(State::Done),
        (State::Trailer { length: TRAILER_BYTES_MAX.., .. }, _) => Err(BodyError::TrailerTooLong),
        (State::Trailer { length, .. }, b'\n') => Ok(State::Trailer { line: 0, length: length + 1 }),
        (State::Trailer { line, length }, b'\r') => Ok(State::Trailer { line, length: length + 1 }),
        (State::Trailer { line, length }, _) => Ok(State::Trailer { line: line + 1, length: length + 1 }),
        (State::Data { .. } | State::UntilClose | State::Done, _) => Ok(state),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, usize, bool), BodyError> {
        let (mut body, mut content, mut used) = (Body::new(framing), Vec::new(), 0);
        for piece in pieces {
            used += body.feed(piece, |bytes| content.extend_from_slice(bytes))?;
        }
        Ok((content, used, body.is_whole()))
    }

    #[test]
    fn chunks_with_extensions_and_trailers_come_together() {
        let text = b"4;name=value\r\nWiki\r\nA\r\npedia in a\r\n0\r\nx: y\r\n\r\nrest";
        assert_eq!(read(Framing::Chunked, &[text]), Ok((b"Wikipedia in a".to_vec(), text.len() - 4, true)));
    }

    #[test]
    fn broken_chunks_are_refused_and_never_followed() {
        for (text, error) in [
            (&b"8000000000000000\r\n"[..], BodyError::ChunkTooLarge),
            (b"ffffffffffffffffffffffff\r\n", BodyError::ChunkTooLarge),
            (b"\r\n", BodyError::ChunkSize),
            (b"-1\r\n", BodyError::ChunkSize),
            (b"5\rx", BodyError::ChunkSize),
            (b"1\r\nab\r\n", BodyError::ChunkEnd),
        ] {
            assert_eq!(read(Framing::Chunked, &[text]), Err(error), "{}", text.escape_ascii());
        }
        assert_eq!(read(Framing::Chunked, &[b"1;", &[b'x'; 5_000]]), Err(BodyError::LineTooLong));
        assert_eq!(read(Framing::Chunked, &[&[b'0'; 5_000]]), Err(BodyError::LineTooLong));
        assert_eq!(read(Framing::Chunked, &[b"0\r\n", &[b'x'; 20_000]]), Err(BodyError::TrailerTooLong));
        assert_eq!(read(Framing::Chunked, &[b"0\r\n", &[b'\r'; 20_000]]), Err(BodyError::TrailerTooLong));
    }

    #[test]
    fn a_length_ends_where_it_says() {
        assert_eq!(read(Framing::Length(3), &[b"ab", b"cd"]), Ok((b"abc".to_vec(), 3, true)));
        assert_eq!(read(Framing::Length(3), &[b"ab"]), Ok((b"ab".to_vec(), 2, false)));
        assert_eq!(read(Framing::Length(0), &[b"x"]), Ok((Vec::new(), 0, true)));
        assert_eq!(read(Framing::UntilClose, &[b"ab", b"cd"]), Ok((b"abcd".to_vec(), 4, false)));
    }

    proptest! {
        #[test]
        fn where_the_pieces_are_cut_does_not_matter(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6), cut in 1..9_usize) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            let pieces: Vec<&[u8]> = text.chunks(cut).collect();
            prop_assert_eq!(read(Framing::Chunked, &pieces), Ok((chunks.concat(), text.len(), true)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(Framing::Chunked, &[&bytes]);
        }
    }
}
