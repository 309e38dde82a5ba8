//! Metric names: `[operation.]measure[.statistic]`, as the contract lists measures and statistics.
//!
//! Rooms: [`spec`], metrics that a workload takes out of responses; [`summary`], what is kept of their values.

pub mod spec;
pub mod summary;

use std::fmt;

pub use spec::{MetricKind, MetricSpec, MetricSpecError};
pub use summary::{Summary, SummaryError};

/// Measures that have statistics and a name of their own.
pub const MEASURES_WITH_STATISTICS: &[&str] = &[
    "latency",
    "service_time",
    "send_lag",
    "worker_wait",
    "failed",
    "pool_wait",
    "dns",
    "connect",
    "tls",
    "first_byte",
    "body",
    "cpu_time",
    "max_memory",
];
/// The parts of a request that a workload may tell, in the order in which they come; each is a measure.
pub const PHASES: &[&str] = &["pool_wait", "dns", "connect", "tls", "first_byte", "body"];
/// Measures that only some workloads tell, each with a distribution of its own.
pub const WORKLOAD_MEASURES: &[&str] =
    &["pool_wait", "dns", "connect", "tls", "first_byte", "body", "cpu_time", "max_memory"];
/// Measures that are one number each.
pub const MEASURES_PLAIN: &[&str] = &["throughput", "error_ratio", "count", "unsent"];
/// Beginnings of measures that carry a name from elsewhere: `metric.hits.mean`, `host.cpu_busy.max`.
pub const MEASURES_NAMED: &[&str] = &["metric", "host"];
/// The statistics, in the contract's order.
pub const STATISTICS: &[&str] =
    &["min", "mean", "max", "stdev", "p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99"];

/// Whether an operation must not be called so, since a metric's name would then mean two things.
pub fn is_reserved(name: &str) -> bool {
    [MEASURES_WITH_STATISTICS, MEASURES_PLAIN, MEASURES_NAMED].concat().contains(&name) || name == "*"
}

/// What a metric's values are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A time: `100ms` in text, ns in JSON.
    Time,
    /// A size: `2MiB` in text, bytes in JSON.
    Size,
    /// Successes per second.
    Rate,
    /// A share from 0 to 1.
    Share,
    /// A plain count.
    Count,
    /// Whatever its reporter says.
    Unknown,
}

impl Unit {
    /// The word for it in reports; empty for what is plain.
    pub const fn as_str(self) -> &'static str {
        match self {
            Unit::Time => "ns",
            Unit::Size => "bytes",
            Unit::Rate => "per_s",
            Unit::Share | Unit::Count | Unit::Unknown => "",
        }
    }

    /// What a measure's values are measured in.
    pub fn of_measure(measure: &str) -> Self {
        match measure {
            "max_memory" => Unit::Size,
            "throughput" => Unit::Rate,
            "error_ratio" => Unit::Share,
            "count" | "unsent" => Unit::Count,
            measure if MEASURES_WITH_STATISTICS.contains(&measure) => Unit::Time,
            _ => Unit::Unknown,
        }
    }
}

/// A metric's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricName {
    /// The operation; `None`: all operations merged.
    pub operation: Option<String>,
    /// The measure; with its own name where it has one: `metric.hits`.
    pub measure: String,
    /// The statistic; `None` for measures that are one number.
    pub statistic: Option<String>,
}

/// Why a text is no metric's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricNameError {
    /// No such measure.
    #[error(
        "{0:?} is no measure: write [operation.]measure[.statistic], as in \"read.latency.p99\" or \"throughput\""
    )]
    UnknownMeasure(String),
    /// No such operation.
    #[error("there is no operation {0:?}")]
    UnknownOperation(String),
    /// No such statistic.
    #[error(
        "{0:?} is no statistic: write one of min, mean, max, stdev, p50, p75, p90, p95, p99, p99_9, p99_99"
    )]
    UnknownStatistic(String),
    /// A distribution without a statistic.
    #[error("{0:?} lacks its statistic, as in \"{0}.p99\"")]
    NoStatistic(String),
    /// A single number with a statistic.
    #[error("{0:?} is one number and has no statistics")]
    PlainMeasure(String),
}

