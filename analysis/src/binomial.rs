//! The binomial distribution: how many of n fall, its tails, and the exact interval of a share.
//!
//! Tails are sums of probabilities around the mode, each from its neighbour, so that they are as good at a billion as at ten:
//! the library's incomplete beta function stops short where both its arguments are large.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::level::Level;

/// Probabilities below this share of the largest are left out: they lie nine standard deviations away.
const NEGLIGIBLE: f64 = 1e-20;
/// Up to this variance all that is not negligible is added up: 180,000 probabilities, under a millisecond. Above it the
/// normal approximation is wrong by less than one in ten thousand standard deviations.
const VARIANCE_MAX: f64 = 1e8;
/// Halvings that find a share to the last digit, wherever it lies.
const HALVINGS_MAX: usize = 200;

/// The probability that at most `successes` of `count` fall, each with probability `share`.
pub fn at_most(successes: u64, count: u64, share: f64) -> f64 {
    if successes >= count {
        return 1.0;
    }
    let masses = Masses::of(count, share);
    match successes.checked_sub(masses.first) {
        Some(last) => masses.probabilities.iter().take(last as usize + 1).sum::<f64>().min(1.0),
        None => 0.0,
    }
}

/// The exact two-sided interval of a share of which `successes` of `count` were seen (Clopper and Pearson 1934): the shares
/// at which so many or more, and so many or fewer, have the probability α/2. `None` when there is nothing to have a share of, or
/// more successes than that.
///
/// Beyond a variance of a hundred million it is Wilson's interval with continuity correction.
pub fn share_interval(successes: u64, count: u64, level: Level) -> Option<[f64; 2]> {
    if count == 0 || successes > count {
        return None;
    }
    let (n, share) = (count as f64, successes as f64 / count as f64);
    if n * share * (1.0 - share) > VARIANCE_MAX {
        return Some(wilson(n, share, level));
    }
    let tail = level.one_side();
    let low = match successes {
        0 => 0.0,
        _ => falling_point(0.0, share, |guess| 1.0 - at_most(successes - 1, count, guess) <= tail),
    };
    let high = match successes {
        _ if successes == count => 1.0,
        _ => falling_point(share, 1.0, |guess| at_most(successes, count, guess) >= tail),
    };
    Some([low, high])
}

/// The ranks, counted from 1, of the order statistics of a sample that enclose its `quantile`: the largest r with
/// BinCDF(r−1) ≤ α/2 and the smallest s with BinCDF(s−1) ≥ 1−α/2 (David and Nagaraja, *Order Statistics*, 7.1). A rank is
/// `None` where the sample is too small to have a limit on that side.
pub fn enclosing_ranks(count: u64, quantile: f64, level: Level) -> [Option<u64>; 2] {
    let tail = level.one_side();
    let variance = count as f64 * quantile * (1.0 - quantile);
    if variance > VARIANCE_MAX {
        // Two ranks more on either side than the normal approximation says: its error, by skewness and steps, is below one.
        let width = -Normal::standard().inverse_cdf(tail) * variance.sqrt();
        let centre = count as f64 * quantile;
        let low = (centre - width).floor() as u64 - 2;
        return [Some(low), Some(((centre + width).ceil() as u64).saturating_add(2).min(count))];
    }
    let masses = Masses::of(count, quantile);
    let low = masses.first + within(masses.probabilities.iter(), tail);
    let end = masses.first + masses.probabilities.len() as u64;
    let high = end - within(masses.probabilities.iter().rev(), tail);
    [Some(low).filter(|rank| *rank > 0), Some(high).filter(|rank| *rank <= count)]
}

