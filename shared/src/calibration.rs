//! Calibrations: whether a set-up reads what is the same as the same, and what is slower as slower.
//!
//! A calibration is two stored runs of the job [`JOB_NAME`]: one whose sides are the same thing (A/A), and one whose second side is
//! slower by twice the margin (the control). What came of it follows from their figures, so it lasts as long as they do.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::run_report::Says;

/// The schema's name, written into every answer of `fleetmark calibrate`.
pub const SCHEMA: &str = "fleetmark.calibration/1";
/// The name of the jobs of which a calibration consists.
pub const JOB_NAME: &str = "calibration";
/// The tag of its runs, whose value is the part: see [`CalibrationPart`].
pub const TAG: &str = "calibration";
/// The tag of a control that names the run of its A/A.
pub const SAME_RUN_TAG: &str = "calibration_same";
/// Fewer blocks pass no calibration: over 20 the interval reaches half a standard deviation to either side, over 10 nearly three
/// quarters, and then it is mostly luck on which side of the margin it ends.
pub const BLOCKS_MIN: u32 = 20;
/// After so long a calibration counts no more: kernels are patched and neighbours move in without any fingerprint telling.
pub const LAPSES_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

/// Which of its two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationPart {
    /// Both sides are the same thing.
    Same,
    /// The second side is slower by twice the margin.
    Slower,
}

impl CalibrationPart {
    /// The tag's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            CalibrationPart::Same => "same",
            CalibrationPart::Slower => "slower",
        }
    }

    /// The part that a tag names; `None`: no part at all.
    pub fn named(word: &str) -> Option<Self> {
        [CalibrationPart::Same, CalibrationPart::Slower].into_iter().find(|part| part.as_str() == word)
    }

    /// The variants that it compares: the second with the first.
    pub const fn sides(self) -> [&'static str; 2] {
        match self {
            CalibrationPart::Same => ["a", "again"],
            CalibrationPart::Slower => ["again", "slower"],
        }
    }

    /// What it must read.
    pub const fn expected(self) -> Says {
        match self {
            CalibrationPart::Same => Says::Same,
            CalibrationPart::Slower => Says::Slower,
        }
    }
}

/// What one of the two runs read: where agents stand apart, the worst of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationReading {
    /// Which of the two.
    pub part: CalibrationPart,
    /// The run.
    pub run: RunId,
    /// Of a control: the run of its A/A; `None`: nothing says which.
    pub same_run: Option<RunId>,
    /// The metric that is compared.
    pub metric: String,
    /// The largest difference that counts as none, as a share.
    pub margin: f64,
    /// Blocks that are valid on both sides.
    pub blocks: u64,
    /// Second side / first side; `null` when it cannot be given.
    pub ratio: Option<f64>,
    /// 95 % interval of `ratio`; `null` when it cannot be given.
    pub ci95: Option<[f64; 2]>,
    /// What it says of the second side.
    pub says: Says,
    /// Why it counts for nothing; `null`: it counts.
    pub invalid: Option<String>,
}

/// The calibration on whose word a run's comparisons stand, kept with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationMark {
    /// The run of its A/A.
    pub same_run: RunId,
    /// The run of its control.
    pub slower_run: RunId,
    /// When it was made, milliseconds since 1970 UTC.
    pub calibrated_at_ms: u64,
}

/// What came of a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationVerdict {
    /// Both runs read what they should.
    Passed,
    /// One of them could not tell, or there were too few blocks.
    Inconclusive,
    /// One of them told something that is not so: the set-up cannot be trusted.
    Failed,
    /// What was measured does not count.
    Invalid,
}

impl CalibrationVerdict {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            CalibrationVerdict::Passed => "passed",
            CalibrationVerdict::Inconclusive => "inconclusive",
            CalibrationVerdict::Failed => "failed",
            CalibrationVerdict::Invalid => "invalid",
        }
    }

    /// The contract's exit code.
    pub const fn exit_code(self) -> u8 {
        match self {
            CalibrationVerdict::Passed => 0,
            CalibrationVerdict::Failed => 1,
            CalibrationVerdict::Inconclusive => 2,
            CalibrationVerdict::Invalid => 3,
        }
    }
}

/// The smallest differences that a set-up can see, as shares: 0.02 is 2 % more or less.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SmallestEffect {
    /// For so many blocks.
    pub blocks: u64,
    /// Half of the A/A's 95 % interval.
    pub half_width: f64,
    /// The true difference that such a comparison tells from none in four of five runs.
    pub told_from_none: f64,
    /// The true difference that it calls slower, or faster, in four of five runs: one beyond the margin.
    pub told_from_margin: f64,
}

/// What measured the slower side of a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlTarget {
    /// The job's own target, with a latency raised by a known amount.
    Job,
    /// fleetmark's own target in its place: of the job's nobody knows how to make it slower by a known amount.
    Default,
}

/// A host that was calibrated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibratedHost {
    /// Its agent.
    pub agent: String,
    /// SHA-256 of its fingerprint without its boot and fleetmark's version, lower-case hex.
    pub fingerprint_sha256: String,
}

/// A calibration as `fleetmark calibrate --json` has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What came of it.
    pub verdict: CalibrationVerdict,
    /// Why, as a sentence.
    pub reason: String,
    /// The contract's exit code: 0 passed, 1 not to be trusted, 2 not told, 3 invalid.
    pub exit_code: u8,
    /// The hosts that it is about.
    pub hosts: Vec<CalibratedHost>,
    /// The largest difference that counts as none, as a share.
    pub margin: f64,
    /// Blocks that it takes to pass.
    pub blocks_min: u32,
    /// What the A/A read.
    pub same: CalibrationReading,
    /// What the control read; `null`: it did not run, since the A/A does not count.
    pub slower: Option<CalibrationReading>,
    /// Second side / first side of the control, as it was made.
    pub slower_by: f64,
    /// What measured the slower side.
    pub control_target: ControlTarget,
    /// The smallest effects that can be seen; `null`: the A/A has no interval.
    pub smallest_effect: Option<SmallestEffect>,
    /// When it was made, RFC 3339 in UTC.
    pub calibrated_at: String,
    /// Until when it counts if it passed and the hosts stay as they are, RFC 3339 in UTC.
    pub lapses_at: String,
    /// What a reader should know, as sentences.
    pub notes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_its_tag_and_by_no_other_word() {
        for part in [CalibrationPart::Same, CalibrationPart::Slower] {
            assert_eq!(CalibrationPart::named(part.as_str()), Some(part));
        }
        assert_eq!(CalibrationPart::named("passed"), None);
    }

    #[test]
    fn the_exit_codes_are_the_contracts() {
        let codes = [
            CalibrationVerdict::Passed,
            CalibrationVerdict::Failed,
            CalibrationVerdict::Inconclusive,
            CalibrationVerdict::Invalid,
        ];
        assert_eq!(codes.map(CalibrationVerdict::exit_code), [0, 1, 2, 3]);
    }
}
