//! What a search found, as the JSON report has it.

use serde::{Deserialize, Serialize};

use super::Verdict;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// The path that was varied: `load.rate`.
    pub vary: String,
    /// What must hold, as the job has it: `read.latency.p99 < 50ms`.
    pub keep: String,
    /// The metric of it: `[operation.]measure[.statistic]`.
    pub metric: String,
    /// Unit of what was measured: `ns`, `bytes`, `per_s`, a word of the job's own, or empty.
    pub unit: String,
    /// How far apart neighbouring values are at most, as a share.
    pub resolution: f64,
    /// Lowest and highest value that could be tried.
    pub between: [f64; 2],
    /// How often the decision about a value may be wrong at each of its looks, 0 to 1: all of them share 5 %.
    pub alpha: f64,
    /// The values that were tried, lowest first.
    pub steps: Vec<SearchStepReport>,
    /// What they say together.
    pub answer: SearchAnswer,
}

/// One value that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchStepReport {
    /// The value.
    pub value: f64,
    /// The variant that has it.
    pub variant: String,
    /// Whether what must hold does: never [`Verdict::None`].
    pub verdict: Verdict,
    /// Valid trials behind it.
    pub n: u64,
    /// The metric; `null` when it cannot be given.
    pub measured: Option<f64>,
    /// 95 % interval of it; `null` when it cannot be given. The decision takes a stricter one, see `alpha`.
    pub ci95: Option<[f64; 2]>,
    /// Why, as a sentence with the figures.
    pub reason: String,
}

/// Between which values that lies which was searched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// The highest value that is supported; `null`: none is.
    pub at_least: Option<f64>,
    /// The lowest value that is refuted; `null`: none is.
    pub below: Option<f64>,
    /// Unit of both: `per_s` of a rate, else empty.
    pub unit: String,
    /// What came out: supported where the answer is found.
    pub verdict: Verdict,
    /// Why, as a sentence for people.
    pub reason: String,
}
