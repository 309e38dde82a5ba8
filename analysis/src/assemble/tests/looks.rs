//! Runs that a look ended: what the look saw, and what the report says of it.

use shared::job::{Job, Kinds, parse};
use shared::plan::looks::Look;
use shared::run_record::{LookOutcome, Looked, RunRecord};

use super::fixture::*;
use super::*;
use crate::looks::outcome;

/// A job of seven blocks with these claims about an operation that takes about a microsecond.
fn claiming(load: &str, claims: &str) -> Job {
    let text = format!(
        "name = \"session\"\nworkload = {{ kind = \"http\", operations = [{{ name = \"read\" }}] }}\nload = {{ duration = \"1s\", {load} }}\nclaims = [{claims}]\n"
    );
    parse(&text, Kinds::Unchecked).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

const FAST: &str = "{ metric = \"read.latency.mean\", below = \"1ms\" }";
const SLOW: &str = "{ metric = \"read.latency.mean\", above = \"1s\", abort = true }";

/// What was stored of a run after so many of its trials, while it goes on.
fn after(blocks: u32, planned: u32) -> (RunRecord, Vec<Interval>) {
    let whole = record(planned, 1, 1);
    let trials = whole.trials[..blocks as usize].to_vec();
    let value = |trial: u32| 1_000 + 10 * u64::from(trial);
    let measured = |trial: u32| interval(trial, 0, 0, vec![operation(0, &[value(trial); 100], 0)]);
    (RunRecord { trials, state: RunState::Running, ..whole }, (0..blocks).map(measured).collect())
}

fn looked_at(job: &Job, blocks: u32) -> LookOutcome {
    let (record, intervals) = after(blocks, job.load.trials);
    let look = job.looks().after(blocks).expect("a look is due");
    outcome(&assemble(&record, job, intervals, NOW_MS), job, &look)
}

/// The report of a run that such a look ended.
fn ended(job: &Job, look: Look, outcome: LookOutcome) -> RunReport {
    let (record, intervals) = after(look.blocks, job.load.trials);
    let record = RunRecord { state: RunState::Finished, looks: vec![Looked { look, outcome }], ..record };
    assemble(&record, job, intervals, NOW_MS).report
}

#[test]
fn a_look_settles_a_run_when_every_claim_is_decided() {
    let until = "trials = { until = \"settled\", at_most = 12 }";
    assert_eq!(looked_at(&claiming(until, FAST), 10), LookOutcome::Settled);
    let open = format!("{FAST}, {{ metric = \"read.latency.mean\", below = \"1045ns\" }}");
    assert_eq!(looked_at(&claiming(until, &open), 10), LookOutcome::GoOn);
}

#[test]
fn only_a_claim_that_says_so_ends_a_run_by_being_refuted() {
    assert_eq!(looked_at(&claiming("trials = 7", SLOW), 5), LookOutcome::Refuted);
    let other = SLOW.replace("above = \"1s\"", "below = \"1ms\"");
    assert_eq!(looked_at(&claiming("trials = 7", &other), 5), LookOutcome::GoOn);
    let both = format!("{other}, {}", SLOW.replace(", abort = true", ""));
    assert_eq!(looked_at(&claiming("trials = 7", &both), 5), LookOutcome::GoOn);
}

#[test]
fn what_a_refuted_claim_cut_short_is_not_decided() {
    let job = claiming("trials = 7", &format!("{FAST}, {SLOW}"));
    let look = job.looks().after(5).unwrap();
    let report = ended(&job, look, LookOutcome::Refuted);
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Refuted, 1));
    let [fast, slow] = report.claims.as_slice() else { panic!("two claims: {:?}", report.claims) };
    assert_eq!((fast.verdict, slow.verdict), (Verdict::Inconclusive, Verdict::Refuted));
    assert!(fast.reason.starts_with("not decided: aborted after 5 blocks"), "{}", fast.reason);
    assert_eq!(report.variants[0].trials.len(), 5, "those that are not needed are not missing");
    assert_eq!((report.run.blocks_not_needed, report.run.looks.len()), (Some(2), 1));
    assert_eq!((report.run.looks[0].outcome.as_str(), report.run.looks[0].alpha), ("refuted", look.alpha));
}

#[test]
fn a_run_that_was_settled_is_whole() {
    let job = claiming("trials = { until = \"settled\", at_most = 12 }", FAST);
    let report = ended(&job, job.looks().after(10).unwrap(), LookOutcome::Settled);
    assert_eq!((report.run.verdict, report.claims[0].verdict), (Verdict::Supported, Verdict::Supported));
    assert_eq!((report.run.exit_code, report.run.blocks_not_needed), (0, Some(2)));
}
