//! The load engine: drives a workload on OS threads of its own and reports numbered intervals.
//!
//! Rooms: [`clock`]; `timeline` (phases and cuts), `gate` (which operations may begin) and `choice` (which one
//! it is), `arrivals` (when operations of an open model are due); `tally`, `recorder` and `assembly` (what is counted, per thread, then merged), `pause` (think time and pace), `ramp` (how fast workers come): all of
//! these are pure, with time passed in. Around them: [`orders`] (start, abort, fail), `threads`, `cores` and `worker` (its
//! loops), `erased` (any kind of workload behind one face), `load_thread` (what they share), `pacer`, `alarms` and `timer` (beginning operations on time), `collector`
//! (batches in, events out), `open_files` (the limit on connections). Apart from them: `observer` (no load at all).
//!
//! Each load thread owns its workers and its record; nothing is shared on a request's way but, when a trial
//! is counted in operations, one atomic. Every second a thread hands its record to the collector's thread,
//! which merges, encodes and numbers, so that a slow consumer never slows the load.

mod alarms;
mod arrivals;
mod assembly;
mod choice;
pub mod clock;
mod collector;
mod cores;
mod erased;
mod gate;
mod load_thread;
mod observer;
mod open_files;
pub mod orders;
mod pacer;
mod pause;
mod ramp;
mod recorder;
mod tally;
mod threads;
mod timeline;
mod timer;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::host::{Fingerprint, HostSample};
use shared::ids::AgentId;
use shared::interval::{Interval, MetricInterval};
use shared::plan::Assignment;
use tokio::sync::mpsc;

pub use erased::{AnyDesk, AnyWorker, Drive, boxed};
pub use observer::Observer;
pub use threads::ThreadTask;

use crate::workload::PrepareError;
use orders::Orders;

/// Reads what the host is and how it fares; asked by the collector's thread.
pub trait Watch: Send {
    /// How the host fared since it was asked last: once at the start (to have something to compare with) and then for every
    /// interval that is long enough to tell.
    fn sample(&mut self) -> Option<HostSample>;

    /// What the host was before the trial; asked once, for its first interval.
    fn before(&mut self) -> Option<Box<Fingerprint>> {
        None
    }

    /// What the host is after the trial; asked once, for its last interval. `None`: what it was before.
    fn after(&mut self) -> Option<Box<Fingerprint>> {
        None
    }

    /// What was fetched of the target since it was asked last, by the metric's name.
    fn observed(&mut self) -> BTreeMap<String, MetricInterval> {
        BTreeMap::new()
    }
}

impl<F: FnMut() -> Option<HostSample> + Send> Watch for F {
    fn sample(&mut self) -> Option<HostSample> {
        self()
    }
}

/// What a trial's engine asks for its host.
pub type Probe = Box<dyn Watch>;

/// What the engine tells while it runs: [`EngineEvent::Ready`], intervals in order, then
/// [`EngineEvent::Finished`]; or, at any point, [`EngineEvent::Failed`] as the last. After
/// [`Engine::abort`] nothing more comes and the channel closes.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is an interval")]
pub enum EngineEvent {
    /// All workers had their chance to get ready: the trial can be started.
    Ready,
    /// What happened in one interval.
    Interval(Interval),
    /// The trial ran to its end.
    Finished {
        /// How many intervals were numbered.
        intervals: u64,
    },
    /// The engine itself could not go on, for this reason. Its threads have stopped or will at once.
    Failed(String),
}

/// Why a trial cannot start at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    /// It has passed, or is too near for the load threads to be awake by then.
    #[error("the start was {late_ns} ns ago on this host's monotonic clock: give a later one")]
    Passed {
        /// How long ago it was, nanoseconds; less than nothing counts as nothing.
        late_ns: u64,
    },
    /// The trial began at an earlier start, which this one would have moved.
    #[error(
        "the start was moved {late_ns} ns after this agent had begun: another agent had not confirmed it in time"
    )]
    Begun {
        /// How long ago, nanoseconds.
        late_ns: u64,
    },
    /// It lies before the one that is armed: threads that sleep until that one would miss it.
    #[error("a start can only be moved to a later moment")]
    Earlier,
    /// The trial is over, or stopped.
    #[error("the trial has stopped")]
    Stopped,
}

/// One trial's load on this host. Dropping it stops its threads.
#[derive(Debug)]
pub struct Engine {
    orders: Arc<Orders>,
}

impl Engine {
    /// Starts the load threads, which get their workers ready (connected, for instance) and then say
    /// [`EngineEvent::Ready`]. Nothing is measured before [`Engine::start`].
    ///
    /// `agent` is who the intervals say they come from. `events` may be slow: the engine keeps up to an
    /// hour of intervals for it, and fails beyond that.
    ///
    /// # Errors
    /// When the load is not one that this version can make, or the host does not allow so many workers.
    pub fn prepare(
        agent: AgentId,
        assignment: Assignment,
        workload: Arc<dyn Drive>,
        probe: Probe,
        events: mpsc::Sender<EngineEvent>,
    ) -> Result<Self, PrepareError> {
        let orders = threads::spawn(agent, assignment, workload, probe, events)?;
        Ok(Self { orders })
    }

    /// Arms the start: the trial begins at `at_monotonic_ns` on `CLOCK_MONOTONIC` ([`clock::now_ns`]). Wait for
    /// [`EngineEvent::Ready`] before. Until it has begun it can be moved to a later moment, by starting it again.
    ///
    /// # Errors
    /// When that moment has already passed, or that of an earlier start has: it is then left as it was.
    pub fn start(&self, at_monotonic_ns: u64) -> Result<(), StartRefusal> {
        self.orders.start(at_monotonic_ns, clock::now_ns)
    }

    /// Stops everything at once: running operations are dropped, the threads end, the events' channel closes.
    pub fn abort(&self) {
        self.orders.abort();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.orders.abort();
    }
}

#[cfg(test)]
pub(crate) mod tests;
