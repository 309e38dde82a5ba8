//! Folding: what is kept of a finished run's intervals once nobody looks at single seconds of single agents.
//!
//! Intervals of one agent that follow each other become one ([`Folder`]), in such a way that a report made of the
//! folded ones has the same figures; and the seconds of all agents become one series for charts ([`Series`]).

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::slow::{SlowOperation, keep_slowest};
use super::{
    ERROR_SAMPLES_MAX, EngineSample, ErrorSample, Interval, MEASURES_MAX, METRICS_MAX, MetricInterval,
    OperationInterval, Phase, REMARKS_MAX, Remark,
};
use crate::histogram::{EncodedHistogram, Histogram};
use crate::host::HostSample;
use crate::ids::{AgentId, IntervalSequence, OperationIndex};

/// Most intervals folded into one: ten seconds still show how a trial went.
pub const FOLDED_MAX: usize = 10;
/// Whose the series of all agents together is; no agent has this id.
pub const ALL_AGENTS: AgentId = AgentId::from_uuid(Uuid::nil());

const SECOND_NS: u64 = 1_000_000_000;

/// What an interval that stands for several still says of each of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// How many intervals it stands for: its own number and those that follow.
    pub intervals: u64,
    /// The lowest value of each of the host's figures.
    pub host_lowest: Option<HostSample>,
    /// The highest value of each of them.
    pub host_highest: Option<HostSample>,
}

/// Folds intervals as they pass by in the order of agent and number.
#[derive(Debug, Default)]
pub struct Folder {
    pending: Vec<Interval>,
}

impl Folder {
    /// Takes the next interval; returns the one that it ends.
    pub fn push(&mut self, interval: Interval) -> Option<Interval> {
        let is_next = self.pending.last().is_some_and(|last| follows(last, &interval));
        let ended = if is_next && self.pending.len() < FOLDED_MAX && measures_fit(&self.pending, &interval) {
            None
        } else {
            self.finish()
        };
        self.pending.push(interval);
        ended
    }

    /// What is left when all have passed by; `None`: nothing.
    pub fn finish(&mut self) -> Option<Interval> {
        let mut intervals = std::mem::take(&mut self.pending);
        if intervals.len() > 1 { Some(folded(&intervals)) } else { intervals.pop() }
    }
}

/// The seconds of one attempt at a trial, all agents together. Counts, errors and latencies are exact; what is
/// about one agent (its lag, its waits, its further measures, its host) is left out.
#[derive(Debug, Default)]
pub struct Series {
    seconds: BTreeMap<(u64, Phase), Interval>,
    agents: BTreeSet<AgentId>,
}

impl Series {
    /// Adds an interval that was not folded.
    pub fn add(&mut self, interval: &Interval) {
        self.agents.insert(interval.agent);
        let key = (interval.start_ns / SECOND_NS, interval.phase);
        let more = without_details(interval);
        match self.seconds.get_mut(&key) {
            None => drop(self.seconds.insert(key, more)),
            Some(sum) => {
                let end_of = |interval: &Interval| interval.start_ns.saturating_add(interval.duration_ns);
                let end_ns = end_of(sum).max(end_of(&more));
                sum.operations = sum_of_operations([&*sum, &more]);
                sum.start_ns = sum.start_ns.min(more.start_ns);
                sum.duration_ns = end_ns - sum.start_ns;
                sum.engine.threads = sum.engine.threads.saturating_add(more.engine.threads);
                sum.engine.workers = sum.engine.workers.saturating_add(more.engine.workers);
            }
        }
    }

    /// How many agents have told of it.
    pub fn agents(&self) -> usize {
        self.agents.len()
    }

    /// The series, numbered from 0.
    pub fn finish(self) -> Vec<Interval> {
        let count = self.seconds.len();
        let numbered = self.seconds.into_values().enumerate();
        numbered
            .map(|(place, interval)| Interval {
                sequence: IntervalSequence(place as u64),
                is_last: place + 1 == count,
                ..interval
            })
            .collect()
    }
}

fn without_details(interval: &Interval) -> Interval {
    let without = |operation: &OperationInterval| OperationInterval {
        send_lag: None,
        worker_wait: None,
        measures: BTreeMap::new(),
        metrics: BTreeMap::new(),
        remarks: Vec::new(),
        slowest: Vec::new(),
        ..operation.clone()
    };
    Interval {
        agent: ALL_AGENTS,
        operations: interval.operations.iter().map(without).collect(),
        engine: EngineSample { busiest_thread_cpu: None, ..interval.engine },
        host: None,
        fingerprint: None,
        observed: BTreeMap::new(),
        ..interval.clone()
    }
}

