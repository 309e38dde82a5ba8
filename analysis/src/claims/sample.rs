//! Ratios block by block against a factor: what the interval of their mean says of it, and what their ranks do.

use shared::claim::Side;
use shared::run_report::Verdict;

use crate::estimate::{BUCKET_VARIANCE, Scale};
use crate::hodges_lehmann;
use crate::level::Level;
use crate::sample_size::count_needed;
use crate::student::{MeanInterval, mean_interval};

/// Fewer values have no signed-rank interval at 5 %.
const RANKED_MIN: usize = 6;

/// Ratios and the factor that their mean must keep, both on the scale on which they are averaged.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    values: Vec<f64>,
    rounding_variance: f64,
    limit: f64,
    side: Side,
}

impl Sample {
    /// Ratios of pairs (numerator, denominator) against a factor. On the linear scale the contrast
    /// numerator − factor·denominator against zero, which needs no division.
    pub(crate) fn of_ratios(pairs: &[(f64, f64)], scale: Scale, side: Side, factor: f64) -> Self {
        if scale == Scale::Linear {
            let values = pairs.iter().map(|(one, other)| one - factor * other).collect();
            return Self { values, rounding_variance: 0.0, limit: 0.0, side };
        }
        let rounding_variance = if scale == Scale::Bucketed { 2.0 * BUCKET_VARIANCE } else { 0.0 };
        let values = pairs.iter().map(|(one, other)| ln(*one) - ln(*other)).collect();
        Self { values, rounding_variance, limit: ln(factor), side }
    }

    /// The interval of the mean; `None` below two values.
    pub(crate) fn mean(&self, level: Level) -> Option<MeanInterval> {
        mean_interval(&self.values, self.rounding_variance, level)
    }

    /// What the interval of the mean says of the limit; inconclusive below two values.
    pub(crate) fn verdict(&self, level: Level) -> Verdict {
        self.mean(level).map_or(Verdict::Inconclusive, |mean| against(mean.interval, self.side, self.limit))
    }

    /// Whether the signed-rank interval says the opposite, so that a few values drive the mean.
    pub(crate) fn is_contradicted_by_ranks(&self, level: Level) -> bool {
        if self.values.len() < RANKED_MIN {
            return false;
        }
        let ranked = hodges_lehmann::one_sample(&self.values, level).and_then(|location| location.interval);
        let by_ranks =
            ranked.map_or(Verdict::Inconclusive, |interval| against(interval, self.side, self.limit));
        let by_mean = self.verdict(level);
        by_ranks != by_mean && by_ranks != Verdict::Inconclusive && by_mean != Verdict::Inconclusive
    }

    /// How many more values would settle it with 80 % probability, if mean and spread stay as they are; `None`: more than
    /// anybody waits for, or below two values nobody can tell.
    pub(crate) fn more_needed(&self, level: Level) -> Option<u64> {
        let mean = self.mean(level)?;
        let needed = count_needed(mean.count, mean.stdev, self.limit - mean.mean, level)?;
        Some(u64::from(needed).saturating_sub(mean.count as u64).max(1))
    }
}

/// What an interval says of a limit: supported when all of it lies on the right side, refuted when none does.
pub(crate) fn against(interval: [f64; 2], side: Side, limit: f64) -> Verdict {
    let [low, high] = interval;
    let (is_supported, is_refuted) = match side {
        Side::Below => (high < limit, low > limit),
        Side::Above => (low > limit, high < limit),
    };
    match (is_supported, is_refuted) {
        (true, _) => Verdict::Supported,
        (_, true) => Verdict::Refuted,
        _ => Verdict::Inconclusive,
    }
}

/// A logarithm; what lies at or below zero is below every positive value.
fn ln(value: f64) -> f64 {
    if value > 0.0 { value.ln() } else { f64::NEG_INFINITY }
}
