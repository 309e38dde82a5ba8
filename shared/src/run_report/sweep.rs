//! What a sweep over one number answers in one metric, as the JSON report has it.

use serde::{Deserialize, Serialize};

use super::{Pair, Says};
use crate::ids::AgentName;

/// What a sweep over one number answers in one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepReport {
    /// The swept path: `load.workers`.
    pub path: String,
    /// The named variant within which it was swept; `default`: the job names none.
    pub variant: String,
    /// `[operation.]measure[.statistic]`; without an operation, all operations merged.
    pub metric: String,
    /// Its unit: `ns`, `bytes`, `per_s`, a word of the job's own, or empty.
    pub unit: String,
    /// The agent that it is about, under the placement `each`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The pair that it is about, under the placement `pairs`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// The values, lowest first.
    pub values: Vec<SweptReport>,
    /// The value with the best mean; `null` when none has one.
    pub best: Option<f64>,
    /// The values that cannot be told apart from the best, lowest first.
    pub not_told_apart: Vec<f64>,
    /// The values that were worse than the smallest one, lowest first.
    pub worse_than_least: Vec<f64>,
    /// How many more trials of each value would likely settle which are worse than the best; `null` when it is settled, or
    /// nobody can tell.
    pub more_trials_needed: Option<u64>,
    /// Whether that rests on an assumed spread, because single trials have none: that trials differ by as much as the margin.
    pub spread_assumed: bool,
    /// The Universal Scalability Law fitted to throughputs: a model, which decides nothing; `null` for other metrics, and where
    /// there are too few values.
    pub law: Option<LawReport>,
    /// The answer as sentences for people.
    pub answer: String,
}

/// What was measured at one value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweptReport {
    /// The value.
    pub value: f64,
    /// The variant that has it.
    pub variant: String,
    /// Trials that count.
    pub n: u64,
    /// Their mean: geometric for times and rates; `null` without one.
    pub mean: Option<f64>,
    /// 95 % interval of the mean; `null` below two trials.
    pub ci95: Option<[f64; 2]>,
    /// It beside the best value; `null` of the best itself.
    pub against_best: Option<ContrastReport>,
    /// It beside the smallest value; `null` of the smallest itself.
    pub against_least: Option<ContrastReport>,
}

/// One value beside another, by the blocks that have both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContrastReport {
    /// Blocks that have both.
    pub n: u64,
    /// This value's metric divided by the other's; `null` where there is no ratio.
    pub ratio: Option<f64>,
    /// Interval of `ratio`, as wide as it takes for all comparisons of the sweep together to hold at 95 %; `null` when it cannot be
    /// given.
    pub interval: Option<[f64; 2]>,
    /// Whether it differs by more than the margin.
    pub says: Says,
    /// Which way it differs at all; `null`: it cannot be told apart.
    pub direction: Option<Direction>,
    /// How many more trials of each would likely settle it; `null` when it is settled, or nobody can tell.
    pub more_trials_needed: Option<u64>,
}

/// Which way one value differs from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It is worse, though perhaps by less than the margin.
    Worse,
    /// It is better, though perhaps by less than the margin.
    Better,
}

/// X(N) = λN/(1 + σ(N−1) + κN(N−1)), the Universal Scalability Law (Gunther), as it fits the means of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LawReport {
    /// Throughput of one, λ, per second.
    pub of_one: f64,
    /// Contention σ: the share of work that queues for something.
    pub contention: f64,
    /// Coherence κ: what each pays for each other.
    pub coherence: f64,
    /// Where throughput is highest; `null` when it never falls again.
    pub peak: Option<f64>,
    /// Typical distance of the measured means from the law, as a share.
    pub misfit: f64,
}
