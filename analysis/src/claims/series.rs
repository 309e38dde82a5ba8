//! A metric, trial by trial: the valid attempts at the trials of one variant that are about one subject.

use std::collections::{BTreeMap, BTreeSet};

use shared::finding::{Finding, FindingCode, Severity};
use shared::host::HostMetric;
use shared::metric::{MetricName, Unit};
use shared::run_report::{OperationReport, TrialReport, VariantReport, value_of};

use crate::assemble::subject::Subject;
use crate::estimate::Scale;
use crate::quantile::samples_needed;

/// The quantiles among the statistics.
const QUANTILES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p95", 0.95),
    ("p99", 0.99),
    ("p99_9", 0.999),
    ("p99_99", 0.9999),
];

/// What leaves a trial standing, and nothing that is said over it: under a closed model a saturated generator, whose limit is
/// fleetmark's own, and a host whose time went to others or that was held back.
pub(crate) const TAINTS: [FindingCode; 3] =
    [FindingCode::GeneratorSaturated, FindingCode::StealHigh, FindingCode::Throttled];

/// The trials of one variant and subject, by block.
#[derive(Debug, Clone)]
pub(crate) struct Series<'a> {
    /// The variant's place in the report.
    pub(crate) variant: usize,
    /// Its name.
    pub(crate) name: &'a str,
    /// The metric.
    pub(crate) metric: &'a MetricName,
    /// The valid attempt of each block that has one.
    pub(crate) valid: BTreeMap<u32, Trial<'a>>,
    /// The last attempt of each block that has no valid one.
    pub(crate) lost: BTreeMap<u32, &'a TrialReport>,
}

/// A valid attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial<'a> {
    /// Its place among the variant's trials.
    pub(crate) place: usize,
    /// What it reports.
    pub(crate) report: &'a TrialReport,
    /// The metric's value; `None` when it cannot be given.
    pub(crate) value: Option<f64>,
}

/// Why a trial gives no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Nothing of the kind was reported.
    Unreported,
    /// There are too few samples for the quantile.
    TooFew {
        /// How many there are.
        samples: u64,
        /// How many it takes.
        needed: u64,
    },
}

impl<'a> Series<'a> {
    /// The series of a metric in a variant that stands at a place of the report.
    pub(crate) fn of(
        variant: usize,
        report: &'a VariantReport,
        subject: &Subject,
        metric: &'a MetricName,
    ) -> Self {
        let (mut valid, mut lost) = (BTreeMap::new(), BTreeMap::new());
        let own = report.trials.iter().enumerate().filter(|(_, trial)| Subject::of(trial) == *subject);
        for (place, trial) in own {
            if trial.valid {
                valid.insert(trial.block, Trial { place, report: trial, value: value_in(trial, metric) });
                lost.remove(&trial.block);
            } else if !valid.contains_key(&trial.block) {
                lost.insert(trial.block, trial);
            }
        }
        Self { variant, name: &report.name, metric, valid, lost }
    }

    /// The values, in the order of the blocks; those that cannot be given are left out.
    pub(crate) fn values(&self) -> Vec<f64> {
        self.valid.values().filter_map(|trial| trial.value).collect()
    }

    /// The values of the blocks that are valid here and there, side by side.
    pub(crate) fn paired(&self, other: &Series<'_>) -> Vec<(f64, f64)> {
        let both = self.valid.iter().filter_map(|(block, own)| Some((own, other.valid.get(block)?)));
        both.filter_map(|(own, other)| Some((own.value?, other.value?))).collect()
    }

