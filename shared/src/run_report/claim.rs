//! What came out of one claim, as the JSON contract has it.

use serde::{Deserialize, Serialize};

use super::{Pair, Verdict};
use crate::claim::ClaimSeverity;
use crate::ids::AgentName;

/// What came out of one claim: about one variant, and under `each` and `pairs` about one agent or pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimReport {
    /// What a person wrote about it; `null` when nobody did.
    pub text: Option<String>,
    /// `[operation.]measure[.statistic]`.
    pub metric: String,
    /// Unit of `value` and `ci95`: `ns`, `bytes`, `per_s`, a word of the job's own, or empty for ratios and efficiencies.
    pub unit: String,
    /// What must hold, in words: `below 100 ms`.
    pub rule: String,
    /// The variant that it is about; of a sweep that scales the variant that is swept.
    pub variant: String,
    /// The variant that it is compared with; `null`: none.
    pub than: Option<String>,
    /// The baseline that it is compared with; `null`: none.
    pub baseline: Option<String>,
    /// The agent that it is about, under the placement `each`; `null`: all of them together.
    pub agent: Option<AgentName>,
    /// The pair that it is about, under the placement `pairs`; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<Pair>,
    /// Valid trials behind it; of a comparison the blocks that are valid on both sides.
    pub n: u64,
    /// Of a bound the metric, of a comparison the ratio to the other side (unoriented), of scaling the lowest efficiency;
    /// `null` when it cannot be given.
    pub value: Option<f64>,
    /// 95 % interval of `value`; `null` when it cannot be given.
    pub ci95: Option<[f64; 2]>,
    /// What came out: never [`Verdict::None`].
    pub verdict: Verdict,
    /// Why, as a sentence with the figures.
    pub reason: String,
    /// How many more trials of each side would likely settle it; `null` when it is settled, or nobody can tell.
    pub more_trials_needed: Option<u64>,
    /// Whether it counts in the run's verdict.
    pub severity: ClaimSeverity,
}
