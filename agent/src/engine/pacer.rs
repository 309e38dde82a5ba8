//! The pacer of one thread under the open model: begins operations when they are due, whatever the answers do.
//!
//! There is no queue: what is due and not begun is simply what the thread's arrivals have next. A worker that becomes
//! free takes it at once; one that finds nothing due rests, and the pacer wakes it for the next. So a backlog of any
//! length takes no memory, and nothing that was due is forgotten.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::arrivals::{Arrival, Arrivals};
use super::clock::{now_ns, thread_cpu_ns};
use super::ramp;
use super::timer::Timer;

/// How often a pacer without a free worker looks whether it may add one.
const GROWTH_LOOK_EVERY: Duration = Duration::from_millis(1);
/// A thread that computed for this share of the last stretch is itself the limit: further workers would not help.
const GROWTH_CPU_MAX: f64 = 0.9;
/// Shortest stretch over which that is told, nanoseconds.
const GROWTH_STRETCH_NS: u64 = 10_000_000;

/// An operation that a worker begins now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Which.
    pub(super) arrival: Arrival,
    /// For how long it was due while every worker was busy, ns.
    pub(super) worker_wait_ns: u64,
}

/// What a free worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Begins this.
    Begin(Due),
    /// Ends: nothing more is begun.
    Over,
}

/// The pacer of one thread.
#[derive(Debug)]
pub(super) struct Pacer {
    start_ns: u64,
    /// When what is due is begun no more, ns since T.
    give_up_ns: u64,
    arrivals: RefCell<Arrivals>,
    resting: RefCell<VecDeque<Rc<Bed>>>,
    /// Since when no worker rests, ns since T; `None`: one does.
    exhausted_since_ns: Cell<Option<u64>>,
    is_over: Cell<bool>,
    /// Whether the pacer waits for a worker: only then need one that rests wake it.
    awaits_worker: Cell<bool>,
    changed: Notify,
    growth: Growth,
}

/// Adding workers when all are busy.
#[derive(Debug)]
struct Growth {
    workers_left: Cell<u32>,
    /// Least time between two new workers, and when the next may come, ns since T.
    every_ns: u64,
    next_ns: Cell<u64>,
    requests: mpsc::UnboundedSender<Due>,
    /// (wall, CPU) in ns when the thread's share was last told, and that share.
    told: Cell<(u64, u64, f64)>,
}

/// Where a worker rests.
#[derive(Debug, Default)]
pub(super) struct Bed {
    next: Cell<Option<Next>>,
    waker: RefCell<Option<Waker>>,
}

impl Pacer {
    /// A pacer that may add so many workers; each request is for one that begins with the given operation. Their
    /// number is bounded by the workers that may be added.
    pub(super) fn new(
        start_ns: u64,
        give_up_ns: u64,
        arrivals: Arrivals,
        growth: &ramp::Growth,
    ) -> (Self, mpsc::UnboundedReceiver<Due>) {
        let (requests, requested) = mpsc::unbounded_channel();
        let growth = Growth {
            workers_left: Cell::new(growth.workers_left),
            every_ns: growth.every_ns,
            next_ns: Cell::new(0),
            requests,
            told: Cell::new((now_ns(), thread_cpu_ns(), 0.0)),
        };
        let pacer = Self {
            start_ns,
            give_up_ns,
            arrivals: RefCell::new(arrivals),
            resting: RefCell::new(VecDeque::new()),
            // Workers are busy until they first rest.
            exhausted_since_ns: Cell::new(Some(0)),
            is_over: Cell::new(false),
            awaits_worker: Cell::new(false),
            changed: Notify::new(),
            growth,
        };
        (pacer, requested)
    }

