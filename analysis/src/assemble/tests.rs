//! Small cases worked out by hand. Rooms: `apart` (agents that stand alone), `fixture` (a made-up run), `folding` (what folded runs still say),
//! `gates` (what makes trials invalid), `invariants` (those of the design), `looks` (runs that ended before their plan),
//! `metrics` (what was taken out of responses), `settling` (trials that had not), `sweeps` (one number varied), `variants`
//! (several jobs in one run).

mod apart;
mod fixture;
mod folding;
mod gates;
mod hosts;
mod invariants;
mod looks;
mod metrics;
mod searches;
mod settling;
mod sweeps;
mod variants;

use self::fixture::*;
use super::*;
use shared::finding::{FindingCode, Severity};
use shared::host::{HostMetric, HostSample};
use shared::ids::TrialKey;
use shared::interval::{OperationInterval, Phase};
use shared::run_record::RunState;
use shared::run_report::{TrialReport, Verdict};

fn codes(trial: &TrialReport) -> Vec<FindingCode> {
    trial
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|finding| finding.code)
        .collect()
}

fn only_trial(report: &RunReport) -> &TrialReport {
    assert_eq!(report.variants[0].trials.len(), 1);
    &report.variants[0].trials[0]
}

#[test]
fn a_small_case_worked_out_by_hand() {
    let (job, record) = (job(&["read", "write"], 2), record(1, 2, 2));
    let intervals = [
        interval(0, 0, 0, vec![operation(0, &[100; 300], 0)]),
        interval(0, 0, 1, vec![operation(1, &[200; 100], 0)]),
        interval(0, 1, 0, vec![operation(0, &[100; 100], 2)]),
        interval(0, 1, 1, vec![]),
    ];
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::None, 0));
    assert_eq!(report.run.started_at, "2023-11-14T22:13:20.5Z");
    let trial = only_trial(&report);
    assert!(trial.valid, "{:?}", trial.findings);
    let [read, write, all] = trial.operations.as_slice() else { panic!("two operations and all of them") };
    assert_eq!((read.count, write.count, all.count, all.name.as_str()), (402, 100, 502, "*"));
    assert_eq!((read.errors.get("timeout"), read.error_samples.len()), (Some(&2), 1));
    assert_eq!((read.throughput_per_s, read.scheduled_per_s), (Some(200.0), Some(201.0)));
    assert_eq!(
        (read.latency_ns.p99, write.latency_ns.p95, write.latency_ns.p99),
        (Some(100), Some(200), None)
    );
    assert_eq!((read.service_time_ns.clone(), read.send_lag_ns.count), (read.latency_ns.clone(), 0));
    assert_eq!(all.error_ratio, Some(2.0 / 502.0));
    assert_eq!((all.bytes_sent, read.failed_ns.count), (5_020, 2));
    assert_eq!(trial.agents[1].operations[0].count, 102);
    assert_eq!(trial.agents[0].generator_cpu, Some(0.25));
    assert_eq!(trial.coverage.agent_seconds_ratio, Some(1.0));
}

#[test]
fn warm_up_counts_nowhere() {
    let (job, record) = (job(&["read"], 1), record(1, 1, 2));
    let warmup = Interval { phase: Phase::Warmup, ..interval(0, 0, 0, vec![operation(0, &[5; 50], 0)]) };
    let report =
        assemble(&record, &job, [warmup, interval(0, 0, 1, vec![operation(0, &[9; 10], 0)])], NOW_MS).report;
    let trial = only_trial(&report);
    assert_eq!((trial.operations[0].count, trial.operations[0].throughput_per_s), (10, Some(10.0)));
    assert_eq!(trial.operations[0].latency_ns.min, Some(9));
}

#[test]
fn the_drain_counts_but_does_not_lengthen_the_window() {
    let (job, record) = (job(&["read"], 1), record(1, 1, 2));
    let drain =
        Interval { phase: Phase::Drain, is_last: true, ..interval(0, 0, 1, vec![operation(0, &[9; 10], 0)]) };
    let report =
        assemble(&record, &job, [drain, interval(0, 0, 0, vec![operation(0, &[9; 10], 0)])], NOW_MS).report;
    assert_eq!(only_trial(&report).operations[0].throughput_per_s, Some(20.0));
    assert_eq!(only_trial(&report).coverage.agents_finished, 1);
}

#[test]
fn a_service_time_told_late_keeps_the_latencies_before_it() {
    let (job, record) = (job(&["read"], 2), record(1, 1, 2));
    let told = OperationInterval { service_time: Some(encoded(&[3])), ..operation(0, &[7], 0) };
    let report = assemble(
        &record,
        &job,
        [interval(0, 0, 0, vec![operation(0, &[5], 0)]), interval(0, 0, 1, vec![told])],
        NOW_MS,
    )
    .report;
    let read = &only_trial(&report).operations[0];
    assert_eq!(
        (read.service_time_ns.count, read.service_time_ns.min, read.service_time_ns.max),
        (2, Some(3), Some(5))
    );
    assert_eq!(read.latency_ns.max, Some(7));
}

