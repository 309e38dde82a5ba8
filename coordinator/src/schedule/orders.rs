//! What the schedule wants done: actions of the shell around it, commands for agents among them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::event::RunEvent;
use shared::ids::{AgentId, LeaseEpoch, RunId, TrialKey};
use shared::plan::Assignment;
use shared::plan::looks::Look;
use shared::profile::ProfileName;
use shared::run_record::RunRecord;
use shared::secret::Confidential;

use crate::fleet::Moment;

/// What an agent is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Find a free port.
    ReservePort(TrialKey),
    /// Start the target.
    StartTarget {
        /// For which trial.
        trial: TrialKey,
        /// The program and its arguments; what must not be told still stands in them by its name.
        command: Vec<String>,
        /// What must not be told.
        confidential: Arc<Confidential>,
        /// Where it answers once ready.
        ready: Option<String>,
        /// How long that may take.
        timeout: Duration,
    },
    /// Stop the target.
    StopTarget(TrialKey),
    /// Run a hook.
    RunHook {
        /// For which trial.
        trial: TrialKey,
        /// Its number.
        hook: u32,
        /// The program and its arguments, as a target's.
        command: Vec<String>,
        /// What must not be told.
        confidential: Arc<Confidential>,
        /// How long it may take.
        timeout: Duration,
    },
    /// Run a profiler, and send what it writes.
    Profile {
        /// Beside which trial.
        trial: TrialKey,
        /// The program and its arguments, as a target's; what only a profiler is told stands in them by its name too.
        command: Vec<String>,
        /// What must not be told.
        confidential: Arc<Confidential>,
        /// How long to wait before it starts.
        delay: Duration,
        /// How long it may run.
        duration: Duration,
        /// Most bytes that it may write.
        size_bytes_max: u64,
        /// What its file is called.
        output: ProfileName,
        /// Whether the load is over: who does not know the order must not begin any more.
        is_load_over: bool,
    },
    /// Get ready.
    Prepare(Box<Assignment>),
    /// Start at T.
    Start {
        /// Which trial.
        trial: TrialKey,
        /// Under which lease.
        epoch: LeaseEpoch,
        /// Which of the trial's starts, from 0: a later one moves it.
        arming: u32,
        /// When, on the coordinator's clock since its start.
        at: Moment,
    },
    /// Stop measuring at once.
    Abort {
        /// Which trial.
        trial: TrialKey,
        /// Why.
        reason: String,
    },
    /// Forget the trial.
    Release(TrialKey),
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Tell an agent.
    Send(AgentId, Command),
    /// Tell a run's observers.
    Tell(RunId, RunEvent),
    /// Store the run's record as it is now.
    Save(Box<RunRecord>),
    /// Take in intervals of this trial, measured under this lease, from these agents, from now on; each from this number on.
    OpenTrial(TrialKey, LeaseEpoch, BTreeMap<AgentId, u64>),
    /// Take in no more intervals of this trial from an agent that is lost. What was stored before stays.
    Exclude(TrialKey, AgentId),
    /// Take in no more intervals of this trial.
    CloseTrial(TrialKey),
    /// Judge a collected trial from what is stored.
    Judge(TrialKey, Box<RunRecord>),
    /// Look at what is stored of a run, to see whether it needs more blocks.
    Look(Look, Box<RunRecord>),
    /// Make the report, store it, and tell the observers how it ended.
    Finish(Box<RunRecord>),
}
