//! The Hodges–Lehmann estimate of a location or a shift, with the interval of the rank test that belongs to it.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::level::Level;
use crate::rank_tests::null::{lowest_within, signed_sums, subset_sums};
use crate::rank_tests::{MANN_WHITNEY_EXACT_MAX, SIGNED_RANK_EXACT_MAX};

/// Most pairs of values that are looked at: 8 MB of means or differences, of a thousand blocks or more.
const PAIRS_MAX: usize = 1_000_000;

/// A location or shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Location {
    /// Median over all pairs.
    pub estimate: f64,
    /// Lower and upper limit; `None` where even the widest has less than the level's confidence.
    pub interval: Option<[f64; 2]>,
}

/// The centre of one sample: the median of the means of all pairs, each value with itself too (Hodges and Lehmann 1963), and
/// Tukey's interval from those means, k of which are left out on either side by the signed-rank distribution (Hollander and
/// Wolfe, *Nonparametric Statistical Methods*, 3.3). It is exact up to 200 values and holds at least its level with ties.
///
/// `None` of nothing, of values that are not finite, and of more than 1,413 values.
pub fn one_sample(values: &[f64], level: Level) -> Option<Location> {
    let count = values.len();
    let pairs = count * (count + 1) / 2;
    let mean = |(place, one): (usize, &f64)| {
        let one = *one;
        values[place..].iter().map(move |other| f64::midpoint(one, *other))
    };
    let means = (pairs <= PAIRS_MAX).then(|| values.iter().enumerate().flat_map(mean).collect::<Vec<_>>())?;
    let left_out = || {
        if count <= SIGNED_RANK_EXACT_MAX {
            let ranks: Vec<usize> = (1..=count).collect();
            return lowest_within(signed_sums(&ranks), level.one_side());
        }
        let n = count as f64;
        normal_left_out(n * (n + 1.0) / 4.0, n * (n + 1.0) * (2.0 * n + 1.0) / 24.0, level)
    };
    location(means, left_out)
}

/// How much larger the second sample is: the median of the differences of all pairs, and the interval from them that belongs
/// to Mann–Whitney (Hollander and Wolfe, 4.3). It is exact up to 60 values in all and holds at least its level with ties.
///
/// `None` when a sample is empty, has values that are not finite, or there are more than a million pairs.
pub fn two_sample(first: &[f64], second: &[f64], level: Level) -> Option<Location> {
    let pairs = first.len().checked_mul(second.len()).filter(|pairs| *pairs <= PAIRS_MAX)?;
    let differences = first.iter().flat_map(|one| second.iter().map(move |other| other - one)).collect();
    let all = first.len() + second.len();
    let left_out = || {
        if all <= MANN_WHITNEY_EXACT_MAX {
            let ranks: Vec<usize> = (1..=all).collect();
            let least = first.len() * (first.len() + 1) / 2;
            let sums = subset_sums(&ranks, first.len()).into_iter().skip(least);
            return lowest_within(sums, level.one_side());
        }
        let pairs = pairs as f64;
        normal_left_out(pairs / 2.0, pairs * (all as f64 + 1.0) / 12.0, level)
    };
    location(differences, left_out)
}

/// How many of the lowest pairs a normal approximation of the rank sum leaves out, rounded to fewer.
fn normal_left_out(mean: f64, variance: f64, level: Level) -> usize {
    let quantile = Normal::standard().inverse_cdf(level.one_side());
    (mean + quantile * variance.sqrt()).floor().max(0.0) as usize
}

fn location(mut pairs: Vec<f64>, left_out: impl Fn() -> usize) -> Option<Location> {
    if pairs.is_empty() || !pairs.iter().all(|pair| pair.is_finite()) {
        return None;
    }
    pairs.sort_by(f64::total_cmp);
    let (count, middle) = (pairs.len(), pairs.len() / 2);
    let estimate =
        if count % 2 == 1 { pairs[middle] } else { f64::midpoint(pairs[middle - 1], pairs[middle]) };
    let left_out = left_out();
    let interval =
        (left_out > 0 && 2 * left_out <= count).then(|| [pairs[left_out - 1], pairs[count - left_out]]);
    Some(Location { estimate, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_blocks_have_the_whole_range_for_an_interval() {
        let found = one_sample(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], Level::FIVE_PERCENT).unwrap();
        assert_eq!(found.interval, Some([1.0, 32.0]));
        assert_eq!(one_sample(&[1.0, 2.0, 4.0, 8.0, 16.0], Level::FIVE_PERCENT).unwrap().interval, None);
    }

    #[test]
    #[expect(clippy::approx_constant, reason = "a measurement that happens to look like π")]
    fn the_depression_scale_is_the_published_one() {
        // Hollander and Wolfe, table 3.1 and example 3.3, as R's wilcox.test(conf.int = TRUE) gives it: estimate -0.46,
        // 96.1 % interval [-0.786, -0.010].
        let before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30];
        let after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29];
        let differences: Vec<f64> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        let found = one_sample(&differences, Level::new(0.04).unwrap()).unwrap();
        assert!((found.estimate + 0.46).abs() < 1e-9, "{found:?}");
        let [low, high] = found.interval.unwrap();
        assert!((low + 0.786).abs() < 1e-9 && (high + 0.010).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_shift_of_two_samples_is_the_median_difference() {
        let found =
            two_sample(&[1.0, 2.0, 3.0, 4.0], &[11.0, 12.0, 13.0, 14.0], Level::FIVE_PERCENT).unwrap();
        assert_eq!(found.estimate, 10.0);
        // Of 70 ways, one alone has 1.4 % and two have 2.9 %: only the outermost difference is left out.
        assert_eq!(found.interval, Some([7.0, 13.0]));
    }

    #[test]
    fn the_approximation_leaves_out_no_more_than_the_exact_count_does() {
        let values: Vec<f64> = (0..201).map(|n| f64::from(n * 37 % 101)).collect();
        let (exact, approximate) = (
            one_sample(&values[..200], Level::FIVE_PERCENT).unwrap(),
            one_sample(&values, Level::FIVE_PERCENT).unwrap(),
        );
        let width = |location: Location| location.interval.map(|[low, high]| high - low).unwrap();
        assert!((width(exact) - width(approximate)).abs() < 0.5);
    }

    #[test]
    fn what_has_no_location_says_so() {
        assert_eq!(one_sample(&[], Level::FIVE_PERCENT), None);
        assert_eq!(one_sample(&[f64::NAN], Level::FIVE_PERCENT), None);
        assert_eq!(two_sample(&[], &[1.0], Level::FIVE_PERCENT), None);
        assert_eq!(one_sample(&[0.0; 1_500], Level::FIVE_PERCENT), None);
    }
}
