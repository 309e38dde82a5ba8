//! Claims about one side: whether what was measured lies below or above what somebody said.

use shared::run_report::Verdict;

use crate::estimate::Scale;
use crate::level::Level;
use crate::sample_size::count_needed;
use crate::student::{MeanInterval, mean, mean_interval};

/// What a claim says of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// It is smaller than this.
    Below(f64),
    /// It is larger than this.
    Above(f64),
}

/// What the numbers say of a claim that is not invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// The whole interval is where the claim says.
    Supported,
    /// The whole interval is on the other side.
    Refuted,
    /// The interval has both, or a side is not known.
    Inconclusive,
}

impl From<Ruling> for Verdict {
    fn from(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Supported => Verdict::Supported,
            Ruling::Refuted => Verdict::Refuted,
            Ruling::Inconclusive => Verdict::Inconclusive,
        }
    }
}

impl Bound {
    /// What limits of the true value say of the bound; `None` is a limit that could not be had.
    pub fn rule(self, low: Option<f64>, high: Option<f64>) -> Ruling {
        let is_below = |bound| high.is_some_and(|high| high < bound);
        let is_above = |bound| low.is_some_and(|low| low > bound);
        let (is_supported, is_refuted) = match self {
            Bound::Below(bound) => (is_below(bound), is_above(bound)),
            Bound::Above(bound) => (is_above(bound), is_below(bound)),
        };
        match (is_supported, is_refuted) {
            (true, _) => Ruling::Supported,
            (_, true) => Ruling::Refuted,
            _ => Ruling::Inconclusive,
        }
    }

    /// The value that it names.
    pub const fn value(self) -> f64 {
        match self {
            Bound::Below(bound) | Bound::Above(bound) => bound,
        }
    }
}

/// What trials say of a bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounded {
    /// How many trials.
    pub count: usize,
    /// Their mean, geometric but on the linear scale; `None` without trials, or when one has no logarithm.
    pub mean: Option<f64>,
    /// Lower and upper limit of the mean; `None` below two trials.
    pub interval: Option<[f64; 2]>,
    /// What they say.
    pub ruling: Ruling,
    /// The level at which the interval just reaches the bound, for Holm over several claims; `None` below two trials.
    pub p: Option<f64>,
    /// When inconclusive, how many more trials would settle it with 80 % probability if mean and spread stay as they are;
    /// `None` when it would take more than [`COUNT_MAX`](crate::sample_size::COUNT_MAX) in all. Below two trials, what is
    /// missing to two.
    pub more_trials: Option<u32>,
}

/// A bound on what several trials have in common: exp(mean ln y) ± t (statistics.md, "Claims"), or the mean itself on the
/// linear scale. One trial has no spread, and is ruled by its own quantile's interval: [`Bound::rule`] on
/// [`quantile_interval`](crate::quantile_interval), or on a share's exact interval.
pub fn over_trials(values: &[f64], scale: Scale, bound: Bound, level: Level) -> Bounded {
    let inconclusive = Bounded {
        count: values.len(),
        mean: None,
        interval: None,
        ruling: Ruling::Inconclusive,
        p: None,
        more_trials: (values.len() < 2).then(|| 2 - values.len() as u32),
    };
    let Some(scaled) = scale.apply(values) else { return inconclusive };
    let back = |value: f64| scale.back(value);
    let Some(estimate) = mean_interval(&scaled, scale.rounding_variance(), level) else {
        return Bounded { mean: mean(&scaled).map(back), ..inconclusive };
    };
    let [low, high] = estimate.interval.map(back);
    let ruling = bound.rule(Some(low), Some(high));
    // A bound of zero or below has no logarithm: no positive value ever comes near it.
    let limit = scale.apply(&[bound.value()]).map_or(f64::NEG_INFINITY, |limit| limit[0]);
    Bounded {
        mean: Some(back(estimate.mean)),
        interval: Some([low, high]),
        ruling,
        p: Some(estimate.level_excluding(limit)),
        more_trials: (ruling == Ruling::Inconclusive).then(|| more_trials(&estimate, limit, level)).flatten(),
        ..inconclusive
    }
}

fn more_trials(estimate: &MeanInterval, limit: f64, level: Level) -> Option<u32> {
    let needed = count_needed(estimate.count, estimate.stdev, limit - estimate.mean, level)?;
    Some(needed.saturating_sub(estimate.count as u32).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(values: &[f64], bound: Bound) -> Bounded {
        over_trials(values, Scale::Logarithmic, bound, Level::FIVE_PERCENT)
    }

    #[test]
    fn trials_rule_by_where_their_interval_lies() {
        let trials = [90.0, 92.0, 91.0, 89.0];
        assert_eq!(over(&trials, Bound::Below(100.0)).ruling, Ruling::Supported);
        assert_eq!(over(&trials, Bound::Above(100.0)).ruling, Ruling::Refuted);
        assert_eq!(over(&trials, Bound::Below(80.0)).ruling, Ruling::Refuted);
        let near = over(&trials, Bound::Below(91.0));
        assert_eq!(near.ruling, Ruling::Inconclusive);
        assert!(near.more_trials.is_some_and(|more| more > 1) && near.p.is_some_and(|p| p > 0.05));
        assert_eq!(over(&trials, Bound::Below(100.0)).more_trials, None);
    }

    #[test]
    fn the_level_that_just_reaches_the_bound_tells_the_same() {
        let trials = [90.0, 92.0, 91.0, 89.0];
        for bound in [85.0, 88.0, 90.0, 93.0, 100.0] {
            let found = over(&trials, Bound::Below(bound));
            assert_eq!(found.ruling == Ruling::Inconclusive, found.p.unwrap() >= 0.05, "{bound}");
        }
    }

    #[test]
    fn one_trial_has_no_spread_to_rule_by() {
        let one = over(&[50.0], Bound::Below(100.0));
        assert_eq!((one.ruling, one.interval, one.more_trials), (Ruling::Inconclusive, None, Some(1)));
        assert!((one.mean.unwrap() - 50.0).abs() < 1e-9);
        assert_eq!(over(&[], Bound::Below(100.0)).more_trials, Some(2));
    }

    #[test]
    fn one_trials_own_interval_rules_only_with_the_limit_that_it_needs() {
        assert_eq!(Bound::Below(100.0).rule(Some(80.0), Some(99.0)), Ruling::Supported);
        assert_eq!(Bound::Below(100.0).rule(Some(80.0), None), Ruling::Inconclusive);
        assert_eq!(Bound::Below(100.0).rule(Some(101.0), None), Ruling::Refuted);
        assert_eq!(Bound::Above(100.0).rule(None, Some(99.0)), Ruling::Refuted);
        assert_eq!(Bound::Below(100.0).rule(Some(80.0), Some(100.0)), Ruling::Inconclusive);
    }

    #[test]
    fn ratios_that_can_be_zero_are_ruled_on_their_own_scale() {
        let found = over_trials(&[0.0, 0.0, 0.001], Scale::Linear, Bound::Below(0.01), Level::FIVE_PERCENT);
        assert_eq!(found.ruling, Ruling::Supported);
        assert_eq!(over(&[0.0, 1.0], Bound::Below(0.01)).ruling, Ruling::Inconclusive);
    }

    #[test]
    fn no_positive_value_is_below_zero() {
        assert_eq!(over(&[1.0, 1.1], Bound::Below(0.0)).ruling, Ruling::Refuted);
        assert_eq!(over(&[1.0, 1.1], Bound::Above(-1.0)).ruling, Ruling::Supported);
    }
}
