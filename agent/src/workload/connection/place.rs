//! Places on the network: a port of a host, or a Unix socket.

use std::fmt;
use std::path::PathBuf;

/// Where connections go.
#[derive(Debug, Clone)]
pub(in crate::workload) enum Place {
    /// A port of a host, as a name or an address, without the brackets of an IPv6 address.
    Host {
        /// Its name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket on the agent's host.
    Socket(PathBuf),
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Place::Host { host, port }, Place::Host { host: other_host, port: other_port }) => {
                port == other_port && host.eq_ignore_ascii_case(other_host)
            }
            (Place::Socket(path), Place::Socket(other)) => path == other,
            _ => false,
        }
    }
}

impl Eq for Place {}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Host { host, port } if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Place::Host { host, port } => write!(formatter, "{host}:{port}"),
            Place::Socket(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// Host and port of an authority; `None` when there is no host.
pub(in crate::workload) fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
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

/// A port from 1 to 65535.
pub(in crate::workload) fn read_port(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_plain && *port > 0)
}
