//! The design's invariants that the assembler holds, each under its name.

use proptest::prelude::*;
use shared::finding::{Finding, FindingCode, Severity};
use shared::interval::{EngineSample, Interval, OperationInterval};
use shared::job::LossPolicy;
use shared::run_record::RunState;
use shared::run_report::Verdict;

use super::fixture::*;
use super::*;

#[test]
fn missing_is_named() {
    let (job, mut record) = (job(&["read"], 3), record(2, 2, 3));
    record.trials.pop();
    let intervals = [
        interval(0, 0, 0, vec![operation(0, &[5], 0)]),
        interval(0, 0, 2, vec![operation(0, &[5], 0)]),
        interval(0, 1, 0, vec![operation(0, &[5], 0)]),
        interval(0, 1, 1, vec![]),
        interval(0, 1, 2, vec![]),
    ];
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    let [begun, never_begun] = report.variants[0].trials.as_slice() else {
        panic!("both planned trials appear")
    };
    assert_eq!(codes(begun), [FindingCode::IntervalsMissing]);
    let finding = &begun.findings[0];
    assert_eq!(finding.agent, Some(agent_id(0)));
    assert_eq!(finding.message, "agent a0: 1 of its 3 intervals never arrived (numbers 1)");
    assert_eq!((begun.coverage.intervals_planned, begun.coverage.intervals_received), (Some(6), 5));
    assert_eq!((never_begun.block, codes(never_begun)), (1, vec![FindingCode::TrialNotRun]));
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Invalid, 3));
}

#[test]
fn what_went_on_without_an_agent_counts_and_says_what_it_covers() {
    let (mut job, mut record) = (job(&["read"], 4), record(2, 2, 4));
    job.fleet.on_agent_loss = LossPolicy::Continue;
    // In the first trial the second agent is lost after three of four seconds; in the second it takes no part.
    record.trials[0].agents[1].intervals_reported = None;
    record.trials[0].findings.push(Finding {
        code: FindingCode::AgentLost,
        severity: Severity::Suspect,
        agent: Some(agent_id(1)),
        message: "agent a1 was lost".to_owned(),
    });
    record.trials[1].agents.pop();
    record.trials[1].agents_planned = Some(2);
    let of = |trial, agent, seconds| {
        (0..seconds).map(move |second| Interval {
            is_last: second == 3,
            ..interval(trial, agent, second, vec![operation(0, &[5], 0)])
        })
    };
    let intervals = of(0, 0, 4).chain(of(0, 1, 3)).chain(of(1, 0, 4));
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    let [first, second] = report.variants[0].trials.as_slice() else { panic!("two trials") };
    assert!(first.valid && second.valid);
    assert_eq!(codes(first), [FindingCode::AgentLost, FindingCode::AgentLost]);
    assert_eq!(
        first.findings[1].message,
        "what was measured covers 1 of 2 agents, 87.5 % of the planned agent-seconds; the lost agents' share of the load is missing"
    );
    assert_eq!(codes(second), [FindingCode::AgentLost]);
    assert_eq!((second.coverage.agents_planned, second.coverage.agent_seconds_ratio), (2, Some(0.5)));
    job.fleet.on_agent_loss = LossPolicy::Fail;
    let report = assemble(&record, &job, of(1, 0, 4), NOW_MS).report;
    assert!(!report.variants[0].trials[1].valid, "a smaller fleet is not what the job asked for");
}

#[test]
fn an_agent_that_stood_still_makes_its_trial_invalid_by_name() {
    let report = |late_ns| {
        let of_agent = |agent| Interval {
            engine: EngineSample { late_ns: if agent == 1 { late_ns } else { 0 }, ..EngineSample::default() },
            ..interval(0, agent, 0, vec![operation(0, &[5], 0)])
        };
        assemble(&record(1, 2, 1), &job(&["read"], 1), [of_agent(0), of_agent(1)], NOW_MS).report
    };
    let of = |report: &RunReport| -> Vec<Finding> {
        let findings = only_trial(report).findings.iter();
        findings.filter(|finding| finding.code == FindingCode::AgentStalled).cloned().collect()
    };
    assert_eq!(of(&report(999_999_999)), [], "late is not absent");
    let stalled = report(9_400_000_000);
    assert!(!only_trial(&stalled).valid);
    let [finding] = &of(&stalled)[..] else { panic!("one agent stood still") };
    assert_eq!(finding.agent, Some(agent_id(1)));
    assert!(finding.message.starts_with("agent a1 stood still for 9.4"), "{finding:?}");
}