/// How many of the probabilities together are at most `tail`.
fn within<'a>(probabilities: impl Iterator<Item = &'a f64>, tail: f64) -> u64 {
    let sums = probabilities.scan(0.0, |sum, probability| {
        *sum += probability;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= tail).count() as u64
}

/// Where in `low..high` something that holds below stops to hold.
fn falling_point(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS_MAX {
        let middle = f64::midpoint(low, high);
        if high - low <= f64::EPSILON * high || middle <= low || middle >= high {
            break;
        }
        if holds(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// Wilson's interval with continuity correction (Newcombe 1998, method 4).
fn wilson(n: f64, share: f64, level: Level) -> [f64; 2] {
    let z = -Normal::standard().inverse_cdf(level.one_side());
    let limit = |side: f64| {
        let root = (z * z - side * 2.0 - 1.0 / n + 4.0 * share * (n * (1.0 - share) + side)).max(0.0).sqrt();
        (2.0 * n * share + z * z - side * (1.0 + z * root)) / (2.0 * (n + z * z))
    };
    [limit(1.0).clamp(0.0, share), limit(-1.0).clamp(share, 1.0)]
}

/// All probabilities that are not negligible.
struct Masses {
    /// The number of successes that the first of them is about.
    first: u64,
    probabilities: Vec<f64>,
}

impl Masses {
    fn of(count: u64, share: f64) -> Self {
        let n = count as f64;
        let mode = (((n + 1.0) * share).floor().max(0.0) as u64).min(count);
        let (odds, inverse_odds) = (share / (1.0 - share), (1.0 - share) / share);
        let mut below = Vec::new();
        let (mut mass, mut at) = (1.0, mode);
        while at > 0 {
            mass *= at as f64 / (n - at as f64 + 1.0) * inverse_odds;
            if mass < NEGLIGIBLE {
                break;
            }
            below.push(mass);
            at -= 1;
        }
        let first = mode - below.len() as u64;
        let mut probabilities: Vec<f64> = below.into_iter().rev().collect();
        probabilities.push(1.0);
        (mass, at) = (1.0, mode);
        while at < count {
            mass *= (n - at as f64) / (at as f64 + 1.0) * odds;
            if mass < NEGLIGIBLE {
                break;
            }
            probabilities.push(mass);
            at += 1;
        }
        let total: f64 = probabilities.iter().sum();
        probabilities.iter_mut().for_each(|mass| *mass /= total);
        Self { first, probabilities }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_throws_fall_as_can_be_counted() {
        assert_eq!(at_most(0, 3, 0.5), 0.125);
        assert_eq!(at_most(1, 3, 0.5), 0.5);
        assert_eq!((at_most(3, 3, 0.5), at_most(9, 3, 0.5)), (1.0, 1.0));
        assert_eq!((at_most(0, 3, 0.0), at_most(2, 3, 1.0)), (1.0, 0.0));
    }

    #[test]
    fn the_median_of_six_lies_between_the_first_and_the_last() {
        // At 96.875 %: 1 − 2/2⁶.
        assert_eq!(enclosing_ranks(6, 0.5, Level::FIVE_PERCENT), [Some(1), Some(6)]);
        assert_eq!(enclosing_ranks(5, 0.5, Level::FIVE_PERCENT), [None, None]);
    }

    #[test]
    fn a_limit_above_a_quantile_takes_the_published_number_of_values() {
        let has_limit = |count, quantile| enclosing_ranks(count, quantile, Level::FIVE_PERCENT)[1].is_some();
        assert!(!has_limit(367, 0.99) && has_limit(368, 0.99));
        assert!(!has_limit(3_687, 0.999) && has_limit(3_688, 0.999));
        // One-sided, 95 %: what is left out on either side of a two-sided interval of 90 %.
        let has_one_sided =
            |count, quantile| enclosing_ranks(count, quantile, Level::new(0.1).unwrap())[1].is_some();
        assert!(!has_one_sided(298, 0.99) && has_one_sided(299, 0.99));
        assert!(!has_one_sided(2_994, 0.999) && has_one_sided(2_995, 0.999));
    }

    #[test]
    fn shares_have_the_published_intervals() {
        // Clopper and Pearson: none of 10 [0, 30.85 %], 1 of 10 [0.25 %, 44.50 %]; Newcombe 1998, 81 of 263: [25.27 %, 36.76 %].
        for (successes, count, low, high) in
            [(0, 10, 0.0, 0.3085), (1, 10, 0.0025, 0.4450), (81, 263, 0.2527, 0.3676), (10, 10, 0.6915, 1.0)]
        {
            let [found_low, found_high] = share_interval(successes, count, Level::FIVE_PERCENT).unwrap();
            assert!(
                (found_low - low).abs() < 5e-5 && (found_high - high).abs() < 5e-5,
                "{successes}: {found_low} {found_high}"
            );
        }
        assert_eq!(share_interval(0, 0, Level::FIVE_PERCENT), None);
        assert_eq!(share_interval(2, 1, Level::FIVE_PERCENT), None);
    }

    #[test]
    fn sums_and_approximations_meet() {
        let ranks = |count| enclosing_ranks(count, 0.5, Level::FIVE_PERCENT).map(Option::unwrap);
        let (exact, approximate) = (ranks(399_999_999), ranks(400_000_001));
        for (one, other) in exact.iter().zip(approximate) {
            assert!(one.abs_diff(other) <= 5, "{one} {other}");
        }
        let (one, other) = (
            share_interval(199_999_000, 399_998_000, Level::FIVE_PERCENT).unwrap(),
            share_interval(200_000_500, 400_001_000, Level::FIVE_PERCENT).unwrap(),
        );
        assert!((one[0] - other[0]).abs() < 1e-8 && (one[1] - other[1]).abs() < 1e-8, "{one:?} {other:?}");
    }

    #[test]
    fn the_largest_counts_are_no_trap() {
        let [low, high] = enclosing_ranks(u64::MAX, 0.999, Level::FIVE_PERCENT);
        assert!(low < high && high.is_some());
        assert!(share_interval(u64::MAX / 2, u64::MAX, Level::FIVE_PERCENT).is_some());
    }
}
