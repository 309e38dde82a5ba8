//! The job: what to measure, under which load, where, and what is claimed; as types that cannot be invalid.
//!
//! Rooms, from text to these types: [`mod@parse`] (the way through), [`schema`] (how keys are described) and
//! [`grammar`] (which there are), `submission_texts` (params put into what is read early), the checks (`walk`,
//! `workload`, `names`, `contradictions`, `claims`), [`mix`] (several workloads at once), [`decode`] (defaults), [`variants`] (each read like a job), [`search`] (its
//! values likewise), [`error`]. Beside them: [`data`], [`builtin`] (names that need no definition), [`mod@observe`] (what is watched),
//! [`selector`], [`template`], [`resolve`] (templates filled in),
//! [`uses`] (what they need), [`confidences`] (what of that must not be told) and [`overrides`] (`--set`); [`differences`] of two
//! files; and [`configuration`], other files that are read the same way.

pub mod builtin;
mod claims;
pub mod confidences;
pub mod configuration;
mod contradictions;
pub mod data;
pub mod decode;
mod describe;
pub mod differences;
pub mod error;
pub mod grammar;
pub mod json_schema;
pub mod mix;
mod names;
mod node;
pub mod observe;
pub mod overrides;
pub mod parse;
pub mod reference;
pub mod resolve;
pub mod schema;
pub mod search;
pub mod selector;
mod submission_texts;
pub mod template;
pub mod uses;
pub mod variants;
mod walk;
mod workload;

pub use data::{DataColumn, DataOrder, DataSource, ZipfExponent};
pub use error::{JobError, JobErrors};
pub use mix::{MixedWorkload, WorkloadPart};
pub use observe::Observe;
pub use parse::{Kinds, parse};
pub use resolve::{ResolveError, ResolvedJob};
pub use search::Search;
pub use variants::JobVariant;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arrivals::ArrivalPlan;
use crate::claim::Claim;
use crate::delay::Delay;
use crate::ids::Name;
use crate::metric::MetricName;
use crate::profile::ProfileName;

/// Largest job file, in bytes: a thousand operations fit many times over.
pub const JOB_BYTES_MAX: usize = 1024 * 1024;
/// Largest file that may come with a job, in bytes (the contract's 16 MiB).
pub const ATTACHED_FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most bytes that all files of a job may have together: they are held in memory while the run lasts.
pub const ATTACHED_FILES_BYTES_MAX: usize = 4 * ATTACHED_FILE_BYTES_MAX;
/// Most workers a trial may have over all agents.
pub const WORKERS_MAX: u32 = 100_000;
/// Most workers that an open model grows to by itself, over the whole fleet (the contract's 10000).
pub const WORKERS_GROWN_MAX: u32 = 10_000;
/// Most agents one run may use.
pub const AGENTS_MAX: u32 = 10_000;
/// Most claims of a job: more than anybody reads, and each is decided for every variant and agent.
pub const CLAIMS_MAX: usize = 100;
/// Longest text of a claim, in characters: it stands in every report, once for each variant and agent.
pub const CLAIM_TEXT_CHARACTERS_MAX: usize = 500;

/// A job file, parsed and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name.
    pub name: Name,
    /// What a person wrote about it.
    pub description: Option<String>,
    /// Stored with each run.
    pub tags: BTreeMap<String, String>,
    /// What is done.
    pub workload: WorkloadSpec,
    /// Named values for templates.
    pub params: BTreeMap<String, serde_json::Value>,
    /// Columns of values that workers take turns with, by the name that templates use.
    pub data: BTreeMap<String, DataColumn>,
    /// How much of it, how fast, how long.
    pub load: Load,
    /// On which agents.
    pub fleet: FleetNeed,
    /// What is measured, when fleetmark starts it.
    pub target: Option<TargetSpec>,
    /// Programs that run around trials and the run.
    pub hooks: Hooks,
    /// What shows where the target spends its time; `None`: nothing does.
    pub profile: Option<ProfileSpec>,
    /// What is watched beside the load.
    pub observe: Observe,
    /// What is said to hold, in file order; of a search what it keeps.
    pub claims: Vec<Claim>,
    /// What must be reported.
    pub expect: Expectation,
    /// What still counts as valid.
    pub limits: Limits,
    /// Files that the job and its variants name (`body_file`, …), as written, without repetition.
    pub files: Vec<String>,
    /// What is compared, in the order of the file; empty: the job as it stands, alone. Of a search the values that a run has
    /// tried ([`Job::as_planned`]).
    pub variants: Vec<JobVariant>,
    /// The value that is searched for; `None`: none is.
    pub search: Option<Search>,
}

