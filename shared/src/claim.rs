//! What a job claims: a metric, a rule that says which way is better and by how much, and how much the claim weighs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metric::{MetricName, Unit};
use crate::units::{human_bytes, human_count, human_ns, human_rate, human_share};

/// One claim of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What a person wrote about it.
    pub text: Option<String>,
    /// What is measured.
    pub metric: MetricName,
    /// Which way the metric is better.
    pub better: Better,
    /// The variant that it is about; `None`: each variant, one verdict apiece.
    pub variant: Option<String>,
    /// What must hold.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: ClaimSeverity,
    /// Whether the run ends early once it is refuted beyond doubt.
    pub ends_run: bool,
}

/// Which way a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Better {
    /// Times, sizes, errors.
    Lower,
    /// Throughput.
    Higher,
}

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The metric of one variant stays on one side of a limit.
    Bound {
        /// On which.
        side: Side,
        /// The limit.
        limit: Amount,
    },
    /// The metric, divided by that of the other side, stays on one side of a factor.
    Ratio {
        /// On which.
        side: Side,
        /// The factor, at least 0.
        factor: f64,
        /// The other side.
        against: Against,
    },
    /// The metric is worse than that of the other side by no more than a share.
    NoRegression {
        /// The share, 0 to 1.
        tolerance: f64,
        /// The other side.
        against: Against,
    },
    /// The metric grows with a swept number.
    Scaling {
        /// The swept path.
        path: String,
        /// Least share of the ideal growth at every step, 0 to 1.
        efficiency: f64,
    },
}

/// On which side of a limit a value must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Below it: `below`, `at_most`.
    Below,
    /// Above it: `above`, `at_least`.
    Above,
}

/// With what a variant is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// Another variant of the same run.
    Variant(String),
    /// A stored baseline.
    Baseline(String),
}

/// A value with what it is measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// The value in the unit's smallest step: ns, bytes, per second, or plain.
    pub value: f64,
    /// Its unit; [`Unit::Unknown`]: a plain number for a metric whose unit is its reporter's own.
    pub unit: Unit,
}

/// How much a claim weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimSeverity {
    /// It counts in the run's verdict and exit code.
    #[default]
    Gate,
    /// It is only printed.
    Warn,
}

impl ClaimSeverity {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ClaimSeverity::Gate => "gate",
            ClaimSeverity::Warn => "warn",
        }
    }
}

impl Better {
    /// Which way a metric is better by its nature; `None`: nothing says so.
    pub fn of_metric(metric: &MetricName) -> Option<Self> {
        match (metric.measure.as_str(), metric.unit()) {
            (_, Unit::Time | Unit::Size) | ("error_ratio" | "unsent", _) => Some(Better::Lower),
            (_, Unit::Rate) => Some(Better::Higher),
            _ => None,
        }
    }

    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Better::Lower => "lower",
            Better::Higher => "higher",
        }
    }
}

impl Rule {
    /// The other side; `None`: the rule looks at one side alone, or at a whole sweep.
    pub fn against(&self) -> Option<&Against> {
        match self {
            Rule::Ratio { against, .. } | Rule::NoRegression { against, .. } => Some(against),
            Rule::Bound { .. } | Rule::Scaling { .. } => None,
        }
    }

    /// Whether it compares one measurement with another, and so needs blocks.
    pub const fn is_comparing(&self) -> bool {
        !matches!(self, Rule::Bound { .. })
    }
}

/// The rule as reports print it: `below 100 ms`, `at least 1.3 × load.workers=1`, `no regression above 5 % against main`.
impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Bound { side: Side::Below, limit } => write!(formatter, "below {limit}"),
            Rule::Bound { side: Side::Above, limit } => write!(formatter, "above {limit}"),
            Rule::Ratio { side: Side::Below, factor, against } => {
                write!(formatter, "at most {factor} × {against}")
            }
            Rule::Ratio { side: Side::Above, factor, against } => {
                write!(formatter, "at least {factor} × {against}")
            }
            Rule::NoRegression { tolerance, against } => {
                write!(formatter, "no regression above {} against {against}", human_share(*tolerance))
            }
            Rule::Scaling { path, efficiency } => {
                write!(formatter, "scales over {path} with an efficiency of {efficiency} or more")
            }
        }
    }
}

impl fmt::Display for Against {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Against::Variant(name) => formatter.write_str(name),
            Against::Baseline(name) => write!(formatter, "the baseline {name}"),
        }
    }
}

/// The value in the unit that suits it: `8.14 s`, `2.0 MiB`, `12.3k/s`, `5 %`.
impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.unit {
            Unit::Time => human_ns(self.value),
            Unit::Size => human_bytes(self.value),
            Unit::Rate => human_rate(self.value),
            Unit::Share => human_share(self.value),
            Unit::Count | Unit::Unknown => human_count(self.value),
        };
        formatter.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_whose_nature_says_nothing_has_no_better_way() {
        let better = |text: &str| Better::of_metric(&MetricName::parse(text, []).unwrap());
        assert_eq!(better("latency.p99"), Some(Better::Lower));
        assert_eq!(better("max_memory.max"), Some(Better::Lower));
        assert_eq!(better("error_ratio"), Some(Better::Lower));
        assert_eq!(better("throughput"), Some(Better::Higher));
        assert_eq!(
            (better("metric.hits.mean"), better("host.cpu_busy.mean"), better("count")),
            (None, None, None)
        );
    }

    #[test]
    fn a_rule_prints_as_people_say_it() {
        let limit = |value, unit| Amount { value, unit };
        let bound = |side, limit| Rule::Bound { side, limit }.to_string();
        assert_eq!(bound(Side::Below, limit(1e8, Unit::Time)), "below 100 ms");
        assert_eq!(bound(Side::Above, limit(0.5, Unit::Unknown)), "above 0.500");
        let against = Against::Variant("load.workers=1".to_owned());
        assert_eq!(
            Rule::Ratio { side: Side::Above, factor: 1.3, against }.to_string(),
            "at least 1.3 × load.workers=1"
        );
        let against = Against::Baseline("main".to_owned());
        assert_eq!(
            Rule::NoRegression { tolerance: 0.05, against }.to_string(),
            "no regression above 5 % against the baseline main"
        );
    }
}