    /// The metric's unit as trials report it: `ns`, `bytes`, `per_s`, a word of the job's own, or empty.
    pub(crate) fn unit(&self) -> &'a str {
        self.units().into_iter().next().unwrap_or("")
    }

    /// The units in which trials report it, each once; of a job's own metric they may be several, or none where nobody does.
    pub(crate) fn units(&self) -> BTreeSet<&'a str> {
        let unit = self.metric.unit();
        if unit != Unit::Unknown {
            return BTreeSet::from([unit.as_str()]);
        }
        if let Some(name) = self.metric.measure.strip_prefix("host.") {
            return BTreeSet::from([HostMetric::of_name(name).map_or("", |metric| metric.unit().as_str())]);
        }
        let reported = self.valid.values().filter_map(|trial| {
            let name = self.metric.measure.strip_prefix("metric.")?;
            Some(operation(trial.report, self.metric)?.metrics.get(name)?.unit.as_str())
        });
        reported.collect()
    }

    /// On which scale its values are averaged: logarithms for times, sizes and rates, unless one is zero.
    pub(crate) fn scale(&self) -> Scale {
        let has_logarithms = self.values().iter().all(|value| *value > 0.0);
        let is_amount = ["ns", "bytes", "per_s"].contains(&self.unit());
        match (is_amount && has_logarithms, is_read_off_buckets(self.metric)) {
            (false, _) => Scale::Linear,
            (true, true) => Scale::Bucketed,
            (true, false) => Scale::Logarithmic,
        }
    }

    /// The first trial that gives no value, and why; one that reports nothing of the kind before one with too few samples.
    pub(crate) fn absence(&self) -> Option<(Trial<'a>, Absence)> {
        let absent = self.valid.values().filter(|trial| trial.value.is_none());
        let absent = absent.map(|trial| (*trial, absence(trial.report, self.metric)));
        absent.min_by_key(|(_, absence)| *absence != Absence::Unreported)
    }

    /// Whether a comparison may stand on it: all blocks count and give a value, and none is tainted or failed too often.
    pub(crate) fn is_sound(&self, error_ratio_max: f64) -> bool {
        let failed = |trial: &TrialReport| {
            let ratio = operation(trial, self.metric).and_then(|operation| operation.error_ratio);
            ratio.is_some_and(|ratio| ratio > error_ratio_max)
        };
        let is_broken = |trial: &Trial<'_>| {
            trial.value.is_none() || taint(trial.report).is_some() || failed(trial.report)
        };
        self.lost.is_empty() && !self.valid.values().any(is_broken)
    }
}

/// The finding for which nothing can be said over a trial that counts otherwise.
pub(crate) fn taint(trial: &TrialReport) -> Option<&Finding> {
    trial.findings.iter().find(|finding| TAINTS.contains(&finding.code))
}

/// The operation of a trial that a metric is about.
pub(crate) fn operation<'a>(trial: &'a TrialReport, metric: &MetricName) -> Option<&'a OperationReport> {
    match &metric.operation {
        Some(name) => trial.operations.iter().find(|operation| operation.name == *name),
        // The last stands for all: it is named so, or it is the only one.
        None => trial.operations.last(),
    }
}

/// The share of values that a statistic leaves below it; `None`: it is no quantile.
pub(crate) fn quantile_of(metric: &MetricName) -> Option<f64> {
    let statistic = metric.statistic.as_deref()?;
    QUANTILES.iter().find(|(name, _)| *name == statistic).map(|(_, quantile)| *quantile)
}

/// Why a trial did not count: its first finding that says so.
pub(crate) fn why_lost(trial: &TrialReport) -> &str {
    let finding = trial.findings.iter().find(|finding| finding.severity == Severity::Invalid);
    finding.map_or("nothing says why", |finding| finding.message.as_str())
}

fn absence(trial: &TrialReport, metric: &MetricName) -> Absence {
    let too_few = || {
        let operation = operation(trial, metric)?;
        let samples = match metric.measure.strip_prefix("metric.") {
            // Only a histogram has quantiles, however many values there are.
            Some(name) => {
                operation
                    .metrics
                    .get(name)
                    .filter(|it| it.kind == shared::metric::MetricKind::Histogram)?
                    .count
            }
            None => operation.distribution(&metric.measure)?.count,
        };
        let needed = samples_needed(quantile_of(metric)?);
        (0 < samples && samples < needed).then_some(Absence::TooFew { samples, needed })
    };
    too_few().unwrap_or(Absence::Unreported)
}

fn value_in(trial: &TrialReport, metric: &MetricName) -> Option<f64> {
    match metric.measure.strip_prefix("host.") {
        Some(name) => of_hosts(trial, name, metric.statistic.as_deref()?),
        None => value_of(&trial.operations, metric),
    }
}

/// What the hosts of a trial's load fared: the mean of their means, the extremes of their extremes.
fn of_hosts(trial: &TrialReport, name: &str, statistic: &str) -> Option<f64> {
    // An agent that tells nothing of it leaves nothing to say: the others are not all of them.
    let hosts: Vec<_> =
        trial.agents.iter().map(|agent| agent.host.get(name)).collect::<Option<_>>().unwrap_or_default();
    match statistic {
        "mean" if !hosts.is_empty() => {
            Some(hosts.iter().map(|host| host.mean).sum::<f64>() / hosts.len() as f64)
        }
        "min" => hosts.iter().map(|host| host.min).reduce(f64::min),
        "max" => hosts.iter().map(|host| host.max).reduce(f64::max),
        _ => None,
    }
}

/// Whether a metric's values are edges of a histogram's buckets.
fn is_read_off_buckets(metric: &MetricName) -> bool {
    let is_edge = matches!(metric.statistic.as_deref(), Some("min" | "max")) || quantile_of(metric).is_some();
    is_edge && !metric.measure.starts_with("host.")
}
