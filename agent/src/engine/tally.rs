//! What is counted while an interval runs: plain numbers and histograms, owned by one thread at a time.
//!
//! Rooms: `metric`, the values of one metric that is known in advance; `reported`, those that programs name themselves.

mod metric;
mod reported;

use std::sync::Arc;

use shared::histogram::{EncodedHistogram, Histogram};
use shared::ids::OperationIndex;
use shared::interval::{ERROR_SAMPLES_MAX, ErrorKind, ErrorSample, OperationInterval};
use shared::metric::MetricSpec;

use self::metric::MetricTally;
use self::reported::ReportedTally;
use crate::workload::Outcome;

/// What a tally has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// What each operation of the workload may tell beside its latency.
    pub(super) operations: Arc<[OperationShape]>,
    /// Whether the model is open, so that latency has parts.
    pub(super) is_open: bool,
}

/// What one operation may tell beside its latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperationShape {
    /// Names and units of the further measures of its kind.
    pub(super) measures: &'static [(&'static str, &'static str)],
    /// What is taken out of its responses.
    pub(super) metrics: Vec<MetricSpec>,
}

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
    /// Under the open model: where the latency comes from.
    open: Option<Box<OpenTally>>,
    unsent: u64,
    /// Made at the first failure.
    failed: Option<Box<Histogram<u32>>>,
    /// One for each of the kind's measures, made at its first value: most are never asked for.
    measures: Vec<Option<Box<Histogram<u32>>>>,
    /// One for each of the operation's metrics.
    metrics: Vec<MetricTally>,
    /// What programs named and said themselves.
    reported: ReportedTally,
}

/// Where the latency of one operation comes from under the open model.
#[derive(Debug, Default)]
struct OpenTally {
    service_time: Histogram<u32>,
    send_lag: Histogram<u32>,
    worker_wait: Histogram<u32>,
}

/// How long an operation took, and why. Nanoseconds; `latency` is the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    /// From due to its end.
    pub(super) latency_ns: u64,
    /// From sent to its end.
    pub(super) service_time_ns: u64,
    /// The generator's own lateness.
    pub(super) send_lag_ns: u64,
    /// Due while every worker was busy.
    pub(super) worker_wait_ns: u64,
}

impl Timing {
    /// Under the closed model: latency is service time.
    pub(super) const fn closed(latency_ns: u64) -> Self {
        Self { latency_ns, service_time_ns: latency_ns, send_lag_ns: 0, worker_wait_ns: 0 }
    }
}

