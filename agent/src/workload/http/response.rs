//! The head of an answer: parsed by httparse, then read for what it says about the body and the connection.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

use crate::workload::connection::buffers::INTAKE_BYTES_MAX;

/// Longest head of an answer: what fits into a worker's read buffer.
pub(super) const HEAD_BYTES_MAX: usize = INTAKE_BYTES_MAX;
/// Most headers of an answer: Apache's default limit for requests, which few answers come near.
const HEADERS_MAX: usize = 100;

/// How the end of a body is told (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body.
    Empty,
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Whatever comes until the connection is closed.
    UntilClose,
}

/// What the head of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The status.
    pub(super) status: u16,
    /// How its body ends.
    pub(super) framing: Framing,
    /// Whether the connection may be used again.
    pub(super) keeps_alive: bool,
    /// Its own length in bytes.
    pub(super) length: usize,
}

/// Why bytes are not the head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    /// They do not read as HTTP/1.
    #[error("not an HTTP/1.1 answer: {0}")]
    Syntax(httparse::Error),
    /// More headers than [`HEADERS_MAX`].
    #[error("more than {HEADERS_MAX} headers")]
    TooManyHeaders,
    /// More bytes than [`HEAD_BYTES_MAX`].
    #[error("a head of more than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    /// A status outside 100 to 599.
    #[error("a status outside 100 to 599")]
    Status,
    /// `101 Switching Protocols`, which nobody asked for.
    #[error("a switch to another protocol that was not asked for")]
    Switch,
    /// A length that is not a number, does not fit, or is said twice and differs.
    #[error("a content-length that is not one number")]
    Length,
    /// A length and a transfer coding at once: which of them is meant cannot be told.
    #[error("content-length and transfer-encoding at once")]
    LengthAndCoding,
}

/// Reads a head; `None`: there is more to come.
pub(super) fn parse(bytes: &[u8], is_head_request: bool) -> Result<Option<Head>, HeadError> {
    let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= HEAD_BYTES_MAX => return Err(HeadError::TooLong),
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyHeaders),
        Err(error) => return Err(HeadError::Syntax(error)),
    };
    let status = response.code.filter(|code| (100..600).contains(code)).ok_or(HeadError::Status)?;
    if status == 101 {
        return Err(HeadError::Switch);
    }
    let said = Said::read(response.headers)?;
    let framing = match said {
        _ if is_head_request || status < 200 || status == 204 || status == 304 => Framing::Empty,
        Said { is_chunked: true, .. } => Framing::Chunked,
        Said { has_coding: true, .. } => Framing::UntilClose,
        Said { length: Some(length), .. } => Framing::Length(length),
        _ => Framing::UntilClose,
    };
    let is_persistent = response.version == Some(1) || said.keeps_alive;
    let keeps_alive = is_persistent && !said.closes && framing != Framing::UntilClose;
    Ok(Some(Head { status, framing, keeps_alive, length }))
}

/// Tells the headers of a head that was parsed before.
pub(super) fn each_header(head: &[u8], mut tell: impl FnMut(&[u8], &[u8])) {
    let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, head, &mut headers);
    if parsed.is_ok() {
        response.headers.iter().for_each(|header| tell(header.name.as_bytes(), header.value));
    }
}

/// What the headers say about the body and the connection.
#[derive(Debug, Default)]
struct Said {
    length: Option<u64>,
    has_coding: bool,
    is_chunked: bool,
    closes: bool,
    keeps_alive: bool,
}

impl Said {
    fn read(headers: &[Header<'_>]) -> Result<Self, HeadError> {
        let mut said = Self::default();
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let length = read_length(header.value).ok_or(HeadError::Length)?;
                if said.length.replace(length).is_some_and(|before| before != length) {
                    return Err(HeadError::Length);
                }
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                said.has_coding = true;
                // Only the last coding tells where the body ends.
                said.is_chunked =
                    tokens(header.value).last().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
            } else if header.name.eq_ignore_ascii_case("connection") {
                said.closes |= tokens(header.value).any(|token| token.eq_ignore_ascii_case(b"close"));
                said.keeps_alive |=
                    tokens(header.value).any(|token| token.eq_ignore_ascii_case(b"keep-alive"));
            }
        }
        if said.has_coding && said.length.is_some() {
            return Err(HeadError::LengthAndCoding);
        }
        Ok(said)
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Digits only: `+5`, `5, 5` and the empty text are no lengths.
fn read_length(value: &[u8]) -> Option<u64> {
    let text = str::from_utf8(value.trim_ascii()).ok()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Option<Head>, HeadError> {
        parse(format!("{text}\r\n\r\n").as_bytes(), false)
    }

    fn framing(text: &str) -> (Framing, bool) {
        let head = head(text).unwrap().unwrap();
        (head.framing, head.keeps_alive)
    }

    #[test]
    fn the_body_is_framed_as_the_standard_says() {
        assert_eq!(framing("HTTP/1.1 200 OK\r\ncontent-length: 5"), (Framing::Length(5), true));
        assert_eq!(framing("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked"), (Framing::Chunked, true));
        assert_eq!(framing("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip"), (Framing::UntilClose, false));
        assert_eq!(framing("HTTP/1.1 200 OK"), (Framing::UntilClose, false));
        assert_eq!(framing("HTTP/1.1 204 No Content\r\ncontent-length: 5"), (Framing::Empty, true));
        assert_eq!(framing("HTTP/1.1 304 Not Modified\r\ncontent-length: 5"), (Framing::Empty, true));
        assert_eq!(
            parse(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", true).unwrap().unwrap().framing,
            Framing::Empty
        );
    }

    #[test]
    fn a_connection_is_kept_as_its_version_and_headers_say() {
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close"),
            (Framing::Length(0), false)
        );
        assert_eq!(framing("HTTP/1.0 200 OK\r\ncontent-length: 0"), (Framing::Length(0), false));
        assert_eq!(
            framing("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive"),
            (Framing::Length(0), true)
        );
    }

    #[test]
    fn a_head_that_contradicts_itself_is_refused() {
        for (text, error) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6", HeadError::Length),
            ("HTTP/1.1 200 OK\r\ncontent-length: -1", HeadError::Length),
            ("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616", HeadError::Length),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked",
                HeadError::LengthAndCoding,
            ),
            ("HTTP/1.1 099 Odd", HeadError::Status),
            ("HTTP/1.1 101 Switching Protocols", HeadError::Switch),
        ] {
            assert_eq!(head(text), Err(error), "{text}");
        }
        assert_eq!(
            head(&format!("HTTP/1.1 200 OK{}", "\r\na: b".repeat(101))),
            Err(HeadError::TooManyHeaders)
        );
        assert!(matches!(head("SSH-2.0-OpenSSH"), Err(HeadError::Syntax(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0..60_usize) {
            let _ = parse(&bytes, false);
            let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
            prop_assert_eq!(parse(&whole[..cut.min(whole.len() - 1)], false), Ok(None));
        }
    }
}
