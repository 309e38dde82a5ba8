//! Prometheus' remote write, version 1.0: a protobuf of series with a value each, compressed by snappy.
//! <https://prometheus.io/docs/specs/prw/remote_write_spec/>

use prost::Message;

use super::sample::{Counted, Sampled};
use crate::live::counted::BOUNDS_NS;

/// What says how it is written.
pub(super) const HEADERS: &[(&str, &str)] = &[
    ("content-type", "application/x-protobuf"),
    ("content-encoding", "snappy"),
    ("x-prometheus-remote-write-version", "0.1.0"),
];

/// All series of one moment.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

/// One series.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeSeries {
    /// Its labels, by name.
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Sample>,
}

/// A label.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Label {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// A value.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds since 1970 UTC.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// A moment as it is sent.
pub(super) fn encode(sampled: &Sampled) -> Vec<u8> {
    let message = request(sampled).encode_to_vec();
    // It only refuses what has more than 4 GiB: a thousand times as much as there can be.
    snap::raw::Encoder::new().compress_vec(&message).unwrap_or_default()
}

/// The series of a moment.
pub(super) fn request(sampled: &Sampled) -> WriteRequest {
    let timestamp = i64::try_from(sampled.at_ms).unwrap_or(i64::MAX);
    let timeseries = sampled.operations().flat_map(|counted| series(&counted, timestamp)).collect();
    WriteRequest { timeseries }
}

fn series(counted: &Counted<'_>, timestamp: i64) -> Vec<TimeSeries> {
    let counts = counted.counts;
    let one = |name: &str, more: Option<(&str, String)>, value: f64| {
        let known = [("__name__", format!("fleetmark_run_{name}"))].into_iter().chain(counted.labels());
        let mut labels: Vec<Label> =
            known.chain(more).map(|(name, value)| Label { name: name.to_owned(), value }).collect();
        labels.sort_by(|one, other| one.name.cmp(&other.name));
        TimeSeries { labels, samples: vec![Sample { value, timestamp }] }
    };
    let mut series = vec![one("operations_total", None, counts.count() as f64)];
    for (kind, errors) in &counts.errors {
        series.push(one("errors_total", Some(("kind", (*kind).to_owned())), *errors as f64));
    }
    let bounds = BOUNDS_NS.iter().map(|bound_ns| (*bound_ns as f64 / 1e9).to_string());
    let mut so_far = 0;
    for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(counts.buckets) {
        so_far += count;
        series.push(one("latency_seconds_bucket", Some(("le", bound)), so_far as f64));
    }
    series.push(one("latency_seconds_sum", None, counts.latency_ns as f64 / 1e9));
    series.push(one("latency_seconds_count", None, so_far as f64));
    series
}
