//! What agents say about a trial, and what they are told that speak of one that is over.

use std::time::Duration;

use shared::ids::TrialKey;

use super::Command;

/// What an agent answered about a trial.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A free port for the target; `None`: none could be found.
    PortReserved(Option<u16>),
    /// The target answers.
    TargetReady,
    /// The target could not be started, or ended by itself.
    TargetFailed(String),
    /// The target is gone, as asked.
    TargetStopped,
    /// A hook's program ended; a reason if it failed.
    HookDone {
        /// Its number.
        hook: u32,
        /// Why it failed.
        failure: Option<String>,
    },
    /// A profiler ended, and what it wrote was sent; or what is to be said of that.
    Profiled(Option<String>),
    /// Prepared.
    Ready,
    /// Armed for the start.
    Armed {
        /// Which of the trial's starts.
        arming: u32,
        /// How far the armed start lies from T and how wrong that may be, microseconds; `None`: not known.
        skew_us: Option<(f64, f64)>,
    },
    /// A start had passed when it came: it waits for a later one.
    StartTooLate {
        /// Which of the trial's starts.
        arming: u32,
        /// How long ago it was.
        late: Duration,
    },
    /// All its intervals are numbered.
    Done {
        /// How many.
        intervals: u64,
    },
    /// It cannot do its part.
    Failed {
        /// Why.
        reason: String,
        /// How many intervals it numbered before.
        intervals: u64,
    },
    /// A failure, and the reason is that the agent's own policy does not allow it.
    Refused(Box<Answer>),
}

impl Answer {
    /// Why something failed; empty for what is no failure.
    pub(super) fn reason(&self) -> &str {
        match self {
            Answer::TargetFailed(reason)
            | Answer::HookDone { failure: Some(reason), .. }
            | Answer::Failed { reason, .. } => reason,
            Answer::Refused(failure) => failure.reason(),
            _ => "",
        }
    }
}

/// What an agent is told that speaks of something that nobody wants of it any more; `None`: it holds nothing.
pub(super) fn let_go(trial: TrialKey, answer: &Answer) -> Option<Command> {
    match answer {
        Answer::Ready
        | Answer::Profiled(_)
        | Answer::Armed { .. }
        | Answer::StartTooLate { .. }
        | Answer::Done { .. }
        | Answer::Failed { .. } => Some(Command::Release(trial)),
        Answer::Refused(failure) => let_go(trial, failure),
        Answer::TargetReady => Some(Command::StopTarget(trial)),
        Answer::PortReserved(_)
        | Answer::TargetFailed(_)
        | Answer::TargetStopped
        | Answer::HookDone { .. } => None,
    }
}
