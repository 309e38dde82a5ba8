//! The ratio of two sides with runs as units, and what it says.

use shared::claim::Better;
use shared::run_report::Says;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::level::{Level, Margin};
use crate::paired;
use crate::prediction::RUNS_MIN;
use crate::student;

/// What was found of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    /// b / a, unoriented: of the geometric means of the runs.
    pub(crate) ratio: Option<f64>,
    /// Its interval.
    pub(crate) ci95: Option<[f64; 2]>,
    /// The word, before the correction for other metrics.
    pub(crate) says: Says,
    /// The level at which the word would just be said; 1 where nothing is decided.
    pub(crate) p: f64,
}

/// The second side in terms of the first, with runs as units, on the logarithmic scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RunRatio {
    /// ln b − ln a, of the means of the logarithms.
    pub(crate) difference: f64,
    /// Whether there are enough runs to know how much they differ.
    pub(crate) is_enough: bool,
    spread: Option<Spread>,
}

/// How far the difference may be from what was found: its standard error, with the degrees of freedom behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    error: f64,
    freedom: f64,
}

impl RunRatio {
    /// The ratio of the runs' means, each of which must be above zero; `None`: one is not, or there is none.
    ///
    /// A single run is held against the prediction interval of the other side's runs (Hahn and Meeker, *Statistical Intervals*,
    /// 4.7); two sides of several runs against each other by Welch's interval (Welch 1947). Fewer than [`RUNS_MIN`] runs on a
    /// side of several are not enough. `rounding_variance` is what rounding adds to the variance of each run: trials of one run
    /// may all lie in one bucket, so their number takes nothing away from it.
    pub(crate) fn of(firsts: &[f64], seconds: &[f64], rounding_variance: f64) -> Option<Self> {
        let ln = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
        let (a, b) = (ln(firsts), ln(seconds));
        let difference = student::mean(&b).zip(student::mean(&a)).map(|(b, a)| b - a);
        let difference = difference.filter(|difference| difference.is_finite())?;
        Some(Self { difference, is_enough: is_enough(&a, &b), spread: spread(&a, &b, rounding_variance) })
    }

    /// Lower and upper limit of the difference; `None`: two single runs have none.
    pub(crate) fn interval(&self, level: Level) -> Option<[f64; 2]> {
        let half_width = self.spread.map(|spread| spread.quantile(level.one_side()) * spread.error)?;
        Some([self.difference - half_width, self.difference + half_width])
    }

    /// What it says at a level; the interval that is shown is always the one of 95 %.
    pub(crate) fn found(&self, better: Better, margin: Margin, level: Level) -> Found {
        let nothing =
            Found { ratio: Some(self.difference.exp()), ci95: None, says: Says::Inconclusive, p: 1.0 };
        let shown = self.interval(Level::FIVE_PERCENT);
        let Some((interval, spread)) = self.interval(level).zip(self.spread) else { return nothing };
        let oriented = match better {
            Better::Lower => interval,
            Better::Higher => [-interval[1], -interval[0]],
        };
        let found =
            if self.is_enough { paired::Says::of(oriented, margin) } else { paired::Says::Inconclusive };
        // The word would just be said where the interval reaches the nearer margin.
        let p = match found {
            paired::Says::Inconclusive => 1.0,
            _ => spread.two_sided_p((self.difference.abs() - margin.value()).abs()),
        };
        Found { ci95: shown.map(|shown| shown.map(f64::exp)), says: found.into(), p, ..nothing }
    }
}

/// Compares the runs' means, to the variance of each of which rounding adds so much.
pub(super) fn between(
    firsts: &[f64],
    seconds: &[f64],
    better: Better,
    margin: Margin,
    rounding_variance: f64,
) -> Found {
    match RunRatio::of(firsts, seconds, rounding_variance) {
        Some(ratio) => ratio.found(better, margin, Level::FIVE_PERCENT),
        None => Found { ratio: None, ci95: None, says: Says::Inconclusive, p: 1.0 },
    }
}

/// Whether there are enough runs to know how much they differ.
fn is_enough(a: &[f64], b: &[f64]) -> bool {
    match (a.len(), b.len()) {
        (1, others) | (others, 1) => others >= RUNS_MIN,
        (one, other) => one.min(other) >= RUNS_MIN,
    }
}

/// The spread of the difference; `None`: two single runs have none.
fn spread(a: &[f64], b: &[f64], rounding_variance: f64) -> Option<Spread> {
    let variance = |values| Some(variance(values)? + rounding_variance);
    match (variance(a), variance(b)) {
        (Some(of_a), Some(of_b)) => Some(welch((of_a, a.len()), (of_b, b.len()))),
        // One further run of the same thing: s·√(1+1/n).
        (Some(of_many), None) => Some(prediction(of_many, a.len())),
        (None, Some(of_many)) => Some(prediction(of_many, b.len())),
        (None, None) => None,
    }
}

fn prediction(variance: f64, runs: usize) -> Spread {
    let runs = runs as f64;
    Spread { error: (variance * (1.0 + 1.0 / runs)).sqrt(), freedom: runs - 1.0 }
}

