//! Where a redirect leads: a Location resolved against the request's own URL (RFC 3986, 5.2), and what becomes of
//! the request.

use super::HttpOperation;
use super::request::{is_idempotent, line_of};
use super::url::Url;

/// Headers that go to no other host than the one they were meant for.
const PRIVATE_HEADERS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];
/// Headers that speak of a body.
const BODY_HEADERS: [&str; 6] =
    ["content-length", "content-type", "content-encoding", "content-language", "content-location", "expect"];

/// One step from an answer to the next request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop<'a> {
    /// Where it leads.
    pub(super) url: &'a Url,
    /// Whether the request goes on as a GET without a body.
    pub(super) becomes_get: bool,
    /// Whether another host is asked now.
    pub(super) leaves_host: bool,
    /// Whether the cookie header is the job's own, and stays as long as the host does.
    pub(super) keeps_cookie: bool,
}

/// Whether a status with a Location leads elsewhere.
pub(super) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether the request goes on as a GET without a body. As browsers do it, and RFC 9110, 15.4 allows.
pub(super) fn becomes_get(status: u16, method: &str) -> bool {
    matches!(status, 301..=303) && method != "HEAD"
}

impl Hop<'_> {
    /// The request that follows one that was sent, of the same operation. Its cookies are still to be added.
    pub(super) fn request(&self, sent: &HttpOperation) -> HttpOperation {
        let (head, body) = sent.request.split_at(sent.body_at);
        let (method, _) = line_of(head);
        let method = if self.becomes_get { "GET" } else { method };
        let mut request = format!("{method} {} HTTP/1.1\r\n", self.url.path).into_bytes();
        for line in head.split_inclusive(|byte| *byte == b'\n').skip(1) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let name = str::from_utf8(name).unwrap_or_default();
            if self.leaves_host && name.eq_ignore_ascii_case("host") {
                request.extend_from_slice(format!("host: {}\r\n", self.url.authority).as_bytes());
            } else if self.keeps(name) {
                request.extend_from_slice(line);
            }
        }
        let body_at = request.len();
        if !self.becomes_get {
            request.extend_from_slice(body);
        }
        HttpOperation {
            request,
            body_at,
            is_idempotent: is_idempotent(method),
            asks_first: sent.asks_first && !self.becomes_get,
            ..sent.clone()
        }
    }

    fn keeps(&self, name: &str) -> bool {
        let is_one_of = |names: &[&str]| names.iter().any(|one| name.eq_ignore_ascii_case(one));
        let is_jars = name.eq_ignore_ascii_case("cookie") && !self.keeps_cookie;
        let is_private = self.leaves_host && is_one_of(&PRIVATE_HEADERS);
        let is_of_body = self.becomes_get && is_one_of(&BODY_HEADERS);
        !(is_jars || is_private || is_of_body)
    }
}

/// Where a Location leads, as a whole URL. `base` is `http://host:port`, `path` the path and query that answered.
pub(super) fn resolve(base: &str, path: &str, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    if has_scheme(location) {
        return location.to_owned();
    }
    if let Some(authority) = location.strip_prefix("//") {
        let scheme = base.split("//").next().unwrap_or_default();
        return format!("{scheme}//{authority}");
    }
    let own_path = path.split('?').next().unwrap_or_default();
    if location.is_empty() {
        return format!("{base}{path}");
    }
    if location.starts_with('?') {
        return format!("{base}{own_path}{location}");
    }
    let (relative, query) = location.split_at(location.find('?').unwrap_or(location.len()));
    let folder = &own_path[..own_path.rfind('/').map_or(0, |at| at + 1)];
    let whole = if relative.starts_with('/') { relative.to_owned() } else { format!("{folder}{relative}") };
    format!("{base}{}{query}", without_dots(&whole))
}

/// `http:` and the like; a colon within a path is none.
fn has_scheme(location: &str) -> bool {
    let scheme = location.split([':', '/', '?']).next().unwrap_or_default();
    let is_word = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let begins_well = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    is_word && begins_well && location[scheme.len()..].starts_with(':')
}

/// A path with its `.` and `..` steps taken.
fn without_dots(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for step in path.split('/').skip(1) {
        ends_in_folder = matches!(step, "." | "..");
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    if ends_in_folder {
        steps.push("");
    }
    format!("/{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_resolved_as_the_standard_says() {
        // RFC 3986, 5.4, as far as it concerns paths.
        for (location, url) in [
            ("g", "http://a:81/b/c/g"),
            ("./g", "http://a:81/b/c/g"),
            ("g/", "http://a:81/b/c/g/"),
            ("/g", "http://a:81/g"),
            ("//g:82/x", "http://g:82/x"),
            ("?y", "http://a:81/b/c/d;p?y"),
            ("g?y#s", "http://a:81/b/c/g?y"),
            ("", "http://a:81/b/c/d;p?q"),
            (".", "http://a:81/b/c/"),
            ("..", "http://a:81/b/"),
            ("../g", "http://a:81/b/g"),
            ("../../../g", "http://a:81/g"),
            ("/./g", "http://a:81/g"),
            ("g..", "http://a:81/b/c/g.."),
            ("https://other/x?y#z", "https://other/x?y"),
            ("./a:b", "http://a:81/b/c/a:b"),
            ("/login?next=http://x/", "http://a:81/login?next=http://x/"),
        ] {
            assert_eq!(resolve("http://a:81", "/b/c/d;p?q", location), url, "{location}");
        }
        assert_eq!(resolve("http://a", "/", "x"), "http://a/x");
    }

    #[test]
    fn methods_change_as_browsers_do_it() {
        assert_eq!(
            [301, 302, 303, 307, 308].map(|status| becomes_get(status, "POST")),
            [true, true, true, false, false]
        );
        assert!(!becomes_get(303, "HEAD"));
        assert_eq!([300, 304, 200].map(is_redirect), [false; 3]);
    }
}
