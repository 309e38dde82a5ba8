//! Hosts of one run against each other, as `fleetmark compare --hosts --json` has it.

use serde::{Deserialize, Serialize};

use crate::fingerprint_comparison::FingerprintDifference;
use crate::ids::{AgentName, RunId};
use crate::run_report::Says;

/// The schema's name, written into every comparison of hosts.
pub const SCHEMA: &str = "fleetmark.hosts/1";
/// The label that says what an hour of a host costs.
pub const COST_LABEL: &str = "cost_per_hour";

/// The hosts of one run, or groups of them, against one that is the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostComparison {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The run.
    pub run: RunId,
    /// Its job's name.
    pub job: String,
    /// The label that makes the groups; `null`: each host is a group of its own.
    pub grouped_by: Option<String>,
    /// The group that the others are compared with.
    pub reference: String,
    /// The largest difference that counts as none, as a share.
    pub margin: f64,
    /// The hosts or groups, by name.
    pub groups: Vec<HostGroup>,
    /// In what hosts differ from the first host of the reference; `agent` says whose `b` is.
    pub fingerprint_differences: Vec<FingerprintDifference>,
    /// The metrics, in the order of the report.
    pub metrics: Vec<HostMetricRow>,
    /// Under the placement `pairs` the links between hosts, instead of `metrics`; absent otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matrices: Vec<LinkMatrix>,
    /// What a reader should know, as sentences.
    pub notes: Vec<String>,
    /// The contract's exit code: 0 nothing is worse than the reference, 1 something is slower, 2 it cannot be told, 3 a group
    /// has no valid trial.
    pub exit_code: u8,
}

/// A host, or the hosts that share a label's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostGroup {
    /// The agent's name, or the label's value.
    pub name: String,
    /// Its agents, by name.
    pub agents: Vec<AgentName>,
    /// What an hour of one of its hosts costs, in whatever unit its label has: the mean over its agents; `null` unless each
    /// has the label.
    pub cost_per_hour: Option<f64>,
    /// What was found in its trials and casts doubt on them.
    pub findings: Vec<GroupFinding>,
}

/// A finding, counted over the trials of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFinding {
    /// Its code.
    pub code: String,
    /// Trials that have it.
    pub trials: u64,
    /// Trials of the group.
    pub of: u64,
}

/// One metric of all groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostMetricRow {
    /// The variant of the job.
    pub variant: String,
    /// `[operation.]measure[.statistic]`.
    pub metric: String,
    /// Its unit: `ns`, `bytes`, `per_s`, a word of the workload's own, or empty.
    pub unit: String,
    /// `lower` or `higher`; `null`: nobody knows, so nothing is said of it.
    pub better: Option<String>,
    /// A value of each group, in their order.
    pub values: Vec<GroupValue>,
}

/// One metric of every link between two hosts, in both directions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkMatrix {
    /// The variant of the job.
    pub variant: String,
    /// `[operation.]measure[.statistic]`.
    pub metric: String,
    /// Its unit: `ns`, `bytes`, `per_s`, a word of the workload's own, or empty.
    pub unit: String,
    /// The median of all links; `null` without any.
    pub median: Option<f64>,
    /// Every link that there must be, by name: `from`, then `to`.
    pub links: Vec<LinkValue>,
}

/// What one link reads in one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkValue {
    /// Who made the load.
    pub from: AgentName,
    /// Who was measured.
    pub to: AgentName,
    /// Valid trials that give a value; 0: the cell is missing.
    pub n: u64,
    /// Mean over trials: geometric for amounts. `null` without one.
    pub mean: Option<f64>,
    /// 95 % interval of the mean; `null` below two trials.
    pub ci95: Option<[f64; 2]>,
    /// This direction by the one back; `null` without both.
    pub asymmetry: Option<f64>,
    /// This link by the median of all; `null` without a value.
    pub by_median: Option<f64>,
    /// Whether it lies apart from all other links.
    pub is_outlier: bool,
}

/// What one group reads in one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupValue {
    /// The group.
    pub group: String,
    /// Blocks in which all its agents have a value.
    pub n: u64,
    /// Mean over blocks: geometric for amounts. `null` without a block.
    pub mean: Option<f64>,
    /// 95 % interval of the mean; `null` below two blocks.
    pub ci95: Option<[f64; 2]>,
    /// The group's value by the reference's, by blocks that both have; `null` when it cannot be given.
    pub ratio: Option<f64>,
    /// 95 % interval of the ratio; `null` when it cannot be given.
    pub ratio_ci95: Option<[f64; 2]>,
    /// What can be said of the group; `null` of the reference, and where nobody knows which way is better.
    pub says: Option<Says>,
    /// What one unit of cost an hour buys: the mean by the cost where more is better, times the cost where less is. `null` without
    /// a cost.
    pub per_cost: Option<f64>,
    /// That by the reference's; `null` without both costs.
    pub per_cost_ratio: Option<f64>,
}
