//! The gate: which operations may begin. Shared by all workers of the agent; iterations are counted exactly.

use std::sync::atomic::{AtomicU64, Ordering};

use shared::interval::Phase;
use shared::job::{Warmup, Window};
use shared::plan::LoadShare;
use tokio::sync::watch;

use super::timeline::Timeline;

/// Which part of the trial an operation was scheduled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Counts nowhere.
    Warmup,
    /// Counts.
    Measured,
}

/// What a free worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Begins an operation.
    Begin(Part),
    /// Waits: the warm-up has all its operations, and some of them still run.
    AwaitWindow,
    /// Ends: nothing more is begun.
    Over,
}

/// Which operations may begin.
#[derive(Debug)]
pub(super) struct Gate {
    warmup: Warmup,
    window: Window,
    warmup_begun: AtomicU64,
    warmup_ended: AtomicU64,
    measured_begun: AtomicU64,
    /// When the window began, ns since T, once a warm-up counted in operations has ended.
    opened: watch::Sender<Option<u64>>,
}

impl Gate {
    /// The gate for a share of the load.
    pub(super) fn new(load: &LoadShare) -> Self {
        Self {
            warmup: load.warmup,
            window: load.window,
            warmup_begun: AtomicU64::new(0),
            warmup_ended: AtomicU64::new(0),
            measured_begun: AtomicU64::new(0),
            opened: watch::Sender::new(None),
        }
    }

    /// What a worker that is free at a moment does next.
    #[inline]
    pub(super) fn admit(&self, at_ns: u64, timeline: &Timeline) -> Admission {
        match timeline.phase_at(at_ns) {
            Phase::Warmup => match self.warmup {
                Warmup::For(_) => Admission::Begin(Part::Warmup),
                Warmup::Iterations(most) if claim(&self.warmup_begun, most) => Admission::Begin(Part::Warmup),
                Warmup::Iterations(_) => Admission::AwaitWindow,
            },
            Phase::Measured => match self.window {
                Window::For(_) => Admission::Begin(Part::Measured),
                Window::Iterations(most) if claim(&self.measured_begun, most) => {
                    Admission::Begin(Part::Measured)
                }
                Window::Iterations(_) => Admission::Over,
            },
            Phase::Drain => Admission::Over,
        }
    }

    /// Whether a further step of an iteration begins at a moment, and where it counts. Under a window of time that is
    /// decided step by step; an iteration that was counted as one is done to its end.
    pub(super) fn admit_step(&self, part: Part, at_ns: u64, timeline: &Timeline) -> Option<Part> {
        let is_counted = match part {
            Part::Warmup => matches!(self.warmup, Warmup::Iterations(_)),
            Part::Measured => matches!(self.window, Window::Iterations(_)),
        };
        if is_counted {
            return Some(part);
        }
        match (timeline.phase_at(at_ns), self.window) {
            (Phase::Warmup, _) => Some(Part::Warmup),
            (Phase::Measured, Window::For(_)) => Some(Part::Measured),
            // The pass began in the warm-up and was not counted: its rest is not either.
            (Phase::Measured, Window::Iterations(_)) | (Phase::Drain, _) => None,
        }
    }

    /// Whether a window of iterations has begun all of them.
    pub(super) fn is_exhausted(&self) -> bool {
        matches!(self.window, Window::Iterations(most) if self.measured_begun.load(Ordering::Relaxed) >= most)
    }

    /// Notes that an iteration ended. When it was the last of a warm-up counted in operations, the window
    /// begins now, and the caller must cut its own interval here before anything else happens.
    #[inline]
    #[must_use]
    pub(super) fn ended(&self, part: Part, at_ns: u64) -> Option<u64> {
        let (Part::Warmup, Warmup::Iterations(most)) = (part, self.warmup) else {
            return None;
        };
        let ended = self.warmup_ended.fetch_add(1, Ordering::AcqRel) + 1;
        if ended < most {
            return None;
        }
        self.opened.send_replace(Some(at_ns));
        Some(at_ns)
    }

