//! What the statistics promise, held against seeded simulations: how often they are right when the truth is known.
//!
//! Each share that is found may miss what is promised by the simulation's own error: three standard errors, `allowance`.

use fleetmark_analysis::binomial::share_interval;
use fleetmark_analysis::change_point::{PERMUTATIONS_MIN, Search, change_points};
use fleetmark_analysis::estimate::Scale;
use fleetmark_analysis::hodges_lehmann;
use fleetmark_analysis::level::{Level, Margin};
use fleetmark_analysis::paired::{Better, Differences, Rule, Says, compare};
use fleetmark_analysis::prediction::against_baseline;
use fleetmark_analysis::quantile_interval::quantile_interval_of;
use fleetmark_analysis::student;
use fleetmark_analysis::sweep::{SweepRule, Swept, answer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use shared::plan::looks::Looks;

/// Worlds per question: a share of 2.5 % is then known to three quarters of a percent.
const WORLDS: usize = 4_000;
/// The margin of comparisons, δ = 5 %.
const MARGIN: f64 = 0.05;
/// How far blocks' differences spread.
const SPREAD: f64 = 0.03;

/// Three standard errors of a share that was found in [`WORLDS`] worlds.
fn allowance(share: f64) -> f64 {
    3.0 * (share * (1.0 - share) / WORLDS as f64).sqrt()
}

/// In which share of the worlds something happens.
fn share_of(worlds: usize, seed: u64, mut happens: impl FnMut(&mut ChaCha8Rng) -> bool) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..worlds).filter(|_| happens(&mut random)).count() as f64 / worlds as f64
}

fn normal(random: &mut ChaCha8Rng, mean: f64, spread: f64, count: usize) -> Vec<f64> {
    let noise = || -> f64 { StandardNormal.sample(random) };
    std::iter::repeat_with(noise).take(count).map(|noise| mean + spread * noise).collect()
}

fn margin() -> Margin {
    Margin::of_share(MARGIN).expect("5 % is a margin")
}

fn says(values: &[f64], margin: Margin, level: Level) -> Says {
    let differences = Differences::new(values.to_vec()).expect("noise is finite");
    compare(&differences, Rule { margin, level }).says
}

/// What ten blocks say of a true difference.
fn of_ten_blocks(random: &mut ChaCha8Rng, truth: f64) -> Says {
    says(&normal(random, truth, SPREAD, 10), margin(), Level::FIVE_PERCENT)
}

/// What is said of a true difference when the comparison goes on until it is settled, 30 blocks at most.
fn until_settled(random: &mut ChaCha8Rng, truth: f64, margin: Margin) -> Says {
    let values = normal(random, truth, SPREAD, 30);
    let looks = Looks { blocks: 30, until_settled: true, aborts: false };
    let level = Level::new(looks.deciding_alpha()).expect("a part of 5 % is a level");
    let said = looks.deciding().into_iter().map(|look| says(&values[..look as usize], margin, level));
    said.into_iter().find(|says| *says != Says::Inconclusive).unwrap_or(Says::Inconclusive)
}

#[test]
fn intervals_of_a_mean_cover_it_in_95_of_100_worlds() {
    for blocks in [2, 5, 10, 20, 30] {
        let coverage = share_of(WORLDS, 1, |random| {
            let values = normal(random, 0.1, SPREAD, blocks);
            let [low, high] = student::mean_interval(&values, 0.0, Level::FIVE_PERCENT).unwrap().interval;
            low <= 0.1 && 0.1 <= high
        });
        assert!((coverage - 0.95).abs() <= 0.01, "{blocks} blocks: {coverage}");
    }
}

#[test]
fn rank_intervals_cover_the_centre_at_least_as_often() {
    for blocks in [6, 10, 20] {
        let coverage = share_of(WORLDS, 2, |random| {
            let values = normal(random, 0.1, SPREAD, blocks);
            let found = hodges_lehmann::one_sample(&values, Level::FIVE_PERCENT).unwrap();
            found.interval.is_some_and(|[low, high]| low <= 0.1 && 0.1 <= high)
        });
        assert!(coverage >= 0.95 - allowance(0.95) && coverage <= 0.985, "{blocks} blocks: {coverage}");
    }
}

#[test]
fn the_same_against_itself_is_rarely_called_different() {
    // Without a margin any true difference of zero that is called one is a false alarm: the hardest case there is.
    let none = Margin::linear(0.0).unwrap();
    let alarms = share_of(WORLDS, 3, |random| until_settled(random, 0.0, none) != Says::Inconclusive);
    assert!(alarms <= 0.05, "{alarms}");
    let alarms = share_of(WORLDS, 4, |random| {
        !matches!(until_settled(random, 0.0, margin()), Says::Same | Says::Inconclusive)
    });
    assert!(alarms <= 0.001, "{alarms}");
}

