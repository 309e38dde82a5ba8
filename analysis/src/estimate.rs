//! What several trials say together about one metric: a mean and its interval, with trials as the sample.

use shared::metric::{MetricName, Unit, WORKLOAD_MEASURES};
use shared::run_report::{ALL_OPERATIONS, Estimate, OperationReport, TrialReport};

use crate::assemble::subject::Subject;
use crate::level::Level;
use crate::student::{mean, mean_interval};

/// Widest bucket of our histograms as a share of its value: 1,024 to 2,048 buckets a doubling.
const BUCKET_WIDTH_RATIO: f64 = 1.0 / 1024.0;
/// What a histogram's rounding adds to the variance of a value's logarithm: w²/12 (Sheppard).
pub const BUCKET_VARIANCE: f64 = BUCKET_WIDTH_RATIO * BUCKET_WIDTH_RATIO / 12.0;

/// On which scale trials are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As they are: ratios that can be zero.
    Linear,
    /// In logarithms, so that the mean is geometric: times and rates.
    Logarithmic,
    /// In logarithms, for values that were read off a histogram's buckets: their rounding adds to the variance.
    Bucketed,
}

impl Scale {
    /// On which scale a metric is averaged: what may be zero on its own, quantiles as they are read off a histogram.
    pub fn of(metric: &MetricName) -> Self {
        let is_positive = matches!(metric.unit(), Unit::Time | Unit::Size | Unit::Rate);
        let is_read_off = !matches!(metric.statistic.as_deref(), None | Some("mean" | "stdev"));
        match (is_positive, is_read_off) {
            (false, _) => Scale::Linear,
            (true, true) => Scale::Bucketed,
            (true, false) => Scale::Logarithmic,
        }
    }

    /// The values on this scale; `None` where one is not finite there, as zero has no logarithm.
    pub fn apply(self, values: &[f64]) -> Option<Vec<f64>> {
        let on_scale = |value: &f64| if self == Scale::Linear { *value } else { value.ln() };
        let scaled: Vec<f64> = values.iter().map(on_scale).collect();
        scaled.iter().all(|value| value.is_finite()).then_some(scaled)
    }

    /// A number on this scale as the metric has it.
    pub fn back(self, value: f64) -> f64 {
        if self == Scale::Linear { value } else { value.exp() }
    }

    /// What rounding adds to the variance of each value on this scale.
    pub fn rounding_variance(self) -> f64 {
        if self == Scale::Bucketed { BUCKET_VARIANCE } else { 0.0 }
    }
}

/// Mean and 95 % interval of trials' values.
///
/// Student's t over the scale's values: x̄ ± t(n−1, .975)·s/√n (statistics.md, "Comparing A with B"). The
/// interval is `None` below two values. Both are `None` where a value has no logarithm.
pub fn mean_with_interval(values: &[f64], scale: Scale) -> (Option<f64>, Option<[f64; 2]>) {
    let Some(scaled) = scale.apply(values) else { return (None, None) };
    let interval = mean_interval(&scaled, scale.rounding_variance(), Level::FIVE_PERCENT);
    let back = |value: f64| scale.back(value);
    (mean(&scaled).map(back), interval.map(|found| found.interval.map(back)))
}

/// A metric of an operation that is estimated over trials.
struct Estimated {
    measure: String,
    statistic: Option<&'static str>,
    unit: String,
    scale: Scale,
}

/// What is estimated of every operation: measure, statistic and scale.
const ALWAYS: &[(&str, Option<&str>, Scale)] = &[
    ("latency", Some("mean"), Scale::Logarithmic),
    ("latency", Some("p50"), Scale::Bucketed),
    ("latency", Some("p90"), Scale::Bucketed),
    ("latency", Some("p95"), Scale::Bucketed),
    ("latency", Some("p99"), Scale::Bucketed),
    ("throughput", None, Scale::Logarithmic),
    ("error_ratio", None, Scale::Linear),
];

/// The estimates of a variant over its valid trials, of each agent or pair that stands alone, operation by operation; none
/// without a valid trial.
pub fn estimates(trials: &[TrialReport]) -> Vec<Estimate> {
    let mut subjects: Vec<(Subject, Vec<&TrialReport>)> = Vec::new();
    for trial in trials.iter().filter(|trial| trial.valid) {
        let subject = Subject::of(trial);
        match subjects.iter_mut().find(|(known, _)| *known == subject) {
            Some((_, valid)) => valid.push(trial),
            None => subjects.push((subject, vec![trial])),
        }
    }
    subjects.iter().flat_map(|(subject, valid)| estimates_of(subject, valid)).collect()
}

