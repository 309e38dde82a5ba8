//! What an interval tells of one metric: a summary of its values, and each of them where quantiles are wanted.

use crate::histogram::EncodedHistogram;
use crate::metric::{MetricKind, Summary};

use super::fold::sum_of_histograms;

/// The values of one metric in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricInterval {
    /// Their unit: `ns`, `bytes`, `per_s`, empty (plain) or a word of the job's own.
    pub unit: String,
    /// What they are.
    pub kind: MetricKind,
    /// How many, how large, how spread; of at least one value.
    pub summary: Summary,
    /// Each of them as a whole number; of [`MetricKind::Histogram`] and no other.
    pub histogram: Option<EncodedHistogram>,
}

impl MetricInterval {
    /// Whether the values of both can be added up.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.kind, &self.unit) == (other.kind, &other.unit)
    }

    /// The sum of several that agree, in their order; `None` of none.
    pub fn sum_of(parts: &[&Self]) -> Option<Self> {
        let first = *parts.first()?;
        let mut summary = Summary::default();
        parts.iter().for_each(|part| summary.add(&part.summary));
        let histogram = sum_of_histograms(parts.iter().filter_map(|part| part.histogram.as_ref()));
        Some(Self { unit: first.unit.clone(), kind: first.kind, summary, histogram })
    }
}
