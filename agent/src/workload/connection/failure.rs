//! How an operation on the wire fails.

use std::fmt;
use std::io;

use shared::interval::ErrorKind;

use super::tls;

/// How an operation failed, and what was seen.
#[derive(Debug)]
pub(in crate::workload) struct Failure {
    /// The contract's kind.
    pub(in crate::workload) kind: ErrorKind,
    /// What was seen, for a sample.
    pub(in crate::workload) message: String,
    /// Whether the server may be taken not to have acted on the request: a kept connection was closed in the
    /// meantime, or the server said so.
    pub(in crate::workload) is_unanswered: bool,
}

impl Failure {
    /// A failure with what was seen.
    pub(in crate::workload) fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, is_unanswered: false }
    }

    /// The answer breaks the protocol's rules.
    pub(in crate::workload) fn protocol(message: String) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    /// The connection ended, in a way that `what` says. A client's certificate is refused only after its part
    /// of the handshake is over, so that TLS may end a connection at any time.
    pub(in crate::workload) fn ended(what: impl fmt::Display, error: &io::Error) -> Self {
        match tls::reason(error) {
            Some(reason) => Self::new(ErrorKind::Tls, format!("{what}: {reason}")),
            None => Self::new(ErrorKind::Closed, format!("{what}: {error}")),
        }
    }

    /// The same, and nothing was answered.
    pub(in crate::workload) fn unanswered(self) -> Self {
        Self { is_unanswered: self.kind == ErrorKind::Closed, ..self }
    }
}

/// The end of a connection as an error.
pub(in crate::workload) fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "closed")
}
