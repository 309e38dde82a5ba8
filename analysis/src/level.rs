//! How often a verdict may be wrong, and how small a difference is none: the two numbers that every comparison is given.

/// A two-sided error level α, strictly between 0 and 1: an interval of this level covers with probability 1 − α.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// The level of every interval unless several looks or hypotheses share it.
    pub const FIVE_PERCENT: Self = Self(0.05);

    /// A level; `None` unless it lies strictly between 0 and 1.
    pub fn new(alpha: f64) -> Option<Self> {
        (alpha > 0.0 && alpha < 1.0).then_some(Self(alpha))
    }

    /// The level of each of so many looks or hypotheses, of which at most one may be wrong at this level (Bonferroni).
    /// Nothing to share it with leaves it whole.
    pub fn split(self, parts: usize) -> Self {
        Self(self.0 / parts.max(1) as f64)
    }

    /// The level itself.
    pub const fn alpha(self) -> f64 {
        self.0
    }

    /// What an interval leaves on either side.
    pub const fn one_side(self) -> f64 {
        self.0 / 2.0
    }
}

/// The largest difference that counts as none, zero or above, on the scale of the differences.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Margin(f64);

impl Margin {
    /// No margin: any difference counts.
    pub const NONE: Self = Self(0.0);

    /// The margin of differences of logarithms that a share stands for: m = ln(1 + δ). `None` for a share that is negative
    /// or no number.
    pub fn of_share(share: f64) -> Option<Self> {
        Self::linear(share.ln_1p())
    }

    /// A margin in the metric's own unit, for metrics that can be zero. `None` when it is negative or no number.
    pub fn linear(margin: f64) -> Option<Self> {
        (margin.is_finite() && margin >= 0.0).then_some(Self(margin))
    }

    /// The margin itself.
    pub const fn value(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_probability_that_can_be_kept() {
        assert_eq!([0.0, 1.0, -0.1, f64::NAN].map(Level::new), [None; 4]);
        assert_eq!(Level::FIVE_PERCENT.split(4), Level(0.0125));
        assert_eq!(Level::FIVE_PERCENT.split(0), Level::FIVE_PERCENT);
    }

    #[test]
    fn a_margin_is_never_negative_and_never_endless() {
        assert_eq!([-0.05, f64::NAN, f64::INFINITY].map(Margin::of_share), [None; 3]);
        assert!((Margin::of_share(0.05).unwrap().value() - 1.05_f64.ln()).abs() < 1e-15);
    }
}
