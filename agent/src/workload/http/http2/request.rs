//! A request as HTTP/2 has it, taken from the same request in HTTP/1.1: its header block, ready to be sent on any
//! connection, and its body.

use std::borrow::Cow;

use bytes::Bytes;

use super::hpack::encoder;

/// Headers that speak of a connection, which is not the request's own any more (RFC 9113, 8.2.2), and the host, which
/// `:authority` says.
const LEFT_OUT: [&str; 6] =
    ["connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// A request, ready to be sent. By default nothing, until there is one.
#[derive(Debug, Clone, Default)]
pub(in crate::workload::http) struct Http2Request {
    /// Method, place and headers, as they are sent.
    pub(super) block: Vec<u8>,
    /// The body; shared, not copied.
    pub(super) body: Bytes,
    /// What counts as sent: names and values of the headers, and the body.
    pub(super) bytes: u64,
}

/// Why a request cannot be sent over HTTP/2.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload::http) enum Http2RequestError {
    /// What was rendered is no request.
    #[error("cannot be sent over HTTP/2: {0}")]
    Syntax(httparse::Error),
    /// What was rendered has no end.
    #[error("cannot be sent over HTTP/2: it has no end")]
    Cut,
    /// A place that `:authority` or `:path` cannot say.
    #[error("cannot be sent over HTTP/2: {0:?} holds a space or a character that must be percent-encoded")]
    Place(String),
}

impl Http2Request {
    /// Takes a request apart that was rendered for HTTP/1.1.
    pub(in crate::workload::http) fn of_rendered(
        rendered: &[u8],
        is_tls: bool,
    ) -> Result<Self, Http2RequestError> {
        let mut request = Self::default();
        request.set(rendered, is_tls)?;
        Ok(request)
    }

    /// The same, in the memory of the request before.
    pub(in crate::workload::http) fn set(
        &mut self,
        rendered: &[u8],
        is_tls: bool,
    ) -> Result<(), Http2RequestError> {
        let lines = rendered.iter().filter(|byte| **byte == b'\n').count();
        let mut headers = vec![httparse::EMPTY_HEADER; lines];
        let mut parsed = httparse::Request::new(&mut headers);
        let read = parsed.parse(rendered).map_err(Http2RequestError::Syntax)?;
        let (httparse::Status::Complete(length), Some(method), Some(path)) =
            (read, parsed.method, parsed.path)
        else {
            return Err(Http2RequestError::Cut);
        };
        let host = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
        let authority = host.map_or(&b""[..], |header| header.value);
        check_place(authority)?;
        check_place(path.as_bytes())?;
        let scheme = if is_tls { "https" } else { "http" };
        self.block.clear();
        self.bytes = 0;
        // RFC 9113, 8.3: these stand before all others.
        for (name, value) in [
            (":method", method.as_bytes()),
            (":scheme", scheme.as_bytes()),
            (":authority", authority),
            (":path", path.as_bytes()),
        ] {
            encoder::put(name.as_bytes(), value, &mut self.block);
            self.bytes += value.len() as u64;
        }
        for header in parsed.headers.iter() {
            let name = lowercase(header.name);
            let is_odd_te = name == "te" && header.value != b"trailers";
            if !LEFT_OUT.contains(&&*name) && !is_odd_te {
                encoder::put(name.as_bytes(), header.value, &mut self.block);
                self.bytes += (name.len() + header.value.len()) as u64;
            }
        }
        self.body = Bytes::copy_from_slice(&rendered[length..]);
        self.bytes += self.body.len() as u64;
        Ok(())
    }
}

/// A name in small letters, as HTTP/2 has it (RFC 9113, 8.2.1).
fn lowercase(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    Cow::Borrowed(name)
}

/// Whether a text can be said where a URI is expected.
fn check_place(text: &[u8]) -> Result<(), Http2RequestError> {
    if text.iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    Err(Http2RequestError::Place(String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::hpack::Decoder;
    use super::*;

    fn fields(request: &Http2Request) -> Vec<String> {
        let (mut decoder, mut fields) = (Decoder::new(), Vec::new());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let decoded = decoder.decode(&request.block, |name, value| {
            fields.push(format!("{}={}", text(name), text(value)));
        });
        assert_eq!(decoded, Ok(()));
        fields
    }

    #[test]
    fn what_is_the_connections_is_left_out_and_the_rest_kept() {
        let rendered = b"POST /x?y HTTP/1.1\r\nHost: a:81\r\nconnection: close\r\nte: gzip\r\nX: 1\r\nx: 2\r\ncontent-length: 2\r\n\r\nhi";
        let request = Http2Request::of_rendered(rendered, true).unwrap();
        assert_eq!(
            fields(&request),
            [
                ":method=POST",
                ":scheme=https",
                ":authority=a:81",
                ":path=/x?y",
                "x=1",
                "x=2",
                "content-length=2"
            ]
        );
        assert_eq!(&request.body[..], b"hi");
        assert_eq!(request.bytes, "POSThttpsa:81/x?yx1x2content-length2hi".len() as u64);
    }

    #[test]
    fn a_request_is_set_anew_in_the_same_memory() {
        let mut request =
            Http2Request::of_rendered(b"GET /long HTTP/1.1\r\nhost: a\r\n\r\nbody", false).unwrap();
        request.set(b"GET / HTTP/1.1\r\nhost: b\r\n\r\n", false).unwrap();
        assert_eq!(fields(&request), [":method=GET", ":scheme=http", ":authority=b", ":path=/"]);
        assert_eq!((request.body.len(), request.bytes), (0, 9));
    }

    #[test]
    fn what_no_uri_can_say_is_refused() {
        let error = Http2Request::of_rendered(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n", false).unwrap_err();
        assert!(error.to_string().starts_with("cannot be sent over HTTP/2: "), "{error}");
    }
}