/// What is done: a kind from the agents' table, with its operations; or a mix of several.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadSpec {
    /// The kind: `http`, `command`, …; of a mix all of its kinds, for people ([`WorkloadSpec::kinds`] has each).
    pub kind: String,
    /// Settings of the whole workload, as the kind's schema has them; of a mix none.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Its operations in file order, at least one, with distinct names; of a mix those of all its workloads.
    pub operations: Vec<OperationSpec>,
    /// Whether the operations are the steps of a scenario: one worker runs them all, in order, and begins again. Of a mix
    /// each workload says so itself.
    pub is_scenario: bool,
    /// Two workloads or more whose operations these are; empty: it is the only one.
    pub mix: Vec<MixedWorkload>,
}

/// One named kind of request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationSpec {
    /// Its name.
    pub name: Name,
    /// Its share of operations, above 0; of a scenario's step in a mix the share of the whole pass.
    pub weight: f64,
    /// Its settings, as the kind's schema has them. Amounts with units stay text (`"5s"`).
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// Open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadModel {
    /// Each worker sends its next operation when the last one ended.
    Closed,
    /// Operations are due by an arrival plan, whatever the answers do.
    Open,
}

/// How long before the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warmup {
    /// A time; zero means none.
    For(Duration),
    /// A number of operations over the whole fleet.
    Iterations(u64),
}

/// How long the measured window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// A time, above zero.
    For(Duration),
    /// A number of operations over the whole fleet, above zero.
    Iterations(u64),
}

/// How much load, how fast, how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Open or closed.
    pub model: LoadModel,
    /// When operations are due, over the whole fleet; `None`: the closed model.
    pub arrivals: Option<ArrivalPlan>,
    /// Workers over the whole fleet; `None`: the default of the model (open: grown when all are busy).
    pub workers: Option<u32>,
    /// Before the window.
    pub warmup: Warmup,
    /// The window.
    pub window: Window,
    /// Trials of each variant, at least 1; with `until_settled` at most so many.
    pub trials: u32,
    /// Whether there are no more of them than it takes to decide every claim.
    pub until_settled: bool,
    /// The seed; `None`: chosen at submission, and stored.
    pub seed: Option<u64>,
    /// How long operations may still begin and are awaited after the window.
    pub drain: Duration,
    /// Load threads of each agent; `None`: the agent decides.
    pub threads: Option<u32>,
    /// Whether each load thread is bound to a core of its own.
    pub pins_threads: bool,
    /// Pause of a worker after an operation, in a scenario after a step; `None`: none.
    pub think: Option<Delay>,
    /// Least time from one beginning of a worker's iteration to the next, closed model only; `None`: none.
    pub pace: Option<Duration>,
    /// Most connections opened per second over the whole fleet, above 0; `None`: as many as can be.
    pub connect_rate: Option<f64>,
    /// Connections of each worker, at least 1.
    pub connections_per_worker: u32,
    /// Requests at once on each connection, at least 1.
    pub streams_per_connection: u32,
    /// After how many operations a connection is opened anew, at least 1; `None`: never.
    pub new_connection_every: Option<u64>,
}

/// How agents and targets meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// All agents share one load against one target.
    Together,
    /// Every agent does all of it alone.
    Each,
    /// Agent against agent.
    Pairs,
}

