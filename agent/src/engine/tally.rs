//! What is counted while an interval runs: plain numbers and histograms, owned by one thread at a time.

use std::collections::BTreeMap;

use shared::histogram::{EncodedHistogram, Histogram};
use shared::ids::OperationIndex;
use shared::interval::{ERROR_SAMPLES_MAX, ErrorKind, ErrorSample, OperationInterval};

use crate::workload::Outcome;

/// Counts of every operation over one interval. Cleared and used again.
#[derive(Debug)]
pub(super) struct Tally {
    operations: Vec<OperationTally>,
}

/// Counts of one operation.
#[derive(Debug)]
struct OperationTally {
    warmup_ended: u64,
    scheduled: u64,
    sent: u64,
    errors: [u64; ErrorKind::ALL.len()],
    samples: Vec<ErrorSample>,
    bytes_sent: u64,
    bytes_received: u64,
    connects: u64,
    latency: Histogram<u32>,
    /// Made at the first failure.
    failed: Option<Box<Histogram<u32>>>,
    /// One for each of the kind's measures.
    measures: Vec<Histogram<u32>>,
}

impl Tally {
    /// An empty tally for so many operations, each with so many further measures.
    pub(super) fn new(operations: usize, measures: usize) -> Self {
        Self { operations: (0..operations).map(|_| OperationTally::new(measures)).collect() }
    }

    /// Counts an operation that is scheduled and, under the closed model, sent at once.
    #[inline]
    pub(super) fn begin(&mut self, operation: OperationIndex) {
        let tally = &mut self.operations[usize::from(operation.0)];
        tally.scheduled += 1;
        tally.sent += 1;
    }

    /// Counts an operation of the warm-up that ended.
    #[inline]
    pub(super) fn end_warmup(&mut self, operation: OperationIndex) {
        self.operations[usize::from(operation.0)].warmup_ended += 1;
    }

    /// Counts an operation that ended after `latency_ns`.
    #[inline]
    pub(super) fn end(&mut self, operation: OperationIndex, latency_ns: u64, outcome: &mut Outcome) {
        let tally = &mut self.operations[usize::from(operation.0)];
        tally.bytes_sent += outcome.bytes_sent;
        tally.bytes_received += outcome.bytes_received;
        tally.connects += outcome.connects;
        for (measure, value) in tally.measures.iter_mut().zip(outcome.measures) {
            if let Some(value) = value {
                measure.record(value);
            }
        }
        match outcome.error {
            None => tally.latency.record(latency_ns),
            Some(kind) => tally.fail(kind, latency_ns, outcome.sample.take()),
        }
    }

    /// Whether samples of this operation's failures are still kept.
    #[inline]
    pub(super) fn wants_sample(&self, operation: OperationIndex) -> bool {
        self.operations[usize::from(operation.0)].samples.len() < ERROR_SAMPLES_MAX
    }

    /// Adds another thread's counts of the same interval, bucket by bucket.
    pub(super) fn add(&mut self, other: &Tally) {
        for (mine, theirs) in self.operations.iter_mut().zip(&other.operations) {
            mine.add(theirs);
        }
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.operations.iter_mut().for_each(OperationTally::clear);
    }

    /// The counts as an interval tells them; operations with nothing to tell are left out.
    pub(super) fn encode(&self, measures: &[(&'static str, &'static str)]) -> Vec<OperationInterval> {
        let indexed = self.operations.iter().zip(0_u16..);
        indexed
            .filter(|(tally, _)| tally.has_something())
            .map(|(tally, index)| tally.encode(OperationIndex(index), measures))
            .collect()
    }
}

impl OperationTally {
    fn new(measures: usize) -> Self {
        Self {
            warmup_ended: 0,
            scheduled: 0,
            sent: 0,
            errors: [0; ErrorKind::ALL.len()],
            samples: Vec::new(),
            bytes_sent: 0,
            bytes_received: 0,
            connects: 0,
            latency: Histogram::new(),
            failed: None,
            measures: (0..measures).map(|_| Histogram::new()).collect(),
        }
    }

    fn fail(&mut self, kind: ErrorKind, latency_ns: u64, sample: Option<ErrorSample>) {
        self.errors[place_of(kind)] += 1;
        self.failed.get_or_insert_default().record(latency_ns);
        if self.samples.len() < ERROR_SAMPLES_MAX {
            self.samples.extend(sample);
        }
    }

    fn add(&mut self, other: &Self) {
        self.warmup_ended += other.warmup_ended;
        self.scheduled += other.scheduled;
        self.sent += other.sent;
        self.errors.iter_mut().zip(other.errors).for_each(|(mine, theirs)| *mine += theirs);
        let room = ERROR_SAMPLES_MAX.saturating_sub(self.samples.len());
        self.samples.extend(other.samples.iter().take(room).cloned());
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.connects += other.connects;
        add_histogram(&mut self.latency, &other.latency);
        if let Some(failed) = other.failed.as_deref().filter(|failed| !failed.is_empty()) {
            self.failed.get_or_insert_default().add(failed);
        }
        self.measures.iter_mut().zip(&other.measures).for_each(|(mine, theirs)| add_histogram(mine, theirs));
    }

    fn clear(&mut self) {
        self.warmup_ended = 0;
        self.scheduled = 0;
        self.sent = 0;
        self.errors = [0; ErrorKind::ALL.len()];
        self.samples.clear();
        self.bytes_sent = 0;
        self.bytes_received = 0;
        self.connects = 0;
        // Memory that was never written to is not touched: a job of many operations costs only what it uses.
        let histograms = self.measures.iter_mut().chain(self.failed.as_deref_mut());
        histograms
            .chain([&mut self.latency])
            .filter(|histogram| !histogram.is_empty())
            .for_each(Histogram::clear);
    }

    fn has_something(&self) -> bool {
        self.warmup_ended + self.scheduled + self.sent > 0
            || !self.latency.is_empty()
            || self.errors.iter().any(|count| *count > 0)
    }

    fn encode(
        &self,
        operation: OperationIndex,
        measures: &[(&'static str, &'static str)],
    ) -> OperationInterval {
        let kinds = ErrorKind::ALL.into_iter().zip(self.errors);
        let named = measures.iter().map(|(name, _unit)| *name).zip(&self.measures);
        let histograms = self.measures.iter().chain(self.failed.as_deref()).chain([&self.latency]);
        OperationInterval {
            operation,
            warmup_ended: self.warmup_ended,
            scheduled: self.scheduled,
            sent: self.sent,
            unsent: 0,
            errors: kinds.filter(|(_, count)| *count > 0).collect(),
            error_samples: self.samples.clone(),
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            connects: self.connects,
            overflowed: histograms.map(Histogram::overflowed).sum(),
            latency: encoded(&self.latency),
            service_time: None,
            send_lag: None,
            worker_wait: None,
            failed: self.failed.as_deref().and_then(encoded),
            measures: named
                .filter_map(|(name, histogram)| Some((name.to_owned(), encoded(histogram)?)))
                .collect::<BTreeMap<_, _>>(),
        }
    }
}

fn encoded(histogram: &Histogram<u32>) -> Option<EncodedHistogram> {
    (!histogram.is_empty()).then(|| EncodedHistogram::encode(histogram))
}

fn add_histogram(mine: &mut Histogram<u32>, theirs: &Histogram<u32>) {
    if !theirs.is_empty() {
        mine.add(theirs);
    }
}

fn place_of(kind: ErrorKind) -> usize {
    ErrorKind::ALL.iter().position(|candidate| *candidate == kind).expect("ErrorKind::ALL holds every kind")
}
