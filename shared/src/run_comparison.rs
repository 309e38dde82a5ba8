//! Two sides compared after the fact: runs, baselines, or variants of them; as `fleetmark compare --json` has it.

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::run_report::ComparisonReport;

/// The schema's name, written into every comparison.
pub const SCHEMA: &str = "fleetmark.compare/1";

/// Two sides compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunComparison {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What is compared with.
    pub a: ComparedSide,
    /// What is compared.
    pub b: ComparedSide,
    /// The largest difference that counts as none, as a share.
    pub margin: f64,
    /// What makes the comparison worth nothing, as sentences; empty: nothing does.
    pub invalid: Vec<String>,
    /// What a reader should know, as sentences.
    pub notes: Vec<String>,
    /// In what the hosts of the two sides differ, in words; empty: in nothing that is known.
    pub fingerprint_differences: Vec<String>,
    /// The metrics, one by one: the primary ones first.
    pub comparisons: Vec<ComparisonReport>,
    /// The contract's exit code: 0 nothing is worse, 1 something is slower, 2 it cannot be told, 3 invalid.
    pub exit_code: u8,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparedSide {
    /// As a person named it.
    pub name: String,
    /// Its job.
    pub job: String,
    /// The variant that is compared.
    pub variant: String,
    /// Its runs: one, or those of a baseline.
    pub runs: Vec<RunId>,
    /// Whether it is a baseline.
    pub is_baseline: bool,
}
