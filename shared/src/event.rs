//! What an observer of a run sees: every progress display and log is a pure consumer of these. Room: [`progress`], details
//! for displays that have room for them.

pub mod progress;

use std::time::Duration;

use self::progress::{AgentProgress, OperationProgress};
use crate::finding::Finding;
use crate::ids::{AgentName, TrialIndex};
use crate::run_record::RunState;
use crate::run_report::Verdict;

/// One thing that happened to a run, as told to its observers. An observer that is too slow may miss
/// [`RunEvent::Progress`] events, never others that matter: the newest state always follows.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The run waits for agents; `message` says which it needs and what there is.
    Waiting {
        /// A sentence for people.
        message: String,
    },
    /// Agents were leased and a trial is being prepared (target started, connections readied).
    TrialPreparing {
        /// Which trial.
        trial: TrialIndex,
        /// Its attempt, from 0.
        attempt: u32,
        /// Agents that take part.
        agents: Vec<AgentName>,
    },
    /// All agents have been told when to start.
    TrialStarted {
        /// Which trial.
        trial: TrialIndex,
        /// How many trials the run plans in all; 0: a search, which plans one after another.
        trials_planned: u32,
        /// The variant's name.
        variant: String,
        /// Planned length of the warm-up; `None` when it is counted in iterations.
        warmup: Option<Duration>,
        /// Planned length of the window; `None` when it is counted in iterations.
        duration: Option<Duration>,
        /// Planned operations, when the trial is counted in iterations.
        iterations: Option<u64>,
    },
    /// How the running trial fares, about once a second.
    Progress(Progress),
    /// A trial has been collected.
    TrialFinished {
        /// Which trial.
        trial: TrialIndex,
        /// Its attempt, from 0.
        attempt: u32,
        /// Whether it counts.
        is_valid: bool,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// The run ended, and its report can be asked for.
    Ended {
        /// How.
        state: RunState,
        /// What came out.
        verdict: Verdict,
        /// The exit code that the contract gives this ending.
        exit_code: u8,
        /// Why, when it failed or was cancelled.
        reason: Option<String>,
    },
}

/// How the running trial fares, merged over its agents: what was stored so far, not what is hoped for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Which trial.
    pub trial: TrialIndex,
    /// Time since the trial's start T.
    pub elapsed: Duration,
    /// Whether the warm-up is still going on everywhere.
    pub is_warming_up: bool,
    /// Operations that ended inside the window so far.
    pub count: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Successes per second over the last second reported (warm-up included, so that a display has something to show).
    pub recent_per_s: f64,
    /// Median latency so far, ns; `None`: too few successes to bound it.
    pub p50_ns: Option<u64>,
    /// 99th percentile of latency so far, ns; `None`: too few successes to bound it.
    pub p99_ns: Option<u64>,
    /// Agents that have reported, of those that take part.
    pub agents_reporting: u32,
    /// A sentence worth showing while it runs, such as that the generator is the limit.
    pub hint: Option<String>,
    /// Median latency of the last second in which anybody reported, ns; `None`: too few successes in it to bound it.
    pub recent_p50_ns: Option<u64>,
    /// 99th percentile of latency of that second, ns; `None` likewise.
    pub recent_p99_ns: Option<u64>,
    /// Latency so far at [`progress::QUANTILES_TOLD`], ns, as far as the sample carries them; the rest is left out.
    pub quantiles_ns: Vec<u64>,
    /// The longest latency so far, ns.
    pub max_ns: Option<u64>,
    /// The first [`progress::OPERATIONS_TOLD_MAX`] operations, in the job's order; empty when there is but one.
    pub operations: Vec<OperationProgress>,
    /// The busiest [`progress::AGENTS_TOLD_MAX`] agents, by the CPU of their load threads.
    pub agents: Vec<AgentProgress>,
}
