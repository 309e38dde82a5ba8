//! How an operation on the wire fails, and how far it had come.

use std::fmt;
use std::io;

use shared::interval::ErrorKind;

use super::response::{Framing, Head};

/// What a worker is doing, for the sample of a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection yet.
    Connecting,
    /// The request is not all written.
    Sending,
    /// Nothing of the answer was read.
    Waiting,
    /// Some of the answer's head was read.
    ReadingHead,
    /// Some of the answer's body may have been read.
    ReadingBody,
}

/// How an operation failed, and what was seen.
pub(super) struct Failure {
    /// The contract's kind.
    pub(super) kind: ErrorKind,
    /// What was seen, for a sample.
    pub(super) message: String,
    /// Whether nothing was answered, so that a kept connection may just have been closed in the meantime.
    pub(super) is_unanswered: bool,
}

impl Failure {
    /// A failure with what was seen.
    pub(super) fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, is_unanswered: false }
    }

    /// The answer breaks the protocol's rules.
    pub(super) fn protocol(message: String) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    /// The connection ended while the request was being written.
    pub(super) fn unsent(error: &io::Error) -> Self {
        let message = format!("the connection ended before the request was sent: {error}");
        Self { is_unanswered: true, ..Self::new(ErrorKind::Closed, message) }
    }

    /// The connection ended within the body.
    pub(super) fn cut(head: Head, how: impl fmt::Display) -> Self {
        let expected = match head.framing {
            Framing::Length(length) => format!(" of {length} bytes"),
            _ => String::new(),
        };
        let status = head.status;
        Self::new(
            ErrorKind::Closed,
            format!("the connection ended within the body{expected} of a {status}: {how}"),
        )
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Stage::Connecting => "connecting",
            Stage::Sending => "sending the request",
            Stage::Waiting => "waiting for the first byte",
            Stage::ReadingHead => "reading the answer's head",
            Stage::ReadingBody => "reading the answer's body",
        })
    }
}
