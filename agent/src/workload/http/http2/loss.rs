//! How a request ends without a whole answer, and which error that is.

use std::io;
use std::rc::Rc;

use shared::interval::ErrorKind;

use super::breach::Breach;
use super::reason::Reason;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::Stage;

/// Why a request has no whole answer.
#[derive(Debug, Clone)]
pub(super) enum Loss {
    /// The connection ended, for all of its streams.
    Ended(Rc<io::Error>),
    /// The server broke the rules.
    Breach(Breach),
    /// The server takes no more streams, this one included: it has not acted on it.
    WentAway(Reason),
    /// The server gave the stream up.
    Reset(Reason),
}

impl Loss {
    /// The connection ended so.
    pub(super) fn ended(error: io::Error) -> Self {
        Self::Ended(Rc::new(error))
    }

    /// What it means for an operation that had come so far.
    pub(super) fn failure(&self, stage: Stage) -> Failure {
        let given_up = |how: &str, reason: Reason| {
            Failure::new(ErrorKind::Closed, format!("the server gave up while {stage}: {how}{reason}"))
        };
        match self {
            Self::Ended(error) => Failure::ended(format_args!("the connection ended while {stage}"), error),
            Self::Breach(breach) => {
                Failure::protocol(format!("not an HTTP/2 answer, while {stage}: {breach}"))
            }
            // Only streams that it has not acted on end by either of these.
            Self::WentAway(Reason::NO_ERROR) => {
                given_up("it takes no more requests, ", Reason::NO_ERROR).unanswered()
            }
            Self::Reset(reason @ Reason::REFUSED_STREAM) => given_up("stream reset, ", *reason).unanswered(),
            Self::WentAway(reason) => given_up("it takes no more requests, ", *reason),
            Self::Reset(reason) => given_up("stream reset, ", *reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_acted_on_may_be_sent_again() {
        let failure = |loss: Loss| {
            let failure = loss.failure(Stage::Waiting);
            (failure.kind, failure.is_unanswered)
        };
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(failure(Loss::ended(eof())), (ErrorKind::Closed, false));
        assert_eq!(failure(Loss::Breach(Breach::BodyBeforeHead)), (ErrorKind::Protocol, false));
        assert_eq!(failure(Loss::WentAway(Reason::NO_ERROR)), (ErrorKind::Closed, true));
        assert_eq!(failure(Loss::WentAway(Reason::ENHANCE_YOUR_CALM)), (ErrorKind::Closed, false));
        assert_eq!(failure(Loss::Reset(Reason::REFUSED_STREAM)), (ErrorKind::Closed, true));
        assert_eq!(failure(Loss::Reset(Reason::NO_ERROR)), (ErrorKind::Closed, false));
    }

    #[test]
    fn codes_are_told_by_name() {
        let message = Loss::Reset(Reason(0x2)).failure(Stage::Waiting).message;
        assert!(message.ends_with("stream reset, INTERNAL_ERROR"), "{message}");
        let message = Loss::Reset(Reason(0x99)).failure(Stage::Waiting).message;
        assert!(message.ends_with("stream reset, error 0x99"), "{message}");
    }
}
