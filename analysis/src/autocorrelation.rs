//! How much each second of a trial resembles the one before, and how many values that leaves.

/// Fewer intervals say nothing reliable about their own dependence.
pub const INTERVALS_MIN: usize = 30;

/// Lag-one autocorrelation ρ of a trial's intervals, from 0 to below 1. What alternates is taken as independent: it must
/// not make an interval narrower.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Autocorrelation(f64);

impl Autocorrelation {
    /// No dependence.
    pub const NONE: Self = Self(0.0);

    /// The autocorrelation of a series, r₁ = Σ(xᵢ−x̄)(xᵢ₊₁−x̄)/Σ(xᵢ−x̄)² (Box and Jenkins, *Time Series Analysis*, 2.1.5).
    /// `None` below [`INTERVALS_MIN`] values, or with one that is not finite. A series that does not vary has none.
    pub fn of(series: &[f64]) -> Option<Self> {
        (series.len() >= INTERVALS_MIN).then(|| Self::of_residuals(series)).flatten()
    }

    /// The same for however few values.
    pub(crate) fn of_residuals(series: &[f64]) -> Option<Self> {
        let mean = crate::student::mean(series).filter(|mean| mean.is_finite())?;
        let squares: f64 = series.iter().map(|value| (value - mean).powi(2)).sum();
        if !squares.is_finite() {
            return None;
        }
        let products: f64 = series.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
        Some(Self(if squares > 0.0 { (products / squares).clamp(0.0, 1.0 - f64::EPSILON) } else { 0.0 }))
    }

    /// ρ itself.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// How many independent values so many dependent ones are worth: n·(1−ρ)/(1+ρ), at least one (Bayley and Hammersley
    /// 1946, for a process in which each value depends on the last).
    pub fn effective(self, count: u64) -> u64 {
        if self.0 == 0.0 {
            return count;
        }
        ((count as f64 * (1.0 - self.0) / (1.0 + self.0)) as u64).clamp(count.min(1), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_wave_leaves_few_values_and_an_alternation_all() {
        let wave: Vec<f64> = (0..60).map(|second| (f64::from(second) / 10.0).sin()).collect();
        assert!(Autocorrelation::of(&wave).unwrap().effective(1_000) < 100);
        let alternation: Vec<f64> = (0..60).map(|second| f64::from(second % 2)).collect();
        assert_eq!(Autocorrelation::of(&alternation), Some(Autocorrelation::NONE));
        assert_eq!(Autocorrelation::NONE.effective(u64::MAX), u64::MAX);
    }

    #[test]
    fn one_half_leaves_a_third() {
        assert_eq!(Autocorrelation(0.5).effective(900), 300);
        assert_eq!((Autocorrelation(0.5).effective(1), Autocorrelation(0.5).effective(0)), (1, 0));
    }

    #[test]
    fn what_has_no_autocorrelation_is_not_given_one() {
        assert_eq!(Autocorrelation::of(&[1.0; 29]), None);
        assert_eq!(Autocorrelation::of(&[f64::NAN; 30]), None);
        assert_eq!(Autocorrelation::of(&[7.0; 30]), Some(Autocorrelation::NONE));
    }
}
