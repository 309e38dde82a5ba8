//! What a workload says in advance of the values that it will take out of responses.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name of a metric or measure, in bytes: it stands in every interval.
pub const METRIC_NAME_BYTES_MAX: usize = 128;
/// Longest unit of a metric, in bytes, for the same reason.
pub const METRIC_UNIT_BYTES_MAX: usize = 32;

/// One metric of an operation: `metric.<name>` in a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSpec {
    /// Its name, 1 to [`METRIC_NAME_BYTES_MAX`] bytes, once per operation.
    pub name: String,
    /// Its unit, at most [`METRIC_UNIT_BYTES_MAX`] bytes: `ns`, `bytes`, `per_s`, empty (plain) or a word of the job's own.
    pub unit: String,
    /// What its values are.
    pub kind: MetricKind,
}

/// What the values of a metric are, and so what is kept of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// Any number: count, mean, deviation and extremes.
    Gauge,
    /// 0 or 1 each: the mean is the share of ones.
    Ratio,
    /// Whole numbers of its unit from 0 on: quantiles too.
    Histogram,
}

impl MetricKind {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            MetricKind::Gauge => "gauge",
            MetricKind::Ratio => "ratio",
            MetricKind::Histogram => "histogram",
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why metrics cannot be what a workload says. Reads after "failed to prepare the trial: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricSpecError {
    /// An empty name, or one that is too long.
    #[error("the metric's name {0:?} must have 1 to {METRIC_NAME_BYTES_MAX} bytes: choose another")]
    Name(String),
    /// A unit that is too long.
    #[error("the unit of metric {name:?} must have at most {METRIC_UNIT_BYTES_MAX} bytes, not {bytes}")]
    Unit {
        /// The metric.
        name: String,
        /// Bytes of its unit.
        bytes: usize,
    },
    /// One name twice.
    #[error("the metric {0:?} is defined twice: give each a name of its own")]
    Twice(String),
    /// More of them than an operation may have.
    #[error("{count} metrics are more than the {most} that an operation may have: leave some out")]
    TooMany {
        /// How many.
        count: usize,
        /// Most that an operation may have.
        most: usize,
    },
}

/// The base unit that values are kept in, and what one of the written unit is there.
pub fn base_unit(written: &str) -> (&str, f64) {
    match written {
        "ns" => ("ns", 1.0),
        "us" | "\u{b5}s" | "\u{3bc}s" => ("ns", 1e3),
        "ms" => ("ns", 1e6),
        "s" => ("ns", 1e9),
        "B" | "bytes" => ("bytes", 1.0),
        "KiB" => ("bytes", 1024.0),
        "MiB" => ("bytes", 1024.0 * 1024.0),
        "GiB" => ("bytes", 1024.0 * 1024.0 * 1024.0),
        "/s" | "per_s" => ("per_s", 1.0),
        plain => (plain, 1.0),
    }
}

impl MetricSpec {
    /// Checks all metrics of one operation.
    ///
    /// # Errors
    /// The first of them that breaks a bound or repeats a name.
    pub fn check_all(specs: &[MetricSpec]) -> Result<(), MetricSpecError> {
        let (count, most) = (specs.len(), crate::interval::METRICS_MAX);
        if count > most {
            return Err(MetricSpecError::TooMany { count, most });
        }
        for (place, spec) in specs.iter().enumerate() {
            spec.check()?;
            if specs[..place].iter().any(|earlier| earlier.name == spec.name) {
                return Err(MetricSpecError::Twice(spec.name.clone()));
            }
        }
        Ok(())
    }

    /// Checks the bounds of this one.
    ///
    /// # Errors
    /// Its name or unit, when it is too long or lacks.
    pub fn check(&self) -> Result<(), MetricSpecError> {
        if self.name.is_empty() || self.name.len() > METRIC_NAME_BYTES_MAX {
            return Err(MetricSpecError::Name(self.name.clone()));
        }
        if self.unit.len() > METRIC_UNIT_BYTES_MAX {
            return Err(MetricSpecError::Unit { name: self.name.clone(), bytes: self.unit.len() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, unit: &str) -> MetricSpec {
        MetricSpec { name: name.to_owned(), unit: unit.to_owned(), kind: MetricKind::Gauge }
    }

    #[test]
    fn units_have_one_base() {
        let units = ["ms", "\u{b5}s", "KiB", "/s", "rows"].map(base_unit);
        assert_eq!(units, [("ns", 1e6), ("ns", 1e3), ("bytes", 1024.0), ("per_s", 1.0), ("rows", 1.0)]);
    }

    #[test]
    fn names_and_units_are_bounded_and_told_apart() {
        let long = "x".repeat(METRIC_NAME_BYTES_MAX + 1);
        assert_eq!(MetricSpec::check_all(&[spec("a", "ns"), spec("b", "ns")]), Ok(()));
        assert_eq!(MetricSpec::check_all(&[spec("", "ns")]), Err(MetricSpecError::Name(String::new())));
        assert_eq!(MetricSpec::check_all(&[spec(&long, "")]), Err(MetricSpecError::Name(long.clone())));
        assert_eq!(
            MetricSpec::check_all(&[spec("a", &long)]),
            Err(MetricSpecError::Unit { name: "a".to_owned(), bytes: long.len() })
        );
        assert_eq!(
            MetricSpec::check_all(&[spec("a", ""), spec("a", "ns")]),
            Err(MetricSpecError::Twice("a".to_owned()))
        );
        let most = crate::interval::METRICS_MAX;
        let many: Vec<MetricSpec> = (0..=most).map(|number| spec(&format!("m{number}"), "")).collect();
        assert_eq!(MetricSpec::check_all(&many), Err(MetricSpecError::TooMany { count: most + 1, most }));
    }
}
