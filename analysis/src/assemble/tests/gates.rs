//! Gates that look at what a job claims and expects, and at more than one trial.

use shared::claim::{Amount, Better, Claim, ClaimSeverity, Rule, Side};
use shared::finding::{Finding, FindingCode};
use shared::host::{HostMetric, HostSample};
use shared::interval::{OperationInterval, Remark, RemarkKind};
use shared::job::{Expectation, LoadModel};
use shared::metric::{MetricKind, MetricName, Unit};
use shared::run_report::Verdict;

use super::super::*;
use super::fixture::*;

fn named(text: &str) -> MetricName {
    MetricName::parse(text, ["read"]).unwrap()
}

fn last(operations: Vec<OperationInterval>, trial: u32) -> Interval {
    Interval { is_last: true, ..interval(trial, 0, 0, operations) }
}

fn found(report: &RunReport, trial: usize, code: FindingCode) -> Option<&Finding> {
    report.variants[0].trials[trial].findings.iter().find(|finding| finding.code == code)
}

#[test]
fn a_trial_that_reports_less_than_expected_is_invalid() {
    let mut job = job(&["read"], 1);
    job.expect = Expectation {
        metrics: vec![named("metric.test_simple.mean"), named("read.latency.p50")],
        count: Some(32),
    };
    let mut read = operation(0, &[100; 300], 0);
    read.metrics.insert("test_other".to_owned(), metric(MetricKind::Gauge, &[1.0]));
    let report = assemble(&record(1, 1, 1), &job, [last(vec![read], 0)], NOW_MS).report;
    let messages: Vec<&str> = report.variants[0].trials[0]
        .findings
        .iter()
        .filter(|finding| finding.code == FindingCode::ExpectationMissed)
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "nothing was reported of metric.test_simple.mean, which [expect] names",
            "1 distinct metrics were reported; [expect] says 32"
        ]
    );
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Invalid, 3));
}

#[test]
fn figures_about_a_benchmark_are_not_counted_and_last_words_are_quoted() {
    let mut job = job(&["read"], 1);
    job.expect = Expectation { metrics: Vec::new(), count: Some(2) };
    let mut read = operation(0, &[100; 300], 0);
    for name in ["test_other", "test_other.median", "suite.failed"] {
        read.metrics.insert(name.to_owned(), metric(MetricKind::Gauge, &[1.0]));
    }
    let machine = "its host name is elsewhere";
    read.remarks =
        vec![Remark::new(RemarkKind::LastWords, "1 failed"), Remark::new(RemarkKind::OtherMachine, machine)];
    let report = assemble(&record(1, 1, 1), &job, [last(vec![read], 0)], NOW_MS).report;
    let message = |code| found(&report, 0, code).map(|finding| finding.message.as_str());
    assert_eq!(
        message(FindingCode::ExpectationMissed),
        Some("1 distinct metrics were reported; [expect] says 2; the program's last words: 1 failed")
    );
    assert_eq!(message(FindingCode::OtherMachine), Some(machine));
}

#[test]
fn trials_with_the_same_times_to_the_last_count_are_invalid() {
    let latencies: Vec<u64> = (0..300).map(|step| 1_000_000 + 7_000 * step).collect();
    let mut other = latencies.clone();
    other[0] += 2_000_000;
    let of = |trial, latencies: &[u64]| last(vec![operation(0, latencies, 0)], trial);
    let intervals = [of(0, &latencies), of(1, &other), of(2, &latencies)];
    let report = assemble(&record(3, 1, 1), &job(&["read"], 1), intervals, NOW_MS).report;
    let twin = |trial| found(&report, trial, FindingCode::IdenticalMeasurements).map(|it| it.message.clone());
    assert!(twin(0).is_some_and(|message| message.contains("those of trial 3 to the last count")));
    assert_eq!(twin(1), None);
    assert!(twin(2).is_some_and(|message| message.contains("those of trial 1")));
    assert_eq!(report.run.verdict, Verdict::Invalid);
}

