//! A request as HTTP/2 has it, taken from the same request in HTTP/1.1.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, Version, header};

use super::header_bytes;

/// Headers that speak of a connection, which is not the request's own any more (RFC 9113, 8.2.2), and the host, which
/// the URI says.
const LEFT_OUT: [HeaderName; 5] = [
    header::CONNECTION,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// A request, ready to be sent.
#[derive(Debug, Clone)]
pub(in crate::workload::http) struct Http2Request {
    /// Method, URI and headers.
    pub(super) head: Request<()>,
    /// The body; shared, not copied.
    pub(super) body: Bytes,
    /// What counts as sent: names and values of the headers, and the body.
    pub(super) bytes: u64,
}

/// Why a request cannot be sent over HTTP/2.
#[derive(Debug, thiserror::Error)]
#[error("cannot be sent over HTTP/2: {0}")]
pub(in crate::workload::http) struct Http2RequestError(String);

impl Http2Request {
    /// Takes a request apart that was rendered for HTTP/1.1.
    pub(in crate::workload::http) fn of_rendered(
        rendered: &[u8],
        is_tls: bool,
    ) -> Result<Self, Http2RequestError> {
        let wrong = |what: &dyn std::fmt::Display| Http2RequestError(what.to_string());
        let lines = rendered.iter().filter(|byte| **byte == b'\n').count();
        let mut headers = vec![httparse::EMPTY_HEADER; lines];
        let mut parsed = httparse::Request::new(&mut headers);
        let read = parsed.parse(rendered).map_err(|error| wrong(&error))?;
        let (httparse::Status::Complete(length), Some(method), Some(path)) =
            (read, parsed.method, parsed.path)
        else {
            return Err(wrong(&"it has no end"));
        };
        let mut authority = "";
        let mut builder = Request::builder().method(method).version(Version::HTTP_2);
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|error| wrong(&error))?;
            if name == header::HOST {
                authority = str::from_utf8(header.value).map_err(|error| wrong(&error))?;
            }
            let is_odd_te = name == header::TE && header.value != b"trailers";
            if !LEFT_OUT.contains(&name) && !is_odd_te {
                builder = builder
                    .header(name, HeaderValue::from_bytes(header.value).map_err(|error| wrong(&error))?);
            }
        }
        let scheme = if is_tls { "https" } else { "http" };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
        let uri = uri.build().map_err(|error| wrong(&error))?;
        let pseudo = method.len() + scheme.len() + authority.len() + path.len();
        let head = builder.uri(uri).body(()).map_err(|error| wrong(&error))?;
        let body = Bytes::copy_from_slice(&rendered[length..]);
        let bytes = pseudo as u64 + header_bytes(head.headers()) + body.len() as u64;
        Ok(Self { head, body, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_connections_is_left_out_and_the_rest_kept() {
        let rendered = b"POST /x?y HTTP/1.1\r\nhost: a:81\r\nconnection: close\r\nte: gzip\r\nx: 1\r\nx: 2\r\ncontent-length: 2\r\n\r\nhi";
        let request = Http2Request::of_rendered(rendered, true).unwrap();
        assert_eq!(request.head.uri(), "https://a:81/x?y");
        assert_eq!((request.head.method().as_str(), &request.body[..]), ("POST", &b"hi"[..]));
        let names: Vec<_> = request.head.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x", "content-length"]);
        assert_eq!(request.head.headers().get_all("x").iter().count(), 2);
        assert_eq!(request.bytes, "POSThttpsa:81/x?yx1x2content-length2hi".len() as u64);
    }

    #[test]
    fn what_no_uri_can_say_is_refused() {
        let error = Http2Request::of_rendered(b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n", false).unwrap_err();
        assert!(error.to_string().starts_with("cannot be sent over HTTP/2: "), "{error}");
    }
}