#[test]
fn ten_blocks_tell_the_same_from_ten_percent_slower() {
    let same = share_of(WORLDS, 5, |random| of_ten_blocks(random, 0.0) == Says::Same);
    assert!(same >= 0.97, "{same}");
    let slower = share_of(WORLDS, 6, |random| of_ten_blocks(random, 0.10_f64.ln_1p()) == Says::Slower);
    assert!(slower >= 0.97, "{slower}");
    let faster = share_of(WORLDS, 7, |random| of_ten_blocks(random, -(0.10_f64.ln_1p())) == Says::Faster);
    assert!(faster >= 0.97, "{faster}");
}

#[test]
fn at_the_margin_itself_each_false_word_is_rare() {
    let promised = 0.025;
    for (seed, side) in [(8, 1.0), (9, -1.0)] {
        let truth = side * margin().value();
        let of_ten: Vec<Says> = worlds_of(seed, |random| of_ten_blocks(random, truth));
        let of_looks: Vec<Says> = worlds_of(seed + 2, |random| until_settled(random, truth, margin()));
        for said in [of_ten, of_looks] {
            for word in [Says::Slower, Says::Faster, Says::Same] {
                let share = said.iter().filter(|said| **said == word).count() as f64 / WORLDS as f64;
                assert!(share <= promised + allowance(promised), "{word} at {truth}: {share}");
            }
        }
    }
}

fn worlds_of(seed: u64, say: impl Fn(&mut ChaCha8Rng) -> Says) -> Vec<Says> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..WORLDS).map(|_| say(&mut random)).collect()
}

#[test]
fn a_sweep_rarely_drops_the_value_that_is_best() {
    let rule = SweepRule {
        better: Better::Lower,
        scale: Scale::Logarithmic,
        rule: Rule { margin: margin(), level: Level::FIVE_PERCENT },
        is_throughput: false,
    };
    // All values are the same, so that each may look best by chance: the hardest case for the first of them.
    let dropped = share_of(WORLDS, 16, |random| {
        let swept = [1.0, 2.0, 4.0, 8.0].map(|value| {
            let trials = normal(random, 0.0, SPREAD, 10).into_iter().map(|noise| Some(noise.exp()));
            Swept { value, by_block: trials.collect() }
        });
        let best = answer(swept.to_vec(), &rule).best.unwrap();
        best.value != 1.0 && !best.rivals.contains(&1.0)
    });
    assert!(dropped <= 0.05 + allowance(0.05), "{dropped}");
}

#[test]
fn quantile_intervals_cover_the_quantile() {
    for (count, quantile) in [(50, 0.5), (100, 0.9), (500, 0.99)] {
        let coverage = share_of(WORLDS, 12, |random| {
            // Uniform values: the quantile is the share itself.
            let mut values: Vec<f64> = (0..count).map(|_| random.random()).collect();
            values.sort_by(f64::total_cmp);
            let [low, high] = quantile_interval_of(&values, quantile, Level::FIVE_PERCENT);
            low.unwrap() <= quantile && quantile <= high.unwrap()
        });
        assert!(coverage >= 0.95 - allowance(0.95) && coverage <= 0.985, "{count}: {coverage}");
    }
}

#[test]
fn exact_intervals_of_a_share_cover_it() {
    let coverage = share_of(WORLDS, 13, |random| {
        let errors = (0..200).filter(|_| random.random_bool(0.03)).count() as u64;
        share_interval(errors, 200, Level::FIVE_PERCENT)
            .is_some_and(|[low, high]| low <= 0.03 && 0.03 <= high)
    });
    assert!(coverage >= 0.95 - allowance(0.95), "{coverage}");
}

#[test]
fn a_further_run_lies_in_the_prediction_interval() {
    let rule = Rule { margin: margin(), level: Level::FIVE_PERCENT };
    for runs in [5, 10] {
        let coverage = share_of(WORLDS, 14, |random| {
            let times: Vec<f64> = normal(random, 0.0, 0.02, runs + 1).into_iter().map(f64::exp).collect();
            let found = against_baseline(&times[..runs], times[runs], Better::Lower, rule);
            found.interval.is_some_and(|[low, high]| low <= 0.0 && 0.0 <= high)
        });
        assert!((coverage - 0.95).abs() <= 0.01, "{runs} runs: {coverage}");
    }
}

#[test]
fn a_history_without_change_is_rarely_given_one() {
    let worlds = 400;
    let search =
        Search { level: Level::FIVE_PERCENT, permutations: PERMUTATIONS_MIN, smallest_effect: 0.0, seed: 15 };
    let alarms =
        share_of(worlds, 15, |random| !change_points(&normal(random, 1.0, SPREAD, 30), &search).is_empty());
    let allowance = 3.0 * (0.05 * 0.95 / worlds as f64).sqrt();
    assert!(alarms <= 0.05 + allowance, "{alarms}");
}