    /// What a worker does that became free at a moment; it rests until there is something.
    pub(super) async fn next(&self, bed: &Rc<Bed>, freed_ns: u64) -> Next {
        if let Some(next) = self.at_once(freed_ns, self.elapsed_ns()) {
            return next;
        }
        self.resting.borrow_mut().push_back(Rc::clone(bed));
        self.exhausted_since_ns.set(None);
        if self.awaits_worker.get() {
            self.changed.notify_one();
        }
        std::future::poll_fn(|context| match bed.next.take() {
            Some(next) => Poll::Ready(next),
            None => {
                bed.waker.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }

    /// What there is to do at once for a worker that became free; `None`: rest.
    fn at_once(&self, freed_ns: u64, at_ns: u64) -> Option<Next> {
        if self.is_over.get() {
            return Some(Next::Over);
        }
        let mut arrivals = self.arrivals.borrow_mut();
        let Some(arrival) = arrivals.peek() else { return Some(Next::Over) };
        if arrival.due_ns > at_ns {
            return None;
        }
        if at_ns >= self.give_up_ns {
            return Some(Next::Over);
        }
        arrivals.take();
        if arrivals.peek().is_none() {
            self.changed.notify_one();
        }
        let worker_wait_ns = self.waited(arrival, freed_ns);
        Some(Next::Begin(Due { arrival, worker_wait_ns }))
    }

    /// For how long an operation was due while every worker was busy, up to a moment.
    fn waited(&self, arrival: Arrival, until_ns: u64) -> u64 {
        match self.exhausted_since_ns.get() {
            Some(since_ns) => until_ns.saturating_sub(arrival.due_ns.max(since_ns)),
            None => 0,
        }
    }

    /// Wakes workers when their operations are due, until all are begun or given up.
    pub(super) async fn pace(&self, timer: &Timer) {
        while let Some(arrival) = self.peek() {
            let at_ns = self.elapsed_ns();
            if at_ns >= self.give_up_ns {
                break;
            }
            if arrival.due_ns > at_ns {
                tokio::select! {
                    biased;
                    () = timer.wait_until(self.start_ns + arrival.due_ns) => {}
                    // A worker took the last arrival itself.
                    () = self.changed.notified() => {}
                }
            } else if let Some(bed) = self.rested() {
                self.arrivals.borrow_mut().take();
                bed.wake(Next::Begin(Due { arrival, worker_wait_ns: 0 }));
            } else if self.may_grow(at_ns) {
                self.arrivals.borrow_mut().take();
                let due = Due { arrival, worker_wait_ns: self.waited(arrival, at_ns) };
                self.growth.workers_left.set(self.growth.workers_left.get() - 1);
                self.growth.next_ns.set(at_ns.saturating_add(self.growth.every_ns));
                if self.growth.requests.send(due).is_err() {
                    break;
                }
                // The new worker begins before the next one is asked for.
                tokio::task::yield_now().await;
            } else {
                self.await_free_worker(at_ns).await;
            }
        }
        self.is_over.set(true);
        while let Some(bed) = self.rested() {
            bed.wake(Next::Over);
        }
    }

    /// Operations that were due, count, and were not begun. To be asked once, when all is over.
    pub(super) fn count_unsent(&self) -> u64 {
        self.arrivals.borrow_mut().count_rest()
    }

    /// All workers are busy: they take what is due as they become free. Waits until one rests, until a worker may be
    /// added, or until what is due is given up.
    async fn await_free_worker(&self, at_ns: u64) {
        let until_given_up = Duration::from_nanos(self.give_up_ns.saturating_sub(at_ns));
        let patience = if self.growth.workers_left.get() > 0 {
            GROWTH_LOOK_EVERY.min(until_given_up)
        } else {
            until_given_up
        };
        self.awaits_worker.set(true);
        // Either way the loop looks again.
        let _ = tokio::time::timeout(patience, self.changed.notified()).await;
        self.awaits_worker.set(false);
    }

    fn peek(&self) -> Option<Arrival> {
        self.arrivals.borrow().peek()
    }

    /// The worker that has rested longest.
    fn rested(&self) -> Option<Rc<Bed>> {
        let mut resting = self.resting.borrow_mut();
        let bed = resting.pop_front()?;
        if resting.is_empty() {
            self.exhausted_since_ns.set(Some(self.elapsed_ns()));
        }
        Some(bed)
    }

    fn may_grow(&self, at_ns: u64) -> bool {
        self.growth.workers_left.get() > 0
            && at_ns >= self.growth.next_ns.get()
            && self.growth.cpu_share() < GROWTH_CPU_MAX
    }

    fn elapsed_ns(&self) -> u64 {
        now_ns().saturating_sub(self.start_ns)
    }
}

impl Growth {
    fn cpu_share(&self) -> f64 {
        let (told_wall_ns, told_cpu_ns, share) = self.told.get();
        let wall_ns = now_ns();
        if wall_ns.saturating_sub(told_wall_ns) < GROWTH_STRETCH_NS {
            return share;
        }
        let cpu_ns = thread_cpu_ns();
        let share = cpu_ns.saturating_sub(told_cpu_ns) as f64 / (wall_ns - told_wall_ns) as f64;
        self.told.set((wall_ns, cpu_ns, share));
        share
    }
}

impl Bed {
    fn wake(&self, next: Next) {
        self.next.set(Some(next));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}
