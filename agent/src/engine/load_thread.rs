//! What the workers of one load thread share: the record, what each is doing, and the hand-over each second.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use tokio::task::AbortHandle;

use super::alarms::Alarms;
use super::choice::Shares;
use super::clock::{now_ns, thread_cpu_ns};
use super::collector::Message;
use super::gate::{Admission, Gate, Part};
use super::orders::Orders;
use super::pacer::Due;
use super::recorder::{Batch, Recorder};
use super::slow::Witness;
use super::tally::Timing;
use super::threads::{Lane, ThreadTask};
use super::timeline::whole_ns;
use crate::workload::Outcome;

/// Shortest stretch over which a thread's CPU share is told: below, one scheduling decision makes all of it.
pub(super) const SHARE_STRETCH_NS_MIN: u64 = 100_000_000;

/// What the workers of one thread share. Never leaves the thread.
pub(super) struct LoadThread {
    pub(super) start_ns: u64,
    pub(super) gate: Arc<Gate>,
    orders: Arc<Orders>,
    lane: Lane,
    shares: Shares,
    recorder: RefCell<Recorder>,
    /// Where workers pause.
    pub(super) alarms: Alarms,
    /// What each worker is doing, and how it is stopped.
    places: RefCell<Vec<Place>>,
    /// When the CPU share was last told: (wall, CPU) in ns.
    told: Cell<(u64, u64)>,
    /// Whether it is told at all: not where the workload does its work here itself.
    tells_share: bool,
    workers: Cell<u32>,
    /// Most workers at once since the last hand-over.
    workers_peak: Cell<u32>,
}

/// How an operation begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning {
    /// When, ns since T.
    pub(super) at_ns: u64,
    /// Where it counts.
    pub(super) part: Part,
    /// The arrival that it answers; `None`: under the closed model, and of a scenario's later steps.
    pub(super) due: Option<Due>,
}

struct Place {
    running: Option<Running>,
    handle: Option<AbortHandle>,
}

/// An operation that has begun and not ended.
#[derive(Debug, Clone, Copy)]
struct Running {
    operation: OperationIndex,
    part: Part,
    begun_ns: u64,
    /// When it was due; `None`: the closed model.
    due: Option<Due>,
}

impl LoadThread {
    /// The shared part of a thread's task, for a trial that starts at a moment on the monotonic clock.
    pub(super) fn new(task: ThreadTask, alarms: Alarms, start_ns: u64) -> Self {
        let recorder = Recorder::new(task.index, task.timeline, task.lane.spare());
        Self {
            start_ns,
            gate: task.gate,
            orders: task.orders,
            shares: task.shares,
            recorder: RefCell::new(recorder),
            alarms,
            lane: task.lane,
            places: RefCell::new(Vec::with_capacity(task.seats.len())),
            told: Cell::new((now_ns(), thread_cpu_ns())),
            tells_share: !task.works_itself,
            workers: Cell::new(0),
            workers_peak: Cell::new(0),
        }
    }

    /// A place for another worker.
    pub(super) fn seat(&self) -> usize {
        let mut places = self.places.borrow_mut();
        places.push(Place { running: None, handle: None });
        self.workers.set(self.workers.get() + 1);
        self.workers_peak.set(self.workers_peak.get().max(self.workers.get()));
        places.len() - 1
    }

    /// Notes how the worker at a place can be stopped.
    pub(super) fn seated(&self, place: usize, handle: AbortHandle) {
        self.places.borrow_mut()[place].handle = Some(handle);
    }

    /// What a worker of the closed model does that is free at a moment.
    #[inline]
    pub(super) fn admit(&self, at_ns: u64) -> Admission {
        self.roll(at_ns);
        self.gate.admit(at_ns, self.recorder.borrow().timeline())
    }

    /// Whether a further step of an iteration begins at a moment, and where it counts.
    pub(super) fn admit_step(&self, part: Part, at_ns: u64) -> Option<Part> {
        self.roll(at_ns);
        self.gate.admit_step(part, at_ns, self.recorder.borrow().timeline())
    }

    /// Waits until a moment, ns since T, for as long as an operation might still begin then.
    pub(super) async fn pause(&self, until_ns: u64) {
        let window_end_ns = self.recorder.borrow().timeline().window_end_ns();
        let until_ns = window_end_ns.map_or(until_ns, |end_ns| until_ns.min(end_ns));
        self.alarms.until(self.start_ns.saturating_add(until_ns)).await;
    }

    /// An operation begins.
    #[inline]
    pub(super) fn begin(
        &self,
        place: usize,
        operation: OperationIndex,
        beginning: Beginning,
        outcome: &mut Outcome,
    ) {
        let Beginning { at_ns, part, due } = beginning;
        if due.is_some() {
            self.roll(at_ns);
        }
        let begun_ns = self.start_ns.saturating_add(at_ns);
        let mut recorder = self.recorder.borrow_mut();
        recorder.begin(operation, part);
        outcome.clear(begun_ns, part == Part::Measured && recorder.wants_sample(operation));
        self.places.borrow_mut()[place].running = Some(Running { operation, part, begun_ns, due });
    }

