//! Whether something grows: the slope of a line through its values, with its interval, over all of them and at their end.

use crate::autocorrelation::Autocorrelation;
use crate::level::Level;
use crate::student::{mean, upper_quantile};

/// Fewer values are no course of anything.
const VALUES_MIN: usize = 8;

/// How much a series rises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// Per second.
    pub slope: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// Whether the later half rises by itself too: what only fills up at first does not.
    pub lasts: bool,
}

impl Growth {
    /// The growth of values at moments in seconds; `None` of fewer than eight, or when all are of one moment.
    pub fn of(series: &[(f64, f64)]) -> Option<Self> {
        if series.len() < VALUES_MIN {
            return None;
        }
        let (slope, interval) = line(series)?;
        let (_, later) = line(&series[series.len() / 2..])?;
        Some(Self { slope, interval, lasts: later[0] > 0.0 })
    }

    /// Whether it rises beyond doubt, to the end.
    pub fn is_certain(&self) -> bool {
        self.interval[0] > 0.0 && self.lasts
    }
}

/// Slope and interval by least squares, t with n−2 degrees of freedom (Draper and Smith, *Applied Regression Analysis*, 1.4), n
/// being what the residuals' autocorrelation leaves: memory that is taken and given back in turns comes and goes in waves.
fn line(series: &[(f64, f64)]) -> Option<(f64, [f64; 2])> {
    let count = series.len() as f64;
    let moments: Vec<f64> = series.iter().map(|(moment, _)| *moment).collect();
    let values: Vec<f64> = series.iter().map(|(_, value)| *value).collect();
    let (centre, level) = (mean(&moments)?, mean(&values)?);
    let squares: f64 = moments.iter().map(|moment| (moment - centre).powi(2)).sum();
    if squares <= 0.0 || !squares.is_finite() || !level.is_finite() {
        return None;
    }
    let products = series.iter().map(|(moment, value)| (moment - centre) * (value - level));
    let slope = products.sum::<f64>() / squares;
    let residuals: Vec<f64> =
        series.iter().map(|(moment, value)| value - level - slope * (moment - centre)).collect();
    let left = Autocorrelation::of_residuals(&residuals)?.effective(series.len() as u64).max(3) as usize;
    let variance = residuals.iter().map(|residual| residual * residual).sum::<f64>() / (count - 2.0);
    let error = (variance / squares * count / left as f64).sqrt();
    let half_width = upper_quantile(Level::FIVE_PERCENT.one_side(), left - 2) * error;
    Some((slope, [slope - half_width, slope + half_width]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(value: impl Fn(f64) -> f64) -> Growth {
        let moments = (0..20).map(f64::from);
        Growth::of(&moments.map(|moment| (moment, value(moment))).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_leak_is_certain_and_its_slope_is_known() {
        let jitter = |moment: f64| if (moment as u32).is_multiple_of(2) { 40_000.0 } else { 0.0 };
        let leak = growth(|moment| 2e7 + 1_048_576.0 * moment + jitter(moment));
        assert!(leak.is_certain(), "{leak:?}");
        assert!((leak.slope / 1_048_576.0 - 1.0).abs() < 0.01, "{leak:?}");
    }

    #[test]
    fn what_comes_and_goes_or_stays_does_not_grow() {
        assert!(!growth(|_| 5e7).is_certain());
        for period in [2.0, 3.0, 5.0, 8.0, 13.0] {
            let wave = growth(|moment| 2e7 + 1e6 * (moment % period));
            assert!(!wave.is_certain(), "{period}: {wave:?}");
        }
    }

    #[test]
    fn what_only_fills_up_at_first_does_not_grow() {
        let cache = growth(|moment| 2e7 + 1e6 * moment.min(8.0));
        assert!(!cache.is_certain(), "{cache:?}");
    }

    #[test]
    fn few_values_and_one_moment_say_nothing() {
        assert_eq!(Growth::of(&[(0.0, 1.0); 20]), None);
        assert_eq!(Growth::of(&[(0.0, 1.0), (1.0, 2.0)]), None);
    }
}
