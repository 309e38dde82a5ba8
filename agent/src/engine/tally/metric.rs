//! What is counted of one metric while an interval runs.

use shared::histogram::{EncodedHistogram, Histogram};
use shared::interval::MetricInterval;
use shared::metric::{MetricKind, MetricSpec, Summary};

/// The values of one metric of one operation.
#[derive(Debug)]
pub(in crate::engine) struct MetricTally {
    kind: MetricKind,
    summary: Summary,
    /// Made at the first value of a [`MetricKind::Histogram`].
    histogram: Option<Box<Histogram<u32>>>,
    /// Values below zero, which a histogram counts as zero.
    below_zero: u64,
}

impl MetricTally {
    /// An empty tally of such values.
    pub(super) fn new(kind: MetricKind) -> Self {
        Self { kind, summary: Summary::default(), histogram: None, below_zero: 0 }
    }

    /// Counts a value; one that is no number, or of a ratio neither 0 nor 1, counts nowhere.
    #[inline]
    pub(super) fn record(&mut self, value: f64) {
        if self.kind == MetricKind::Ratio && value != 0.0 && value != 1.0 {
            return;
        }
        if self.summary.record(value) && self.kind == MetricKind::Histogram {
            let whole = value.round();
            self.below_zero += u64::from(whole < 0.0);
            // The cast keeps within what the type can hold: below zero is 0, far too large is the highest.
            self.histogram.get_or_insert_default().record(whole as u64);
        }
    }

    /// Adds another thread's values of the same metric.
    pub(super) fn add(&mut self, other: &Self) {
        self.summary.add(&other.summary);
        self.below_zero += other.below_zero;
        super::add_if_any(&mut self.histogram, other.histogram.as_deref());
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.summary.clear();
        self.below_zero = 0;
        super::clear_if_used(self.histogram.as_deref_mut());
    }

    /// Values that its histogram could not tell as they were.
    pub(super) fn overflowed(&self) -> u64 {
        self.below_zero + self.histogram.as_deref().map_or(0, Histogram::overflowed)
    }

    /// The values as an interval tells them; `None`: there are none.
    pub(super) fn encode(&self, spec: &MetricSpec) -> Option<MetricInterval> {
        (!self.summary.is_empty()).then(|| MetricInterval {
            unit: spec.unit.clone(),
            kind: self.kind,
            summary: self.summary,
            histogram: self.histogram.as_deref().map(EncodedHistogram::encode),
        })
    }
}
