//! An agent's session: attached to a coordinator, for as long as the agent lives, over any number of connections.
//!
//! Rooms: [`machine`] (what is held and what is said; pure), [`outbox`] (what is not yet acknowledged), [`shell`]
//! (connections, engines and programs around the machine), `preparing` (engines made ready), `hearing` (what they tell), `programs`
//! (targets and hooks), `profiling` (profilers, and what they wrote).

mod hearing;
pub mod machine;
pub mod outbox;
mod preparing;
mod profiling;
mod programs;
mod shell;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shared::host::Fingerprint;
use shared::ids::{AgentId, AgentName, HostAddress, LeaseEpoch, TrialKey};
use shared::plan::Assignment;
use shared::secret::Confidential;
use shared::secret::mask::Mask;
use shared::secret::veil::Veil;

use crate::policy::Policy;
use outbox::Bounds;

pub use crate::rpc::membership::Proof;
pub use profiling::ProfileOrder;
pub use shell::{SessionError, run};

/// How an agent is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The coordinator, as `http://host:port` or `https://host:port`.
    pub coordinator: String,
    /// How the agent proves to a coordinator that encrypts who it is; `None`: the coordinator does not ask.
    pub proof: Option<Proof>,
    /// The agent's name.
    pub name: AgentName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How many runs may measure on its host at once, at least 1.
    pub slots: u32,
    /// What it may be told to do.
    pub policy: Arc<Policy>,
    /// Only runs submitted with the same word may use it.
    pub reservation: Option<String>,
    /// Where other agents reach this host; `None`: at the address that it calls the coordinator from.
    pub advertise: Option<HostAddress>,
    /// Whether the coordinator may find that it reads the same clock. For tests: false has the clock measured over the
    /// link even on one machine.
    pub tells_clock: bool,
    /// The program that can guard others (`fleetmark guard -- …`): fleetmark itself.
    pub fleetmark: PathBuf,
    /// Where what the coordinator does not take in time is kept, in files without names. Made if it is not there.
    pub data: PathBuf,
    /// What nothing that this process says shows: the agent covers what it is told.
    pub veil: Arc<Veil>,
    /// How much of that is kept, in memory and there.
    pub outbox: Bounds,
}

/// What the agent says of itself when it attaches.
#[derive(Debug, Clone, PartialEq)]
pub struct Introduction {
    /// This life of its process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its facts, for selectors.
    pub facts: BTreeMap<String, String>,
    /// What its host is.
    pub fingerprint: Fingerprint,
    /// How many runs may measure on its host at once.
    pub slots: u32,
    /// Workload kinds it can run and is allowed to, with a sentence about each.
    pub kinds: Vec<(String, String)>,
    /// Kinds that it could run and is not allowed to.
    pub refused_kinds: Vec<String>,
    /// Whether it may start targets or run hooks.
    pub may_run_programs: bool,
    /// Only runs submitted with the same word may use it.
    pub reservation: Option<String>,
    /// Where other agents reach its host; `None`: at the address that it calls from.
    pub advertise: Option<HostAddress>,
    /// Which time namespace of its host it runs in; `None`: not known, or not told.
    pub clock_namespace: Option<String>,
    /// Leases that it still holds.
    pub leases: Vec<(TrialKey, LeaseEpoch)>,
}