impl MetricName {
    /// Reads a name; its operation must be one of `operations`.
    ///
    /// # Errors
    /// An operation, measure or statistic that does not exist, or a statistic missing or too many.
    pub fn parse<'a>(
        text: &str,
        operations: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, MetricNameError> {
        let (first, after) = text.split_once('.').unwrap_or((text, ""));
        if is_reserved(first) && first != "*" {
            return Self::of_measure(None, text);
        }
        let is_known = first == "*" || operations.into_iter().any(|operation| operation == first);
        match (is_known, after.is_empty()) {
            (true, false) => Self::of_measure(Some(first.to_owned()).filter(|name| name != "*"), after),
            (true, true) => Err(MetricNameError::UnknownMeasure(text.to_owned())),
            (false, true) => Err(MetricNameError::UnknownMeasure(first.to_owned())),
            (false, false) => Err(MetricNameError::UnknownOperation(first.to_owned())),
        }
    }

    /// What its values are measured in.
    pub fn unit(&self) -> Unit {
        Unit::of_measure(&self.measure)
    }

    fn of_measure(operation: Option<String>, text: &str) -> Result<Self, MetricNameError> {
        let first = text.split('.').next().unwrap_or_default();
        if MEASURES_PLAIN.contains(&first) {
            let is_alone = first.len() == text.len();
            let name = Self { operation, measure: first.to_owned(), statistic: None };
            return if is_alone { Ok(name) } else { Err(MetricNameError::PlainMeasure(first.to_owned())) };
        }
        let is_named = MEASURES_NAMED.contains(&first);
        if !is_named && !MEASURES_WITH_STATISTICS.contains(&first) {
            return Err(MetricNameError::UnknownMeasure(first.to_owned()));
        }
        // The name of a named measure may itself hold points: only the last part can be the statistic.
        let (measure, statistic) = text.rsplit_once('.').unwrap_or((text, ""));
        let is_complete = if is_named { measure.len() > first.len() + 1 } else { measure == first };
        match (STATISTICS.contains(&statistic), is_complete) {
            (true, true) => {
                Ok(Self { operation, measure: measure.to_owned(), statistic: Some(statistic.to_owned()) })
            }
            (false, true) if !statistic.is_empty() => {
                Err(MetricNameError::UnknownStatistic(statistic.to_owned()))
            }
            _ if text == first || is_named => Err(MetricNameError::NoStatistic(text.to_owned())),
            _ => Err(MetricNameError::UnknownStatistic(text[first.len() + 1..].to_owned())),
        }
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = &self.operation {
            write!(formatter, "{operation}.")?;
        }
        formatter.write_str(&self.measure)?;
        self.statistic.as_ref().map_or(Ok(()), |statistic| write!(formatter, ".{statistic}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MetricName, MetricNameError> {
        MetricName::parse(text, ["read", "write"])
    }

    #[test]
    fn a_name_reads_and_prints_the_same() {
        for text in
            ["read.latency.p95", "throughput", "write.throughput", "metric.test_simple.mean", "host.a.b.max"]
        {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("*.latency.p99"), parse("latency.p99"));
        assert_eq!(parse("metric.a.b.p50").unwrap().measure, "metric.a.b");
    }

    #[test]
    fn what_is_wrong_with_a_name_is_said() {
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(error("reed.latency.p95"), MetricNameError::UnknownOperation("reed".to_owned()));
        assert_eq!(error("read.latincy.p95"), MetricNameError::UnknownMeasure("latincy".to_owned()));
        assert_eq!(error("read.latency.p98"), MetricNameError::UnknownStatistic("p98".to_owned()));
        assert_eq!(error("latency"), MetricNameError::NoStatistic("latency".to_owned()));
        assert_eq!(error("metric.p99"), MetricNameError::NoStatistic("metric.p99".to_owned()));
        assert_eq!(error("throughput.mean"), MetricNameError::PlainMeasure("throughput".to_owned()));
        assert_eq!(error("latency.x.p99"), MetricNameError::UnknownStatistic("x.p99".to_owned()));
        for text in ["", ".", "read", "read.", "metric.", "metric", "read..p99", "host.x"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn units_follow_the_measure() {
        assert_eq!(parse("read.latency.p99").unwrap().unit(), Unit::Time);
        assert_eq!(parse("max_memory.max").unwrap().unit(), Unit::Size);
        assert_eq!(parse("throughput").unwrap().unit(), Unit::Rate);
        assert_eq!(parse("metric.x.mean").unwrap().unit(), Unit::Unknown);
    }
}
