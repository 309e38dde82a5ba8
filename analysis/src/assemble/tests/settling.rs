//! Trials that had not settled say so, and still count.

use shared::finding::{FindingCode, Severity};
use shared::interval::fold::Series;

use super::fixture::*;
use super::*;

const SECONDS: u64 = 60;

/// The intervals of two agents whose mean latency in each second is as told, in µs, give or take half a percent.
fn intervals(latency_us: impl Fn(u64) -> u64) -> Vec<Interval> {
    let second = |agent: usize, second: u64| {
        let wobble = 995 + second * 7 % 11;
        interval(0, agent, second, vec![operation(0, &[latency_us(second) * wobble; 4], 0)])
    };
    (0..2)
        .flat_map(|agent| (0..SECONDS).map(move |at| (agent, at)))
        .map(|(agent, at)| second(agent, at))
        .collect()
}

fn findings(intervals: Vec<Interval>) -> Vec<Finding> {
    let (job, record) = (job(&["read"], SECONDS), record(1, 2, SECONDS));
    let trial = assemble(&record, &job, intervals, NOW_MS).report.variants[0].trials[0].clone();
    assert!(trial.valid);
    trial.findings.into_iter().filter(|finding| finding.code != FindingCode::ClosedModelBlind).collect()
}

#[test]
fn a_steady_trial_says_nothing() {
    assert_eq!(findings(intervals(|_| 5_000)), []);
}

#[test]
fn a_slow_beginning_names_the_warm_up_that_would_do() {
    let found = findings(intervals(|second| if second < 10 { 9_000 } else { 5_000 }));
    assert_eq!(
        (found.len(), found[0].code, found[0].severity),
        (1, FindingCode::WarmingUp, Severity::Suspect)
    );
    assert_eq!(
        found[0].message,
        "the first 10 s differ from the rest, which is steady: 10 s more of load.warmup would do"
    );
}

#[test]
fn a_target_that_gets_slower_is_told() {
    let found = findings(intervals(|second| 5_000 + 20 * second));
    assert_eq!((found.len(), found[0].code), (1, FindingCode::SlowingDown));
    assert!(found[0].message.starts_with("the latency rises over the window, by 2"), "{}", found[0].message);
}

#[test]
fn a_trial_that_still_gets_faster_is_not_shown_to_have_settled() {
    let found = findings(intervals(|second| 9_000 - 60 * second));
    assert_eq!(
        (found.len(), found[0].code, found[0].severity),
        (1, FindingCode::NoSteadyState, Severity::Note)
    );
}

#[test]
fn intervals_that_come_twice_and_the_series_of_a_folded_run_change_nothing() {
    let told = intervals(|second| 5_000 + 20 * second);
    let expected = findings(told.clone());
    let mut series = Series::default();
    told.iter().for_each(|interval| series.add(interval));
    let series = series.finish();
    let twice = told.iter().chain(&told).chain(&series).chain(&series).cloned().collect();
    assert_eq!(findings(twice), expected);
}

#[test]
fn a_short_trial_is_not_judged() {
    let told = intervals(|second| 5_000 + 20 * second);
    let short: Vec<Interval> = told.into_iter().filter(|interval| interval.sequence.0 < 29).collect();
    let (job, record) = (job(&["read"], 29), record(1, 2, 29));
    let trial = &assemble(&record, &job, short, NOW_MS).report.variants[0].trials[0];
    assert!(trial.findings.iter().all(|finding| finding.code == FindingCode::ClosedModelBlind));
}
