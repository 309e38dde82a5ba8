//! The run report, field for field as the JSON contract (`fleetmark.run/1`) has it.
//!
//! Times are RFC 3339 in UTC. A number that cannot be given is `null`, never 0. Rooms: [`operation`],
//! [`claim`], [`comparison`], [`sweep`], [`search`], [`slow`], [`profile`].

pub mod claim;
pub mod comparison;
pub mod operation;
pub mod profile;
pub mod search;
pub mod slow;
pub mod sweep;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::host::Fingerprint;
use crate::ids::{AgentId, AgentName, RunId};
use crate::run_record::RunState;

pub use self::claim::ClaimReport;
pub use self::comparison::{ComparisonReport, Says};
pub use self::operation::{Distribution, MetricReport, OperationReport, value_of};
pub use self::profile::ProfileReport;
pub use self::search::{SearchAnswer, SearchReport, SearchStepReport};
pub use self::slow::SlowReport;
pub use self::sweep::{ContrastReport, Direction, LawReport, SweepReport, SweptReport};

/// The schema's name, written into every report.
pub const SCHEMA: &str = "fleetmark.run/1";
/// Name of the operation that is all operations merged.
pub const ALL_OPERATIONS: &str = "*";

/// One look at a run before its plan was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LookReport {
    /// After how many blocks.
    pub blocks: u32,
    /// How often a decision at it may be wrong, 0 to 1.
    pub alpha: f64,
    /// `go_on`, `settled`, `refuted` or `failed`.
    pub outcome: String,
}

/// What came out of a run or of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every gate claim holds.
    Supported,
    /// A gate claim does not hold.
    Refuted,
    /// It cannot be told yet.
    Inconclusive,
    /// What was measured does not count.
    Invalid,
    /// Nothing was claimed.
    None,
}

impl Verdict {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Supported => "supported",
            Verdict::Refuted => "refuted",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Invalid => "invalid",
            Verdict::None => "none",
        }
    }

    /// The contract's exit code for a run that ended with it.
    pub const fn exit_code(self) -> u8 {
        match self {
            Verdict::Supported | Verdict::None => 0,
            Verdict::Refuted => 1,
            Verdict::Inconclusive => 2,
            Verdict::Invalid => 3,
        }
    }
}

/// A run's report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The run itself.
    pub run: RunSection,
    /// What was measured, by variant.
    pub variants: Vec<VariantReport>,
    /// What was claimed and what came out.
    pub claims: Vec<ClaimReport>,
    /// Variants against each other and against baselines.
    pub comparisons: Vec<ComparisonReport>,
    /// What sweeps over one number answer, metric by metric; absent when nothing is swept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweeps: Vec<SweepReport>,
    /// What was searched for, and found; absent when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchReport>,
    /// What profilers wrote in trials that were not measured; absent when there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileReport>,
    /// The hosts that took part.
    pub hosts: Vec<HostReport>,
}

/// The run itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSection {
    /// Its id.
    pub id: RunId,
    /// The job's name.
    pub name: String,
    /// How it ended.
    pub state: RunState,
    /// What came out.
    pub verdict: Verdict,
    /// The contract's exit code.
    pub exit_code: u8,
    /// Why it failed, was cancelled or is damaged; `null` otherwise.
    pub reason: Option<String>,
    /// When the first trial was prepared, or when the run was submitted if none was.
    pub started_at: String,
    /// When it ended; `null` while it runs.
    pub finished_at: Option<String>,
    /// The seed of everything random.
    pub seed: u64,
    /// When it was looked at before its plan was done; absent when it was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<LookReport>,
    /// How many blocks of the plan a look made needless; absent when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks_not_needed: Option<u32>,
    /// Tags of the job and the command line.
    pub tags: BTreeMap<String, String>,
    /// fleetmark's version on the coordinator.
    pub fleetmark_version: String,
    /// Version of the analysis that made this report.
    pub analysis_version: String,
    /// The TOML as submitted.
    pub job: String,
}

/// What was measured of one variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantReport {
    /// Its name.
    pub name: String,
    /// What it sets, by path.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Its trials, every attempt, in the order they ran.
    pub trials: Vec<TrialReport>,
    /// Operations merged over the valid trials; descriptive only. Empty under `each` and `pairs`: nothing is merged over agents.
    pub operations: Vec<OperationReport>,
    /// What each agent measured, under `pairs` each pair, merged over the valid trials; descriptive only. Under `together`
    /// empty with fewer than two agents.
    #[serde(default)]
    pub agents: Vec<AgentTotals>,
    /// Estimates over the valid trials.
    pub estimates: Vec<Estimate>,
}

