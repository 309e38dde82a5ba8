//! Metrics that a measured program reports of itself: their names are known only once it has.

use shared::histogram::{EncodedHistogram, Histogram};
use shared::interval::MetricInterval;
use shared::metric::summary::VALUE_MAX;
use shared::metric::{MetricKind, MetricSpec, Summary};

/// Most values that one report may tell of one metric. An hour of a fast disk's operations is far less, and sums of many such
/// reports still fit into what counts them.
pub const VALUES_MAX: u64 = 1 << 40;

/// One metric of an operation, with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportedMetric {
    /// Its name, unit and kind.
    spec: MetricSpec,
    summary: Summary,
    /// Of a histogram and no other.
    histogram: Option<Box<Histogram>>,
}

impl ReportedMetric {
    /// A metric without values yet.
    pub fn new(spec: MetricSpec) -> Self {
        Self { spec, summary: Summary::default(), histogram: None }
    }

    /// A metric of which only a summary is known.
    pub fn of_summary(name: String, unit: String, summary: Summary) -> Self {
        let spec = MetricSpec { name, unit, kind: MetricKind::Gauge };
        Self { spec, summary, histogram: None }
    }

    /// A metric of which each value is known, as whole numbers of its unit; the summary tells them exactly.
    ///
    /// Both must count the same: `summary` is of the values that `histogram` holds.
    pub fn of_histogram(name: String, unit: String, summary: Summary, histogram: Box<Histogram>) -> Self {
        debug_assert_eq!(summary.count(), histogram.count(), "a summary of the values in the histogram");
        let spec = MetricSpec { name, unit, kind: MetricKind::Histogram };
        Self { spec, summary, histogram: Some(histogram) }
    }

    /// Its name, unit and kind.
    pub fn spec(&self) -> &MetricSpec {
        &self.spec
    }

    /// How many, how large, how spread its values are.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Each of its values, if that is known.
    pub fn histogram(&self) -> Option<&Histogram> {
        self.histogram.as_deref()
    }

    /// Adds a value; `false`: it is no number, or too large to be told, and was left out.
    pub fn record(&mut self, value: f64) -> bool {
        let is_kept = value.abs() <= VALUE_MAX && self.summary.record(value);
        if is_kept && self.spec.kind == MetricKind::Histogram {
            // The cast keeps within what the type can hold: below zero is 0, far too large is the highest.
            self.histogram.get_or_insert_default().record(value.round() as u64);
        }
        is_kept
    }

    /// Adds the values of the same metric; `false`: it is another one, and its values were left out.
    pub fn add(&mut self, other: &Self) -> bool {
        if (self.spec.kind, &self.spec.unit) != (other.spec.kind, &other.spec.unit) {
            return false;
        }
        self.summary.add(&other.summary);
        if let Some(theirs) = &other.histogram {
            self.histogram.get_or_insert_default().add(theirs);
        }
        true
    }

    /// Values that its histogram could not tell as they were.
    pub fn overflowed(&self) -> u64 {
        self.histogram().map_or(0, Histogram::overflowed)
    }

    /// The values as an interval tells them; `None`: there are none.
    pub fn encode(&self) -> Option<MetricInterval> {
        (!self.summary.is_empty()).then(|| MetricInterval {
            unit: self.spec.unit.clone(),
            kind: self.spec.kind,
            summary: self.summary,
            histogram: self.histogram().map(EncodedHistogram::encode),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(values: &[f64]) -> ReportedMetric {
        let spec = MetricSpec { name: "it".to_owned(), unit: "ns".to_owned(), kind: MetricKind::Histogram };
        let mut metric = ReportedMetric::new(spec);
        assert!(values.iter().all(|value| metric.record(*value)));
        metric
    }

    #[test]
    fn reports_of_one_metric_add_up() {
        let mut sum = times(&[10.0, 20.5]);
        assert!(sum.add(&times(&[30.0])));
        assert_eq!(sum.histogram(), times(&[10.0, 20.5, 30.0]).histogram());
        let interval = sum.encode().unwrap();
        assert_eq!((interval.summary.count(), interval.histogram.unwrap().count()), (3, 3));
        let mean = interval.summary.mean().unwrap();
        assert!((mean - 60.5 / 3.0).abs() < 1e-12, "the summary is not rounded: {mean}");
    }

    #[test]
    fn another_unit_or_kind_is_another_metric() {
        let mut sum = times(&[10.0]);
        let mut other = Summary::default();
        assert!(other.record(1.0));
        assert!(!sum.add(&ReportedMetric::of_summary("it".to_owned(), "ns".to_owned(), other)));
        assert_eq!(sum, times(&[10.0]));
        assert!(!sum.record(f64::NAN) && !sum.record(1e101));
    }
}
