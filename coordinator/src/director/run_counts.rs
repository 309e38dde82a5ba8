//! How many runs stand where, for whoever watches the coordinator.

use shared::run_record::RunState;

/// Runs by state: those that wait or run, and those that ended since this process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts([u64; RunCounts::STATES.len()]);

impl RunCounts {
    /// The states, in the order in which they are reached.
    pub const STATES: [RunState; 5] =
        [RunState::Queued, RunState::Running, RunState::Finished, RunState::Failed, RunState::Cancelled];

    /// One more.
    pub fn add(&mut self, state: RunState) {
        self.0[Self::place(state)] += 1;
    }

    /// How many are in a state.
    pub fn of(&self, state: RunState) -> u64 {
        self.0[Self::place(state)]
    }

    fn place(state: RunState) -> usize {
        match state {
            RunState::Queued => 0,
            RunState::Running => 1,
            RunState::Finished => 2,
            RunState::Failed => 3,
            RunState::Cancelled => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_counted_by_itself() {
        let mut counts = RunCounts::default();
        for (number, state) in RunCounts::STATES.into_iter().enumerate() {
            (0..=number).for_each(|_| counts.add(state));
        }
        assert_eq!(RunCounts::STATES.map(|state| counts.of(state)), [1, 2, 3, 4, 5]);
    }
}
