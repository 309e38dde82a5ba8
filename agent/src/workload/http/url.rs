//! URLs, taken apart: `http://`, `https://`, and nginx's form for a Unix socket, `unix:/run/app.sock:/path`.

use std::path::PathBuf;

use crate::workload::connection::place::{Place, read_port, split_port};

/// The port of an `http://` URL that names none.
const DEFAULT_PORT: u16 = 80;
/// The port of an `https://` URL that names none.
const DEFAULT_TLS_PORT: u16 = 443;
/// Longest path of a Unix socket: what the kernel's address holds beside its closing zero.
const SOCKET_BYTES_MAX: usize = 107;

/// A URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct Url {
    /// Whether the connection is encrypted.
    pub(in crate::workload) is_tls: bool,
    /// Where its connections go.
    pub(in crate::workload) place: Place,
    /// Host and port as the Host header has them; `localhost` for a Unix socket.
    pub(in crate::workload) authority: String,
    /// Path and query, as the request line has them; begins with `/`.
    pub(in crate::workload) path: String,
}

/// Why a URL cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::workload) enum UrlError {
    /// It is for another protocol, or for none.
    #[error("{0:?} does not begin with http://, https:// or unix:/")]
    Scheme(String),
    /// It carries a name and password.
    #[error("{0:?} carries a user name: give an authorization header instead")]
    User(String),
    /// Its host is empty or holds what no host name does.
    #[error("{0:?} lacks a host that can be looked up")]
    Host(String),
    /// Its port is not a number from 1 to 65535.
    #[error("{0:?} has a port that is not a number from 1 to 65535")]
    Port(String),
    /// The path of its socket is not absolute, or longer than an address can hold.
    #[error(
        "{0:?} names no Unix socket: write unix:/run/app.sock:/path, with at most {SOCKET_BYTES_MAX} bytes for the socket"
    )]
    Socket(String),
    /// TLS is asked for on a Unix socket.
    #[error("{0:?} asks for TLS on a Unix socket, which is not spoken there: write unix:/ or http://unix:/")]
    TlsSocket(String),
    /// It holds a character that a URL must not.
    #[error("{url:?} holds {found:?}, which a URL must not: percent-encode it")]
    Character {
        /// The URL.
        url: String,
        /// The first such character.
        found: char,
    },
}

impl Url {
    /// Takes a URL apart. A fragment is dropped, as it is never sent.
    pub(in crate::workload) fn parse(text: &str) -> Result<Self, UrlError> {
        let fits = |character: &char| {
            character.is_ascii_graphic() && !matches!(character, '{' | '}' | '<' | '>' | '"' | '\\')
        };
        if let Some(found) = text.chars().find(|character| !fits(character)) {
            return Err(UrlError::Character { url: text.to_owned(), found });
        }
        let after = |scheme: &str| {
            let start = text.get(..scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
        };
        let (rest, is_tls) = match (after("http://"), after("https://")) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) => (rest, true),
            _ => (
                after("")
                    .filter(|_| after("unix:").is_some())
                    .ok_or_else(|| UrlError::Scheme(text.to_owned()))?,
                false,
            ),
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        match rest.get(..5).filter(|start| start.eq_ignore_ascii_case("unix:")) {
            Some(_) if is_tls => Err(UrlError::TlsSocket(text.to_owned())),
            Some(_) => Self::of_socket(&rest[5..]).ok_or_else(|| UrlError::Socket(text.to_owned())),
            None => Self::of_host(text, rest, is_tls),
        }
    }

    /// Whether another URL is answered by the same server, spoken to in the same way.
    pub(super) fn leads_where(&self, other: &Self) -> bool {
        self.is_tls == other.is_tls && self.place == other.place
    }

    /// What comes before the path.
    pub(super) fn base(&self) -> String {
        match (&self.place, self.is_tls) {
            (Place::Socket(_), _) => format!("{}:", self.place),
            (Place::Host { .. }, false) => format!("http://{}", self.authority),
            (Place::Host { .. }, true) => format!("https://{}", self.authority),
        }
    }

    /// The host alone, as cookies know it; that of a Unix socket is this one.
    pub(super) fn host(&self) -> &str {
        match &self.place {
            Place::Host { host, .. } => host,
            Place::Socket(_) => "localhost",
        }
    }

    /// Reads what follows the scheme of a URL with a host.
    fn of_host(text: &str, rest: &str, is_tls: bool) -> Result<Self, UrlError> {
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::User(text.to_owned()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| UrlError::Host(text.to_owned()))?;
        let port = match port {
            None if is_tls => DEFAULT_TLS_PORT,
            None => DEFAULT_PORT,
            Some(digits) => read_port(digits).ok_or_else(|| UrlError::Port(text.to_owned()))?,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let place = Place::Host { host: host.to_owned(), port };
        Ok(Self { is_tls, place, authority: authority.to_owned(), path })
    }

    /// Reads what follows `unix:`: the socket, and after a colon the path.
    fn of_socket(rest: &str) -> Option<Self> {
        let (socket, path) = rest.split_once(':').unwrap_or((rest, "/"));
        let is_socket = socket.starts_with('/') && socket.len() > 1 && socket.len() <= SOCKET_BYTES_MAX;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let place = Place::Socket(PathBuf::from(socket));
        is_socket.then(|| Self { is_tls: false, place, authority: "localhost".to_owned(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, bool, String, String) {
        let url = Url::parse(text).unwrap();
        (url.place.to_string(), url.is_tls, url.authority, url.path)
    }

    #[test]
    fn urls_come_apart() {
        let of = |place: &str, is_tls, authority: &str, path: &str| {
            (place.into(), is_tls, authority.into(), path.into())
        };
        assert_eq!(parts("http://a.example"), of("a.example:80", false, "a.example", "/"));
        assert_eq!(parts("HTTP://a:8080/x/y?q=1#part"), of("a:8080", false, "a:8080", "/x/y?q=1"));
        assert_eq!(parts("http://a?q=1"), of("a:80", false, "a", "/?q=1"));
        assert_eq!(parts("http://[::1]:81/"), of("[::1]:81", false, "[::1]:81", "/"));
        assert_eq!(parts("https://a.example/x"), of("a.example:443", true, "a.example", "/x"));
        let socket = of("unix:/run/app.sock", false, "localhost", "/x?q=1");
        assert_eq!(parts("unix:/run/app.sock:/x?q=1"), socket);
        assert_eq!(parts("http://unix:/run/app.sock:/x?q=1"), socket);
        assert_eq!(parts("unix:/run/app.sock"), of("unix:/run/app.sock", false, "localhost", "/"));
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_its_reason() {
        let long = format!("unix:/{}:/", "a".repeat(SOCKET_BYTES_MAX));
        for (text, reason) in [
            ("a/b", "does not begin with http://"),
            ("ftp://a/", "does not begin with http://"),
            ("http://me:secret@a/", "authorization header"),
            ("http:///x", "lacks a host"),
            ("https://[::1/x", "lacks a host"),
            ("http://[nothing]/x", "lacks a host"),
            ("http://a:99999/", "port"),
            ("http://a:+80/", "port"),
            ("http://a:/", "port"),
            ("http://a/b c", "' '"),
            ("http://a/\r\nx: y", "'\\r'"),
            ("http://a/ü", "'ü'"),
            ("http://a/{{id}}", "'{'"),
            ("unix:app.sock:/", "names no Unix socket"),
            ("unix::/", "names no Unix socket"),
            (&long, "at most 107 bytes"),
            ("https://unix:/run/app.sock:/", "asks for TLS"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
