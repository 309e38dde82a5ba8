//! Whether what was measured had settled: a trial's intervals looked at one after the other. It diagnoses and never trims.

use shared::claim::Better;

use crate::autocorrelation::{Autocorrelation, INTERVALS_MIN};
use crate::level::Level;
use crate::student::{mean, upper_quantile};

/// Intervals that MSER-5 averages before it looks, so that single ones do not lead it astray.
const BATCH: usize = 5;

/// What a trial's intervals look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Steadiness {
    /// From beginning to end the same, within half the margin.
    Flat,
    /// The same once the beginning is left out.
    WarmingUp {
        /// How many intervals of further warm-up would do.
        intervals: usize,
    },
    /// It gets worse.
    SlowingDown {
        /// By how much over the whole window, as a share of the mean: lower and upper limit.
        drift: [f64; 2],
    },
    /// None of these is shown: it still gets better, or it varies too much for the length of the window.
    NoSteadyState {
        /// How much worse it gets over the window, as a share of the mean: lower and upper limit.
        drift: [f64; 2],
    },
}

/// Says what a series of intervals looks like, whose differences matter from `margin` on, as a share.
///
/// How much to leave out comes from MSER-5 (White 1997), d* = argmin over d ≤ n/2 of Σ_{i>d}(z_i − z̄_{>d})²/(n−d)² over batches of
/// five; whether the rest is the same throughout from the 95 % interval of its slope, which must lie within ±margin/2 over the
/// window (statistics.md, "Warm-up"). Neighbouring intervals that resemble each other widen that interval.
///
/// `None` below [`INTERVALS_MIN`] intervals, or where one is not finite, or their mean is zero or below: a share of that is none.
pub fn classify(series: &[f64], better: Better, margin: f64) -> Option<Steadiness> {
    if series.len() < INTERVALS_MIN || !series.iter().all(|value| value.is_finite()) {
        return None;
    }
    let tolerance = margin / 2.0;
    let is_within = |drift: [f64; 2]| -tolerance < drift[0] && drift[1] < tolerance;
    let whole = drift(series, better)?;
    let left_out = mser5(series);
    let (head, rest) = series.split_at(left_out);
    let stands_out = !head.is_empty() && is_apart(head, rest, tolerance);
    let is_at_its_limit = left_out / BATCH >= series.len() / BATCH / 2;
    let drift_of_rest = drift(rest, better)?;
    if stands_out && !is_at_its_limit && is_within(drift_of_rest) {
        return Some(Steadiness::WarmingUp { intervals: left_out });
    }
    if !stands_out && is_within(whole) {
        return Some(Steadiness::Flat);
    }
    let drift = if is_at_its_limit { whole } else { drift_of_rest };
    let is_worse = drift[0] > 0.0 && drift[1] > tolerance;
    Some(if is_worse { Steadiness::SlowingDown { drift } } else { Steadiness::NoSteadyState { drift } })
}

/// How many intervals MSER-5 leaves out.
fn mser5(series: &[f64]) -> usize {
    let batches: Vec<f64> = series.chunks_exact(BATCH).filter_map(mean).collect();
    let error = |left_out: usize| {
        let rest = &batches[left_out..];
        let centre = mean(rest).unwrap_or_default();
        rest.iter().map(|batch| (batch - centre).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
    };
    let best = (0..=batches.len() / 2).map(|left_out| (left_out, error(left_out)));
    best.min_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |(left_out, _)| left_out * BATCH)
}

fn is_apart(head: &[f64], rest: &[f64], tolerance: f64) -> bool {
    let (head, rest) = (mean(head).unwrap_or_default(), mean(rest).unwrap_or_default());
    (head - rest).abs() > tolerance * rest.abs()
}