    /// An operation ended, and with it its iteration unless a further step follows; returns when, ns since T. `witness` tells of it
    /// if it is among the slowest.
    #[inline]
    pub(super) fn end(
        &self,
        place: usize,
        goes_on: bool,
        outcome: &mut Outcome,
        witness: impl FnOnce(bool) -> Witness,
    ) -> u64 {
        // Empty when the engine gave the operation up in the meantime: it is counted already.
        let Some(running) = self.places.borrow_mut()[place].running.take() else {
            return self.elapsed_ns();
        };
        let ended_ns = if outcome.ended_ns == 0 { now_ns() } else { outcome.ended_ns };
        let ended_at_ns = ended_ns.saturating_sub(self.start_ns);
        self.roll(ended_at_ns);
        let timing = running.timing(self.start_ns, ended_ns, outcome);
        let at_ns = {
            let mut recorder = self.recorder.borrow_mut();
            recorder.end(running.operation, running.part, ended_at_ns, timing, outcome, witness);
            recorder.not_before_start(ended_at_ns)
        };
        if !goes_on && let Some(opened_ns) = self.gate.ended(running.part, at_ns) {
            self.open_window(opened_ns);
        }
        ended_at_ns
    }

    /// The measured window began.
    pub(super) fn open_window(&self, at_ns: u64) {
        let batch = self.recorder.borrow_mut().open_window(at_ns, || self.lane.spare());
        if let Some(batch) = batch {
            self.hand_over(batch);
        }
    }

    /// Hands over on time even while all workers wait, and gives up operations that overran all bounds.
    pub(super) async fn watch(&self, give_up_after: Duration) -> std::convert::Infallible {
        loop {
            let due_ns = self.recorder.borrow().ends_ns().saturating_sub(self.elapsed_ns());
            tokio::time::sleep(Duration::from_nanos(due_ns)).await;
            self.roll(self.elapsed_ns());
            let places = self.places.borrow().len();
            (0..places).for_each(|place| self.give_up_if_stuck(place, give_up_after));
            if self.gate.is_exhausted() {
                self.alarms.ring_all();
            }
        }
    }

    /// A worker ended.
    pub(super) fn left(&self) {
        self.workers.set(self.workers.get().saturating_sub(1));
    }

    /// The thread's part is over. `unsent` operations were due, and nobody could begin them.
    pub(super) fn finish(&self, unsent: u64) {
        let at_ns = self.elapsed_ns();
        self.roll(at_ns);
        let mut recorder = self.recorder.borrow_mut();
        if unsent > 0 {
            recorder.give_up(&self.shares.split(unsent));
        }
        let batch = recorder.finish(at_ns, self.lane.spare());
        drop(recorder);
        self.hand_over(batch);
    }

    #[inline]
    pub(super) fn elapsed_ns(&self) -> u64 {
        now_ns().saturating_sub(self.start_ns)
    }

    /// Hands over what is due.
    #[inline]
    fn roll(&self, at_ns: u64) {
        if self.recorder.borrow().is_due(at_ns) {
            let batch = self.recorder.borrow_mut().cut(at_ns, self.lane.spare());
            self.hand_over(batch);
        }
    }

    /// An operation that overran twice its own timeout (and the drain) will never end: it is counted as
    /// `other`, and its worker is retired, so that a trial ends whatever a workload does.
    fn give_up_if_stuck(&self, place: usize, after: Duration) {
        let begun_ns = {
            let places = self.places.borrow();
            let Some(running) = places[place].running else { return };
            if now_ns().saturating_sub(running.begun_ns) <= whole_ns(after) {
                return;
            }
            if let Some(handle) = &places[place].handle {
                handle.abort();
            }
            running.begun_ns
        };
        let mut outcome = Outcome { wants_sample: true, ..Outcome::default() };
        outcome.sent_ns = begun_ns;
        outcome.ended_ns = now_ns();
        outcome.fail(ErrorKind::Other, || {
            format!(
                "still running after {after:?}, far beyond its own timeout: given up, and its worker with it"
            )
        });
        self.end(place, false, &mut outcome, |_| Witness::default());
    }

    fn hand_over(&self, batch: Batch) {
        let (busy, workers) = (self.cpu_share(), self.workers_peak.replace(self.workers.get()));
        self.lane.send(Message::Batch(Batch { busy, workers, ..batch }), &self.orders);
    }

    /// This thread's CPU share since it was last told.
    fn cpu_share(&self) -> Option<f64> {
        let (wall_ns, cpu_ns) = (now_ns(), thread_cpu_ns());
        let (told_wall_ns, told_cpu_ns) = self.told.get();
        let stretch_ns = wall_ns.saturating_sub(told_wall_ns);
        if !self.tells_share || stretch_ns < SHARE_STRETCH_NS_MIN {
            return None;
        }
        self.told.set((wall_ns, cpu_ns));
        Some((cpu_ns.saturating_sub(told_cpu_ns) as f64 / stretch_ns as f64).min(1.0))
    }
}

impl Running {
    /// How long it took, and why. `start_ns` and `ended_ns` are on the monotonic clock.
    #[inline]
    fn timing(&self, start_ns: u64, ended_ns: u64, outcome: &Outcome) -> Timing {
        let sent_ns = outcome.sent_ns;
        let service_time_ns = ended_ns.saturating_sub(sent_ns);
        let Some(due) = self.due else { return Timing::closed(service_time_ns) };
        let late_ns = sent_ns.saturating_sub(start_ns + due.arrival.due_ns);
        let worker_wait_ns = due.worker_wait_ns.min(late_ns);
        Timing {
            latency_ns: late_ns + service_time_ns,
            service_time_ns,
            send_lag_ns: late_ns - worker_wait_ns,
            worker_wait_ns,
        }
    }
}