/// The estimates over the valid trials of one subject, of which there is one at least.
fn estimates_of(subject: &Subject, valid: &[&TrialReport]) -> Vec<Estimate> {
    let operations = valid[0].operations.iter().enumerate();
    operations
        .flat_map(|(place, operation)| estimated(operation).map(move |metric| (place, metric)))
        .map(|(place, metric)| Estimate {
            agent: subject.agent(),
            pair: subject.pair(),
            ..estimate(valid, place, &metric)
        })
        .collect()
}

/// What is estimated of an operation: what always is, and the means of the workload's own measures and metrics. A metric
/// may be zero or below.
fn estimated(operation: &OperationReport) -> impl Iterator<Item = Estimated> {
    let always = ALWAYS.iter().map(|(measure, statistic, scale)| Estimated {
        measure: (*measure).to_owned(),
        statistic: *statistic,
        unit: Unit::of_measure(measure).as_str().to_owned(),
        scale: *scale,
    });
    let mean = |measure: String, unit: &str, scale| Estimated {
        measure,
        statistic: Some("mean"),
        unit: unit.to_owned(),
        scale,
    };
    let is_measured =
        |name: &str| WORKLOAD_MEASURES.contains(&name) && operation.distribution(name).is_some();
    let measures = WORKLOAD_MEASURES.iter().filter(move |name| is_measured(name));
    let measures = measures
        .map(move |name| mean((*name).to_owned(), Unit::of_measure(name).as_str(), Scale::Logarithmic));
    let metrics = operation.metrics.iter().filter(move |(name, _)| !is_measured(name));
    let metrics =
        metrics.map(move |(name, metric)| mean(format!("metric.{name}"), &metric.unit, Scale::Linear));
    always.chain(measures).chain(metrics)
}

/// A mean over only those trials that give a value would be a selection, so one missing value leaves none.
fn estimate(valid: &[&TrialReport], place: usize, metric: &Estimated) -> Estimate {
    let value_in =
        |trial: &&TrialReport| trial.operations.get(place)?.value(&metric.measure, metric.statistic);
    let values: Vec<f64> = valid.iter().filter_map(value_in).collect();
    let (mean, ci95) =
        if values.len() == valid.len() { mean_with_interval(&values, metric.scale) } else { (None, None) };
    let operation = &valid[0].operations[place].name;
    let name = MetricName {
        operation: Some(operation.clone()).filter(|name| name != ALL_OPERATIONS),
        measure: metric.measure.clone(),
        statistic: metric.statistic.map(str::to_owned),
    };
    Estimate {
        metric: name.to_string(),
        unit: metric.unit.clone(),
        agent: None,
        pair: None,
        n: values.len() as u64,
        mean,
        ci95,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_t_interval_is_the_published_one() {
        // golang/perf benchmath: the sample {-8,2,3,4,5,6}.
        let (mean, interval) = mean_with_interval(&[-8.0, 2.0, 3.0, 4.0, 5.0, 6.0], Scale::Linear);
        let [low, high] = interval.expect("six values have an interval");
        assert!((mean.expect("six values have a mean") - 2.0).abs() < 1e-12);
        assert!((low + 3.351_092_806).abs() < 1e-8 && (high - 7.351_092_806).abs() < 1e-8, "{low} {high}");
    }

    #[test]
    fn times_are_averaged_geometrically() {
        let (mean, interval) = mean_with_interval(&[1.0, 100.0], Scale::Logarithmic);
        assert!((mean.expect("two values have a mean") - 10.0).abs() < 1e-9);
        assert!(interval.is_some_and(|[low, high]| low < 1.0 && high > 100.0));
    }

    #[test]
    fn one_trial_has_no_interval() {
        let (mean, interval) = mean_with_interval(&[7.0], Scale::Linear);
        assert_eq!((mean, interval), (Some(7.0), None));
    }

    #[test]
    fn equal_bucketed_values_still_have_a_width() {
        let (_, interval) = mean_with_interval(&[1_000.0, 1_000.0], Scale::Bucketed);
        assert!(interval.is_some_and(|[low, high]| low < 1_000.0 && high > 1_000.0));
    }

    #[test]
    fn a_zero_has_no_logarithm_and_gives_null() {
        assert_eq!(mean_with_interval(&[0.0, 1.0], Scale::Logarithmic), (None, None));
    }
}
