//! What a finished run says in figures, without its intervals: enough for histories, comparisons and baselines. Kept beside
//! the run's summary, so that ten thousand runs are looked through in a moment. Room: [`shape`], which runs can be compared.

pub mod shape;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calibration::{CalibrationMark, CalibrationReading};
use crate::ids::{Name, RunId};
use crate::run_record::RunState;
use crate::run_report::{Estimate, HostReport, Verdict};

pub use shape::JobShape;

/// The figures of a finished run. They are made from its report, and can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// The run.
    pub run: RunId,
    /// Its job's name.
    pub job: Name,
    /// When it was submitted, milliseconds since 1970 UTC.
    pub submitted_at_ms: u64,
    /// How it ended.
    pub state: RunState,
    /// What came out.
    pub verdict: Verdict,
    /// Tags of the job and of the command line: a commit, say.
    pub tags: BTreeMap<String, String>,
    /// SHA-256 of the job as submitted, lower-case hex.
    pub job_sha256: String,
    /// Version of the analysis that made the report behind them.
    pub analysis_version: String,
    /// What its job's claims name: its primary metrics.
    pub claimed: Vec<ClaimedMetric>,
    /// What its job says counts as the same: δ of comparisons, as a share.
    pub margin: f64,
    /// Whether its job says that comparing different hosts is meant.
    pub across_machines: bool,
    /// Its variants, in the order of the job.
    pub variants: Vec<VariantFigures>,
    /// The hosts that took part.
    pub hosts: Vec<HostReport>,
    /// What it read as part of a calibration; `None`: it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationReading>,
    /// The calibration of its hosts that had passed when it ended; `None`: none had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_by: Option<CalibrationMark>,
}

/// A metric that a claim names, and which way it is better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedMetric {
    /// `[operation.]measure[.statistic]`.
    pub metric: String,
    /// Whether more of it is better.
    pub is_better_higher: bool,
}

/// The figures of one variant of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantFigures {
    /// Its name.
    pub name: String,
    /// What must be alike for its figures to be compared with another run's.
    pub shape: JobShape,
    /// SHA-256 of what starts the measured thing (`[target] start`), lower-case hex; `None`: fleetmark does not start it.
    pub target_sha256: Option<String>,
    /// SHA-256 of the programs that are measured, lower-case hex; `None`: no programs are.
    pub command_sha256: Option<String>,
    /// Trials that count.
    pub trials_valid: u32,
    /// Trials that were planned.
    pub trials_planned: u32,
    /// What its valid trials say together.
    pub estimates: Vec<Estimate>,
}

impl RunFigures {
    /// A variant by its name.
    pub fn variant(&self, name: &str) -> Option<&VariantFigures> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// Whether all that was planned was measured, and counts.
    pub fn is_whole(&self) -> bool {
        !self.variants.is_empty() && self.variants.iter().all(VariantFigures::is_whole)
    }
}

impl VariantFigures {
    /// Whether all that was planned of it was measured, and counts.
    pub fn is_whole(&self) -> bool {
        self.trials_valid > 0 && self.trials_valid >= self.trials_planned
    }

    /// Whether a metric's name without an operation (`latency.p95`) means the one that is estimated (`read.latency.p95`): of one
    /// operation alone both are the same.
    pub fn is_the_only_operations(&self, metric: &str, estimated: &str) -> bool {
        let [(only, _)] = self.shape.operations.as_slice() else { return false };
        estimated.strip_prefix(only.as_str()).and_then(|rest| rest.strip_prefix('.')) == Some(metric)
    }
}
