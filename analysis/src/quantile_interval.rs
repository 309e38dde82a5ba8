//! One trial's quantile with its interval: between which of the measured values the true quantile lies.

use shared::histogram::{Bucket, Counter, Histogram};

use crate::autocorrelation::Autocorrelation;
use crate::binomial::enclosing_ranks;
use crate::level::Level;
use crate::quantile;

/// A quantile of one trial and where the true one lies, widened to the histogram's buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuantileInterval {
    /// How many values there are.
    pub count: u64,
    /// The quantile, as the highest value of its bucket; `None` where not even a one-sided 95 % limit exists.
    pub value: Option<u64>,
    /// Lower limit; `None` where the sample is too small to have one.
    pub low: Option<u64>,
    /// Upper limit; `None` where the sample is too small to have one: at 95 %, below 368 values for p99.
    pub high: Option<u64>,
}

/// The order-statistic interval of a quantile between 0 and 1 on a histogram.
///
/// Between X(r) and X(s), r the largest with BinCDF(r−1; n, q) ≤ α/2 and s the smallest with BinCDF(s−1; n, q) ≥ 1−α/2
/// (statistics.md, "One trial's quantile"), n being what the values' dependence leaves of them. Whether there is a quantile at
/// all is asked of all of them.
pub fn quantile_interval<C: Counter>(
    histogram: &Histogram<C>,
    quantile: f64,
    level: Level,
    dependence: Autocorrelation,
) -> QuantileInterval {
    let count = histogram.count();
    let value = is_quantile(quantile).then(|| quantile::quantile(histogram, quantile)).flatten();
    let none = QuantileInterval { count, value, low: None, high: None };
    if value.is_none() {
        return none;
    }
    let [low, high] = ranks(count, quantile, level, dependence);
    QuantileInterval {
        low: low.and_then(|rank| bucket_at(histogram, rank)).map(|bucket| bucket.lowest),
        high: high.and_then(|rank| bucket_at(histogram, rank)).map(|bucket| bucket.highest),
        ..none
    }
}

/// The order-statistic interval of a quantile on the values themselves, lowest first: the same without buckets.
pub fn quantile_interval_of(sorted: &[f64], quantile: f64, level: Level) -> [Option<f64>; 2] {
    if !is_quantile(quantile) {
        return [None, None];
    }
    let at = |rank: u64| sorted.get(rank as usize - 1).copied();
    ranks(sorted.len() as u64, quantile, level, Autocorrelation::NONE).map(|rank| rank.and_then(at))
}

fn is_quantile(quantile: f64) -> bool {
    quantile > 0.0 && quantile < 1.0
}

/// The enclosing ranks of as many values as the dependence leaves, at the same shares of all of them.
fn ranks(count: u64, quantile: f64, level: Level, dependence: Autocorrelation) -> [Option<u64>; 2] {
    let effective = dependence.effective(count);
    let [low, high] = enclosing_ranks(effective, quantile, level);
    let stretch = count as f64 / effective.max(1) as f64;
    [
        low.map(|rank| ((rank as f64 * stretch).floor() as u64).clamp(1, count)),
        high.map(|rank| ((rank as f64 * stretch).ceil() as u64).clamp(1, count)),
    ]
}

fn bucket_at<C: Counter>(histogram: &Histogram<C>, rank: u64) -> Option<Bucket> {
    let mut seen = 0_u64;
    histogram.recorded().find(|bucket| {
        seen = seen.saturating_add(bucket.count);
        seen >= rank
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of asv's test_quantile_ci_r.
    const PUBLISHED: [f64; 12] = [
        -2.47946614,
        -1.49595963,
        -1.02812482,
        -0.76592323,
        -0.09452743,
        0.10732743,
        0.27798342,
        0.50173779,
        0.57829823,
        0.60474948,
        0.94695675,
        1.20159789,
    ];

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    fn interval(histogram: &Histogram, quantile: f64) -> QuantileInterval {
        quantile_interval(histogram, quantile, Level::FIVE_PERCENT, Autocorrelation::NONE)
    }

    #[test]
    fn the_interval_is_the_published_one() {
        // R: asht::quantileTest(x, prob = p, conf.level = 0.8)$conf.int, as asv's tests have it.
        let level = Level::new(0.2).unwrap();
        for (quantile, low, high) in
            [(0.2, -2.47946614, -0.09452743), (0.5, -0.76592323, 0.57829823), (0.8, 0.50173779, 1.20159789)]
        {
            assert_eq!(quantile_interval_of(&PUBLISHED, quantile, level), [Some(low), Some(high)]);
        }
    }

    #[test]
    fn the_median_of_six_has_the_whole_range() {
        let found = interval(&of([10, 20, 30, 40, 50, 60]), 0.5);
        assert_eq!(found, QuantileInterval { count: 6, value: Some(30), low: Some(10), high: Some(60) });
    }

    #[test]
    fn the_interval_is_as_wide_as_its_buckets() {
        // 1,000,000 lies in a bucket of 512.
        let found = interval(&of([1_000_000; 100]), 0.5);
        assert_eq!((found.low, found.high), (Some(999_936), Some(1_000_447)));
    }

    #[test]
    fn a_p99_needs_299_values_and_its_upper_limit_368() {
        let found = |count| interval(&of(1..=count), 0.99);
        assert_eq!(found(298), QuantileInterval { count: 298, value: None, low: None, high: None });
        assert!(found(299).value.is_some() && found(299).low.is_some() && found(299).high.is_none());
        assert!(found(367).high.is_none() && found(368).high.is_some());
        assert!(interval(&of(1..=2_994), 0.999).value.is_none());
        assert!(
            interval(&of(1..=3_687), 0.999).high.is_none() && interval(&of(1..=3_688), 0.999).high.is_some()
        );
    }

    #[test]
    fn dependent_seconds_widen_the_interval_and_never_take_the_quantile_away() {
        let histogram = of(1..=400);
        let pairs: Vec<f64> = (0..60).map(|second| f64::from(second / 3 * 7 % 11)).collect();
        let dependence = Autocorrelation::of(&pairs).unwrap();
        assert!(dependence.value() > 0.3 && dependence.value() < 0.8, "{dependence:?}");
        let dependent = |quantile| quantile_interval(&histogram, quantile, Level::FIVE_PERCENT, dependence);
        assert!(dependent(0.5).low < interval(&histogram, 0.5).low);
        assert!(dependent(0.5).high > interval(&histogram, 0.5).high);
        assert_eq!(dependent(0.99).value, interval(&histogram, 0.99).value);
        assert_eq!(dependent(0.99).high, None);
    }

    #[test]
    fn what_is_no_quantile_has_no_interval() {
        for quantile in [0.0, 1.0, f64::NAN, -1.0] {
            assert_eq!(interval(&of(1..=400), quantile).value, None);
            assert_eq!(quantile_interval_of(&PUBLISHED, quantile, Level::FIVE_PERCENT), [None, None]);
        }
    }
}