/// Whether two intervals can be folded into one without losing anything but their border.
fn follows(last: &Interval, next: &Interval) -> bool {
    let is_plain = |interval: &Interval| interval.folded.is_none() && interval.duration_ns > 0;
    let is_neighbour = (last.trial, last.agent, last.phase) == (next.trial, next.agent, next.phase)
        && last.sequence.0.checked_add(1) == Some(next.sequence.0)
        && last.start_ns.checked_add(last.duration_ns) == Some(next.start_ns);
    is_neighbour && !last.is_last && is_plain(last) && is_plain(next) && is_equally_readable(last, next)
}

/// Whether the figures that are averaged could be read in both or neither: a mean over some of them would weigh differently.
fn is_equally_readable(last: &Interval, next: &Interval) -> bool {
    let is_alike = match (&last.host, &next.host) {
        (Some(last), Some(next)) => last.is_like(next),
        (last, next) => last.is_none() && next.is_none(),
    };
    // What the host is at the end must not be lost among what it was before.
    is_alike
        && next.fingerprint.is_none()
        && last.engine.busiest_thread_cpu.is_some() == next.engine.busiest_thread_cpu.is_some()
}

/// Whether no operation gets more measures or metrics than an interval may have, and each metric's values add up.
fn measures_fit(pending: &[Interval], next: &Interval) -> bool {
    let mut measures: BTreeMap<OperationIndex, BTreeSet<&str>> = BTreeMap::new();
    let mut metrics: BTreeMap<OperationIndex, BTreeMap<&str, &MetricInterval>> = BTreeMap::new();
    let mut observed: BTreeMap<&str, &MetricInterval> = BTreeMap::new();
    for (name, metric) in pending.iter().chain([next]).flat_map(|interval| &interval.observed) {
        if !observed.entry(name).or_insert(metric).agrees_with(metric) {
            return false;
        }
    }
    for operation in pending.iter().chain([next]).flat_map(|interval| &interval.operations) {
        measures
            .entry(operation.operation)
            .or_default()
            .extend(operation.measures.keys().map(String::as_str));
        let known = metrics.entry(operation.operation).or_default();
        for (name, metric) in &operation.metrics {
            if !known.entry(name).or_insert(metric).agrees_with(metric) {
                return false;
            }
        }
    }
    measures.values().all(|names| names.len() <= MEASURES_MAX)
        && metrics.values().all(|names| names.len() <= METRICS_MAX)
        && observed.len() <= MEASURES_MAX
}

/// One interval for several that follow each other.
fn folded(intervals: &[Interval]) -> Interval {
    let (first, last) = (&intervals[0], &intervals[intervals.len() - 1]);
    let weights: Vec<u64> = intervals.iter().map(|interval| interval.duration_ns).collect();
    let mean = |values: &[f64]| {
        let total: f64 = weights.iter().map(|weight| *weight as f64).sum();
        values.iter().zip(&weights).map(|(value, weight)| value * *weight as f64).sum::<f64>() / total
    };
    let lowest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let hosts: Option<Vec<&HostSample>> = intervals.iter().map(|interval| interval.host.as_ref()).collect();
    let host = |of: &dyn Fn(&[f64]) -> f64| HostSample::boiled_down(hosts.as_deref()?, of);
    let busiest: Option<Vec<f64>> =
        intervals.iter().map(|interval| interval.engine.busiest_thread_cpu).collect();
    let most = |figure: fn(&EngineSample) -> u32| intervals.iter().map(|it| figure(&it.engine)).max();
    Interval {
        // Each begins where the one before it ends, so that the sum is the end of the last less the start of the first.
        duration_ns: last.start_ns.saturating_add(last.duration_ns) - first.start_ns,
        is_last: last.is_last,
        operations: sum_of_operations(intervals),
        engine: EngineSample {
            busiest_thread_cpu: busiest.map(|values| mean(&values)),
            threads: most(|engine| engine.threads).unwrap_or(0),
            workers: most(|engine| engine.workers).unwrap_or(0),
            late_ns: intervals.iter().map(|interval| interval.engine.late_ns).max().unwrap_or(0),
        },
        host: host(&mean),
        observed: sum_of_metrics(intervals.iter().flat_map(|interval| &interval.observed)),
        folded: Some(Folded {
            intervals: intervals.len() as u64,
            host_lowest: host(&lowest),
            host_highest: host(&highest),
        }),
        ..first.clone()
    }
}

