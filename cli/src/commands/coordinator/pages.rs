//! Which pages a coordinator serves: to whom, where, and whether over TLS.

use coordinator::web;

use super::own_names;
use crate::args::{CoordinatorArgs, PageAddress};

/// How pages are to be served; `None`: not at all. `is_protected`: calls are encrypted.
///
/// Nobody has to ask for pages on loopback where calls ask nobody either. Where they do, pages that ask nobody must be asked for.
pub(super) fn options(args: &CoordinatorArgs, is_protected: bool) -> Option<web::Options> {
    let is_embedded = args.stop_when_idle_for.is_some();
    let listen = match args.http {
        Some(PageAddress::Off) => return None,
        Some(PageAddress::On(address)) => address,
        None if is_embedded || (is_protected && !args.require_login) => return None,
        None => PageAddress::USUAL,
    };
    let is_encrypted = !args.insecure && (args.tls || !listen.ip().is_loopback());
    // The name that others are told is that of --listen; on loopback nobody else asks.
    let (host, mut hosts) = own_names(args, listen.ip());
    let host = if listen.ip().is_loopback() { listen.ip().to_string() } else { host };
    hosts.extend(listen.ip().is_loopback().then(|| "localhost".to_owned()));
    Some(web::Options {
        listen,
        may_be_missing: args.http.is_none() && !args.require_login,
        host,
        hosts,
        is_encrypted,
        requires_login: is_encrypted || args.require_login,
        kinds: agent::workload::TABLE.iter().map(|kind| kind.schema).collect(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    /// Where, whether over TLS, whether one has to sign in.
    fn served(words: &str) -> Option<(String, bool, bool)> {
        let words = ["fleetmark", "coordinator"].into_iter().chain(words.split_whitespace());
        let Command::Coordinator(args) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        let options = options(&args, super::super::protection(&args).is_some())?;
        Some((options.listen.to_string(), options.is_encrypted, options.requires_login))
    }

    #[test]
    fn pages_are_open_on_loopback_and_nowhere_else() {
        let at = |address: &str, is_encrypted, asks| Some((address.to_owned(), is_encrypted, asks));
        assert_eq!(served(""), at("127.0.0.1:7412", false, false));
        assert_eq!(served("--require-login"), at("127.0.0.1:7412", false, true));
        assert_eq!(served("--http 127.0.0.1:80 --tls"), at("127.0.0.1:80", true, true));
        assert_eq!(served("--http 10.0.0.1"), at("10.0.0.1:7412", true, true));
        assert_eq!(served("--http 0.0.0.0:1 --insecure"), at("0.0.0.0:1", false, false));
        assert_eq!(served("--listen 10.0.0.1:1 --http ::1"), at("[::1]:7412", false, false));
    }

    #[test]
    fn nobody_gets_pages_unasked_beside_calls_that_are_asked() {
        for words in ["--listen 10.0.0.1:1", "--tls", "--http off", "--stop-when-idle-for 3s"] {
            assert_eq!(served(words), None, "{words}");
        }
    }
}
