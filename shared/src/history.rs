//! One metric over the runs of a job: what is kept of it, and what can be said of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::RunId;

/// The schema's name, written into every trend.
pub const SCHEMA: &str = "fleetmark.trend/1";

/// One metric over the runs of a job, as it is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// The job's name; empty: no run has the metric.
    pub job: String,
    /// One value of each run, variant, and agent or pair that stands alone; by run, oldest first.
    pub points: Vec<HistoryPoint>,
    /// Runs of the job that were left out: failed, invalid, damaged, or without the metric.
    pub runs_left_out: u32,
    /// Whether there are older runs that were not looked at.
    pub has_older: bool,
}

/// The value of a metric in one run.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPoint {
    /// The run.
    pub run: RunId,
    /// When it was submitted, milliseconds since 1970 UTC.
    pub submitted_at_ms: u64,
    /// Its tags: a commit, say.
    pub tags: BTreeMap<String, String>,
    /// The variant's name.
    pub variant: String,
    /// The agent that it is about, or the pair as words; empty: all of them together.
    pub subject: String,
    /// Its unit: `ns`, `bytes`, `per_s` or empty.
    pub unit: String,
    /// Valid trials that gave a value.
    pub trials: u64,
    /// Mean over the trials.
    pub mean: f64,
    /// 95 % interval of the mean; `None` below two trials.
    pub ci95: Option<[f64; 2]>,
}

/// A history with its change points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The metric.
    pub metric: String,
    /// The job.
    pub job: String,
    /// One series for each variant, and for each agent or pair that stands alone.
    pub series: Vec<TrendSeries>,
    /// Runs of the job that were left out: failed, invalid, damaged, or without the metric.
    pub runs_left_out: u32,
    /// Whether there are older runs that were not looked at.
    pub has_older: bool,
}

/// One series of a trend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendSeries {
    /// The variant's name.
    pub variant: String,
    /// The agent that it is about, or the pair as words; `null`: all of them together.
    pub subject: Option<String>,
    /// Unit of its values: `ns`, `bytes`, `per_s` or empty.
    pub unit: String,
    /// Its values, oldest first.
    pub points: Vec<TrendPoint>,
    /// Where it changed, oldest first: each raises a suspicion that a fresh comparison of both versions confirms or not.
    pub change_points: Vec<TrendChange>,
}

/// One value of a series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendPoint {
    /// The run.
    pub run: RunId,
    /// When it was submitted, RFC 3339 in UTC.
    pub submitted_at: String,
    /// Its tags: `commit`, say.
    pub tags: BTreeMap<String, String>,
    /// Valid trials that gave a value.
    pub trials: u64,
    /// Mean over the trials.
    pub mean: f64,
    /// 95 % interval of the mean; `null` below two trials.
    pub ci95: Option<[f64; 2]>,
}

/// A place at which a series changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrendChange {
    /// Place in `points` of the first value after it.
    pub at: usize,
    /// The first run after it.
    pub run: RunId,
    /// Mean of the values between the change before and this one.
    pub before: f64,
    /// Mean of the values between this one and the next.
    pub after: f64,
    /// after / before; `null` when that makes no sense.
    pub ratio: Option<f64>,
    /// How likely such a change is where nothing changed.
    pub p_value: f64,
}
