//! A report that is made of folded intervals says what it said before.

use proptest::prelude::*;
use shared::host::{HostMetric, HostSample};
use shared::ids::{AgentId, IntervalSequence};
use shared::interval::fold::{ALL_AGENTS, FOLDED_MAX, Folder, Series};
use shared::interval::{EngineSample, Interval, OperationInterval, Phase};
use shared::metric::MetricKind;
use shared::run_report::OperationReport;

use super::fixture::*;
use super::*;

/// Means are summed in another order, so that their last digits may differ.
const TOLERANCE: f64 = 1e-9;

/// One interval as it is made up: phase, latencies of each operation, errors, and what could be read.
type Told = (u8, Vec<Vec<u64>>, u64, Option<f64>, Option<(f64, u64)>, bool, u64);

fn told() -> impl Strategy<Value = Told> {
    let latencies = prop::collection::vec(prop::collection::vec(1..5_000_000_000_u64, 0..6), 2);
    let readable = prop::option::weighted(0.95, (0.0..1.0, 1..1_u64 << 40));
    (
        0..12_u8,
        latencies,
        0..2_u64,
        prop::option::weighted(0.95, 0.0..1.0),
        readable,
        any::<bool>(),
        1..1_500_000_000_u64,
    )
}

/// The intervals of one agent, phase after phase.
fn of_agent(agent: usize, mut told: Vec<Told>) -> Vec<Interval> {
    // Mostly the window; what comes first may be warm-up, what comes last drain.
    let phase = |mark: u8| match mark {
        0 => Phase::Warmup,
        11 => Phase::Drain,
        _ => Phase::Measured,
    };
    told.sort_by_key(|(mark, ..)| phase(*mark));
    let (count, mut start_ns) = (told.len(), 0);
    let mut intervals = Vec::new();
    for (place, (mark, latencies, errors, cpu, host, has_service_time, duration_ns)) in
        told.into_iter().enumerate()
    {
        let operations = latencies.iter().enumerate().map(|(index, values)| {
            let told = operation(index as u16, values, errors);
            let service_time = told.latency.clone().filter(|_| has_service_time);
            let values: Vec<f64> = values.iter().map(|value| *value as f64).collect();
            let metrics = if values.is_empty() {
                BTreeMap::new()
            } else {
                BTreeMap::from([("took".to_owned(), metric(MetricKind::Histogram, &values))])
            };
            OperationInterval { service_time, send_lag: told.latency.clone(), metrics, ..told }
        });
        intervals.push(Interval {
            phase: phase(mark),
            start_ns,
            duration_ns,
            is_last: place + 1 == count,
            engine: EngineSample {
                busiest_thread_cpu: cpu,
                threads: 1,
                workers: u32::from(mark),
                late_ns: 0,
            },
            host: host.map(|(share, bytes)| {
                HostSample::of([(HostMetric::CpuBusy, share), (HostMetric::MemoryUsed, bytes as f64)])
            }),
            ..interval(0, agent, place as u64, operations.collect())
        });
        start_ns += duration_ns;
    }
    intervals
}

fn fold(intervals: &[Interval]) -> Vec<Interval> {
    let (mut folder, mut folded) = (Folder::default(), Vec::new());
    for interval in intervals {
        folded.extend(folder.push(interval.clone()));
    }
    folded.extend(folder.finish());
    folded
}

fn take_over(one: Option<f64>, other: &mut Option<f64>) {
    if let (Some(one), Some(near)) = (one, *other)
        && (one - near).abs() <= TOLERANCE * one.abs().max(1.0)
    {
        *other = Some(one);
    }
}

fn forgive_operations(before: &[OperationReport], after: &mut [OperationReport]) {
    for (one, other) in before.iter().zip(after) {
        for (name, one) in &one.metrics {
            if let Some(other) = other.metrics.get_mut(name) {
                take_over(one.mean, &mut other.mean);
                take_over(one.stdev, &mut other.stdev);
            }
        }
    }
}

