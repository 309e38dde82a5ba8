//! When a worker begins its next operation: after its think time, and no sooner than its pace allows.
//!
//! Pure: times are arguments, nanoseconds since the trial's start T.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use shared::delay::Delay;
use shared::plan::LoadShare;

use super::timeline::whole_ns;
use crate::workload::Seat;

/// The stream of a worker's random numbers from which its pauses come; operations are chosen from stream 0.
const STREAM: u64 = 1;

/// The pauses of all workers, as the job asks for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pauses {
    think: Option<Delay>,
    pace: Option<Duration>,
}

/// The pauses of one worker.
#[derive(Debug)]
pub(super) struct Pause {
    pauses: Pauses,
    random: ChaCha8Rng,
    /// When the iteration that runs began.
    began_ns: u64,
}

impl Pauses {
    /// The pauses that a share of the load asks for; `None`: no worker ever pauses.
    pub(super) fn of(load: &LoadShare) -> Option<Self> {
        let pauses = Self { think: load.think, pace: load.pace };
        (pauses.think.is_some() || pauses.pace.is_some()).then_some(pauses)
    }

    /// Those of one worker.
    pub(super) fn of_worker(self, seat: Seat) -> Pause {
        let mut random = ChaCha8Rng::seed_from_u64(seat.seed);
        random.set_stream(STREAM);
        Pause { pauses: self, random, began_ns: 0 }
    }
}

impl Pause {
    /// Notes when an iteration begins.
    pub(super) fn begin(&mut self, at_ns: u64) {
        self.began_ns = at_ns;
    }

    /// When the worker goes on whose step ended at a moment, within its iteration.
    pub(super) fn after_step(&mut self, ended_ns: u64) -> u64 {
        let think = self.pauses.think.map(|think| think.sample(&mut self.random));
        ended_ns.saturating_add(whole_ns(think.unwrap_or_default()))
    }

    /// When the worker begins its next iteration whose last step ended at a moment.
    pub(super) fn after_iteration(&mut self, ended_ns: u64) -> u64 {
        let paced_ns = self.pauses.pace.map_or(0, |pace| self.began_ns.saturating_add(whole_ns(pace)));
        self.after_step(ended_ns).max(paced_ns)
    }
}

#[cfg(test)]
mod tests {
    use shared::job::{Warmup, Window};

    use super::*;
    use crate::engine::choice::seat;
    use crate::engine::tests::load;

    fn pauses(think: Option<Delay>, pace: Option<Duration>) -> Option<Pauses> {
        let load = load(1, Warmup::Iterations(0), Window::Iterations(1));
        Pauses::of(&LoadShare { think, pace, ..load })
    }

    #[test]
    fn without_think_time_and_pace_nobody_pauses() {
        assert_eq!(pauses(None, None), None);
    }

    #[test]
    fn a_worker_thinks_after_each_step_and_keeps_its_pace_between_iterations() {
        let think = Delay::Fixed(Duration::from_nanos(5));
        let mut pause =
            pauses(Some(think), Some(Duration::from_nanos(100))).unwrap().of_worker(seat(0, 0, 1));
        pause.begin(1_000);
        assert_eq!((pause.after_step(1_010), pause.after_iteration(1_020)), (1_015, 1_100));
        pause.begin(1_100);
        // Late already: it begins at once, but never without its think time.
        assert_eq!(pause.after_iteration(1_250), 1_255);
    }

    #[test]
    fn think_times_differ_from_worker_to_worker_and_are_the_same_again() {
        let think = Delay::Uniform { from: Duration::from_millis(1), to: Duration::from_millis(9) };
        let sequence = |worker| {
            let mut pause = pauses(Some(think), None).unwrap().of_worker(seat(worker, 0, 7));
            (0..16).map(|_| pause.after_step(0)).collect::<Vec<_>>()
        };
        assert_eq!(sequence(0), sequence(0));
        assert_ne!(sequence(0), sequence(1));
        assert!(sequence(0).iter().all(|pause| (1_000_000..=9_000_000).contains(pause)));
    }
}
