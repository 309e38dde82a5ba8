//! A request: what its bytes are rendered from, once when the trial is prepared or anew for each operation.

use crate::values::rendering::Piece;
use crate::values::{RenderError, Rendering, Values};

/// Largest request head: what common servers take (8 KiB to 16 KiB), so that a job fails here with a clear
/// reason rather than there with a status.
const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers that follow from the request and must not be said twice.
const OWN_HEADERS: [&str; 2] = ["content-length", "transfer-encoding"];

/// Headers that decide how a connection is used, and so are known before the first operation.
const FIXED_HEADERS: [&str; 2] = ["connection", "expect"];

/// Why a request cannot be rendered: the key at fault and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    /// Not a method.
    #[error("{0:?} is not a method that can be sent: write GET, POST or another name in capital letters")]
    Method(String),
    /// Not the name of a header.
    #[error("{0:?} is not the name of a header")]
    HeaderName(String),
    /// A value that would break out of its header.
    #[error("the value of {0:?} holds a line break or another control character")]
    HeaderValue(String),
    /// A header that fleetmark sets itself.
    #[error("{0:?} is set by fleetmark from the body")]
    OwnHeader(String),
    /// A header that must be the same for all operations.
    #[error("the value of {0:?} must not change from one operation to the next")]
    FixedHeader(String),
    /// Too many or too long headers.
    #[error("the request's head takes {0} bytes, and at most {REQUEST_HEAD_BYTES_MAX} can be sent")]
    TooLong(usize),
    /// A value that is not there, or must not stand where it is wanted.
    #[error(transparent)]
    Value(#[from] RenderError),
}

/// What a request is rendered from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RequestTemplate {
    /// All of the head but for the body's length and the empty line.
    head: Rendering,
    body: Rendering,
    /// Whether the length is said of an empty body too.
    says_length: bool,
}

/// A header's name and value.
pub(super) type Header = (String, Rendering);

/// Checks a method: a token in capital letters, and not one that turns the connection into something else.
pub(super) fn check_method(method: &str) -> Result<(), RequestError> {
    let is_name = !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_');
    if !is_name || method == "CONNECT" {
        return Err(RequestError::Method(method.to_owned()));
    }
    Ok(())
}

/// Whether a method may be sent again without harm (RFC 9110, 9.2.2).
pub(super) fn is_idempotent(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
}

/// Whether a header is given, with a value that always satisfies a test.
pub(super) fn says(headers: &[Header], name: &str, test: impl Fn(&[u8]) -> bool) -> bool {
    let values = headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
    values.filter_map(|(_, value)| value.as_static()).any(test)
}

/// Method and path of a rendered request.
pub(super) fn line_of(request: &[u8]) -> (&str, &str) {
    let line = request.split(|byte| *byte == b'\r').next().and_then(|line| str::from_utf8(line).ok());
    let mut words = line.unwrap_or_default().split(' ');
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

impl RequestTemplate {
    /// Joins the parts of a request. The job's headers replace fleetmark's own.
    pub(super) fn new(
        method: &str,
        authority: &str,
        path: Rendering,
        headers: &[Header],
        body: Rendering,
    ) -> Result<Self, RequestError> {
        check_method(method)?;
        headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
        let text = |text: &str| Piece::Text(text.as_bytes().into());
        let mut pieces = vec![text(method), text(" ")];
        pieces.extend(path.into_pieces());
        pieces.push(text(" HTTP/1.1\r\n"));
        let mut add = |name: &str, value: Rendering| {
            pieces.extend([text(name), text(": ")]);
            pieces.extend(value.into_pieces());
            pieces.push(text("\r\n"));
        };
        let defaults = [
            ("host", authority),
            ("user-agent", concat!("fleetmark/", env!("CARGO_PKG_VERSION"))),
            ("accept", "*/*"),
        ];
        let is_given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        for (name, value) in defaults.iter().filter(|(name, _)| !is_given(name)) {
            add(name, Rendering::of_bytes(value.as_bytes()));
        }
        headers.iter().for_each(|(name, value)| add(name, value.clone()));
        // RFC 9110, 8.6: a length of 0 is said where the method usually has a body.
        let says_length = matches!(method, "POST" | "PUT" | "PATCH");
        Ok(Self { head: Rendering::of_pieces(pieces), body, says_length })
    }

    /// Whether the request is always the same.
    pub(super) fn is_static(&self) -> bool {
        self.head.as_static().is_some() && self.body.as_static().is_some()
    }

    /// Renders the request into `request`, with `body` as a place for its body meanwhile; both are emptied first.
    /// Says where the body begins.
    pub(super) fn render(
        &self,
        values: &mut Values,
        request: &mut Vec<u8>,
        body: &mut Vec<u8>,
    ) -> Result<usize, RequestError> {
        request.clear();
        body.clear();
        self.head.render(values, request)?;
        let content = match self.body.as_static() {
            Some(content) => content,
            None => {
                self.body.render(values, body)?;
                body
            }
        };
        if !content.is_empty() || self.says_length {
            request.extend_from_slice(b"content-length: ");
            request.extend_from_slice(itoa::Buffer::new().format(content.len()).as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        if request.len() > REQUEST_HEAD_BYTES_MAX {
            return Err(RequestError::TooLong(request.len()));
        }
        let body_at = request.len();
        request.extend_from_slice(content);
        Ok(body_at)
    }
}

/// Puts a header's line, with its line break, at the end of a rendered head; says where the body begins now.
pub(super) fn insert_line(request: &mut Vec<u8>, body_at: usize, line: &[u8]) -> Result<usize, RequestError> {
    let end = body_at - 2;
    request.splice(end..end, line.iter().copied());
    let body_at = body_at + line.len();
    if body_at > REQUEST_HEAD_BYTES_MAX { Err(RequestError::TooLong(body_at)) } else { Ok(body_at) }
}

fn check_header(name: &str, value: &Rendering) -> Result<(), RequestError> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(RequestError::HeaderName(name.to_owned()));
    }
    let is_one_of = |names: &[&str]| names.iter().any(|own| name.eq_ignore_ascii_case(own));
    if is_one_of(&OWN_HEADERS) {
        return Err(RequestError::OwnHeader(name.to_owned()));
    }
    if is_one_of(&FIXED_HEADERS) && value.as_static().is_none() {
        return Err(RequestError::FixedHeader(name.to_owned()));
    }
    let breaks_out = |bytes: &[u8]| bytes.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let has_break = match value {
        Rendering::Static(bytes) => breaks_out(bytes),
        Rendering::Pieces(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Piece::Text(bytes) if breaks_out(bytes)))
        }
    };
    if has_break { Err(RequestError::HeaderValue(name.to_owned())) } else { Ok(()) }
}

