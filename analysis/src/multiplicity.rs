//! Several hypotheses at once: what each p-value is worth when the others were looked at too.
//!
//! Holm keeps the chance of even one false rejection, Benjamini–Hochberg the expected share of false ones. "No regression on
//! any of k metrics" needs neither: it is claimed only when every one of the k is shown, so that it is false only where one of
//! those is, and that one alone holds the level (intersection–union test, Berger 1982). Refuting any one of k does need Holm.

use crate::level::Level;

/// Holm's adjusted p-values, in the order given: the level at which each hypothesis would be rejected among them all
/// (Holm 1979). A value that is no number counts as 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut adjusted = vec![1.0; count];
    let mut highest: f64 = 0.0;
    for (place, index) in ascending(p_values).into_iter().enumerate() {
        highest = highest.max((probability(p_values[index]) * (count - place) as f64).min(1.0));
        adjusted[index] = highest;
    }
    adjusted
}

/// The level at which each hypothesis is looked at by Holm's procedure, in the order given: α/k for the smallest p-value,
/// then α/(k−1) as long as all before were rejected, and for all the others that of the first that was not.
pub fn holm_levels(p_values: &[f64], level: Level) -> Vec<Level> {
    let count = p_values.len();
    let mut levels = vec![level; count];
    let mut stopped_at = None;
    for (place, index) in ascending(p_values).into_iter().enumerate() {
        let own = stopped_at.unwrap_or_else(|| level.split(count - place));
        if probability(p_values[index]) > own.alpha() {
            stopped_at = Some(own);
        }
        levels[index] = own;
    }
    levels
}

/// Benjamini and Hochberg's adjusted p-values, in the order given: the share of false rejections that has to be put up with
/// for each to be rejected (Benjamini and Hochberg 1995). A value that is no number counts as 1.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut adjusted = vec![1.0; count];
    let mut lowest: f64 = 1.0;
    for (place, index) in ascending(p_values).into_iter().enumerate().rev() {
        lowest = lowest.min(probability(p_values[index]) * count as f64 / (place + 1) as f64);
        adjusted[index] = lowest;
    }
    adjusted
}

/// Whether all of several hypotheses are shown at a level, each tested at the whole of it (intersection–union). Nothing to
/// show shows nothing.
pub fn shows_all(p_values: &[f64], level: Level) -> bool {
    !p_values.is_empty() && p_values.iter().all(|p| probability(*p) <= level.alpha())
}

fn probability(p: f64) -> f64 {
    if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }
}

fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| probability(p_values[*one]).total_cmp(&probability(p_values[*other])));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fifteen of Benjamini and Hochberg 1995, section 4.
    const PUBLISHED: [f64; 15] = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
        0.6528, 0.7590, 1.0000,
    ];

    fn rejected(adjusted: &[f64]) -> usize {
        adjusted.iter().filter(|p| **p <= 0.05).count()
    }

    #[test]
    fn of_the_published_fifteen_four_are_rejected_and_nine_without_correction() {
        assert_eq!(rejected(&PUBLISHED), 9);
        assert_eq!(rejected(&benjamini_hochberg(&PUBLISHED)), 4);
        // Bonferroni and Holm reject the first three, as the paper says.
        assert_eq!(rejected(&holm(&PUBLISHED)), 3);
    }

    #[test]
    fn adjusted_values_stand_where_their_hypotheses_do() {
        // R: p.adjust(c(.04, .01, .03), "holm") is .06 .03 .06; "BH" is .04 .03 .04.
        let close = |found: Vec<f64>, expected: [f64; 3]| {
            assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-12), "{found:?}");
        };
        close(holm(&[0.04, 0.01, 0.03]), [0.06, 0.03, 0.06]);
        close(benjamini_hochberg(&[0.04, 0.01, 0.03]), [0.04, 0.03, 0.04]);
    }

    #[test]
    fn looking_at_holms_levels_rejects_what_its_adjusted_values_do() {
        for p_values in [&PUBLISHED[..], &[0.04, 0.01, 0.03], &[0.01, 0.02], &[]] {
            let by_level = p_values.iter().zip(holm_levels(p_values, Level::FIVE_PERCENT));
            let by_level: Vec<bool> = by_level.map(|(p, level)| *p <= level.alpha()).collect();
            let by_value: Vec<bool> = holm(p_values).iter().map(|p| *p <= 0.05).collect();
            assert_eq!(by_level, by_value, "{p_values:?}");
        }
    }

    #[test]
    fn all_are_shown_only_when_each_is() {
        assert!(shows_all(&[0.05, 0.01], Level::FIVE_PERCENT));
        assert!(!shows_all(&[0.06, 0.01], Level::FIVE_PERCENT));
        assert!(!shows_all(&[], Level::FIVE_PERCENT) && !shows_all(&[f64::NAN], Level::FIVE_PERCENT));
    }
}
