//! The timeline of one agent's part of a trial: warm-up, measured window, drain, and where intervals are cut.
//!
//! Pure: every time is an argument, in nanoseconds since the trial's start T.

use std::time::Duration;

use shared::interval::Phase;
use shared::job::{Warmup, Window};
use shared::plan::LoadShare;

/// Length of a whole interval: the grid is T + k · 1 s.
pub(super) const INTERVAL_NS: u64 = 1_000_000_000;

/// When the phases change, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timeline {
    /// Start of the measured window; `None`: the operations of the warm-up have not all ended yet.
    window_start_ns: Option<u64>,
    /// Length of the measured window; `None`: it ends with the last of its operations.
    window_length_ns: Option<u64>,
}

/// Which interval something belongs to. Sorts in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SliceKey {
    /// The phase.
    pub(super) phase: Phase,
    /// Whole seconds since T.
    pub(super) second: u64,
}

impl Timeline {
    /// The timeline that a share of the load asks for.
    pub(super) fn new(load: &LoadShare) -> Self {
        let window_start_ns = match load.warmup {
            Warmup::For(length) => Some(whole_ns(length)),
            Warmup::Iterations(0) => Some(0),
            Warmup::Iterations(_) => None,
        };
        let window_length_ns = match load.window {
            Window::For(length) => Some(whole_ns(length)),
            Window::Iterations(_) => None,
        };
        Self { window_start_ns, window_length_ns }
    }

    /// Notes when the window began, if that was not known yet.
    pub(super) fn open_window(&mut self, at_ns: u64) {
        self.window_start_ns.get_or_insert(at_ns);
    }

    /// When the window began or will begin; `None`: not known yet.
    pub(super) fn window_start_ns(&self) -> Option<u64> {
        self.window_start_ns
    }

    /// When the window ends; `None`: not known yet, or with its last operation.
    pub(super) fn window_end_ns(&self) -> Option<u64> {
        Some(self.window_start_ns?.saturating_add(self.window_length_ns?))
    }

    /// The phase at a moment.
    #[inline]
    pub(super) fn phase_at(&self, at_ns: u64) -> Phase {
        match self.window_start_ns {
            Some(start_ns) if at_ns >= start_ns => match self.window_length_ns {
                Some(length_ns) if at_ns - start_ns >= length_ns => Phase::Drain,
                _ => Phase::Measured,
            },
            _ => Phase::Warmup,
        }
    }

    /// The interval that a moment belongs to.
    pub(super) fn key_at(&self, at_ns: u64) -> SliceKey {
        SliceKey { phase: self.phase_at(at_ns), second: at_ns / INTERVAL_NS }
    }

    /// The start of the interval that a moment belongs to.
    pub(super) fn start_of_slice(&self, at_ns: u64) -> u64 {
        let grid_ns = at_ns / INTERVAL_NS * INTERVAL_NS;
        let boundaries = [self.window_start_ns, self.window_end_ns()];
        boundaries.into_iter().flatten().filter(|boundary| *boundary <= at_ns).fold(grid_ns, u64::max)
    }

    /// The first cut after a moment: the next full second, or an earlier change of phase that is known.
    pub(super) fn cut_after(&self, at_ns: u64) -> u64 {
        let grid_ns = (at_ns / INTERVAL_NS + 1).saturating_mul(INTERVAL_NS);
        let boundaries = [self.window_start_ns, self.window_end_ns()];
        boundaries.into_iter().flatten().filter(|boundary| *boundary > at_ns).fold(grid_ns, u64::min)
    }
}

/// A length in nanoseconds; one beyond 584 years is taken as endless.
pub(super) fn whole_ns(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::tests::load;

    const MS: u64 = 1_000_000;

    #[test]
    fn cuts_lie_on_the_grid_and_at_the_changes_of_phase() {
        let timeline = Timeline::new(&load(
            1,
            Warmup::For(Duration::from_millis(1500)),
            Window::For(Duration::from_millis(1000)),
        ));
        let mut cuts = vec![0];
        while cuts[cuts.len() - 1] < 3_000 * MS {
            cuts.push(timeline.cut_after(cuts[cuts.len() - 1]));
        }
        assert_eq!(cuts, [0, 1000, 1500, 2000, 2500, 3000].map(|at| at * MS));
        assert_eq!(timeline.phase_at(1500 * MS - 1), Phase::Warmup);
        assert_eq!(timeline.phase_at(1500 * MS), Phase::Measured);
        assert_eq!(timeline.phase_at(2500 * MS), Phase::Drain);
    }

    #[test]
    fn a_window_counted_in_operations_never_drains() {
        let mut timeline = Timeline::new(&load(1, Warmup::Iterations(3), Window::Iterations(5)));
        assert_eq!(timeline.phase_at(u64::MAX), Phase::Warmup);
        timeline.open_window(7);
        timeline.open_window(9);
        assert_eq!((timeline.window_start_ns(), timeline.window_end_ns()), (Some(7), None));
        assert_eq!(timeline.phase_at(u64::MAX), Phase::Measured);
    }

    proptest! {
        #[test]
        fn a_slice_has_one_key_from_its_start_to_its_cut(warmup in 0..5_000_u64, window in 1..5_000_u64, at in 0..15_000_u64) {
            let timeline = Timeline::new(&load(
                1,
                Warmup::For(Duration::from_millis(warmup)),
                Window::For(Duration::from_millis(window)),
            ));
            let at_ns = at * MS;
            let (start_ns, cut_ns) = (timeline.start_of_slice(at_ns), timeline.cut_after(at_ns));
            prop_assert!(start_ns <= at_ns && at_ns < cut_ns && cut_ns - start_ns <= INTERVAL_NS);
            prop_assert_eq!(timeline.key_at(start_ns), timeline.key_at(at_ns));
            prop_assert_eq!(timeline.key_at(cut_ns - 1), timeline.key_at(at_ns));
            prop_assert!(timeline.key_at(cut_ns) > timeline.key_at(at_ns));
        }
    }
}
