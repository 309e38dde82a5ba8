//! How many blocks or trials it would take: the planning of a comparison's size from the spread seen so far.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::level::Level;
use crate::student::{chi_squared_quantile, upper_quantile};

/// Above this nobody waits for more: ten thousand trials of ten seconds take a day.
pub const COUNT_MAX: u32 = 10_000;
/// The chance that a planned size misses what it is planned for.
const MISS: f64 = 0.2;

/// How many values it takes in all until the interval of their mean, with 80 % probability, lies on one side of something
/// `gap` away: the smallest n ≥ ((t(.975) + t(.8))·s_U/gap)², t with n−1 degrees of freedom, at the level's own quantile.
///
/// s_U = s·√((n₀−1)/χ²(.2, n₀−1)) is the upper 80 % limit of the spread that `count` values gave, since planning by s
/// itself falls short half of the time (Kieser and Wassmer 1996; Browne 1995). `None` above [`COUNT_MAX`], which includes
/// no gap at all. Below two values the spread is taken as it is given.
pub fn count_needed(count: usize, stdev: f64, gap: f64, level: Level) -> Option<u32> {
    let freedom = count.saturating_sub(1);
    let inflation =
        if freedom == 0 { 1.0 } else { (freedom as f64 / chi_squared_quantile(MISS, freedom)).sqrt() };
    let spread = stdev * inflation / gap.abs();
    let is_enough =
        |total: u32| total as f64 >= (power_quantiles(total as usize - 1, level) * spread).powi(2);
    // A spread over no gap is no number, or endless, and never enough.
    if !is_enough(COUNT_MAX) {
        return None;
    }
    // Student's quantiles are a little above the normal ones, which give a size that is a little too small.
    let normal = Normal::standard();
    let normal_quantiles = -normal.inverse_cdf(level.one_side()) - normal.inverse_cdf(MISS);
    let guess = ((normal_quantiles * spread).powi(2) as u32).clamp(1, COUNT_MAX - 1);
    let (mut too_few, mut enough) = (guess, guess + 1);
    while !is_enough(enough) {
        too_few = enough;
        enough = (enough + (enough - guess)).min(COUNT_MAX);
    }
    while enough - too_few > 1 {
        let middle = u32::midpoint(too_few, enough);
        if is_enough(middle) { enough = middle } else { too_few = middle }
    }
    Some(enough)
}

/// How far from a limit a true mean must lie for `count` values with this spread to show it with 80 % probability:
/// (t(.975) + t(.8))·s/√n. `None` below two values.
pub fn distance_shown(count: usize, stdev: f64, level: Level) -> Option<f64> {
    (count >= 2).then(|| power_quantiles(count - 1, level) * stdev / (count as f64).sqrt())
}

fn power_quantiles(freedom: usize, level: Level) -> f64 {
    upper_quantile(level.one_side(), freedom) + upper_quantile(MISS, freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_gap_needs_few_and_a_narrow_one_many() {
        let needed = |gap| count_needed(10, 0.03, gap, Level::FIVE_PERCENT);
        assert!(needed(0.3).is_some_and(|count| count <= 3));
        assert!(needed(0.03) < needed(0.02) && needed(0.02) < needed(0.01));
        assert_eq!(needed(0.0001), None);
    }

    #[test]
    fn the_size_found_is_the_smallest_that_fulfils_the_formula() {
        let spread = 0.03 * (9.0 / chi_squared_quantile(0.2, 9)).sqrt() / 0.02;
        let wanted = |count: usize| {
            ((upper_quantile(0.025, count - 1) + upper_quantile(0.2, count - 1)) * spread).powi(2)
        };
        let found = count_needed(10, 0.03, 0.02, Level::FIVE_PERCENT).unwrap() as usize;
        assert!(found as f64 >= wanted(found) && ((found - 1) as f64) < wanted(found - 1), "{found}");
    }

    #[test]
    fn no_gap_and_no_spread_are_no_trap() {
        assert_eq!(count_needed(10, 0.03, 0.0, Level::FIVE_PERCENT), None);
        assert_eq!(count_needed(10, 0.0, 0.0, Level::FIVE_PERCENT), None);
        assert_eq!(count_needed(10, 0.0, 0.1, Level::FIVE_PERCENT), Some(2));
        assert_eq!(distance_shown(1, 0.1, Level::FIVE_PERCENT), None);
    }
}
