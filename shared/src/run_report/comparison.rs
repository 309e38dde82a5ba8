//! Two sides compared in one metric, as the JSON contract has it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Pair;
use crate::ids::AgentName;

/// Two sides compared in one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonReport {
    /// `[operation.]measure[.statistic]`.
    pub metric: String,
    /// One side: a variant, a run or a baseline.
    pub a: String,
    /// The other side.
    pub b: String,
    /// The agent that it is about, under the placement `each`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The pair that it is about, under the placement `pairs`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// Blocks that are valid on both sides; of runs the runs.
    #[serde(default)]
    pub n: u64,
    /// b / a, unoriented; `null` when it cannot be given.
    pub ratio: Option<f64>,
    /// 95 % interval of `ratio`; `null` when it cannot be given.
    pub ci95: Option<[f64; 2]>,
    /// What can be said of b.
    pub says: Says,
    /// Whether a claim names the metric, so that it was meant to be compared before anything was measured; the others are
    /// exploratory.
    pub primary: bool,
    /// How many more blocks would likely settle it; `null` when it is settled, or nobody can tell.
    #[serde(default)]
    pub more_trials_needed: Option<u64>,
    /// In what the hosts of the two sides differ, in words; empty: in nothing that is known.
    pub fingerprint_differences: Vec<String>,
    /// What a reader should know of it, as sentences; absent: nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a comparison says of its second side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Says {
    /// It is better by more than the margin.
    Faster,
    /// It is worse by more than the margin.
    Slower,
    /// Both are the same within the margin.
    Same,
    /// It cannot be told.
    Inconclusive,
}

impl Says {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Says::Faster => "faster",
            Says::Slower => "slower",
            Says::Same => "same",
            Says::Inconclusive => "inconclusive",
        }
    }
}

impl fmt::Display for Says {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