impl Tally {
    /// An empty tally of a shape.
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            operations: shape.operations.iter().map(|of| OperationTally::new(of, shape.is_open)).collect(),
        }
    }

    /// Counts operations that were due and will not be begun, by operation.
    pub(super) fn give_up(&mut self, unsent: &[u64]) {
        for (tally, unsent) in self.operations.iter_mut().zip(unsent) {
            tally.scheduled += unsent;
            tally.unsent += unsent;
        }
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

    /// Counts an operation that ended.
    #[inline]
    pub(super) fn end(&mut self, operation: OperationIndex, timing: Timing, outcome: &mut Outcome) {
        let tally = &mut self.operations[usize::from(operation.0)];
        tally.bytes_sent += outcome.bytes_sent;
        tally.bytes_received += outcome.bytes_received;
        tally.connects += outcome.connects;
        for (place, value) in outcome.measures.noted() {
            if let Some(measure) = tally.measures.get_mut(place) {
                measure.get_or_insert_default().record(value);
            }
        }
        for (place, value) in &outcome.metrics {
            if let Some(metric) = tally.metrics.get_mut(usize::from(*place)) {
                metric.record(*value);
            }
        }
        // Few operations tell more than their figures, and a request should not pay for those.
        if !outcome.reported.is_empty() || !outcome.remarks.is_empty() {
            tally.reported.take_in(outcome, tally.metrics.len());
        }
        if let Some(open) = &mut tally.open {
            open.send_lag.record(timing.send_lag_ns);
            open.worker_wait.record(timing.worker_wait_ns);
            if outcome.error.is_none() {
                open.service_time.record(timing.service_time_ns);
            }
        }
        match outcome.error {
            None => tally.latency.record(timing.latency_ns),
            Some(kind) => tally.fail(kind, timing.latency_ns, outcome.sample.take()),
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
    pub(super) fn encode(&self, shape: &Shape) -> Vec<OperationInterval> {
        let indexed = self.operations.iter().zip(shape.operations.iter()).zip(0_u16..);
        indexed
            .filter(|((tally, _), _)| tally.has_something())
            .map(|((tally, shape), index)| tally.encode(OperationIndex(index), shape))
            .collect()
    }
}

impl OperationTally {
    fn new(shape: &OperationShape, is_open: bool) -> Self {
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
            open: is_open.then(Box::default),
            unsent: 0,
            failed: None,
            measures: shape.measures.iter().map(|_| None).collect(),
            metrics: shape.metrics.iter().map(|spec| MetricTally::new(spec.kind)).collect(),
            reported: ReportedTally::default(),
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
        add_if_any(&mut self.failed, other.failed.as_deref());
        for (mine, theirs) in self.measures.iter_mut().zip(&other.measures) {
            add_if_any(mine, theirs.as_deref());
        }
        self.metrics.iter_mut().zip(&other.metrics).for_each(|(mine, theirs)| mine.add(theirs));
        self.reported.add(&other.reported, self.metrics.len());
        self.unsent += other.unsent;
        if let (Some(mine), Some(theirs)) = (&mut self.open, &other.open) {
            add_histogram(&mut mine.service_time, &theirs.service_time);
            add_histogram(&mut mine.send_lag, &theirs.send_lag);
            add_histogram(&mut mine.worker_wait, &theirs.worker_wait);
        }
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
        self.unsent = 0;
        self.metrics.iter_mut().for_each(MetricTally::clear);
        self.reported.clear();
        clear_if_used(Some(&mut self.latency));
        let open = self.open.as_deref_mut().into_iter();
        let open = open.flat_map(|open| [&mut open.service_time, &mut open.send_lag, &mut open.worker_wait]);
        let measures = self.measures.iter_mut().flatten().map(Box::as_mut);
        let histograms = open.chain(measures).chain(self.failed.as_deref_mut());
        histograms.for_each(|histogram| clear_if_used(Some(histogram)));
    }

    fn has_something(&self) -> bool {
        self.warmup_ended + self.scheduled + self.sent + self.unsent > 0
            || !self.latency.is_empty()
            || self.errors.iter().any(|count| *count > 0)
    }

    fn encode(&self, operation: OperationIndex, shape: &OperationShape) -> OperationInterval {
        let kinds = ErrorKind::ALL.into_iter().zip(self.errors);
        let measured = shape.measures.iter().map(|(name, _unit)| *name).zip(&self.measures);
        let measured = measured.filter_map(|(name, histogram)| Some((name, encoded(histogram.as_deref()?)?)));
        let counted = shape.metrics.iter().zip(&self.metrics);
        let counted = counted.filter_map(|(spec, tally)| Some((spec.name.clone(), tally.encode(spec)?)));
        let histograms = self.measures.iter().flatten().chain(&self.failed).map(Box::as_ref);
        let overflowed = histograms.chain([&self.latency]).map(Histogram::overflowed);
        OperationInterval {
            operation,
            warmup_ended: self.warmup_ended,
            scheduled: self.scheduled,
            sent: self.sent,
            unsent: self.unsent,
            errors: kinds.filter(|(_, count)| *count > 0).collect(),
            error_samples: self.samples.clone(),
            bytes_sent: self.bytes_sent,
            bytes_received: self.bytes_received,
            connects: self.connects,
            overflowed: overflowed
                .chain(self.metrics.iter().map(MetricTally::overflowed))
                .chain([self.reported.left_out()])
                .sum(),
            latency: encoded(&self.latency),
            service_time: self.open.as_ref().and_then(|open| encoded(&open.service_time)),
            send_lag: self.open.as_ref().and_then(|open| encoded(&open.send_lag)),
            worker_wait: self.open.as_ref().and_then(|open| encoded(&open.worker_wait)),
            failed: self.failed.as_deref().and_then(encoded),
            measures: measured.map(|(name, histogram)| (name.to_owned(), histogram)).collect(),
            metrics: counted.chain(self.reported.encode()).collect(),
            remarks: self.reported.remarks().to_vec(),
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

/// Adds what another thread counted; memory is taken only for what there is.
fn add_if_any(mine: &mut Option<Box<Histogram<u32>>>, theirs: Option<&Histogram<u32>>) {
    if let Some(theirs) = theirs.filter(|theirs| !theirs.is_empty()) {
        mine.get_or_insert_default().add(theirs);
    }
}

/// Memory that was never written to is not touched: a job of many operations costs only what it uses.
fn clear_if_used(histogram: Option<&mut Histogram<u32>>) {
    if let Some(histogram) = histogram.filter(|histogram| !histogram.is_empty()) {
        histogram.clear();
    }
}

fn place_of(kind: ErrorKind) -> usize {
    ErrorKind::ALL.iter().position(|candidate| *candidate == kind).expect("ErrorKind::ALL holds every kind")
}

#[cfg(test)]
mod tests;