/// What becomes of a run that loses an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LossPolicy {
    /// The run fails; what was measured is kept.
    Fail,
    /// The run goes on, its numbers marked with their coverage.
    Continue,
}

/// Which agents a run needs.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetNeed {
    /// How agents and targets meet.
    pub placement: Placement,
    /// How many; `None`: every match.
    pub agents: Option<u32>,
    /// Which; empty: all.
    pub selector: selector::Selector,
    /// Which others only report how their hosts fare; `None`: nobody does.
    pub observers: Option<selector::Selector>,
    /// What becomes of a run that loses an agent.
    pub on_agent_loss: LossPolicy,
    /// How long to wait for agents.
    pub start_timeout: Duration,
    /// How often an invalid or lost trial is repeated.
    pub retries: u32,
}

/// What is measured, when fleetmark starts it.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetSpec {
    /// The program and its arguments, at least one; `fleetmark` as the first is fleetmark itself.
    pub start: Vec<String>,
    /// Where it answers once it is ready: `http://…` or `tcp://…`; `None`: ready when started.
    pub ready: Option<String>,
    /// How often it is started afresh.
    pub restart: TargetRestart,
    /// Which agent starts it; empty: the first leased one.
    pub selector: selector::Selector,
}

/// How often a target is started afresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetRestart {
    /// For every trial.
    Trial,
    /// Once for the run.
    Run,
}

/// Programs that run on the agents around trials and the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hooks {
    /// Before the first trial.
    pub before_run: Vec<HookSpec>,
    /// Before each trial, once its target answers.
    pub before_trial: Vec<HookSpec>,
    /// After each trial, before its target is stopped.
    pub after_trial: Vec<HookSpec>,
    /// After the last trial.
    pub after_run: Vec<HookSpec>,
}

/// A profiler that runs in one more trial of each variant, which is not measured.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileSpec {
    /// The program and its arguments, at least one.
    pub command: Vec<String>,
    /// How what it writes is called.
    pub output: ProfileName,
    /// When it starts, from the end of the trial's warm-up.
    pub delay: Duration,
    /// How long it may run.
    pub duration: Duration,
    /// Most bytes that it may write.
    pub size_bytes_max: u64,
}

/// One program that runs at a hook.
#[derive(Debug, Clone, PartialEq)]
pub struct HookSpec {
    /// The program and its arguments, at least one; none, which no job can write: agents undo what their workloads left.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What every trial must report; the trial is invalid where it does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// These metrics have a value.
    pub metrics: Vec<MetricName>,
    /// So many distinct `metric.<name>` are reported; `None`: any number.
    pub count: Option<u64>,
}

/// What still counts as valid. Shares are 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most errors / count.
    pub error_ratio: f64,
    /// Most send lag as a share of the latency at the claimed quantile.
    pub send_lag: f64,
    /// Most CPU share of the busiest load thread.
    pub generator_cpu: f64,
    /// Most CPU time stolen by the hypervisor.
    pub steal: f64,
    /// Most CPU share of programs that have nothing to do with the run.
    pub foreign_cpu: f64,
    /// Whether a throttled host is tolerated.
    pub throttled: bool,
    /// Most that the cores' frequency may fall from its median, at the 5th percentile of the seconds.
    pub frequency_drop: f64,
    /// Whether a host that swaps is tolerated.
    pub swapping: bool,
    /// δ of comparisons.
    pub margin: f64,
    /// Whether comparing across differing fingerprints is meant.
    pub across_machines: bool,
    /// Whether both sides are meant to be the same.
    pub aa: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            error_ratio: 0.01,
            send_lag: 0.05,
            generator_cpu: 0.8,
            steal: 0.01,
            foreign_cpu: 0.05,
            throttled: false,
            frequency_drop: 0.1,
            swapping: false,
            margin: 0.05,
            across_machines: false,
            aa: false,
        }
    }
}
