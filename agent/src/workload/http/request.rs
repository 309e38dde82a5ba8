//! A request's bytes, rendered once when the trial is prepared.

use super::url::Url;

/// Largest request head: what common servers take (8 KiB to 16 KiB), so that a job fails here with a clear
/// reason rather than there with a status.
const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers that follow from the request and must not be said twice.
const OWN_HEADERS: [&str; 2] = ["content-length", "transfer-encoding"];

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
    /// Too many or too long headers.
    #[error("the request's head takes {0} bytes, and at most {REQUEST_HEAD_BYTES_MAX} can be sent")]
    TooLong(usize),
}

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

/// Whether the headers say that the body is sent only once the server asked for it.
pub(super) fn asks_first(headers: &[(String, String)]) -> bool {
    let is_expect = |name: &str, value: &str| {
        name.eq_ignore_ascii_case("expect") && value.trim().eq_ignore_ascii_case("100-continue")
    };
    headers.iter().any(|(name, value)| is_expect(name, value))
}

/// Renders a request. The job's headers replace fleetmark's own.
pub(super) fn render(
    method: &str,
    url: &Url,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Vec<u8>, RequestError> {
    check_method(method)?;
    headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
    let mut head = format!("{method} {} HTTP/1.1\r\n", url.path);
    let mut add = |name: &str, value: &str| {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    };
    let defaults = [
        ("host", url.authority.as_str()),
        ("user-agent", concat!("fleetmark/", env!("CARGO_PKG_VERSION"))),
        ("accept", "*/*"),
    ];
    let is_given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    defaults.iter().filter(|(name, _)| !is_given(name)).for_each(|(name, value)| add(name, value));
    headers.iter().for_each(|(name, value)| add(name, value));
    // RFC 9110, 8.6: a length of 0 is said where the method usually has a body.
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        add("content-length", &body.len().to_string());
    }
    head.push_str("\r\n");
    if head.len() > REQUEST_HEAD_BYTES_MAX {
        return Err(RequestError::TooLong(head.len()));
    }
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    Ok(request)
}

fn check_header(name: &str, value: &str) -> Result<(), RequestError> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(RequestError::HeaderName(name.to_owned()));
    }
    if OWN_HEADERS.iter().any(|own| name.eq_ignore_ascii_case(own)) {
        return Err(RequestError::OwnHeader(name.to_owned()));
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(RequestError::HeaderValue(name.to_owned()));
    }
    Ok(())
}

/// RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(method: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<String, RequestError> {
        let url = Url::parse("http://a:81/x?y").unwrap();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        render(method, &url, &headers, body).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_request_says_what_a_server_needs() {
        let agent = concat!("fleetmark/", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            rendered("GET", &[], b"").unwrap(),
            format!("GET /x?y HTTP/1.1\r\nhost: a:81\r\nuser-agent: {agent}\r\naccept: */*\r\n\r\n")
        );
        assert!(rendered("POST", &[], b"").unwrap().contains("\r\ncontent-length: 0\r\n"));
        assert!(rendered("POST", &[], b"four").unwrap().ends_with("\r\ncontent-length: 4\r\n\r\nfour"));
    }

    #[test]
    fn headers_of_the_job_replace_ours() {
        let text =
            rendered("GET", &[("Host", "b"), ("User-Agent", "me"), ("X-Twice", "1"), ("X-Twice", "2")], b"")
                .unwrap();
        assert!(!text.contains("a:81") && !text.contains("fleetmark"), "{text}");
        assert!(text.contains("Host: b\r\n") && text.contains("X-Twice: 1\r\nX-Twice: 2\r\n"), "{text}");
    }

    #[test]
    fn nothing_breaks_out_of_its_place() {
        let header = |name, value| rendered("GET", &[(name, value)], b"").unwrap_err();
        assert_eq!(header("x", "a\r\nb: c"), RequestError::HeaderValue("x".into()));
        assert_eq!(header("x: y", "a"), RequestError::HeaderName("x: y".into()));
        assert_eq!(header("Content-Length", "3"), RequestError::OwnHeader("Content-Length".into()));
        for method in ["", "GET /", "get", "CONNECT", "G\r\nT"] {
            assert_eq!(rendered(method, &[], b""), Err(RequestError::Method(method.into())));
        }
        assert!(matches!(rendered("GET", &[("x", &"y".repeat(20_000))], b""), Err(RequestError::TooLong(_))));
    }
}