#[test]
fn host_metrics_are_weighted_by_time() {
    let (job, record) = (job(&["read"], 1), record(1, 1, 2));
    let sample = |busy| Some(HostSample::of([(HostMetric::CpuBusy, busy)]));
    let long = Interval {
        host: sample(0.2),
        duration_ns: 3 * SECOND_NS,
        ..interval(0, 0, 0, vec![operation(0, &[9], 0)])
    };
    let short = Interval { host: sample(1.0), ..interval(0, 0, 1, vec![]) };
    let report = assemble(&record, &job, [long, short], NOW_MS).report;
    let host = &only_trial(&report).agents[0].host;
    assert!((host["cpu_busy"].mean - 0.4).abs() < 1e-12);
    assert_eq!((host["cpu_busy"].min, host["cpu_busy"].max, host.len()), (0.2, 1.0, 1));
}

#[test]
fn an_agent_that_never_said_how_much_it_sent_is_named() {
    let (job, mut record) = (job(&["read"], 1), record(1, 1, 1));
    record.trials[0].agents[0].intervals_reported = None;
    let report = assemble(&record, &job, [interval(0, 0, 0, vec![operation(0, &[5], 0)])], NOW_MS).report;
    assert_eq!(only_trial(&report).coverage.intervals_planned, None);
    assert_eq!(codes(only_trial(&report)), [FindingCode::IntervalsMissing]);
}

#[test]
fn what_the_record_does_not_know_is_left_out_and_named() {
    let (job, record) = (job(&["read"], 1), record(1, 1, 1));
    let intervals = [
        interval(0, 0, 0, vec![operation(0, &[5], 0), operation(7, &[5], 0)]),
        interval(0, 4, 0, vec![operation(0, &[5], 0)]),
        interval(9, 0, 0, vec![operation(0, &[5], 0)]),
    ];
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    assert_eq!(only_trial(&report).operations[0].count, 1);
    assert!(
        report.run.reason.as_ref().is_some_and(|reason| reason.starts_with("3 stored reports")),
        "{:?}",
        report.run.reason
    );
    assert_eq!(report.run.exit_code, 3);
}

#[test]
fn a_valid_repetition_makes_up_for_an_invalid_attempt() {
    let (job, mut record) = (job(&["read"], 1), record(1, 1, 1));
    record.trials.push(TrialRecord { attempt: 1, ..record.trials[0].clone() });
    let again = |sequence, attempt, values: &[u64]| {
        let base = interval(0, 0, sequence, vec![operation(0, values, 0)]);
        Interval { trial: TrialKey { attempt, ..base.trial }, ..base }
    };
    let report = assemble(&record, &job, [again(0, 1, &[5; 20])], NOW_MS).report;
    let [first, second] = report.variants[0].trials.as_slice() else { panic!("both attempts appear") };
    assert_eq!((first.valid, second.valid, second.attempt), (false, true, 1));
    assert_eq!(report.variants[0].operations[0].count, 20);
    assert_eq!(report.run.exit_code, 0);
}

#[test]
fn a_saturated_generator_is_suspect_under_a_closed_model() {
    let (job, record) = (job(&["read"], 1), record(1, 1, 1));
    let mut busy = interval(0, 0, 0, vec![operation(0, &[5], 0)]);
    busy.engine.busiest_thread_cpu = Some(0.97);
    let report = assemble(&record, &job, [busy], NOW_MS).report;
    let found = &only_trial(&report).findings;
    assert_eq!(codes(only_trial(&report)), [FindingCode::GeneratorSaturated]);
    assert!(
        found[0].message.contains("97 % of a core (limits.generator_cpu is 80 %)"),
        "{}",
        found[0].message
    );
    assert_eq!(found.last().map(|finding| finding.code), Some(FindingCode::ClosedModelBlind));
    assert!(only_trial(&report).valid);
}

#[test]
fn estimates_take_trials_as_their_sample() {
    let (job, record) = (job(&["read"], 1), record(3, 1, 1));
    let intervals = (0..3).map(|trial| {
        interval(trial, 0, 0, vec![operation(0, &vec![1_000 + 100 * u64::from(trial); 100], 0)])
    });
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    let estimate =
        |metric: &str| report.variants[0].estimates.iter().find(|it| it.metric == metric).unwrap().clone();
    let median = estimate("read.latency.p50");
    assert_eq!((median.n, median.unit.as_str()), (3, "ns"));
    let geometric = (1_000.0_f64 * 1_100.0 * 1_200.0).cbrt();
    assert!((median.mean.unwrap() - geometric).abs() < 1.0);
    assert!(median.ci95.is_some_and(|[low, high]| low < 1_000.0 && high > 1_200.0));
    assert_eq!((estimate("read.latency.p99").n, estimate("read.latency.p99").mean), (0, None));
    assert_eq!(report.variants[0].operations[0].count, 300);
    assert_eq!(report.variants[0].operations[0].throughput_per_s, Some(100.0));
}

#[test]
fn only_a_whole_and_finished_run_passes() {
    let (job, finished) = (job(&["read"], 1), record(1, 1, 1));
    let ending = |state, found_no_agents| {
        let record = RunRecord { state, found_no_agents, ..finished.clone() };
        let report = assemble(&record, &job, [interval(0, 0, 0, vec![operation(0, &[5], 0)])], NOW_MS).report;
        (report.run.verdict, report.run.exit_code)
    };
    assert_eq!(ending(RunState::Finished, false), (Verdict::None, 0));
    assert_eq!(ending(RunState::Failed, false), (Verdict::Invalid, 3));
    assert_eq!(ending(RunState::Failed, true), (Verdict::Invalid, 69));
    assert_eq!(ending(RunState::Cancelled, false), (Verdict::Invalid, 130));
    assert_eq!(ending(RunState::Running, false), (Verdict::Inconclusive, 2));
}
