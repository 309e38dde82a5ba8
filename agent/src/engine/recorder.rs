//! One load thread's record: counts what ends, and cuts it into intervals by time, never by when a timer ran.
//!
//! Pure: every time is an argument, in nanoseconds since the trial's start T.

use std::mem;

use shared::ids::OperationIndex;
use shared::interval::slow::SlowOperation;

use super::gate::Part;
use super::slow::{Slowest, Witness};
use super::tally::{Tally, Timing};
use super::timeline::{SliceKey, Timeline};
use crate::workload::Outcome;

/// One thread's counts of one interval, on their way to the collector.
#[derive(Debug)]
pub(super) struct Batch {
    /// Which thread counted.
    pub(super) thread: usize,
    /// Which interval the counts belong to.
    pub(super) key: SliceKey,
    /// The counts.
    pub(super) tally: Tally,
    /// Nothing that this thread hands over from now on lies before this moment.
    pub(super) through_ns: u64,
    /// When the measured window began, as far as this thread knows.
    pub(super) window_start_ns: Option<u64>,
    /// Set in a thread's last batch: when its part of the trial ended.
    pub(super) finished_ns: Option<u64>,
    /// CPU share of the thread since its last hand-over; `None`: too short ago to tell.
    pub(super) busy: Option<f64>,
    /// Workers that the thread still has.
    pub(super) workers: u32,
    /// How long after the end of what is handed over that happened.
    pub(super) late_ns: u64,
}

/// One load thread's record.
#[derive(Debug)]
pub(super) struct Recorder {
    thread: usize,
    timeline: Timeline,
    key: SliceKey,
    starts_ns: u64,
    ends_ns: u64,
    tally: Tally,
    last_measured_end_ns: u64,
    slowest: Slowest,
}

impl Recorder {
    /// A record that begins at T.
    pub(super) fn new(thread: usize, timeline: Timeline, tally: Tally) -> Self {
        let (key, ends_ns) = (timeline.key_at(0), timeline.cut_after(0));
        let slowest = Slowest::new();
        Self { thread, timeline, key, starts_ns: 0, ends_ns, tally, last_measured_end_ns: 0, slowest }
    }

    /// Counts an operation that begins.
    #[inline]
    pub(super) fn begin(&mut self, operation: OperationIndex, part: Part) {
        if part == Part::Measured {
            self.tally.begin(operation);
        }
    }

    /// Counts an operation that ended at a moment. Call [`Recorder::cut`] first if one is due. `witness` is asked only about one that is
    /// among the slowest, and told whether its request is wanted.
    #[inline]
    pub(super) fn end(
        &mut self,
        operation: OperationIndex,
        part: Part,
        at_ns: u64,
        timing: Timing,
        outcome: &mut Outcome,
        witness: impl FnOnce(bool) -> Witness,
    ) {
        match part {
            Part::Warmup => self.tally.end_warmup(operation),
            Part::Measured => {
                self.tally.end(operation, timing, outcome);
                self.last_measured_end_ns = self.last_measured_end_ns.max(self.not_before_start(at_ns));
                if outcome.error.is_none() && self.slowest.has_place_for(timing.latency_ns) {
                    let Witness { worker, request } = witness(self.slowest.enter(timing.latency_ns));
                    let (latency_ns, ended_at_ns) = (timing.latency_ns, at_ns);
                    let slow = SlowOperation { latency_ns, ended_at_ns, worker, request };
                    self.tally.keep_slow(operation, slow);
                }
            }
        }
    }

    /// Counts operations that were due and will not be begun, by operation.
    pub(super) fn give_up(&mut self, unsent: &[u64]) {
        self.tally.give_up(unsent);
    }

    /// Hands over what was counted before the cut that a moment has passed, and goes on with a spare tally.
    pub(super) fn cut(&mut self, at_ns: u64, spare: Tally) -> Batch {
        let at_ns = self.not_before_start(at_ns);
        let late_ns = at_ns.saturating_sub(self.ends_ns);
        self.starts_ns = self.timeline.start_of_slice(at_ns);
        self.ends_ns = self.timeline.cut_after(at_ns);
        self.slowest.begin_interval();
        let key = mem::replace(&mut self.key, self.timeline.key_at(at_ns));
        let tally = mem::replace(&mut self.tally, spare);
        Batch { late_ns, ..self.batch(key, tally) }
    }

    /// Notes when the window began, and hands over what was counted before. A thread that had already gone
    /// past that moment has nothing to hand over: all its workers were waiting for it.
    pub(super) fn open_window(&mut self, at_ns: u64, spare: impl FnOnce() -> Tally) -> Option<Batch> {
        if self.timeline.window_start_ns().is_some() {
            return None;
        }
        self.timeline.open_window(at_ns);
        if at_ns >= self.starts_ns {
            return Some(self.cut(at_ns, spare()));
        }
        self.key = self.timeline.key_at(self.starts_ns);
        self.ends_ns = self.timeline.cut_after(self.starts_ns);
        None
    }

    /// Hands over the last counts. The thread's part ends now or, when the window is counted in operations,
    /// with the last of its own.
    pub(super) fn finish(&mut self, at_ns: u64, spare: Tally) -> Batch {
        let is_timed = self.timeline.window_end_ns().is_some();
        let finished_ns = if is_timed { self.not_before_start(at_ns) } else { self.last_measured_end_ns };
        let tally = mem::replace(&mut self.tally, spare);
        Batch { through_ns: u64::MAX, finished_ns: Some(finished_ns), ..self.batch(self.key, tally) }
    }

    /// Whether a moment lies past the end of the running interval.
    #[inline]
    pub(super) fn is_due(&self, at_ns: u64) -> bool {
        at_ns >= self.ends_ns
    }

    /// When the running interval ends, as far as it is known.
    pub(super) fn ends_ns(&self) -> u64 {
        self.ends_ns
    }

    /// A moment, or the start of the running interval when that is later: what was handed over stays so.
    #[inline]
    pub(super) fn not_before_start(&self, at_ns: u64) -> u64 {
        at_ns.max(self.starts_ns)
    }

    /// Whether samples of this operation's failures are still kept.
    #[inline]
    pub(super) fn wants_sample(&self, operation: OperationIndex) -> bool {
        self.tally.wants_sample(operation)
    }

    /// The timeline as this thread knows it.
    #[inline]
    pub(super) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    fn batch(&self, key: SliceKey, tally: Tally) -> Batch {
        Batch {
            thread: self.thread,
            key,
            tally,
            through_ns: self.starts_ns,
            window_start_ns: self.timeline.window_start_ns(),
            finished_ns: None,
            busy: None,
            workers: 0,
            late_ns: 0,
        }
    }
}
