//! How fast workers come: all at once, or so many connections per second; and those added while the trial runs.

use std::time::Duration;

use shared::plan::{Assignment, share_of};

use super::choice::seat;
use super::timeline::whole_ns;
use crate::workload::Seat;

/// One thread's share of a limited rate of new connections: every `threads`-th of the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ramp {
    first: Duration,
    every: Duration,
}

/// Workers that a thread may add.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// How many.
    pub(super) workers_left: u32,
    /// Least time between two, nanoseconds.
    pub(super) every_ns: u64,
    /// Number of the next one among the agent's workers, and the distance to the one after it.
    next_worker: u32,
    step: u32,
    agent_index: u32,
    trial_seed: u64,
}

impl Ramp {
    /// The ramp of one thread: its workers connect in turn with those of the others.
    pub(super) fn of(assignment: &Assignment, thread: usize, threads: usize) -> Self {
        // The schema keeps rates above 0; a rate so small that no time can tell it waits for as long as can be told.
        let after = |connections: usize| {
            let seconds = assignment.load.connect_rate.map_or(0.0, |rate| connections as f64 / rate);
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        };
        Self { first: after(thread), every: after(threads) }
    }

    /// When the worker with this number on its thread begins to get ready, after the first of all.
    pub(super) fn begins(&self, number: usize) -> Duration {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.first.saturating_add(self.every.saturating_mul(number))
    }
}

impl Growth {
    /// The workers that one thread may add: its share of those between the start and the most.
    pub(super) fn new(
        assignment: &Assignment,
        (index, threads): (usize, usize),
        seats: usize,
        ramp: Ramp,
    ) -> Self {
        let (index, threads) = (index as u32, threads as u32);
        let most = share_of(u64::from(assignment.load.workers_max), index, threads) as u32;
        Self {
            workers_left: most.saturating_sub(seats as u32),
            every_ns: whole_ns(ramp.every),
            next_worker: index + threads * seats as u32,
            step: threads,
            agent_index: assignment.agent_index,
            trial_seed: assignment.load.seed,
        }
    }

    /// The seat of the next worker.
    pub(super) fn seat(&mut self) -> Seat {
        let seat = seat(self.next_worker, self.agent_index, self.trial_seed);
        self.next_worker = self.next_worker.saturating_add(self.step);
        seat
    }
}

#[cfg(test)]
mod tests {
    use shared::job::{Warmup, Window};

    use super::*;
    use crate::engine::tests::assignment;

    fn limited(connect_rate: Option<f64>) -> Assignment {
        let mut assignment = assignment(4, Warmup::Iterations(0), Window::Iterations(1));
        assignment.load.connect_rate = connect_rate;
        assignment
    }

    #[test]
    fn the_threads_together_keep_the_rate_of_new_connections() {
        let assignment = limited(Some(100.0));
        let begins = |thread, number| Ramp::of(&assignment, thread, 2).begins(number).as_secs_f64() * 100.0;
        assert_eq!(
            [begins(0, 0), begins(1, 0), begins(0, 1), begins(1, 1)].map(f64::round),
            [0.0, 1.0, 2.0, 3.0]
        );
    }

    #[test]
    fn without_a_limit_all_come_at_once() {
        let ramp = Ramp::of(&limited(None), 1, 2);
        assert_eq!((ramp.begins(0), ramp.begins(999)), (Duration::ZERO, Duration::ZERO));
    }
}