fn sum_of_operations<'a>(intervals: impl IntoIterator<Item = &'a Interval>) -> Vec<OperationInterval> {
    let mut parts: BTreeMap<OperationIndex, Vec<&OperationInterval>> = BTreeMap::new();
    for operation in intervals.into_iter().flat_map(|interval| &interval.operations) {
        parts.entry(operation.operation).or_default().push(operation);
    }
    parts.into_iter().map(|(operation, parts)| sum_of_parts(operation, &parts)).collect()
}

fn sum_of_parts(operation: OperationIndex, parts: &[&OperationInterval]) -> OperationInterval {
    let count = |figure: fn(&OperationInterval) -> u64| {
        parts.iter().fold(0_u64, |sum, part| sum.saturating_add(figure(part)))
    };
    let histogram = |figure: fn(&OperationInterval) -> Option<&EncodedHistogram>| {
        sum_of_histograms(parts.iter().filter_map(|part| figure(part)))
    };
    let mut errors = BTreeMap::new();
    let mut error_samples: Vec<ErrorSample> = Vec::new();
    let mut remarks: Vec<Remark> = Vec::new();
    let mut slowest: Vec<SlowOperation> = Vec::new();
    let mut measures: BTreeMap<String, Vec<&EncodedHistogram>> = BTreeMap::new();
    for part in parts {
        for (kind, count) in &part.errors {
            let sum: &mut u64 = errors.entry(*kind).or_default();
            *sum = sum.saturating_add(*count);
        }
        for sample in &part.error_samples {
            if error_samples.len() < ERROR_SAMPLES_MAX && !error_samples.contains(sample) {
                error_samples.push(sample.clone());
            }
        }
        part.slowest.iter().for_each(|slow| keep_slowest(&mut slowest, slow.clone()));
        for remark in &part.remarks {
            if remarks.len() < REMARKS_MAX && !remarks.contains(remark) {
                remarks.push(remark.clone());
            }
        }
        for (name, measure) in &part.measures {
            measures.entry(name.clone()).or_default().push(measure);
        }
    }
    let has_service_time = parts.iter().any(|part| part.service_time.is_some());
    OperationInterval {
        operation,
        warmup_ended: count(|part| part.warmup_ended),
        scheduled: count(|part| part.scheduled),
        sent: count(|part| part.sent),
        unsent: count(|part| part.unsent),
        errors,
        error_samples,
        bytes_sent: count(|part| part.bytes_sent),
        bytes_received: count(|part| part.bytes_received),
        connects: count(|part| part.connects),
        overflowed: count(|part| part.overflowed),
        latency: histogram(|part| part.latency.as_ref()),
        // A part that says nothing of its service time means that it is its latency.
        service_time: if has_service_time {
            histogram(|part| part.service_time.as_ref().or(part.latency.as_ref()))
        } else {
            None
        },
        send_lag: histogram(|part| part.send_lag.as_ref()),
        worker_wait: histogram(|part| part.worker_wait.as_ref()),
        failed: histogram(|part| part.failed.as_ref()),
        measures: measures
            .into_iter()
            .filter_map(|(name, parts)| Some((name, sum_of_histograms(parts.into_iter())?)))
            .collect(),
        metrics: sum_of_metrics(parts.iter().flat_map(|part| &part.metrics)),
        remarks,
        slowest,
    }
}

/// The values of each metric, in the order in which they were told.
fn sum_of_metrics<'a>(
    metrics: impl Iterator<Item = (&'a String, &'a MetricInterval)>,
) -> BTreeMap<String, MetricInterval> {
    let mut by_name: BTreeMap<&String, Vec<&MetricInterval>> = BTreeMap::new();
    metrics.for_each(|(name, metric)| by_name.entry(name).or_default().push(metric));
    by_name
        .into_iter()
        .filter_map(|(name, parts)| Some((name.clone(), MetricInterval::sum_of(&parts)?)))
        .collect()
}

/// The sum, bucket by bucket; `None` of none.
pub(super) fn sum_of_histograms<'a>(
    mut histograms: impl Iterator<Item = &'a EncodedHistogram>,
) -> Option<EncodedHistogram> {
    let first = histograms.next()?;
    let Some(second) = histograms.next() else { return Some(first.clone()) };
    let mut sum: Histogram = first.decode();
    sum.add_encoded(second);
    histograms.for_each(|more| sum.add_encoded(more));
    Some(EncodedHistogram::encode(&sum))
}