/// Two means with variances of their own; the degrees of freedom are Welch and Satterthwaite's.
fn welch((of_a, a): (f64, usize), (of_b, b): (f64, usize)) -> Spread {
    let (a, b) = (a as f64, b as f64);
    let (share_a, share_b) = (of_a / a, of_b / b);
    let sum = share_a + share_b;
    let freedom = sum * sum / (share_a * share_a / (a - 1.0) + share_b * share_b / (b - 1.0));
    // Without any spread there is nothing to weigh by: as many as both have together.
    let freedom = if freedom.is_finite() { freedom } else { a + b - 2.0 };
    Spread { error: sum.sqrt(), freedom }
}

fn variance(values: &[f64]) -> Option<f64> {
    let mean = student::mean(values).filter(|_| values.len() > 1)?;
    Some(values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0))
}

impl Spread {
    /// The value that Student's t exceeds with probability `tail`.
    fn quantile(self, tail: f64) -> f64 {
        self.student().inverse_cdf(1.0 - tail)
    }

    /// How likely a distance as large is by chance, either way; 0 where runs do not differ at all.
    fn two_sided_p(self, distance: f64) -> f64 {
        if distance == 0.0 {
            return 1.0;
        }
        2.0 * self.student().sf(distance / self.error)
    }

    fn student(self) -> StudentsT {
        StudentsT::new(0.0, 1.0, self.freedom.max(1.0)).expect("at least one degree of freedom")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::BUCKET_VARIANCE;

    fn margin() -> Margin {
        Margin::of_share(0.05).unwrap()
    }

    const STEADY: [f64; 6] = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2];

    #[test]
    fn a_single_run_is_held_against_the_prediction_interval() {
        let found = |new: f64| between(&STEADY, &[new], Better::Lower, margin(), 0.0);
        assert_eq!([100.3, 120.0, 80.0].map(|new| found(new).says), [Says::Same, Says::Slower, Says::Faster]);
        let predicted = crate::prediction::against_baseline(
            &STEADY,
            120.0,
            paired::Better::Lower,
            paired::Rule { margin: margin(), level: Level::FIVE_PERCENT },
        );
        let ([low, high], [l, h]) = (found(120.0).ci95.unwrap(), predicted.interval.unwrap());
        assert!((low.ln() - l).abs() < 1e-8 && (high.ln() - h).abs() < 1e-8, "one formula, two ways to it");
    }

    #[test]
    fn the_sides_may_change_places() {
        let there = between(&STEADY, &[120.0], Better::Lower, margin(), 0.0);
        let back = between(&[120.0], &STEADY, Better::Lower, margin(), 0.0);
        assert_eq!((there.says, back.says), (Says::Slower, Says::Faster));
        assert!((there.ratio.unwrap() * back.ratio.unwrap() - 1.0).abs() < 1e-12);
        assert!((there.p - back.p).abs() < 1e-12);
    }

    #[test]
    fn of_a_rate_more_is_faster() {
        assert_eq!(between(&STEADY, &[120.0], Better::Higher, margin(), 0.0).says, Says::Faster);
    }

    #[test]
    fn two_single_runs_decide_nothing_and_have_no_interval() {
        let found = between(&[100.0], &[50.0], Better::Lower, margin(), 0.0);
        assert_eq!((found.says, found.ci95), (Says::Inconclusive, None));
        assert!(found.ratio.is_some_and(|ratio| (ratio - 0.5).abs() < 1e-12));
        let few = between(&STEADY[..4], &[50.0], Better::Lower, margin(), 0.0);
        assert!(few.says == Says::Inconclusive && few.ci95.is_some());
    }

    #[test]
    fn two_baselines_have_welchs_interval() {
        // scipy.stats.ttest_ind(equal_var=False) of the logarithms 1..5 and 2,4,6,8,10: t = -1.8973666, p = 0.1075312.
        let e = |exponent: f64| exponent.exp();
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0].map(e), [2.0, 4.0, 6.0, 8.0, 10.0].map(e));
        let spread = spread(&a.map(f64::ln), &b.map(f64::ln), 0.0).unwrap();
        assert!((3.0 / spread.error - 1.897_366_6).abs() < 1e-6, "{spread:?}");
        assert!((spread.freedom - 5.882_353).abs() < 1e-6, "{spread:?}");
        assert!((spread.two_sided_p(3.0) - 0.107_531_2).abs() < 1e-6, "{}", spread.two_sided_p(3.0));
    }

    #[test]
    fn runs_without_any_spread_are_the_same_or_not() {
        let same = |new: f64| between(&[100.0; 5], &[new], Better::Lower, margin(), 0.0);
        assert_eq!((same(100.0).says, same(110.0).says), (Says::Same, Says::Slower));
        assert!(same(110.0).p < 1e-12);
    }

    #[test]
    fn what_was_read_off_buckets_is_no_surer_than_they_are_wide() {
        // Without any spread only rounding is left: t(.975, 4)·√(w²/12·(1 + 1/5)).
        let rounded = between(&[100.0; 5], &[100.0], Better::Lower, margin(), BUCKET_VARIANCE);
        let half_width = 2.776_445_105 * (BUCKET_VARIANCE * 1.2).sqrt();
        let [low, high] = rounded.ci95.unwrap();
        assert!((high.ln() - half_width).abs() < 1e-9 && (low.ln() + half_width).abs() < 1e-9, "{rounded:?}");
        assert_eq!(rounded.says, Says::Same);
    }
}
