//! Bodies of requests, read only to find their end.

use super::Refusal;

/// Longest body, counted as it comes over the wire, chunk framing and trailers included.
pub(super) const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most hexadecimal digits of a chunk's size: eight can already say more than [`BODY_BYTES_MAX`].
const CHUNK_SIZE_DIGITS_MAX: u8 = 8;

/// A body that is being read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// Bytes that may still come.
    left: u64,
    /// How its end is found; `None`: it ends when `left` is used up.
    chunked: Option<Chunked>,
}

/// Where in a chunked body the next byte stands (RFC 9112, 7.1).
///
/// ```text
///   Size ──▶ SizeEnd ──▶ Data ──▶ DataReturn ──▶ DataLineFeed ──┐
///    ▲ ╲    ╱   ╲                                               │
///    │  Extension ╲ size 0                                      │
///    └─────────────╲────────────────────────────────────────────┘
///                   TrailerStart ⇄ Trailer         empty line: the end
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunked {
    /// Inside the digits of a size.
    Size { size: u64, digits: u8 },
    /// Behind the size, up to the end of its line.
    Extension { size: u64 },
    /// The line feed that ends the size's line.
    SizeEnd { size: u64 },
    /// Inside the data.
    Data { left: u64 },
    /// The carriage return behind the data.
    DataReturn,
    /// The line feed behind the data.
    DataLineFeed,
    /// The first byte of a trailer line.
    TrailerStart,
    /// Inside a trailer line.
    Trailer,
    /// The line feed of the empty line that ends it all.
    LastLineFeed,
}

const NEXT_SIZE: Chunked = Chunked::Size { size: 0, digits: 0 };

impl Body {
    /// A body of a known length, from 1 to [`BODY_BYTES_MAX`].
    pub(super) fn sized(length: u64) -> Self {
        Self { left: length, chunked: None }
    }

    /// A body in chunks.
    pub(super) fn chunked() -> Self {
        Self { left: BODY_BYTES_MAX, chunked: Some(NEXT_SIZE) }
    }

    /// Takes bytes from the front of `input`; whether the body has ended.
    ///
    /// # Errors
    /// When chunks are malformed or the whole is too long.
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Result<bool, Refusal> {
        let Some(mut state) = self.chunked else {
            self.skip(input, self.left);
            return Ok(self.left == 0);
        };
        while let Some(byte) = input.first().copied() {
            if self.left == 0 {
                return Err(Refusal::BodyTooLarge);
            }
            state = if let Chunked::Data { left } = state {
                match left - self.skip(input, left.min(self.left)) {
                    0 => Chunked::DataReturn,
                    left => Chunked::Data { left },
                }
            } else {
                self.skip(input, 1);
                match state.after(byte)? {
                    Some(next) => next,
                    None => return Ok(true),
                }
            };
        }
        self.chunked = Some(state);
        Ok(false)
    }

    /// Drops at most `most` bytes and says how many.
    fn skip(&mut self, input: &mut &[u8], most: u64) -> u64 {
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
        *input = &input[count..];
        self.left -= count as u64;
        count as u64
    }
}

impl Chunked {
    /// The place behind one byte of framing; `None`: that was the last one.
    fn after(self, byte: u8) -> Result<Option<Self>, Refusal> {
        let next = match (self, byte) {
            (Self::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == CHUNK_SIZE_DIGITS_MAX {
                    return Err(Refusal::BodyTooLarge);
                }
                let digit = char::from(byte).to_digit(16).expect("the pattern holds hexadecimal digits only");
                Self::Size { size: size * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { digits: 0, .. }, _) => return Err(Refusal::Malformed),
            (Self::Size { size, .. } | Self::Extension { size }, b'\r') => Self::SizeEnd { size },
            (Self::Size { size, .. }, b';' | b' ' | b'\t') => Self::Extension { size },
            (Self::Extension { size }, byte) if byte != b'\n' => Self::Extension { size },
            (Self::SizeEnd { size: 0 }, b'\n') => Self::TrailerStart,
            (Self::SizeEnd { size }, b'\n') => Self::Data { left: size },
            (Self::DataReturn, b'\r') => Self::DataLineFeed,
            (Self::DataLineFeed, b'\n') => NEXT_SIZE,
            (Self::TrailerStart, b'\r') => Self::LastLineFeed,
            (Self::Trailer, b'\n') => Self::TrailerStart,
            (Self::TrailerStart | Self::Trailer, byte) if byte != b'\n' => Self::Trailer,
            (Self::LastLineFeed, b'\n') => return Ok(None),
            _ => return Err(Refusal::Malformed),
        };
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_it_says_and_leaves_what_follows() {
        let mut input = &b"helloGET"[..];
        assert_eq!(Body::sized(5).advance(&mut input), Ok(true));
        assert_eq!(input, b"GET");
        let mut input = &b"5\r\nhello\r\n0\r\n\r\nGET"[..];
        assert_eq!(Body::chunked().advance(&mut input), Ok(true));
        assert_eq!(input, b"GET");
    }

    #[test]
    fn broken_chunks_are_refused() {
        for (text, refusal) in [
            ("\r\n", Refusal::Malformed),
            ("x\r\n", Refusal::Malformed),
            (";a\r\n", Refusal::Malformed),
            ("5\nhello", Refusal::Malformed),
            ("5;a\nhello", Refusal::Malformed),
            ("1\r\nhello", Refusal::Malformed),
            ("0\r\n\n", Refusal::Malformed),
            ("0\r\n\rx", Refusal::Malformed),
            ("123456789\r\n", Refusal::BodyTooLarge),
        ] {
            assert_eq!(Body::chunked().advance(&mut text.as_bytes()), Err(refusal), "{text:?}");
        }
    }

    #[test]
    fn endless_chunks_extensions_and_trailers_are_refused_at_the_bound() {
        for (beginning, more) in
            [("", "1\r\nx\r\n"), ("5;", "extension"), ("0\r\n", "a: b\r\n"), ("ffffffff\r\n", "data")]
        {
            let (mut body, more) = (Body::chunked(), more.repeat(10_000));
            assert_eq!(body.advance(&mut beginning.as_bytes()), Ok(false));
            let mut refusals = (0..2_000).map(|_| body.advance(&mut more.as_bytes()));
            assert_eq!(refusals.find_map(Result::err), Some(Refusal::BodyTooLarge));
        }
    }
}
