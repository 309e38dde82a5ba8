//! What an operation's metrics add up to, by name.

use std::collections::BTreeMap;

use shared::interval::{METRICS_MAX, MetricInterval};
use shared::metric::{MetricKind, Summary};
use shared::run_report::MetricReport;

use super::histogram_sum::HistogramSum;

/// Most metrics of all operations together: what several suites of the largest size report. Those beyond are told of their own
/// operations only.
const MERGED_MAX: usize = 8 * METRICS_MAX;

/// The metrics of one operation over any set of intervals, agents or operations.
#[derive(Debug, Clone, Default)]
pub(super) struct MetricSums {
    sums: BTreeMap<String, MetricSum>,
}

/// The values of one metric.
#[derive(Debug, Clone)]
struct MetricSum {
    unit: String,
    kind: MetricKind,
    summary: Summary,
    histogram: HistogramSum,
    /// Whether some that bear its name have another unit or kind: then there is no sum of them all.
    is_mixed: bool,
}

impl MetricSums {
    /// Adds what an interval tells. Returns how many metrics had no room, or values of another unit or kind than before.
    pub(super) fn add(&mut self, metrics: &BTreeMap<String, MetricInterval>) -> u64 {
        let mut left_out = 0;
        for (name, more) in metrics {
            let sum = self.sum(name, &more.unit, more.kind, METRICS_MAX);
            match sum.filter(|sum| sum.is_of(&more.unit, more.kind)) {
                Some(sum) => {
                    sum.summary.add(&more.summary);
                    more.histogram.iter().for_each(|histogram| sum.histogram.add(histogram));
                }
                None => left_out += 1,
            }
        }
        left_out
    }

    /// Adds other sums. Of a name whose units or kinds differ nothing is told from then on.
    pub(super) fn merge(&mut self, other: &MetricSums) {
        for (name, more) in &other.sums {
            let Some(sum) = self.sum(name, &more.unit, more.kind, MERGED_MAX) else { continue };
            if more.is_mixed || !sum.is_of(&more.unit, more.kind) {
                sum.is_mixed = true;
            } else {
                sum.summary.add(&more.summary);
                sum.histogram.merge(&more.histogram);
            }
        }
    }

    /// Their histograms.
    pub(super) fn histograms(&self) -> impl Iterator<Item = &HistogramSum> {
        self.sums.values().map(|sum| &sum.histogram)
    }

    /// Their histograms, to be folded away.
    pub(super) fn histograms_mut(&mut self) -> impl Iterator<Item = &mut HistogramSum> {
        self.sums.values_mut().map(|sum| &mut sum.histogram)
    }

    /// Their figures; a metric that is mixed has none.
    pub(super) fn reports(&self) -> impl Iterator<Item = (String, MetricReport)> + '_ {
        let told = self.sums.iter().filter(|(_, sum)| !sum.is_mixed);
        told.map(|(name, sum)| (name.clone(), sum.report()))
    }

    /// The sum of a name; `None` when it is new and there are as many as there may be.
    fn sum(&mut self, name: &str, unit: &str, kind: MetricKind, most: usize) -> Option<&mut MetricSum> {
        if !self.sums.contains_key(name) {
            if self.sums.len() >= most {
                return None;
            }
            self.sums.insert(name.to_owned(), MetricSum::new(unit, kind));
        }
        self.sums.get_mut(name)
    }
}

impl MetricSum {
    fn new(unit: &str, kind: MetricKind) -> Self {
        Self {
            unit: unit.to_owned(),
            kind,
            summary: Summary::default(),
            histogram: HistogramSum::Empty,
            is_mixed: false,
        }
    }

    fn is_of(&self, unit: &str, kind: MetricKind) -> bool {
        (self.unit.as_str(), self.kind) == (unit, kind)
    }

    fn report(&self) -> MetricReport {
        let quantiles = MetricReport::of_distribution(&self.unit, &self.histogram.distribution());
        MetricReport {
            kind: self.kind,
            count: self.summary.count(),
            mean: self.summary.mean(),
            stdev: self.summary.stdev(),
            min: self.summary.min(),
            max: self.summary.max(),
            ..quantiles
        }
    }
}
