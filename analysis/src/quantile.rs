//! Which quantiles a sample can carry, and a histogram boiled down to those.

use shared::histogram::{Counter, Histogram};
use shared::run_report::Distribution;

/// The share of samples that may lie on the wrong side of a limit: one-sided limits are held at 95 %.
const LIMIT_ERROR: f64 = 0.05;

/// The fewest samples for which a one-sided 95 % upper limit of a quantile exists.
///
/// The largest of n samples lies below the true quantile with probability qⁿ; from ln .05 / ln q samples on
/// that is at most 5 % (order-statistic limits: Hahn and Meeker, *Statistical Intervals*, 5.2). Below it
/// nothing observed bounds the quantile, so it is `null`.
pub fn samples_needed(quantile: f64) -> u64 {
    (LIMIT_ERROR.ln() / quantile.ln()).ceil() as u64
}

/// A quantile as the highest value of its bucket; `None` where the sample cannot carry it.
pub fn quantile<C: Counter>(histogram: &Histogram<C>, quantile: f64) -> Option<u64> {
    if histogram.count() < samples_needed(quantile) {
        return None;
    }
    histogram.value_at_quantile(quantile)
}

/// A histogram boiled down to the report's figures.
pub fn distribution<C: Counter>(histogram: &Histogram<C>) -> Distribution {
    if histogram.is_empty() {
        return Distribution::default();
    }
    Distribution {
        count: histogram.count(),
        min: histogram.min(),
        mean: histogram.mean(),
        stdev: histogram.stdev(),
        p50: quantile(histogram, 0.5),
        p75: quantile(histogram, 0.75),
        p90: quantile(histogram, 0.9),
        p95: quantile(histogram, 0.95),
        p99: quantile(histogram, 0.99),
        p99_9: quantile(histogram, 0.999),
        p99_99: quantile(histogram, 0.9999),
        max: histogram.max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_samples_are_those_of_the_order_statistic_limit() {
        let needed = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999].map(samples_needed);
        assert_eq!(needed, [5, 11, 29, 59, 299, 2_995, 29_956]);
    }

    #[test]
    fn a_quantile_that_the_sample_cannot_carry_is_null() {
        let mut histogram: Histogram = Histogram::new();
        (1..=298).for_each(|value| histogram.record(value));
        assert_eq!(distribution(&histogram).p95, Some(284));
        assert_eq!(distribution(&histogram).p99, None);
        histogram.record(299);
        assert_eq!(distribution(&histogram).p99, Some(297));
        assert_eq!(distribution(&histogram).p99_9, None);
    }

    #[test]
    fn nothing_recorded_gives_nulls_and_not_zeros() {
        assert_eq!(distribution(&Histogram::<u64>::new()), Distribution::default());
    }
}
