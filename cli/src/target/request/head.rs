//! The head of a request: what its line and headers say about the body and the connection.

use std::mem::MaybeUninit;

use httparse::Status;

use super::body::{BODY_BYTES_MAX, Body};
use super::{Page, Persistence, Refusal, Request};

/// Longest head: what most servers grant, and enough for any cookie a benchmark carries.
pub(in crate::target) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers: browsers send about 20.
const HEADERS_MAX: usize = 64;

/// A head read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) request: Request,
    /// The body that follows; `None`: the request ends with its head.
    pub(super) body: Option<Body>,
    /// Whether the client sends the body only once it is told to.
    pub(super) awaits_continue: bool,
}

/// How far bytes got as a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeadProgress {
    /// The head, and how many bytes it took.
    Complete(Head, usize),
    /// A beginning of one.
    Partial,
}

/// Reads a head from the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<HeadProgress, Refusal> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(HeadProgress::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
        Err(httparse::Error::Version) => return Err(Refusal::Version),
        Err(_) => return Err(Refusal::Malformed),
    };
    let mut fields = Fields::default();
    for header in request.headers.iter() {
        fields.note(header.name, header.value)?;
    }
    let body = fields.body()?;
    let head = Head {
        request: Request {
            page: request.path.map_or(Page::Work, page_of),
            is_head: request.method == Some("HEAD"),
            persistence: fields.persistence(request.version == Some(0)),
        },
        awaits_continue: fields.awaits_continue && body.is_some(),
        body,
    };
    Ok(HeadProgress::Complete(head, length))
}

/// What the headers say that matters here.
#[derive(Debug, Default)]
struct Fields {
    content_length: Option<u64>,
    is_chunked: bool,
    says_close: bool,
    says_keep_alive: bool,
    awaits_continue: bool,
}

impl Fields {
    fn note(&mut self, name: &str, value: &[u8]) -> Result<(), Refusal> {
        if name.eq_ignore_ascii_case("content-length") {
            let length = content_length(value)?;
            if self.content_length.is_some_and(|earlier| earlier != length) {
                return Err(Refusal::Malformed);
            }
            self.content_length = Some(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            // Other encodings may only come before a final `chunked`; none of them is understood here.
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::Malformed);
            }
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.says_close |= option.eq_ignore_ascii_case(b"close");
                self.says_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if name.eq_ignore_ascii_case("expect") {
            self.awaits_continue = value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }

    fn body(&self) -> Result<Option<Body>, Refusal> {
        match (self.is_chunked, self.content_length) {
            // Both at once is how requests are smuggled past a proxy (RFC 9112, 6.3).
            (true, Some(_)) => Err(Refusal::Malformed),
            (true, None) => Ok(Some(Body::chunked())),
            (false, None | Some(0)) => Ok(None),
            (false, Some(length)) if length > BODY_BYTES_MAX => Err(Refusal::BodyTooLarge),
            (false, Some(length)) => Ok(Some(Body::sized(length))),
        }
    }

    fn persistence(&self, is_version_1_0: bool) -> Persistence {
        match (self.says_close, is_version_1_0, self.says_keep_alive) {
            (true, _, _) | (false, true, false) => Persistence::Close,
            (false, true, true) => Persistence::Announced,
            (false, false, _) => Persistence::Implied,
        }
    }
}

fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    // Only digits: `parse` would accept a sign.
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed);
    }
    let digits = str::from_utf8(value).map_err(|_| Refusal::Malformed)?;
    digits.parse().map_err(|_| Refusal::BodyTooLarge)
}

/// What a request target, `/path?query` or `http://host/path?query`, asks for.
fn page_of(target: &str) -> Page {
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |start| &rest[start..]),
        _ => target,
    };
    match target.split(['?', '#']).next() {
        Some("/health") => Page::Health,
        Some("/count") => Page::Count,
        _ => Page::Work,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_of(text: &str) -> Result<Head, Refusal> {
        match parse(text.as_bytes())? {
            HeadProgress::Complete(head, length) => {
                assert_eq!(length, text.len());
                Ok(head)
            }
            HeadProgress::Partial => panic!("{text:?} must hold a whole head"),
        }
    }

    #[test]
    fn only_two_paths_are_no_work() {
        for target in ["/health", "/health?deep=1", "http://127.0.0.1:80/health", "https://h/health?x"] {
            assert_eq!(page_of(target), Page::Health, "{target}");
        }
        for target in ["/", "*", "/healthy", "/a/health", "/health/", "/x?u=http://h/health", "http://health"]
        {
            assert_eq!(page_of(target), Page::Work, "{target}");
        }
        assert_eq!(page_of("/count?now"), Page::Count);
    }

    #[test]
    fn a_connection_lasts_as_its_version_and_headers_say() {
        for (version, connection, expected) in [
            ("1.1", "x-y", Persistence::Implied),
            ("1.1", "keep-alive", Persistence::Implied),
            ("1.1", "Close", Persistence::Close),
            ("1.0", "x-y", Persistence::Close),
            ("1.0", "upgrade, Keep-Alive", Persistence::Announced),
            ("1.0", "keep-alive, close", Persistence::Close),
        ] {
            let head = head_of(&format!("GET / HTTP/{version}\r\nconnection: {connection}\r\n\r\n")).unwrap();
            assert_eq!(head.request.persistence, expected, "{version} {connection}");
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused() {
        let too_many_headers = "a: b\r\n".repeat(HEADERS_MAX + 1);
        for (line, headers, refusal) in [
            ("GET / HTTP/1.1", "content-length: -1\r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", "content-length: +1\r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", "content-length: \r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", "content-length: 1\r\ncontent-length: 2\r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", "content-length: 1\r\ntransfer-encoding: chunked\r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", "transfer-encoding: gzip\r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", "content-length: 67108865\r\n", Refusal::BodyTooLarge),
            ("GET / HTTP/1.1", "content-length: 99999999999999999999999\r\n", Refusal::BodyTooLarge),
            ("GET / HTTP/1.1", "no colon\r\n", Refusal::Malformed),
            ("GET / HTTP/1.1", too_many_headers.as_str(), Refusal::HeadTooLarge),
            ("GET / HTTP/1.1 x", "", Refusal::Malformed),
            ("PRI * HTTP/2.0", "", Refusal::Version),
            ("\u{16}\u{3}\u{1}", "", Refusal::Malformed),
        ] {
            assert_eq!(head_of(&format!("{line}\r\n{headers}\r\n")), Err(refusal), "{line} {headers}");
        }
    }

    #[test]
    fn a_client_without_a_body_need_not_be_told_to_send_it() {
        let head = head_of("POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\r\n").unwrap();
        assert!(!head.awaits_continue);
        let head = head_of("POST / HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 1\r\n\r\n").unwrap();
        assert!(head.awaits_continue);
    }
}
