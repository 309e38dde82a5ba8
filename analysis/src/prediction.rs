//! A new run against earlier ones: whether it lies where one more run of the same thing would.

use crate::level::Level;
use crate::paired::{Better, Rule, Says};
use crate::student::{mean, mean_interval};

/// Fewer runs of a baseline decide nothing: what differs from run to run is not known.
pub const RUNS_MIN: usize = 5;

/// What a new run says beside the runs of a baseline. Positive is worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// Runs of the baseline.
    pub runs: usize,
    /// How much worse the new run is, θ̂, as a difference of logarithms; `None` where a run has no logarithm, or there is none.
    pub difference: Option<f64>,
    /// Where θ lies by the prediction interval; `None` below two runs.
    pub interval: Option<[f64; 2]>,
    /// The word for it.
    pub says: Says,
    /// How many more runs the baseline needs before it can decide anything; 0 when it has enough.
    pub more_runs: u32,
}

/// Compares a new run's mean with the prediction interval of the means of a baseline's runs: x̄ ± t(n−1, 1−α/2)·s·√(1+1/n)
/// over logarithms (Hahn and Meeker, *Statistical Intervals*, 4.7). Runs are the units, since conditions differ from run to
/// run; with fewer than [`RUNS_MIN`] it is inconclusive (statistics.md, "Stored baselines").
pub fn against_baseline(runs: &[f64], new: f64, better: Better, rule: Rule) -> Predicted {
    let logarithms: Vec<f64> = runs.iter().map(|run| run.ln()).collect();
    let orient = |worse: f64| if better == Better::Lower { worse } else { -worse };
    let difference = mean(&logarithms).map(|mean| orient(new.ln() - mean)).filter(|it| it.is_finite());
    let interval = difference.zip(prediction_half_width(&logarithms, rule.level));
    let interval =
        interval.map(|(difference, half_width)| [difference - half_width, difference + half_width]);
    let is_enough = runs.len() >= RUNS_MIN;
    Predicted {
        runs: runs.len(),
        difference,
        interval,
        says: interval
            .filter(|_| is_enough)
            .map_or(Says::Inconclusive, |interval| Says::of(interval, rule.margin)),
        more_runs: RUNS_MIN.saturating_sub(runs.len()) as u32,
    }
}

fn prediction_half_width(values: &[f64], level: Level) -> Option<f64> {
    let estimate = mean_interval(values, 0.0, level)?;
    // The interval of the mean is t·s/√n wide on either side; the one of a further value is √(n+1) times as wide.
    Some((estimate.interval[1] - estimate.mean) * (values.len() as f64 + 1.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Margin;

    fn says(runs: &[f64], new: f64) -> Predicted {
        let rule = Rule { margin: Margin::of_share(0.05).unwrap(), level: Level::FIVE_PERCENT };
        against_baseline(runs, new, Better::Lower, rule)
    }

    #[test]
    fn a_further_run_has_the_interval_of_the_formula() {
        // x̄ ± t(.975, 4)·s·√(6/5): ln of the runs is 1 to 5, s = √2.5, t = 2.776445.
        let runs: Vec<f64> = (1..=5).map(|exponent| f64::from(exponent).exp()).collect();
        let found = says(&runs, 3.0_f64.exp());
        let half_width = 2.776_445_105 * 2.5_f64.sqrt() * 1.2_f64.sqrt();
        let [low, high] = found.interval.unwrap();
        assert!((low + half_width).abs() < 1e-8 && (high - half_width).abs() < 1e-8, "{found:?}");
    }

    #[test]
    fn a_run_far_outside_is_slower_and_one_inside_is_the_same() {
        let steady = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2];
        assert_eq!(says(&steady, 100.3).says, Says::Same);
        assert_eq!(says(&steady, 120.0).says, Says::Slower);
        assert_eq!(says(&steady, 80.0).says, Says::Faster);
        assert_eq!(says(&[100.0, 120.0, 90.0, 110.0, 95.0], 108.0).says, Says::Inconclusive);
    }

    #[test]
    fn few_runs_are_inconclusive_and_say_how_many_are_missing() {
        let found = says(&[100.0, 100.1, 99.9], 200.0);
        assert_eq!((found.says, found.more_runs), (Says::Inconclusive, 2));
        assert!(found.interval.is_some());
        assert_eq!(says(&[], 1.0), Predicted { difference: None, interval: None, runs: 0, ..says(&[], 1.0) });
    }

    #[test]
    fn what_has_no_logarithm_is_inconclusive() {
        for (run, new) in [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0)] {
            let found = says(&[1.0, 1.0, 1.0, 1.0, run], new);
            assert_eq!((found.says, found.difference, found.interval), (Says::Inconclusive, None, None));
        }
    }
}