/// What several trials say together about one metric: the trials are the sample, not their requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// `[operation.]measure[.statistic]`; without an operation, all operations merged.
    pub metric: String,
    /// Its unit: `ns`, `bytes`, `per_s` or empty.
    pub unit: String,
    /// The agent that it is about, under the placement `each`; `null`: all of them together.
    pub agent: Option<AgentName>,
    /// Which pair of agents, under the placement `pairs`.
    pub pair: Option<Pair>,
    /// Valid trials that give a value.
    pub n: u64,
    /// Mean over trials: geometric for times and rates. `null` when a valid trial gives no value.
    pub mean: Option<f64>,
    /// 95 % interval of the mean (Student's t over trials); `null` below two trials.
    pub ci95: Option<[f64; 2]>,
}

/// What one agent measured, merged over trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentTotals {
    /// Its name: one that was started anew between trials is still the same agent.
    pub name: AgentName,
    /// Which pair it is about, under the placement `pairs`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// What it measured; the last is named `*` when there is more than one.
    pub operations: Vec<OperationReport>,
}

/// One attempt at one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialReport {
    /// Its block, from 0.
    pub block: u32,
    /// Its place in the block, from 0.
    pub order: u32,
    /// 0 for the first attempt.
    pub attempt: u32,
    /// Whether it counts.
    pub valid: bool,
    /// Which agent did it alone, under the placement `each`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// Which pair of agents, under the placement `pairs`.
    pub pair: Option<Pair>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Largest distance between an agent's armed start and T, microseconds.
    pub start_skew_us: Option<f64>,
    /// How wrong that may be, microseconds.
    pub start_skew_error_us: Option<f64>,
    /// What was planned and what was seen.
    pub coverage: Coverage,
    /// What was measured, merged over agents; the last is named `*` when there is more than one.
    pub operations: Vec<OperationReport>,
    /// What each agent measured.
    pub agents: Vec<AgentReport>,
    /// How the hosts of agents fared that made no load; absent when the job has none observe.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<ObserverReport>,
    /// The slowest successes, slowest first, at most twenty; absent when none succeeded, or they were folded away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slowest: Vec<SlowReport>,
    /// How a database meant to do the statements of operations, where the job asked for it and this trial was the first; absent otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanReport>,
}

/// How a database meant to do the statements of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// Which operation.
    pub operation: String,
    /// Each statement, followed by its plan in the database's own words, indented; cut when it is very long.
    pub plan: String,
}

/// Two agents, one of which made load for the other, under the placement `pairs`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// Who made the load.
    pub from: AgentName,
    /// Who was measured.
    pub to: AgentName,
}

impl fmt::Display for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} → {}", self.from, self.to)
    }
}

/// What was planned and what was seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Agents that were to take part.
    pub agents_planned: u32,
    /// Agents that reported to the end.
    pub agents_finished: u32,
    /// Intervals that the agents said they numbered; `null` when one never said so.
    pub intervals_planned: Option<u64>,
    /// Intervals that are stored.
    pub intervals_received: u64,
    /// Measured agent-seconds that are stored, as a share of those planned; `null` when not known.
    pub agent_seconds_ratio: Option<f64>,
}

/// What one agent measured in one trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentReport {
    /// The agent's process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// What it measured; the last is named `*` when there is more than one.
    pub operations: Vec<OperationReport>,
    /// Its monotonic clock less the coordinator's, microseconds.
    pub clock_offset_us: Option<f64>,
    /// How wrong that may be, microseconds.
    pub clock_error_us: Option<f64>,
    /// CPU share of its busiest load thread over the window, 0 to 1.
    pub generator_cpu: Option<f64>,
    /// Most workers that existed at once.
    pub workers_peak: u32,
    /// Means and extremes of the host's metrics over the window, by name.
    pub host: BTreeMap<String, Scalar>,
    /// How the memory of the observed process went there; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryReport>,
}

/// How the host of an agent fared that made no load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObserverReport {
    /// The agent's process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Its monotonic clock less the coordinator's, microseconds.
    pub clock_offset_us: Option<f64>,
    /// How wrong that may be, microseconds.
    pub clock_error_us: Option<f64>,
    /// Means and extremes of the host's metrics over the window, by name; empty when nothing of it arrived.
    pub host: BTreeMap<String, Scalar>,
    /// How the memory of the observed process went there; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryReport>,
}

/// How the memory of an observed process went over a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// By how many bytes it rose per second: the slope of a line through its seconds.
    pub slope_bytes_per_s: f64,
    /// 95 % interval of that.
    pub ci95: [f64; 2],
    /// By how many bytes it rose for every thousand operations of the trial; `null` without any.
    pub bytes_per_1000_operations: Option<f64>,
}

/// A host metric over the window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Scalar {
    /// Mean over the intervals.
    pub mean: f64,
    /// Lowest interval.
    pub min: f64,
    /// Highest interval.
    pub max: f64,
}

/// A host that took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// The agent on it.
    pub agent: AgentName,
    /// What it is.
    pub fingerprint: Fingerprint,
    /// The agent's labels; absent when it has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether it only observed, in every trial; absent when it made load.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observer: bool,
}
