//! Where requests go: `http://` URLs, and the addresses behind their hosts.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};

/// The port of an `http://` URL that names none.
const DEFAULT_PORT: u16 = 80;
/// Most addresses of one host that are used: more than any round-robin name needs, and a bound.
const ADDRESSES_MAX: usize = 64;

/// An `http://` URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// Host, without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Host and port as the Host header has them.
    pub(super) authority: String,
    /// Path and query, as the request line has them; begins with `/`.
    pub(super) path: String,
}

/// One host and port, with the addresses that it had when the trial was prepared.
#[derive(Debug)]
pub(super) struct Target {
    host: String,
    port: u16,
    /// At least one.
    pub(super) addresses: Vec<SocketAddr>,
}

/// Why a URL cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum UrlError {
    /// It needs TLS.
    #[error("{0:?}: https is not supported by this version")]
    Https(String),
    /// It is for another protocol, or for none.
    #[error("{0:?} does not begin with http://")]
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
    /// It holds a character that a URL must not.
    #[error("{url:?} holds {found:?}, which a URL must not: percent-encode it")]
    Character {
        /// The URL.
        url: String,
        /// The first such character.
        found: char,
    },
    /// Its host has no address.
    #[error("host {host:?} has no address: {reason}")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
}

impl Url {
    /// Takes a URL apart. A fragment is dropped, as it is never sent.
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let fits = |character: &char| {
            character.is_ascii_graphic() && !matches!(character, '{' | '}' | '<' | '>' | '"' | '\\')
        };
        if let Some(found) = text.chars().find(|character| !fits(character)) {
            return Err(UrlError::Character { url: text.to_owned(), found });
        }
        let scheme =
            |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if scheme("https://") {
            return Err(UrlError::Https(text.to_owned()));
        }
        if !scheme("http://") {
            return Err(UrlError::Scheme(text.to_owned()));
        }
        let rest = &text["http://".len()..];
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::User(text.to_owned()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| UrlError::Host(text.to_owned()))?;
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) => read_port(digits).ok_or_else(|| UrlError::Port(text.to_owned()))?,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host: host.to_owned(), port, authority: authority.to_owned(), path })
    }
}

impl Target {
    /// Looks the host of a URL up. Blocks, as the system's resolver does.
    pub(super) fn resolve(url: &Url) -> Result<Self, UrlError> {
        let unresolved = |reason: &dyn fmt::Display| UrlError::Unresolved {
            host: url.host.clone(),
            reason: reason.to_string(),
        };
        let found = (url.host.as_str(), url.port).to_socket_addrs().map_err(|error| unresolved(&error))?;
        let mut addresses = Vec::new();
        for address in found {
            if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(unresolved(&"the resolver knows none"));
        }
        Ok(Self { host: url.host.clone(), port: url.port, addresses })
    }

    /// Whether a URL leads here.
    pub(super) fn is(&self, url: &Url) -> bool {
        self.port == url.port && self.host.eq_ignore_ascii_case(&url.host)
    }
}

/// Host and port of an authority; `None` when there is no host.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    (!host.is_empty()).then_some((host, port))
}

fn read_port(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_plain && *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String, String) {
        let url = Url::parse(text).unwrap();
        (url.host, url.port, url.authority, url.path)
    }

    #[test]
    fn urls_come_apart() {
        let of = |host: &str, port, authority: &str, path: &str| {
            (host.into(), port, authority.into(), path.into())
        };
        assert_eq!(parts("http://a.example"), of("a.example", 80, "a.example", "/"));
        assert_eq!(parts("HTTP://a:8080/x/y?q=1#part"), of("a", 8080, "a:8080", "/x/y?q=1"));
        assert_eq!(parts("http://a?q=1"), of("a", 80, "a", "/?q=1"));
        assert_eq!(parts("http://[::1]:81/"), of("::1", 81, "[::1]:81", "/"));
    }

    #[test]
    fn what_is_no_http_url_is_refused_with_its_reason() {
        for (text, reason) in [
            ("https://a/", "https is not supported"),
            ("a/b", "does not begin with http://"),
            ("ftp://a/", "does not begin with http://"),
            ("http://me:secret@a/", "authorization header"),
            ("http:///x", "lacks a host"),
            ("http://[::1/x", "lacks a host"),
            ("http://[nothing]/x", "lacks a host"),
            ("http://a:99999/", "port"),
            ("http://a:+80/", "port"),
            ("http://a:/", "port"),
            ("http://a/b c", "' '"),
            ("http://a/\r\nx: y", "'\\r'"),
            ("http://a/ü", "'ü'"),
            ("http://a/{{id}}", "'{'"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_needs_no_lookup() {
        let target = Target::resolve(&Url::parse("http://127.0.0.1:81/").unwrap()).unwrap();
        assert_eq!(target.addresses, ["127.0.0.1:81".parse().unwrap()]);
    }
}
