//! Sweeps that have an answer, and the announced one that has none.

use super::*;
use crate::level::{Level, Margin};

fn rule(better: Better, is_throughput: bool) -> SweepRule {
    let rule = Rule { margin: Margin::of_share(0.05).unwrap(), level: Level::FIVE_PERCENT };
    SweepRule { better, scale: Scale::Logarithmic, rule, is_throughput }
}

fn swept(value: f64, by_block: &[f64]) -> Swept {
    Swept { value, by_block: by_block.iter().copied().map(Some).collect() }
}

/// Ten blocks around a centre, one percent apart, and each value's in another order.
fn around(value: f64, centre: f64) -> Swept {
    let noise = |block: usize| ((block * 3 + value as usize) % 7) as f64 / 300.0 - 0.01;
    swept(value, &(0..10).map(|block| centre * (1.0 + noise(block))).collect::<Vec<_>>())
}

/// "2 workers: 12.6 % faster", from one run of each.
fn announced() -> Vec<Swept> {
    [(1.0, 8.243), (2.0, 7.207), (4.0, 7.790), (8.0, 8.758)].map(|(value, s)| swept(value, &[s])).to_vec()
}

#[test]
fn one_run_of_each_cannot_tell_which_is_best_and_says_how_many_would() {
    let found = answer(announced(), &rule(Better::Lower, false));
    let best = found.best.as_ref().unwrap();
    assert_eq!((best.value, best.rivals.as_slice()), (2.0, &[1.0, 4.0, 8.0][..]));
    assert!(best.is_spread_assumed);
    // At least five blocks; to tell 7.207 s from 7.790 s, were blocks to differ by 5 %, some thirty.
    assert!(best.more_blocks.is_some_and(|more| (20..60).contains(&more)), "{best:?}");
    let of_one = found.rows[1].against_least.as_ref().unwrap();
    assert!((of_one.ratio.unwrap() - 0.874).abs() < 0.001);
    assert_eq!((of_one.interval, of_one.says, of_one.direction), (None, Says::Inconclusive, None));
    assert!(of_one.more_blocks.is_some_and(|more| more >= 4));
    assert_eq!(found.worse_than_least(), [0.0; 0]);
}

#[test]
fn ten_blocks_of_the_same_figures_tell_the_best_and_that_eight_were_worse_than_one() {
    let values = [(1.0, 8.243), (2.0, 7.207), (4.0, 7.790), (8.0, 8.758)];
    let found = answer(values.map(|(value, s)| around(value, s)).to_vec(), &rule(Better::Lower, false));
    let best = found.best.as_ref().unwrap();
    assert_eq!((best.value, best.rivals.len(), best.more_blocks), (2.0, 0, None));
    assert!(!best.is_spread_assumed);
    assert_eq!(found.worse_than_least(), [8.0]);
    let [low, high] = found.rows[0].against_best.as_ref().unwrap().interval.unwrap();
    assert!(low < 1.1437 && 1.1437 < high && low > 1.1, "{low} {high}");
}

#[test]
fn values_that_differ_by_nothing_are_rivals_and_need_no_more_trials() {
    let found = answer(
        vec![around(1.0, 100.0), around(2.0, 200.0), around(4.0, 200.3)],
        &rule(Better::Higher, false),
    );
    let best = found.best.unwrap();
    assert!(best.value == 4.0 && best.rivals == [2.0], "{best:?}");
    assert_eq!(best.more_blocks, None);
    assert_eq!(found.rows[1].against_best.as_ref().unwrap().says, Says::Same);
}

#[test]
fn throughput_has_the_laws_peak_and_latency_none() {
    let values =
        || [(1.0, 100.0), (2.0, 180.0), (4.0, 260.0), (8.0, 240.0)].map(|(n, x)| around(n, x)).to_vec();
    let found = answer(values(), &rule(Better::Higher, true));
    assert!(found.law.and_then(|law| law.peak).is_some_and(|peak| peak > 3.0 && peak < 8.0));
    assert_eq!(found.best.unwrap().value, 4.0);
    assert_eq!(answer(values(), &rule(Better::Lower, false)).law, None);
}

#[test]
fn only_blocks_that_have_both_are_compared() {
    let mut gappy = around(2.0, 90.0);
    gappy.by_block[3] = None;
    gappy.by_block.truncate(8);
    let found = answer(vec![gappy, around(1.0, 100.0)], &rule(Better::Lower, false));
    assert_eq!((found.rows[0].value, found.rows[1].trials), (1.0, 7));
    assert_eq!(found.rows[0].against_best.as_ref().unwrap().blocks, 7);
}

#[test]
fn nothing_measured_has_no_best() {
    let nothing = |value| Swept { value, by_block: vec![None; 3] };
    let found = answer(vec![nothing(1.0), nothing(2.0)], &rule(Better::Lower, false));
    assert_eq!((found.best, found.rows[1].mean), (None, None));
    assert_eq!(answer(Vec::new(), &rule(Better::Lower, true)).rows, []);
    let alone = answer(vec![around(1.0, 5.0)], &rule(Better::Lower, false)).best.unwrap();
    assert_eq!((alone.rivals.len(), alone.more_blocks), (0, None));
}