#[test]
fn invalid_is_not_a_pass() {
    let good = || vec![interval(0, 0, 0, vec![operation(0, &[5; 10], 0)])];
    let all_failed = vec![interval(0, 0, 0, vec![operation(0, &[], 3)])];
    let many_failed = vec![interval(0, 0, 0, vec![operation(0, &[5; 9], 1)])];
    let unsent = vec![interval(0, 0, 0, vec![OperationInterval { unsent: 2, ..operation(0, &[5], 0) }])];
    let overflowed =
        vec![interval(0, 0, 0, vec![OperationInterval { overflowed: 1, ..operation(0, &[5], 0) }])];
    let short =
        vec![Interval { duration_ns: SECOND_NS / 2, ..interval(0, 0, 0, vec![operation(0, &[5], 0)]) }];
    for (intervals, code) in [
        (vec![interval(0, 0, 0, vec![])], FindingCode::NothingMeasured),
        (all_failed, FindingCode::AllOperationsFailed),
        (many_failed, FindingCode::ErrorRatioHigh),
        (unsent, FindingCode::OperationsUnsent),
        (overflowed, FindingCode::HistogramOverflowed),
        (short, FindingCode::IntervalsMissing),
    ] {
        let report = assemble(&record(1, 1, 1), &job(&["read"], 1), intervals, NOW_MS).report;
        assert_eq!(codes(only_trial(&report)), [code]);
        assert!(!only_trial(&report).valid);
        assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Invalid, 3), "{code:?}");
        assert!(report.variants[0].operations.is_empty() && report.variants[0].estimates.is_empty());
    }
    let mut lost = record(1, 1, 1);
    lost.trials[0].is_complete = false;
    lost.trials[0].findings =
        vec![Finding::of_agent(FindingCode::AgentLost, agent_id(0), "agent a0 went silent")];
    let mut cancelled = record(1, 1, 1);
    cancelled.state = RunState::Cancelled;
    let empty = record(0, 1, 1);
    for (record, exit_code) in [(lost, 3), (cancelled, 130), (empty, 3)] {
        let report = assemble(
            &record,
            &job(&["read"], 1),
            if record.trials.is_empty() { vec![] } else { good() },
            NOW_MS,
        )
        .report;
        assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Invalid, exit_code));
    }
}

/// What each agent did in each second: latencies per operation.
fn seconds() -> impl Strategy<Value = Vec<Vec<Vec<Vec<u64>>>>> {
    let values = prop::collection::vec(0_u64..5_000_000_000, 0..12);
    let second = prop::collection::vec(values, 2);
    prop::collection::vec(prop::collection::vec(second, 3), 1..4)
}

fn spread(agents: &[Vec<Vec<Vec<u64>>>]) -> Vec<Interval> {
    let mut intervals = Vec::new();
    for (agent, seconds) in agents.iter().enumerate() {
        for (sequence, second) in seconds.iter().enumerate() {
            let operations =
                second.iter().enumerate().map(|(index, values)| operation(index as u16, values, 0)).collect();
            intervals.push(interval(0, agent, sequence as u64, operations));
        }
    }
    intervals
}

fn of_operation(agents: &[Vec<Vec<Vec<u64>>>], wanted: Option<usize>) -> Vec<u64> {
    let operations = agents.iter().flatten().flat_map(|second| second.iter().enumerate());
    operations
        .filter(|(index, _)| wanted.is_none_or(|wanted| wanted == *index))
        .flat_map(|(_, values)| values.clone())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn merge_is_exact(agents in seconds(), order in any::<u64>()) {
        let (job, record) = (job(&["read", "write"], 3), record(1, agents.len(), 3));
        let mut intervals = spread(&agents);
        intervals.sort_by_key(|it| (it.sequence.0 ^ order, it.agent.as_bytes()[0] ^ order as u8));
        let assembled = assemble(&record, &job, intervals, NOW_MS);
        for (place, wanted) in [(0, Some(0)), (1, Some(1)), (2, None)] {
            let expected = of(&of_operation(&agents, wanted));
            let of_trial = Place { variant: 0, trial: Some(0), agent: None, operation: place };
            prop_assert_eq!(&assembled.latencies[&of_trial].decode(), &expected);
            prop_assert_eq!(&assembled.report.variants[0].trials[0].operations[place].latency_ns, &crate::quantile::distribution(&expected));
        }
    }

    #[test]
    fn counted_once(agents in seconds(), repeats in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let (job, record) = (job(&["read", "write"], 3), record(1, agents.len(), 3));
        let mut intervals = spread(&agents);
        let again: Vec<Interval> = repeats.iter().map(|index| index.get(&intervals).clone()).collect();
        intervals.extend(again);
        let report = assemble(&record, &job, intervals, NOW_MS).report;
        let trial = &report.variants[0].trials[0];
        prop_assert_eq!(trial.operations[2].count, of_operation(&agents, None).len() as u64);
        let of_agents: u64 = trial.agents.iter().map(|agent| agent.operations[2].count).sum();
        prop_assert_eq!(of_agents, trial.operations[2].count);
        prop_assert_eq!(trial.coverage.intervals_received, 3 * agents.len() as u64);
    }
}

#[test]
fn bounded() {
    let (job, record) = (job(&["read"], 2), record(1, 200, 2));
    let mut assembler = Assembler::new(&record, &job);
    for sequence in 0..2 {
        for agent in 0..200 {
            // Two hundred agents with two histograms each, in turn: more than may be open at once.
            let told = OperationInterval { service_time: Some(encoded(&[3])), ..operation(0, &[7], 0) };
            assembler.add(&interval(0, agent, sequence, vec![told]));
            assert!(assembler.open_histograms <= OPEN_HISTOGRAMS_MAX);
            let open: usize = assembler.cells.values().map(Cell::open_histograms).sum();
            assert_eq!(open, assembler.open_histograms);
        }
    }
    let assembled = assembler.finish(NOW_MS);
    assert_eq!(assembled.report.variants[0].trials[0].operations[0].count, 400);
}
