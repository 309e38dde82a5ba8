//! The assembly: batches of all load threads in, numbered intervals in the order of time out.
//!
//! Pure. Nothing is lost whatever the order in which batches come: what belongs to an interval is added
//! bucket by bucket, and an interval is complete once no thread can hand over anything before its end.

use std::collections::BTreeMap;

use shared::ids::{AgentId, IntervalSequence, TrialKey};
use shared::interval::{EngineSample, Interval};

use super::recorder::Batch;
use super::tally::{Shape, Tally};
use super::timeline::{SliceKey, Timeline};

/// Merges batches into intervals.
#[derive(Debug)]
pub(super) struct Assembly {
    trial: TrialKey,
    agent: AgentId,
    shape: Shape,
    timeline: Timeline,
    threads: Vec<ThreadProgress>,
    slices: BTreeMap<SliceKey, Slice>,
    next_start_ns: u64,
    next_sequence: u64,
    is_complete: bool,
    used: Vec<(usize, Tally)>,
}

/// How far one thread has handed over.
#[derive(Debug, Clone, Copy, Default)]
struct ThreadProgress {
    through_ns: u64,
    finished_ns: Option<u64>,
    workers: u32,
}

/// What the threads have counted of one interval so far.
#[derive(Debug)]
struct Slice {
    thread: usize,
    tally: Tally,
    busiest: Option<f64>,
    late_ns: u64,
}

impl Assembly {
    /// An assembly for so many threads.
    pub(super) fn new(
        trial: TrialKey,
        agent: AgentId,
        shape: Shape,
        timeline: Timeline,
        threads: usize,
    ) -> Self {
        Self {
            trial,
            agent,
            shape,
            timeline,
            threads: vec![ThreadProgress::default(); threads],
            slices: BTreeMap::new(),
            next_start_ns: 0,
            next_sequence: 0,
            is_complete: false,
            used: Vec::new(),
        }
    }

    /// Takes a batch in.
    pub(super) fn accept(&mut self, batch: Batch) {
        let progress = &mut self.threads[batch.thread];
        progress.through_ns = progress.through_ns.max(batch.through_ns);
        progress.finished_ns = progress.finished_ns.or(batch.finished_ns);
        progress.workers = batch.workers;
        if let Some(window_start_ns) = batch.window_start_ns {
            self.timeline.open_window(window_start_ns);
        }
        let (thread, tally) = (batch.thread, batch.tally);
        self.add(batch.key, Slice { thread, tally, busiest: batch.busy, late_ns: batch.late_ns });
    }

    /// The next interval, if it is complete. The host's sample is left for the caller.
    pub(super) fn next(&mut self) -> Option<Interval> {
        if self.is_complete {
            return None;
        }
        let start_ns = self.next_start_ns;
        let mut end_ns = self.timeline.cut_after(start_ns);
        let finished_ns = self.finished_ns();
        let is_last = finished_ns.is_some_and(|finished_ns| end_ns >= finished_ns);
        if let Some(finished_ns) = finished_ns.filter(|_| is_last) {
            end_ns = finished_ns.max(start_ns);
        }
        if self.threads.iter().any(|thread| thread.through_ns < end_ns) {
            return None;
        }
        let key = self.timeline.key_at(start_ns);
        let slice = self.take(if is_last { None } else { Some(key) });
        let interval = Interval {
            trial: self.trial,
            agent: self.agent,
            sequence: IntervalSequence(self.next_sequence),
            phase: key.phase,
            start_ns,
            duration_ns: end_ns - start_ns,
            is_last,
            operations: slice.as_ref().map_or_else(Vec::new, |slice| slice.tally.encode(&self.shape)),
            engine: EngineSample {
                busiest_thread_cpu: slice.as_ref().and_then(|slice| slice.busiest),
                threads: u32::try_from(self.threads.len()).unwrap_or(u32::MAX),
                workers: self.threads.iter().map(|thread| thread.workers).sum(),
                late_ns: slice.as_ref().map_or(0, |slice| slice.late_ns),
            },
            host: None,
            fingerprint: None,
            observed: BTreeMap::new(),
            folded: None,
        };
        self.used.extend(slice.map(|slice| (slice.thread, slice.tally)));
        self.next_start_ns = end_ns;
        self.next_sequence += 1;
        self.is_complete = is_last;
        Some(interval)
    }

    /// Tallies that are no longer needed, with the threads that they came from.
    pub(super) fn drain_used(&mut self) -> impl Iterator<Item = (usize, Tally)> + '_ {
        self.used.drain(..)
    }

    /// Whether the last interval was given out.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many intervals were given out.
    pub(super) fn intervals(&self) -> u64 {
        self.next_sequence
    }

    /// When the last thread ended; `None`: some still run.
    fn finished_ns(&self) -> Option<u64> {
        self.threads
            .iter()
            .map(|thread| thread.finished_ns)
            .try_fold(0, |latest, at_ns| Some(latest.max(at_ns?)))
    }

    /// Takes what was counted up to an interval out; `None`: everything that is left.
    fn take(&mut self, through: Option<SliceKey>) -> Option<Slice> {
        let mut taken: Option<Slice> = None;
        while let Some(entry) = self.slices.first_entry() {
            if through.is_some_and(|through| *entry.key() > through) {
                break;
            }
            let slice = entry.remove();
            match &mut taken {
                None => taken = Some(slice),
                Some(sum) => self.used.extend(sum.add(slice)),
            }
        }
        taken
    }

    fn add(&mut self, key: SliceKey, slice: Slice) {
        match self.slices.get_mut(&key) {
            None => {
                self.slices.insert(key, slice);
            }
            Some(sum) => self.used.extend(sum.add(slice)),
        }
    }
}

impl Slice {
    /// Adds another slice and gives its tally back.
    fn add(&mut self, other: Slice) -> Option<(usize, Tally)> {
        self.tally.add(&other.tally);
        self.late_ns = self.late_ns.max(other.late_ns);
        self.busiest = self.busiest.into_iter().chain(other.busiest).reduce(f64::max);
        Some((other.thread, other.tally))
    }
}

#[cfg(test)]
mod tests;