#[test]
fn a_few_equal_times_may_be_chance() {
    let of = |trial| last(vec![operation(0, &[1_000_000; 9], 0)], trial);
    let report = assemble(&record(2, 1, 1), &job(&["read"], 1), [of(0), of(1)], NOW_MS).report;
    assert_eq!(found(&report, 0, FindingCode::IdenticalMeasurements), None);
}

#[test]
fn what_was_scheduled_and_never_sent_is_missed() {
    let read = operation(0, &[100; 300], 0);
    let short = OperationInterval { scheduled: 310, unsent: 3, ..read };
    let report = assemble(&record(1, 1, 1), &job(&["read"], 1), [last(vec![short], 0)], NOW_MS).report;
    let missing = found(&report, 0, FindingCode::OperationsMissing).unwrap();
    assert!(missing.message.starts_with("7 operations were scheduled and never sent"), "{}", missing.message);
}

#[test]
fn lateness_is_judged_where_claims_look() {
    let mut job = job(&["read"], 1);
    job.load.model = LoadModel::Open;
    // The latest 2 % were late: that shows at p99, not at the median.
    let lag: Vec<u64> = (0..1_000).map(|step| if step < 980 { 10 } else { 900_000 }).collect();
    let read =
        OperationInterval { send_lag: Some(encoded(&lag)), ..operation(0, &vec![1_000_000; 1_000], 0) };
    let late = |job: &Job| {
        let report = assemble(&record(1, 1, 1), job, [last(vec![read.clone()], 0)], NOW_MS).report;
        found(&report, 0, FindingCode::GeneratorSaturated).map(|finding| finding.message.clone())
    };
    assert!(late(&job).is_some_and(|message| message.contains("late at p99")), "p99 without a claim");
    let limit = Amount { value: 5e6, unit: Unit::Time };
    job.claims.push(Claim {
        text: None,
        metric: named("read.latency.p50"),
        better: Better::Lower,
        variant: None,
        rule: Rule::Bound { side: Side::Below, limit },
        severity: ClaimSeverity::Gate,
        ends_run: false,
    });
    assert_eq!(late(&job), None, "the claim looks at the median");
}

#[test]
fn a_host_that_was_not_itself_is_told() {
    let mut record = record(2, 1, 1);
    for (trial, boot) in record.trials.iter_mut().zip(["one", "two"]) {
        trial.agents[0].fingerprint.boot_id = Some(boot.to_owned());
    }
    let host = HostSample::of([(HostMetric::CpuSteal, 0.2)]);
    let of = |trial: u32, host: Option<HostSample>| {
        let latencies: Vec<u64> = (0..300).map(|step| 1_000 * (step + u64::from(trial))).collect();
        Interval { host, ..last(vec![operation(0, &latencies, 0)], trial) }
    };
    let report = assemble(&record, &job(&["read"], 1), [of(0, Some(host)), of(1, None)], NOW_MS).report;
    let stolen = found(&report, 0, FindingCode::StealHigh).unwrap();
    assert!(stolen.message.contains("took 20 % of its host's CPU time (limits.steal is 1 %)"), "{stolen:?}");
    let trials = &report.variants[0].trials;
    assert!(
        trials[0].valid && !trials[1].valid,
        "claims lean on the first in vain, and nothing does on the second"
    );
    assert_eq!(found(&report, 0, FindingCode::FingerprintChanged), None, "it is what it was then");
    let changed = found(&report, 1, FindingCode::FingerprintChanged).unwrap();
    assert!(changed.message.ends_with("it differs in the boot"), "{changed:?}");
}

#[test]
fn a_single_stolen_tick_is_none_too_many() {
    let of = |share: f64| {
        let host = HostSample::of([(HostMetric::CpuSteal, share)]);
        let latencies: Vec<u64> = (1..300).map(|step| 1_000 * step).collect();
        let interval = Interval { host: Some(host), ..last(vec![operation(0, &latencies, 0)], 0) };
        let report = assemble(&record(1, 1, 1), &job(&["read"], 1), [interval], NOW_MS).report;
        found(&report, 0, FindingCode::StealHigh).is_some()
    };
    assert_eq!([0.01, 0.03, 0.05].map(of), [false, false, true], "hundredths of a second");
}
