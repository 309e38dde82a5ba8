//! What a job asks of a parser beside its name: which numbers, in which units.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;
use shared::ids::Name;
use shared::metric::spec::base_unit;
use shared::metric::{MetricKind, MetricSpec, Summary};

use super::Parser;
use super::reading::{Benchmark, Values};

/// What is asked of a parser.
#[derive(Debug, Default)]
pub(in crate::workload::command) struct Request {
    /// The numbers that are wanted, of parsers that do not know them by themselves.
    pub(super) metrics: Vec<Wanted>,
    /// The expression whose groups they are.
    pub(super) pattern: Option<Regex>,
    /// The unit of what has none of its own.
    pub(super) unit: Option<String>,
}

/// One number that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What it is called: a group's name, or the job's.
    pub(super) name: String,
    /// Where it stands, as a JSON pointer.
    pub(super) from: String,
    /// What its values are.
    pub(super) kind: MetricKind,
    /// The unit that it is kept in.
    pub(super) unit: String,
    /// What one of its written unit is in that.
    pub(super) factor: f64,
}

/// A metric as a job writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::workload::command) struct MetricKeys {
    from: Option<String>,
    unit: Option<String>,
    kind: Option<MetricKind>,
    /// Read where claims are checked.
    #[serde(rename = "better")]
    _better: Option<String>,
}

/// The keys that say what is asked.
#[derive(Debug, Default)]
pub(in crate::workload::command) struct RequestKeys {
    /// `metrics`.
    pub(in crate::workload::command) metrics: Option<BTreeMap<String, MetricKeys>>,
    /// `pattern`.
    pub(in crate::workload::command) pattern: Option<String>,
    /// `unit`.
    pub(in crate::workload::command) unit: Option<String>,
}

/// Why a parser cannot do what is asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload::command) enum RequestError {
    /// A key that says nothing to this parser.
    #[error("`{key}` says nothing to parse = {parser:?}: leave it out")]
    Idle {
        /// The key.
        key: &'static str,
        /// The parser.
        parser: &'static str,
    },
    /// A key that it cannot do without.
    #[error("parse = {parser:?} needs `{key}`")]
    Lacks {
        /// The key.
        key: &'static str,
        /// The parser.
        parser: &'static str,
    },
    /// No regular expression.
    #[error("`pattern` is no regular expression: {0}")]
    Pattern(#[from] regex::Error),
    /// An expression without a named group.
    #[error("`pattern` has no named group, as in \"took (?P<took>[0-9.]+) ms\"")]
    NoGroup,
    /// A metric that the expression knows nothing of.
    #[error("`metrics` names {0:?}, and `pattern` has no group of that name")]
    UnknownGroup(String),
    /// A metric that cannot be one.
    #[error("`metrics`: {name:?} {problem}")]
    Metric {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

impl RequestKeys {
    /// Reads what is asked of a parser.
    ///
    /// # Errors
    /// What it cannot do, or lacks.
    pub(in crate::workload::command) fn read(self, parser: &'static Parser) -> Result<Request, RequestError> {
        let given = [
            ("metrics", self.metrics.is_some()),
            ("pattern", self.pattern.is_some()),
            ("unit", self.unit.is_some()),
        ];
        for (key, is_given) in given {
            if is_given && !parser.keys.contains(&key) {
                return Err(RequestError::Idle { key, parser: parser.name });
            }
            if !is_given && parser.required.contains(&key) {
                return Err(RequestError::Lacks { key, parser: parser.name });
            }
        }
        let pattern = self.pattern.as_deref().map(Regex::new).transpose()?;
        let keys = self.metrics.unwrap_or_default();
        let metrics = match &pattern {
            Some(pattern) => groups(pattern, keys)?,
            None => keys.into_iter().map(|(name, keys)| pointed_at(name, keys)).collect::<Result<_, _>>()?,
        };
        Ok(Request { metrics, pattern, unit: self.unit })
    }
}

/// A metric for each named group of an expression.
fn groups(pattern: &Regex, mut keys: BTreeMap<String, MetricKeys>) -> Result<Vec<Wanted>, RequestError> {
    let mut wanted = Vec::new();
    for name in pattern.capture_names().flatten() {
        let keys = keys.remove(name).unwrap_or_default();
        if keys.from.is_some() {
            let problem = "is a group of the pattern: leave `from` out".to_owned();
            return Err(RequestError::Metric { name: name.to_owned(), problem });
        }
        wanted.push(Wanted::new(name.to_owned(), String::new(), keys)?);
    }
    match keys.into_keys().next() {
        Some(unknown) => Err(RequestError::UnknownGroup(unknown)),
        None if wanted.is_empty() => Err(RequestError::NoGroup),
        None => Ok(wanted),
    }
}

fn pointed_at(name: String, mut keys: MetricKeys) -> Result<Wanted, RequestError> {
    let broken = |problem: &str| RequestError::Metric { name: name.clone(), problem: problem.to_owned() };
    Name::new(name.as_str()).map_err(|error| broken(&error.to_string()))?;
    let from =
        keys.from.take().ok_or_else(|| broken("lacks `from`, a JSON pointer such as \"/latency/p99\""))?;
    if !from.is_empty() && !from.starts_with('/') {
        return Err(broken("has a `from` that is no JSON pointer: begin it with `/`"));
    }
    Wanted::new(name, from, keys)
}

impl Wanted {
    fn new(name: String, from: String, keys: MetricKeys) -> Result<Self, RequestError> {
        let written = keys.unit.unwrap_or_default();
        let (unit, factor) = base_unit(&written);
        let spec = MetricSpec { name, unit: unit.to_owned(), kind: keys.kind.unwrap_or(MetricKind::Gauge) };
        let problem = match spec.check() {
            Err(error) => Some(error.to_string()),
            Ok(()) if spec.kind == MetricKind::Ratio => {
                Some("cannot be a ratio here: write kind = \"gauge\" or \"histogram\"".to_owned())
            }
            Ok(()) => None,
        };
        match problem {
            Some(problem) => Err(RequestError::Metric { name: spec.name, problem }),
            None => Ok(Self { name: spec.name, from, kind: spec.kind, unit: spec.unit, factor }),
        }
    }

    /// No values yet.
    pub(super) fn values(&self) -> Values {
        match self.kind {
            MetricKind::Histogram => Values::Each(Summary::default(), Box::default()),
            MetricKind::Gauge | MetricKind::Ratio => Values::Summary(Summary::default()),
        }
    }

    /// Takes a value in, as it was written; `false`: it can be none.
    pub(super) fn record(&self, values: &mut Values, written: f64) -> bool {
        let value = written * self.factor;
        match values {
            Values::Summary(summary) => summary.record(value),
            Values::Each(summary, histogram) => {
                let is_told = value >= 0.0 && summary.record(value);
                if is_told {
                    // The cast keeps within what the type can hold: far too large is the highest.
                    histogram.record(value.round() as u64);
                }
                is_told
            }
        }
    }

    /// What a value must be.
    pub(super) fn expected(&self) -> &'static str {
        match self.kind {
            MetricKind::Gauge | MetricKind::Ratio => "number",
            MetricKind::Histogram => "number from 0 on",
        }
    }

    /// What was found of it.
    pub(super) fn benchmark(&self, values: Values) -> Benchmark {
        Benchmark {
            label: self.name.clone(),
            full_label: self.name.clone(),
            unit: self.unit.clone(),
            values,
            figures: Vec::new(),
        }
    }
}