    /// Waits until the window is open, and says since when, ns since T.
    pub(super) async fn window_opened(&self) -> u64 {
        let mut opened = self.opened.subscribe();
        loop {
            if let Some(at_ns) = *opened.borrow_and_update() {
                return at_ns;
            }
            opened.changed().await.expect("the gate that is borrowed here holds the sender");
        }
    }
}

/// Takes one of `most`, unless all are taken.
fn claim(taken: &AtomicU64, most: u64) -> bool {
    let take = |count: u64| (count < most).then_some(count + 1);
    taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::tests::load;

    #[test]
    fn a_warmup_of_operations_opens_the_window_with_its_last() {
        let load = load(1, Warmup::Iterations(2), Window::Iterations(1));
        let (gate, mut timeline) = (Gate::new(&load), Timeline::new(&load));
        assert_eq!(gate.admit(0, &timeline), Admission::Begin(Part::Warmup));
        assert_eq!(gate.admit(1, &timeline), Admission::Begin(Part::Warmup));
        assert_eq!(gate.admit(2, &timeline), Admission::AwaitWindow);
        assert_eq!(gate.ended(Part::Warmup, 5), None);
        assert_eq!(gate.ended(Part::Warmup, 9), Some(9));
        timeline.open_window(9);
        assert_eq!(gate.admit(9, &timeline), Admission::Begin(Part::Measured));
        assert_eq!(gate.admit(9, &timeline), Admission::Over);
        assert_eq!(gate.ended(Part::Measured, 11), None);
    }

    #[test]
    fn a_window_of_time_closes_at_its_end() {
        let load = load(1, Warmup::For(Duration::from_nanos(10)), Window::For(Duration::from_nanos(20)));
        let (gate, timeline) = (Gate::new(&load), Timeline::new(&load));
        assert_eq!(gate.admit(9, &timeline), Admission::Begin(Part::Warmup));
        assert_eq!(gate.admit(10, &timeline), Admission::Begin(Part::Measured));
        assert_eq!(gate.admit(29, &timeline), Admission::Begin(Part::Measured));
        assert_eq!(gate.admit(30, &timeline), Admission::Over);
    }

    #[test]
    fn a_pass_of_a_scenario_ends_with_a_window_of_time_and_outlasts_one_of_iterations() {
        let timed = load(1, Warmup::For(Duration::from_nanos(10)), Window::For(Duration::from_nanos(20)));
        let (gate, timeline) = (Gate::new(&timed), Timeline::new(&timed));
        let step = |part, at_ns| gate.admit_step(part, at_ns, &timeline);
        assert_eq!(
            [step(Part::Warmup, 9), step(Part::Warmup, 10)],
            [Some(Part::Warmup), Some(Part::Measured)]
        );
        assert_eq!([step(Part::Measured, 29), step(Part::Measured, 30)], [Some(Part::Measured), None]);
        let counted = load(1, Warmup::Iterations(1), Window::Iterations(1));
        let (gate, mut timeline) = (Gate::new(&counted), Timeline::new(&counted));
        assert_eq!(gate.admit_step(Part::Warmup, 99, &timeline), Some(Part::Warmup));
        timeline.open_window(100);
        assert_eq!(gate.admit_step(Part::Measured, 999, &timeline), Some(Part::Measured));
        assert!(!gate.is_exhausted());
        assert_eq!(gate.admit(100, &timeline), Admission::Begin(Part::Measured));
        assert!(gate.is_exhausted());
    }

    #[test]
    fn threads_together_begin_exactly_the_iterations() {
        let load = load(1, Warmup::For(Duration::ZERO), Window::Iterations(10_000));
        let (gate, timeline) = (Gate::new(&load), Timeline::new(&load));
        let begun: u64 = std::thread::scope(|scope| {
            let count = || {
                std::iter::repeat_with(|| gate.admit(0, &timeline))
                    .take_while(|admission| *admission != Admission::Over)
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap() as u64).sum()
        });
        assert_eq!(begun, 10_000);
    }
}
