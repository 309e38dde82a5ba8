//! What a server's errors mean, and what to do about them.

use shared::interval::ErrorKind;

use crate::workload::connection::failure::Failure;

/// Longest text of an error that is told.
const SHOWN_BYTES_MAX: usize = 512;

/// The first word of an error, and what to do about it.
const ADVICE: &[(&str, &str)] = &[
    ("NOAUTH", "it wants a password: give one in the url, as redis://:{{env:NAME}}@host"),
    ("WRONGPASS", "user name and password do not fit together, or the user is disabled"),
    ("NOPERM", "this user may not do that: see ACL LIST on the server"),
    ("LOADING", "it is still reading its data from disk: start once it answers PING"),
    ("MASTERDOWN", "it is a replica whose master is gone"),
    (
        "MOVED",
        "the key is on another server of a cluster: write redis-cluster:// or rediss-cluster:// in the url",
    ),
    (
        "ASK",
        "the key is moving to another server of a cluster: write redis-cluster:// or rediss-cluster:// in the url",
    ),
    ("CLUSTERDOWN", "the cluster has no server for some of its slots"),
    ("CROSSSLOT", "the keys of one command must be on one server: give them a part in braces in common"),
    ("TRYAGAIN", "the keys are on their way to another server"),
    ("READONLY", "it is a replica, which takes no writes"),
    ("OOM", "it has used all the memory it may (maxmemory)"),
    ("BUSY", "a script runs there and lets nobody else in"),
    ("MISCONF", "it cannot write its data to disk, and takes no writes until it can"),
    ("WRONGTYPE", "what the key holds is of another type"),
    ("NOSCRIPT", "it does not know the script: send EVAL first, or load it"),
    ("EXECABORT", "the transaction was given up for an error before"),
];

/// A command that was answered by an error.
pub(super) fn answered(error: &[u8]) -> Failure {
    Failure::new(ErrorKind::Status, format!("the server answers {}", described(error)))
}

/// A greeting that was answered by an error: there is no connection to send commands on.
pub(super) fn greeted(error: &[u8]) -> Failure {
    Failure::new(ErrorKind::Connect, format!("the server lets us not in: it answers {}", described(error)))
}

fn described(error: &[u8]) -> String {
    let text = String::from_utf8_lossy(&error[..error.len().min(SHOWN_BYTES_MAX)]);
    let first = text.split(' ').next().unwrap_or_default();
    match ADVICE.iter().find(|(word, _)| *word == first) {
        Some((_, advice)) => format!("{text:?}: {advice}"),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_with_what_to_do_about_it() {
        let loading = answered(b"LOADING Redis is loading the dataset in memory");
        assert_eq!(loading.kind, ErrorKind::Status);
        assert!(
            loading.message.contains("Redis is loading") && loading.message.contains("PING"),
            "{}",
            loading.message
        );
        assert_eq!(answered(b"ERR no such thing").message, "the server answers \"ERR no such thing\"");
        assert_eq!(greeted(b"WRONGPASS x").kind, ErrorKind::Connect);
    }
}