/// The 95 % interval of how much worse the fitted line is at the end than at the beginning, as a share of the mean: least
/// squares, t with n−2 degrees of freedom (Draper and Smith, *Applied Regression Analysis*, 1.4), n being what the residuals'
/// autocorrelation leaves. `None` where the mean is not above zero.
fn drift(series: &[f64], better: Better) -> Option<[f64; 2]> {
    let level = mean(series).filter(|mean| *mean > 0.0 && mean.is_finite())?;
    let count = series.len() as f64;
    let centre = (count - 1.0) / 2.0;
    let places = || (0..series.len()).map(|place| place as f64 - centre);
    let squares: f64 = places().map(|place| place * place).sum();
    let slope = places().zip(series).map(|(place, value)| place * (value - level)).sum::<f64>() / squares;
    let residuals: Vec<f64> =
        places().zip(series).map(|(place, value)| value - level - slope * place).collect();
    let left = Autocorrelation::of_residuals(&residuals)?.effective(series.len() as u64).max(3) as usize;
    let variance = residuals.iter().map(|residual| residual * residual).sum::<f64>() / (count - 2.0);
    let error = (variance / squares * count / left as f64).sqrt();
    let half_width = upper_quantile(Level::FIVE_PERCENT.one_side(), left - 2) * error;
    let worse = if better == Better::Lower { slope } else { -slope };
    Some([worse - half_width, worse + half_width].map(|slope| slope * (count - 1.0) / level))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One percent of noise that is neither a trend nor a wave.
    fn noise(second: usize) -> f64 {
        [0.4, -0.9, 0.7, 0.1, -0.6, 1.0, -0.2, -0.8, 0.5, -0.1, 0.3][second * 7 % 11] / 100.0
    }

    fn classified(value: impl Fn(usize) -> f64, better: Better) -> Option<Steadiness> {
        let series: Vec<f64> = (0..60).map(|second| value(second) * (1.0 + noise(second))).collect();
        classify(&series, better, 0.05)
    }

    #[test]
    fn what_stays_the_same_is_flat() {
        assert_eq!(classified(|_| 5e6, Better::Lower), Some(Steadiness::Flat));
        assert_eq!(classify(&[5.0; 30], Better::Lower, 0.05), Some(Steadiness::Flat));
    }

    #[test]
    fn a_slow_beginning_is_a_warm_up_and_tells_how_long() {
        let settling = |second: usize| if second < 10 { 8e6 } else { 5e6 };
        assert_eq!(classified(settling, Better::Lower), Some(Steadiness::WarmingUp { intervals: 10 }));
        let first_second_only = |second: usize| if second == 0 { 9e6 } else { 5e6 };
        assert_eq!(
            classified(first_second_only, Better::Lower),
            Some(Steadiness::WarmingUp { intervals: BATCH })
        );
    }

    #[test]
    fn what_gets_worse_slows_down_whichever_way_is_better() {
        let rising = |second: usize| 5e6 * (1.0 + second as f64 / 100.0);
        assert!(
            matches!(classified(rising, Better::Lower), Some(Steadiness::SlowingDown { drift }) if drift[0] > 0.3)
        );
        let falling = |second: usize| 5e3 * (1.0 - second as f64 / 100.0);
        assert!(matches!(classified(falling, Better::Higher), Some(Steadiness::SlowingDown { .. })));
    }

    #[test]
    fn what_still_gets_better_or_jumps_about_has_no_steady_state() {
        let improving = |second: usize| 5e6 * (2.0 - second as f64 / 60.0);
        assert!(
            matches!(classified(improving, Better::Lower), Some(Steadiness::NoSteadyState { drift }) if drift[1] < 0.0)
        );
        let two_states = |second: usize| if (second / 20).is_multiple_of(2) { 5e6 } else { 9e6 };
        assert!(matches!(classified(two_states, Better::Lower), Some(Steadiness::NoSteadyState { .. })));
    }

    #[test]
    fn too_few_intervals_and_no_numbers_are_no_class() {
        assert_eq!(classify(&[5.0; 29], Better::Lower, 0.05), None);
        assert_eq!(classify(&[0.0; 40], Better::Lower, 0.05), None);
        assert_eq!(classify(&[f64::NAN; 40], Better::Lower, 0.05), None);
    }
}