/// Whether a byte may stand in the name of a header (RFC 9110, 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Place;
    use crate::values::names::tests::{names, values};

    fn rendered(method: &str, headers: &[(&str, &str)], body: &str) -> Result<String, RequestError> {
        let names = names(&["w1"]);
        let mut values = values(&names);
        let compile = |text, place| Rendering::compile(text, &names, place).unwrap();
        let headers: Vec<Header> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), compile(value, Place::Header))).collect();
        let path = compile("/x?y", Place::Url);
        let template = RequestTemplate::new(method, "a:81", path, &headers, compile(body, Place::Anywhere))?;
        let mut request = b"left over".to_vec();
        let body_at = template.render(&mut values, &mut request, &mut b"left over".to_vec())?;
        assert!(request[..body_at].ends_with(b"\r\n\r\n"));
        Ok(String::from_utf8(request).unwrap())
    }

    #[test]
    fn a_request_says_what_a_server_needs() {
        let agent = concat!("fleetmark/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            rendered("GET", &[], "").unwrap(),
            format!("GET /x?y HTTP/1.1\r\nhost: a:81\r\nuser-agent: {agent}\r\naccept: */*\r\n\r\n")
        );
        assert!(rendered("POST", &[], "").unwrap().contains("\r\ncontent-length: 0\r\n"));
        assert!(rendered("POST", &[], "four").unwrap().ends_with("\r\ncontent-length: 4\r\n\r\nfour"));
    }

    #[test]
    fn values_are_filled_in_and_the_length_is_right() {
        let text =
            rendered("POST", &[("x", "<{{word}}>")], "{\"a\":{{{worker}}, \"b\":\"{{word}}\"}").unwrap();
        assert!(text.contains("\r\nx: <w1>\r\n"), "{text}");
        assert!(text.ends_with("content-length: 18\r\n\r\n{\"a\":{3, \"b\":\"w1\"}"), "{text}");
    }

    #[test]
    fn headers_of_the_job_replace_ours() {
        let text =
            rendered("GET", &[("Host", "b"), ("User-Agent", "me"), ("X-Twice", "1"), ("X-Twice", "2")], "")
                .unwrap();
        assert!(!text.contains("a:81") && !text.contains("fleetmark"), "{text}");
        assert!(text.contains("Host: b\r\n") && text.contains("X-Twice: 1\r\nX-Twice: 2\r\n"), "{text}");
    }

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let header = |name, value| rendered("GET", &[(name, value)], "").unwrap_err();
        assert_eq!(header("x", "a\r\nb: c"), RequestError::HeaderValue("x".into()));
        assert_eq!(header("x", "{{word}}\r\nb: c"), RequestError::HeaderValue("x".into()));
        assert_eq!(header("x: y", "a"), RequestError::HeaderName("x: y".into()));
        assert_eq!(header("Content-Length", "3"), RequestError::OwnHeader("Content-Length".into()));
        assert_eq!(header("Connection", "{{word}}"), RequestError::FixedHeader("Connection".into()));
        for method in ["", "GET /", "get", "CONNECT", "G\r\nT"] {
            assert_eq!(rendered(method, &[], ""), Err(RequestError::Method(method.into())));
        }
        assert!(matches!(rendered("GET", &[("x", &"y".repeat(20_000))], ""), Err(RequestError::TooLong(_))));
    }

    #[test]
    fn a_line_is_put_at_the_end_of_the_head() {
        let mut request = b"GET / HTTP/1.1\r\na: b\r\n\r\nbody".to_vec();
        let body_at = request.len() - 4;
        assert_eq!(insert_line(&mut request, body_at, b"c: d\r\n"), Ok(body_at + 6));
        assert_eq!(request, b"GET / HTTP/1.1\r\na: b\r\nc: d\r\n\r\nbody");
        assert_eq!(line_of(&request), ("GET", "/"));
    }
}
