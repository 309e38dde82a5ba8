//! Runs as counters that only grow: what Prometheus reads while they go on, and for some minutes after.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::histogram::Histogram;
use shared::ids::RunId;
use shared::interval::{Interval, OperationInterval};
use tokio::time::Instant;

/// Upper bounds of the buckets, nanoseconds; one more counts what is above.
pub(crate) const BOUNDS_NS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// How long a run is told of after it was heard of last: several scrapes of any usual length.
const KEPT_AFTER: Duration = Duration::from_secs(5 * 60);
/// Runs that are counted at once; the one that was heard of longest ago goes.
const RUNS_MAX: usize = 32;
/// Operations of a run that have counters of their own; all further ones share those of [`OTHERS`].
pub(crate) const OPERATIONS_MAX: usize = 32;
/// The place of all further operations.
pub(crate) const OTHERS: u32 = u32::MAX;

/// All runs that were heard of lately.
#[derive(Debug, Default)]
pub(crate) struct CountedRuns {
    runs: BTreeMap<RunId, (CountedRun, Instant)>,
    scratch: Option<Box<Histogram>>,
}

/// What was counted of one run, by the operation's place in its job.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CountedRun {
    /// Its operations.
    pub(crate) operations: BTreeMap<u32, CountedOperation>,
}

/// What was counted of one operation: whatever was scheduled in a measured window, in trials that count and in others.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CountedOperation {
    /// Successes by bucket of their latency, not cumulative.
    pub(crate) buckets: [u64; BOUNDS_NS.len() + 1],
    /// Sum of their latencies, nanoseconds.
    pub(crate) latency_ns: u128,
    /// Errors by kind.
    pub(crate) errors: BTreeMap<&'static str, u64>,
}

impl CountedOperation {
    /// Operations that ended as a success.
    pub(crate) fn succeeded(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Operations that ended, successes and errors.
    pub(crate) fn count(&self) -> u64 {
        self.succeeded() + self.errors.values().sum::<u64>()
    }
}

impl CountedRuns {
    /// Counts an interval.
    pub(crate) fn add(&mut self, interval: &Interval, now: Instant) {
        let run = interval.trial.run;
        if self.runs.len() >= RUNS_MAX
            && !self.runs.contains_key(&run)
            && let Some(oldest) = self.runs.iter().min_by_key(|(_, (_, heard))| *heard).map(|(run, _)| *run)
        {
            self.runs.remove(&oldest);
        }
        let (counted, heard) = self.runs.entry(run).or_insert_with(|| (CountedRun::default(), now));
        *heard = now;
        let scratch = self.scratch.get_or_insert_with(Box::default);
        for operation in &interval.operations {
            let index = u32::from(operation.operation.0);
            let has_room = counted.operations.len() < OPERATIONS_MAX;
            let place = if has_room || counted.operations.contains_key(&index) { index } else { OTHERS };
            count(counted.operations.entry(place).or_default(), operation, scratch);
        }
    }

    /// Those that were heard of lately; others are forgotten.
    pub(crate) fn read(&mut self, now: Instant) -> Vec<(RunId, CountedRun)> {
        self.runs.retain(|_, (_, heard)| now.saturating_duration_since(*heard) < KEPT_AFTER);
        self.runs.iter().map(|(run, (counted, _))| (*run, counted.clone())).collect()
    }
}

fn count(counted: &mut CountedOperation, operation: &OperationInterval, scratch: &mut Histogram) {
    if let Some(latency) = &operation.latency {
        scratch.clear();
        scratch.add_encoded(latency);
        for bucket in scratch.recorded() {
            let middle = bucket.midpoint();
            let place = BOUNDS_NS.partition_point(|bound| (*bound as f64) < middle);
            counted.buckets[place] += bucket.count;
            counted.latency_ns += middle as u128 * u128::from(bucket.count);
        }
    }
    for (kind, errors) in &operation.errors {
        *counted.errors.entry(kind.as_str()).or_default() += errors;
    }
}

#[cfg(test)]
mod tests {
    use shared::histogram::EncodedHistogram;
    use shared::ids::{AgentId, IntervalSequence, OperationIndex, TrialIndex, TrialKey};
    use shared::interval::{EngineSample, ErrorKind, Phase};

    use super::*;

    fn interval(run: u64, operations: u16) -> Interval {
        let mut latency: Histogram = Histogram::new();
        latency.record_many(3_000_000, 10);
        latency.record_many(30_000_000_000, 1);
        let operation = |place| OperationInterval {
            operation: OperationIndex(place),
            latency: Some(EncodedHistogram::encode(&latency)),
            errors: BTreeMap::from([(ErrorKind::Timeout, 2)]),
            ..OperationInterval::default()
        };
        Interval {
            trial: TrialKey { run: RunId::new(run, [0; 10]), trial: TrialIndex(0), attempt: 0 },
            agent: AgentId::new([1; 16]),
            sequence: IntervalSequence(0),
            phase: Phase::Measured,
            start_ns: 0,
            duration_ns: 1_000_000_000,
            is_last: false,
            operations: (0..operations).map(operation).collect(),
            engine: EngineSample { busiest_thread_cpu: None, threads: 1, workers: 1, late_ns: 0 },
            host: None,
            fingerprint: None,
            observed: BTreeMap::new(),
            folded: None,
        }
    }

    #[test]
    fn successes_and_errors_add_up_over_a_run() {
        let (mut runs, now) = (CountedRuns::default(), Instant::now());
        runs.add(&interval(1, 1), now);
        runs.add(&interval(1, 1), now);
        let [(_, run)] = &runs.read(now)[..] else { panic!("one run") };
        let counted = &run.operations[&0];
        assert_eq!((counted.succeeded(), counted.count()), (22, 26));
        assert_eq!((counted.buckets[5], counted.buckets[16]), (20, 2));
        assert_eq!(counted.errors, BTreeMap::from([("timeout", 4)]));
    }

    #[test]
    fn nothing_grows_without_bound_and_what_is_over_goes() {
        let (mut runs, now) = (CountedRuns::default(), Instant::now());
        runs.add(&interval(0, 200), now);
        let counted = runs.read(now).remove(0).1;
        assert_eq!(counted.operations.len(), OPERATIONS_MAX + 1);
        assert_eq!(counted.operations[&OTHERS].count(), (200 - OPERATIONS_MAX as u64) * 13);
        for run in 1..100 {
            runs.add(&interval(run, 1), now + Duration::from_millis(run));
        }
        assert_eq!(runs.read(now).len(), RUNS_MAX);
        assert_eq!(runs.read(now + KEPT_AFTER + Duration::from_secs(1)).len(), 0);
    }
}