/// What the coordinator tells an agent to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Find a free port for a target.
    ReservePort(TrialKey),
    /// Start a target and wait until it answers.
    StartTarget {
        /// For which trial.
        trial: TrialKey,
        /// The program and its arguments; what must not be told still stands in them by its name.
        command: Vec<String>,
        /// What must not be told.
        confidential: Confidential,
        /// Where it answers; `None`: ready when started.
        ready: Option<String>,
        /// How long that may take.
        timeout: Duration,
    },
    /// Stop the target.
    StopTarget(TrialKey),
    /// Run a hook's program.
    RunHook {
        /// For which trial.
        trial: TrialKey,
        /// Its number, unique within the trial.
        hook: u32,
        /// The program and its arguments, as a target's.
        command: Vec<String>,
        /// What must not be told.
        confidential: Confidential,
        /// How long it may take.
        timeout: Duration,
    },
    /// Run a profiler beside a trial, and send what it writes.
    Profile {
        /// Beside which trial.
        trial: TrialKey,
        /// The program and its arguments, as a target's; what only a profiler is told stands in them by its name too.
        command: Vec<String>,
        /// What must not be told.
        confidential: Confidential,
        /// What it is to do.
        order: ProfileOrder,
    },
    /// Get ready for a trial.
    Prepare(Box<Assignment>),
    /// Start the prepared trial.
    Start {
        /// Which.
        trial: TrialKey,
        /// Under which lease.
        epoch: LeaseEpoch,
        /// Which of the trial's starts, from 0: a later one moves it.
        arming: u32,
        /// When, on this host's monotonic clock.
        at_ns: u64,
    },
    /// Stop measuring at once.
    Abort {
        /// Which trial.
        trial: TrialKey,
        /// Why.
        reason: String,
    },
    /// Forget a trial.
    Release(TrialKey),
}

/// What an agent says to the coordinator about a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A free port was found; `None`: none could be.
    PortReserved(TrialKey, Option<u16>),
    /// The target answers.
    TargetReady(TrialKey),
    /// The target could not be started, or ended by itself.
    TargetFailed(TrialKey, String),
    /// The target is gone, as asked.
    TargetStopped(TrialKey),
    /// A hook's program ended; a reason if it failed.
    HookDone(TrialKey, u32, Option<String>),
    /// A profiler ended, and what it wrote was sent; or what is to be said of that.
    Profiled(TrialKey, Option<String>),
    /// Prepared.
    Ready(TrialKey),
    /// Armed.
    Armed {
        /// Which trial.
        trial: TrialKey,
        /// By which of its starts.
        arming: u32,
        /// For which time on this host's monotonic clock.
        at_ns: u64,
    },
    /// A start had passed when it came: a later one is awaited.
    StartTooLate {
        /// Of which trial.
        trial: TrialKey,
        /// Which of its starts.
        arming: u32,
        /// How long ago it was, nanoseconds.
        late_ns: u64,
    },
    /// All intervals are numbered: how many.
    Done(TrialKey, u64),
    /// It cannot do its part: why, and how many intervals it numbered before.
    Failed(TrialKey, String, u64),
    /// A failure, and the reason is that the agent's own policy does not allow what it was told.
    Refused(Box<Statement>),
}

impl Statement {
    /// The trial that it is about.
    pub fn trial(&self) -> TrialKey {
        match self {
            Self::PortReserved(trial, _)
            | Self::TargetReady(trial)
            | Self::TargetFailed(trial, _)
            | Self::TargetStopped(trial)
            | Self::HookDone(trial, ..)
            | Self::Profiled(trial, _)
            | Self::Ready(trial)
            | Self::Armed { trial, .. }
            | Self::StartTooLate { trial, .. }
            | Self::Done(trial, _)
            | Self::Failed(trial, ..) => *trial,
            Self::Refused(failure) => failure.trial(),
        }
    }

    /// The same without what must not be told.
    #[must_use]
    pub fn masked(self, mask: &Mask) -> Self {
        match self {
            Self::TargetFailed(trial, reason) => Self::TargetFailed(trial, mask.hide(reason)),
            Self::HookDone(trial, hook, failure) => {
                Self::HookDone(trial, hook, failure.map(|failure| mask.hide(failure)))
            }
            Self::Profiled(trial, problem) => {
                Self::Profiled(trial, problem.map(|problem| mask.hide(problem)))
            }
            Self::Failed(trial, reason, intervals) => Self::Failed(trial, mask.hide(reason), intervals),
            Self::Refused(failure) => Self::Refused(Box::new(failure.masked(mask))),
            Self::PortReserved(..)
            | Self::TargetReady(_)
            | Self::TargetStopped(_)
            | Self::Ready(_)
            | Self::Armed { .. }
            | Self::StartTooLate { .. }
            | Self::Done(..) => self,
        }
    }
}
