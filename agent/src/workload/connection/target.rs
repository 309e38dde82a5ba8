//! Where requests go: a place, the addresses behind it, and how it is spoken to.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::place::Place;
use super::tls::Tls;
use crate::policy::{Refusal, Warden};

/// Most addresses of one host that are used: more than any round-robin name needs, and a bound.
const ADDRESSES_MAX: usize = 64;

/// One place, spoken to in one way. Operations with equal routes share connections.
#[derive(Debug)]
pub(in crate::workload) struct Target {
    /// What it was made of.
    pub(in crate::workload) route: Route,
    /// Its addresses, looked up before the start; at least one. Empty: a Unix socket, or a host that is looked
    /// up at each connection.
    pub(in crate::workload) addresses: Vec<SocketAddr>,
    /// How its connections are encrypted; `None`: not at all.
    pub(in crate::workload) tls: Option<Tls>,
    /// Asked before each connection.
    pub(in crate::workload) warden: Arc<Warden>,
}

/// What makes two operations' connections the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct Route {
    /// Where they go.
    pub(in crate::workload) place: Place,
    /// What is spoken there.
    pub(in crate::workload) protocol: Protocol,
    /// What the job says about TLS; `None`: plain text.
    pub(in crate::workload) tls: Option<super::tls::TlsSettings>,
    /// Of a plain text: what the job says about TLS for where its redirects lead.
    pub(in crate::workload) tls_beyond: Option<super::tls::TlsSettings>,
}

/// What is spoken over a connection, as far as TLS has to agree on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// Anything else: TLS names no protocol.
    Other,
}

/// When a host's name is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload) enum Resolve {
    /// Once, before the start.
    Start,
    /// Anew for each connection.
    Connect,
}

/// Why a host has no address.
#[derive(Debug, thiserror::Error)]
#[error("host {host:?} has no address: {reason}")]
pub(in crate::workload) struct Unresolved {
    host: String,
    reason: String,
}

impl Target {
    /// Makes it ready. Blocks where a name is looked up, as the system's resolver does.
    pub(in crate::workload) fn new(
        route: Route,
        resolve: Resolve,
        tls: Option<Tls>,
        warden: Arc<Warden>,
    ) -> Result<Self, Unresolved> {
        let addresses = match (&route.place, resolve) {
            (Place::Host { host, port }, Resolve::Start) => {
                let found = (host.as_str(), *port).to_socket_addrs();
                found.and_then(usable).map_err(|error| Unresolved::new(host, &error))?
            }
            _ => Vec::new(),
        };
        Ok(Self { route, addresses, tls, warden })
    }

    /// Asks the policy before anything is sent, about every address that is known by then. A name that is looked up at
    /// each connection is looked up for this too; one that is not known yet is refused or not when it is.
    pub(in crate::workload) fn check_before(&self, resolve: Resolve) -> Result<(), Refusal> {
        match &self.route.place {
            Place::Socket(path) => self.warden.check_socket(path),
            Place::Host { host, port } if resolve == Resolve::Connect => {
                let found = (host.as_str(), *port).to_socket_addrs().and_then(usable).unwrap_or_default();
                found.iter().try_for_each(|address| self.warden.check_address(host, *address))
            }
            Place::Host { host, .. } => {
                self.addresses.iter().try_for_each(|address| self.warden.check_address(host, *address))
            }
        }
    }
}

impl Unresolved {
    /// What the resolver said about a host.
    pub(in crate::workload) fn new(host: &str, reason: &io::Error) -> Self {
        Self { host: host.to_owned(), reason: reason.to_string() }
    }
}

/// Distinct addresses in the resolver's order, at most [`ADDRESSES_MAX`] and at least one.
pub(in crate::workload) fn usable(found: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for address in found {
        if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(io::Error::other("the resolver knows none")) } else { Ok(addresses) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn target(host: &str, resolve: Resolve) -> Result<Target, Unresolved> {
        let place = Place::Host { host: host.to_owned(), port: 81 };
        let warden = Warden::new(Arc::new(Policy::unrestricted()));
        let route = Route { place, protocol: Protocol::Http1, tls: None, tls_beyond: None };
        Target::new(route, resolve, None, warden)
    }

    #[test]
    fn an_address_needs_no_lookup() {
        let addresses = |host| target(host, Resolve::Start).unwrap().addresses;
        assert_eq!(addresses("127.0.0.1"), ["127.0.0.1:81".parse().unwrap()]);
        assert_eq!(addresses("::1"), ["[::1]:81".parse().unwrap()]);
        assert_eq!(target("127.0.0.1", Resolve::Connect).unwrap().addresses, []);
    }

    #[test]
    fn addresses_are_used_once_each_in_the_order_of_the_resolver() {
        let found = ["[::1]:81", "127.0.0.1:81", "[::1]:81"].map(|text| text.parse().unwrap());
        assert_eq!(usable(found.into_iter()).unwrap(), [found[0], found[1]]);
        assert!(usable(std::iter::empty()).is_err());
    }
}
