//! Finding the coordinator to ask: the one that was named, or the one of a store's folder.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::args::PlaceArgs;
use crate::embedded;
use crate::exit_code::{Failure, REFUSED, USAGE};
use crate::identity;
use crate::rpc::Client;

/// The store's folder when none is named.
const STORE_DEFAULT: &str = ".fleetmark";

/// Connects to the coordinator that was named, or to the store's own, which is started if it does not run.
///
/// # Errors
/// 69 when nobody answers; 77 when the address is neither loopback nor encrypted and `--insecure` was not typed, or nobody
/// has logged in there.
pub(crate) async fn connect(place: &PlaceArgs) -> anyhow::Result<Client> {
    if let Some(context) = &place.context {
        let identity = identity::of_context(context)?;
        return Client::connect(&identity.url, Some(&identity)).await;
    }
    match &place.coordinator {
        Some(url) => match check_address(url, place.insecure)? {
            Transport::Plain => Client::connect(url, None).await,
            Transport::Tls => Client::connect(url, Some(&identity::of_url(url)?)).await,
        },
        None => embedded::coordinator(&store_of(place)).await,
    }
}

/// The same for a question about what is stored: `None` when there is no store, so that asking does not make one.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_if_stored(place: &PlaceArgs) -> anyhow::Result<Option<Client>> {
    if place.coordinator.is_none() && place.context.is_none() && !store_of(place).is_dir() {
        return Ok(None);
    }
    connect(place).await.map(Some)
}

/// The store's folder.
pub(crate) fn store_of(place: &PlaceArgs) -> PathBuf {
    place.store.clone().unwrap_or_else(|| Path::new(STORE_DEFAULT).to_owned())
}

/// How to speak to a coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In plain text, to whoever answers.
    Plain,
    /// Over TLS, with certificates on both ends.
    Tls,
}

/// How to speak to an address: `https://` over TLS; `http://` only to loopback, unless `--insecure` was typed.
///
/// # Errors
/// 64 when it is no address, 77 when it is refused.
pub(crate) fn check_address(url: &str, is_insecure: bool) -> anyhow::Result<Transport> {
    let usage = |problem: &str| {
        Failure::with_code(USAGE, format!("{url:?} is not an address like http://127.0.0.1:7411: {problem}"))
    };
    let uri: tonic::transport::Uri = url.parse().map_err(|_| usage("it does not read as a URL"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if uri.host().is_some() => return Ok(Transport::Tls),
        Some("https") => return Err(usage("it names no host")),
        _ => return Err(usage("it must begin with https:// or http://")),
    }
    let host = uri.host().ok_or_else(|| usage("it names no host"))?;
    let is_loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback || is_insecure {
        return Ok(Transport::Plain);
    }
    Err(Failure::with_code(
        REFUSED,
        format!(
            "{host} is not this machine, and http:// is not encrypted: call it by https://, or type --insecure if the network between is your own"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_safe_without_saying_so() {
        for url in ["http://127.0.0.1:7411", "http://localhost:7411", "http://[::1]:7411"] {
            assert_eq!(check_address(url, false).unwrap(), Transport::Plain, "{url}");
        }
        for (url, code) in [("http://10.0.0.1:7411", REFUSED), ("127.0.0.1:1", USAGE), ("ftp://x", USAGE)] {
            let error = check_address(url, false).unwrap_err();
            assert_eq!(Failure::code_of(&error), code, "{url}");
        }
        assert_eq!(check_address("http://10.0.0.1:7411", true).unwrap(), Transport::Plain);
        assert_eq!(check_address("https://10.0.0.1:7411", false).unwrap(), Transport::Tls);
    }
}
