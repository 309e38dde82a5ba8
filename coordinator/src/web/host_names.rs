//! What we are called: requests under any other name are not meant for us.

use std::net::IpAddr;

use http::Request;
use http::header::HOST;
use http::uri::Authority;

/// Our names.
#[derive(Debug)]
pub(super) struct HostNames(Vec<String>);

impl HostNames {
    /// These, besides those that every host has.
    pub(super) fn new(names: Vec<String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a request that came in at an address of ours names us: by one of our names, by that address, or, on loopback, by any
    /// name of loopback. Ports do not count: a tunnel may have another.
    pub(super) fn are_meant_by<B>(&self, request: &Request<B>, local: IpAddr) -> bool {
        named(request).is_some_and(|authority| self.include(authority.host(), local))
    }

    fn include(&self, host: &str, local: IpAddr) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            let (address, local) = (address.to_canonical(), local.to_canonical());
            return address == local
                || (address.is_loopback() && local.is_loopback())
                || self.0.iter().any(|name| name.parse() == Ok(address));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        (host == "localhost" && local.to_canonical().is_loopback()) || self.0.contains(&host)
    }
}

/// Whom a request names: in its target over HTTP/2, in its header over HTTP/1.1. Two names are none.
pub(super) fn named<B>(request: &Request<B>) -> Option<Authority> {
    let mut headers = request.headers().get_all(HOST).iter();
    let header = headers.next().map(|value| value.to_str().ok()?.parse::<Authority>().ok());
    match (request.uri().authority(), header, headers.next()) {
        (Some(target), None, None) => Some(target.clone()),
        (None, Some(Some(header)), None) => Some(header),
        (Some(target), Some(Some(header)), None) if *target == header => Some(header),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_meant(host: &[&str], local: &str) -> bool {
        let names = HostNames::new(vec!["Bench.example".to_owned(), "10.0.0.1".to_owned()]);
        let request =
            host.iter().fold(Request::builder().uri("/"), |request, host| request.header(HOST, *host));
        names.are_meant_by(&request.body(()).unwrap(), local.parse().unwrap())
    }

    #[test]
    fn our_names_and_those_of_loopback_mean_us() {
        for host in ["bench.example", "BENCH.example:7412", "10.0.0.1:1", "10.0.0.7"] {
            assert!(is_meant(&[host], "10.0.0.7"), "{host}");
        }
        for host in ["localhost", "localhost:7412", "127.0.0.1", "127.0.0.9:1", "[::1]:7412"] {
            assert!(is_meant(&[host], "127.0.0.1"), "{host}");
            assert!(!is_meant(&[host], "10.0.0.7"), "{host}");
        }
    }

    #[test]
    fn whoever_was_rebound_or_names_nobody_does_not_mean_us() {
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.9", "a b", ""]
        {
            assert!(!is_meant(&[host], "127.0.0.1"), "{host}");
        }
        assert!(!is_meant(&[], "127.0.0.1"));
        assert!(!is_meant(&["localhost", "evil.example"], "127.0.0.1"));
        assert!(!is_meant(&["localhost", "localhost"], "127.0.0.1"));
    }
}
