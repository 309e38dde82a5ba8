//! What one operation did: its counts, distributions and metrics, as the JSON contract has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interval::ErrorSample;

/// What one operation did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Its name; `*` for all merged.
    pub name: String,
    /// Operations scheduled inside the window that ended, successes and errors.
    pub count: u64,
    /// Operations due but not begun before the drain ended.
    pub unsent: u64,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// At most five samples of what went wrong.
    pub error_samples: Vec<ErrorSample>,
    /// Errors / count; `null` when nothing ended.
    pub error_ratio: Option<f64>,
    /// Operations scheduled per second of the window.
    pub scheduled_per_s: Option<f64>,
    /// Successes per second of the window.
    pub throughput_per_s: Option<f64>,
    /// Latency of successes.
    pub latency_ns: Distribution,
    /// Service time of successes.
    pub service_time_ns: Distribution,
    /// The generator's own lateness.
    pub send_lag_ns: Distribution,
    /// Waiting for a free worker.
    pub worker_wait_ns: Distribution,
    /// Latency of failures.
    pub failed_ns: Distribution,
    /// Bytes written to the measured thing.
    pub bytes_sent: u64,
    /// Bytes read from the measured thing.
    pub bytes_received: u64,
    /// Connections opened inside the window.
    pub connects: u64,
    /// Further metrics by name.
    pub metrics: BTreeMap<String, MetricReport>,
    /// Merged latencies as a base64 HdrHistogram (V2, compressed). Exports carry it, reports do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_histogram: Option<String>,
}

/// A distribution: count, extremes and quantiles; `null` where the sample cannot carry it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// Lowest value (its bucket's lowest).
    pub min: Option<u64>,
    /// Mean of the buckets' midpoints.
    pub mean: Option<f64>,
    /// Standard deviation over the buckets' midpoints.
    pub stdev: Option<f64>,
    /// Median.
    pub p50: Option<u64>,
    /// 75th percentile.
    pub p75: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    pub p99_9: Option<u64>,
    /// 99.99th percentile.
    pub p99_99: Option<u64>,
    /// Highest value (its bucket's highest).
    pub max: Option<u64>,
}

/// A metric beside the latencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricReport {
    /// Its unit: `ns`, `bytes`, `per_s` or empty.
    pub unit: String,
    /// How many values.
    pub count: u64,
    /// Mean.
    pub mean: Option<f64>,
    /// Standard deviation.
    pub stdev: Option<f64>,
    /// Lowest value.
    pub min: Option<f64>,
    /// Highest value.
    pub max: Option<f64>,
}