/// Takes over the means that are nearly the same.
fn forgive_rounding(before: &RunReport, after: &mut RunReport) {
    let (before, after) = (&before.variants[0], &mut after.variants[0]);
    for (one, other) in before.trials.iter().zip(&mut after.trials) {
        forgive_operations(&one.operations, &mut other.operations);
        for (one, other) in one.agents.iter().zip(&mut other.agents) {
            forgive_operations(&one.operations, &mut other.operations);
            take_over(one.generator_cpu, &mut other.generator_cpu);
            for (name, one) in &one.host {
                if let Some(other) = other.host.get_mut(name) {
                    let mut mean = Some(other.mean);
                    take_over(Some(one.mean), &mut mean);
                    other.mean = mean.unwrap_or(other.mean);
                }
            }
        }
    }
    forgive_operations(&before.operations, &mut after.operations);
    for (one, other) in before.agents.iter().zip(&mut after.agents) {
        forgive_operations(&one.operations, &mut other.operations);
    }
    for (one, other) in before.estimates.iter().zip(&mut after.estimates) {
        take_over(one.mean, &mut other.mean);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_folded_run_reports_the_same(told in prop::collection::vec(prop::collection::vec(told(), 1..35), 1..4)) {
        let seconds = told.iter().map(|told| told.iter().map(|told| told.6).sum::<u64>()).max().unwrap_or(1) / SECOND_NS + 1;
        let intervals: Vec<Interval> =
            told.into_iter().enumerate().flat_map(|(agent, told)| of_agent(agent, told)).collect();
        let agents = intervals.iter().map(|interval| interval.agent).collect::<BTreeSet<AgentId>>().len();
        let (job, mut record) = (job(&["read", "write"], seconds), record(1, agents, 0));
        for (agent, part) in record.trials[0].agents.iter_mut().enumerate() {
            let count = intervals.iter().filter(|interval| interval.agent == agent_id(agent)).count();
            part.intervals_reported = Some(count as u64);
        }
        let before = assemble(&record, &job, intervals.clone(), NOW_MS);
        let mut folded = fold(&intervals);
        prop_assert!(folded.len() * FOLDED_MAX >= intervals.len());
        let mut series = Series::default();
        intervals.iter().for_each(|interval| series.add(interval));
        folded.extend(series.finish());
        let mut after = assemble(&record, &job, folded, NOW_MS);
        forgive_rounding(&before.report, &mut after.report);
        prop_assert_eq!(&before.report, &after.report);
        prop_assert_eq!(before.latencies, after.latencies);
    }

    #[test]
    fn the_series_of_all_agents_counts_what_they_counted(told in prop::collection::vec(prop::collection::vec(told(), 1..12), 1..4)) {
        let mut series = Series::default();
        let mut counted = 0;
        for interval in told.into_iter().enumerate().flat_map(|(agent, told)| of_agent(agent, told)) {
            counted += interval.operations.iter().map(OperationInterval::count).sum::<u64>();
            series.add(&interval);
        }
        let series = series.finish();
        let of_series: u64 = series.iter().flat_map(|interval| &interval.operations).map(OperationInterval::count).sum();
        prop_assert_eq!(of_series, counted);
        prop_assert!(series.iter().zip(0..).all(|(interval, place)| interval.sequence == IntervalSequence(place) && interval.agent == ALL_AGENTS));
    }
}

#[test]
fn ten_whole_seconds_fold_into_one_and_a_gap_or_a_phase_ends_a_fold() {
    let seconds: Vec<Interval> =
        (0..25).map(|number| interval(0, 0, number, vec![operation(0, &[5; 3], 0)])).collect();
    let folded = fold(&seconds);
    let stands_for = |intervals: &[Interval]| -> Vec<u64> {
        intervals.iter().map(|it| it.folded.as_ref().map_or(1, |folded| folded.intervals)).collect()
    };
    assert_eq!(stands_for(&folded), [10, 10, 5]);
    assert_eq!((folded[0].duration_ns, folded[0].operations[0].count()), (10 * SECOND_NS, 30));
    // What was folded once is not folded again.
    assert_eq!(fold(&folded), folded);
    let gap: Vec<Interval> = seconds.iter().filter(|interval| interval.sequence.0 != 4).cloned().collect();
    assert_eq!(stands_for(&fold(&gap)), [4, 10, 10]);
    let mut phases = seconds;
    phases.iter_mut().take(3).for_each(|interval| interval.phase = Phase::Warmup);
    assert_eq!(stands_for(&fold(&phases)), [3, 10, 10, 2]);
}
