//! The OpenTelemetry protocol's metrics (OTLP 1.x, `ExportMetricsServiceRequest`), as far as counters and histograms need it.
//! <https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto>

use prost::{Message, Oneof};

use super::sample::{Counted, Sampled};
use crate::live::counted::BOUNDS_NS;

/// What says how it is written.
pub(super) const HEADERS: &[(&str, &str)] = &[("content-type", "application/x-protobuf")];
/// Counters that only grow, from a start on (`AGGREGATION_TEMPORALITY_CUMULATIVE`).
const CUMULATIVE: i32 = 2;

/// Everything of one moment.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) resource_metrics: Vec<ResourceMetrics>,
}

/// What one resource tells.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ResourceMetrics {
    #[prost(message, optional, tag = "1")]
    pub(super) resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub(super) scope_metrics: Vec<ScopeMetrics>,
}

/// Who tells it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Resource {
    #[prost(message, repeated, tag = "1")]
    pub(super) attributes: Vec<KeyValue>,
}

/// What one library of it tells.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ScopeMetrics {
    #[prost(message, optional, tag = "1")]
    pub(super) scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
}

/// The library.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Scope {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

/// One metric.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) description: String,
    #[prost(string, tag = "3")]
    pub(super) unit: String,
    #[prost(oneof = "Data", tags = "7, 9")]
    pub(super) data: Option<Data>,
}

/// Its values.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Data {
    #[prost(message, tag = "7")]
    Sum(Sum),
    #[prost(message, tag = "9")]
    Histogram(Histogram),
}

/// Values of a counter.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Sum {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<NumberDataPoint>,
    #[prost(int32, tag = "2")]
    pub(super) aggregation_temporality: i32,
    #[prost(bool, tag = "3")]
    pub(super) is_monotonic: bool,
}

/// One value of a counter.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NumberDataPoint {
    #[prost(fixed64, tag = "2")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) time_unix_nano: u64,
    #[prost(oneof = "Number", tags = "6")]
    pub(super) value: Option<Number>,
    #[prost(message, repeated, tag = "7")]
    pub(super) attributes: Vec<KeyValue>,
}

/// A number: whole ones are all that is counted here.
#[derive(Clone, Copy, PartialEq, Eq, Oneof)]
pub(super) enum Number {
    #[prost(sfixed64, tag = "6")]
    Whole(i64),
}

/// Values of a histogram.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(message, repeated, tag = "1")]
    pub(super) data_points: Vec<HistogramDataPoint>,
    #[prost(int32, tag = "2")]
    pub(super) aggregation_temporality: i32,
}

/// One value of a histogram.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HistogramDataPoint {
    #[prost(fixed64, tag = "2")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    pub(super) time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    pub(super) count: u64,
    #[prost(double, optional, tag = "5")]
    pub(super) sum: Option<f64>,
    /// One more than there are bounds; not cumulative.
    #[prost(fixed64, repeated, tag = "6")]
    pub(super) bucket_counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    pub(super) explicit_bounds: Vec<f64>,
    #[prost(message, repeated, tag = "9")]
    pub(super) attributes: Vec<KeyValue>,
}

/// What values are told apart by.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<AnyValue>,
}

/// A text.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct AnyValue {
    #[prost(oneof = "Text", tags = "1")]
    pub(super) value: Option<Text>,
}

/// The one kind of value that there is here.
#[derive(Clone, PartialEq, Eq, Oneof)]
pub(super) enum Text {
    #[prost(string, tag = "1")]
    String(String),
}

/// A moment as it is sent.
pub(super) fn encode(sampled: &Sampled) -> Vec<u8> {
    request(sampled).encode_to_vec()
}

/// Everything of a moment.
pub(super) fn request(sampled: &Sampled) -> ExportRequest {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let service = [("service.name", "fleetmark".to_owned()), ("service.version", version.clone())];
    let metrics = vec![operations(sampled), errors(sampled), latency(sampled)];
    let scope = Scope { name: "fleetmark".to_owned(), version };
    ExportRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes: service.map(attribute).to_vec() }),
            scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics }],
        }],
    }
}

fn operations(sampled: &Sampled) -> Metric {
    let point = |counted: Counted<'_>| number(sampled, &counted, None, counted.counts.count());
    let points = sampled.operations().map(point).collect();
    let told = "Operations of a run that were due in a measured window and have ended, errors among them.";
    sum("fleetmark.run.operations", told, "{operation}", points)
}

fn errors(sampled: &Sampled) -> Metric {
    let points = sampled.operations().flat_map(|counted| {
        let errors = counted.counts.errors.iter();
        errors.map(move |(kind, errors)| number(sampled, &counted, Some(kind), *errors))
    });
    sum("fleetmark.run.errors", "Those of them that ended as an error, by kind.", "{error}", points.collect())
}

fn latency(sampled: &Sampled) -> Metric {
    let point = |counted: Counted<'_>| HistogramDataPoint {
        start_time_unix_nano: nanoseconds(sampled.began_ms),
        time_unix_nano: nanoseconds(sampled.at_ms),
        count: counted.counts.succeeded(),
        sum: Some(counted.counts.latency_ns as f64 / 1e9),
        bucket_counts: counted.counts.buckets.to_vec(),
        explicit_bounds: BOUNDS_NS.iter().map(|bound_ns| *bound_ns as f64 / 1e9).collect(),
        attributes: counted.labels().map(attribute).to_vec(),
    };
    let data_points = sampled.operations().map(point).collect();
    Metric {
        name: "fleetmark.run.latency".to_owned(),
        description: "Latency of the successes among them, counted from when each was due.".to_owned(),
        unit: "s".to_owned(),
        data: Some(Data::Histogram(Histogram { data_points, aggregation_temporality: CUMULATIVE })),
    }
}

fn sum(name: &str, description: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true };
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        data: Some(Data::Sum(sum)),
    }
}

fn number(sampled: &Sampled, counted: &Counted<'_>, kind: Option<&str>, value: u64) -> NumberDataPoint {
    let kind = kind.map(|kind| ("kind", kind.to_owned()));
    NumberDataPoint {
        start_time_unix_nano: nanoseconds(sampled.began_ms),
        time_unix_nano: nanoseconds(sampled.at_ms),
        value: Some(Number::Whole(i64::try_from(value).unwrap_or(i64::MAX))),
        attributes: counted.labels().into_iter().chain(kind).map(attribute).collect(),
    }
}

fn attribute((key, value): (&str, String)) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Text::String(value)) }) }
}

const fn nanoseconds(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}
