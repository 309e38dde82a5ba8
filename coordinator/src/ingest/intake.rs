//! Which intervals are wanted, and up to where they are on disk.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::ids::{AgentId, LeaseEpoch, TrialKey};

/// What to do with an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is the next one: store it.
    Fresh,
    /// It is on disk already.
    Duplicate {
        /// The lowest number that is not stored.
        next_sequence: u64,
    },
    /// One before it is missing.
    Gap {
        /// The lowest number that is not stored.
        next_sequence: u64,
    },
    /// Its trial is not open here, or the agent has no part in it.
    Unwanted,
}

/// For each open trial and each agent of it: the lowest number that is not on disk.
///
/// Shared by the streams of all agents; held only for a look-up. Storing an interval twice changes nothing,
/// since its address is its key, so a stream that died between writing and acknowledging does no harm.
#[derive(Debug, Default)]
pub struct Intake {
    open: Mutex<HashMap<TrialKey, OpenTrial>>,
}

#[derive(Debug)]
struct OpenTrial {
    epoch: LeaseEpoch,
    stored: HashMap<AgentId, u64>,
}

impl Intake {
    /// From now on intervals of these agents are wanted that they measure under this lease.
    pub fn open(&self, trial: TrialKey, epoch: LeaseEpoch, agents: impl IntoIterator<Item = AgentId>) {
        let stored = agents.into_iter().map(|agent| (agent, 0)).collect();
        self.lock().insert(trial, OpenTrial { epoch, stored });
    }

    /// Whether an interval was measured under another lease than the one under which its trial is open: a coordinator that
    /// was restarted began the trial anew, and its agent has yet to be told. An agent that does not say counts as right.
    pub fn is_outdated(&self, trial: TrialKey, epoch: Option<LeaseEpoch>) -> bool {
        let open = self.lock();
        open.get(&trial).zip(epoch).is_some_and(|(open, epoch)| open.epoch != epoch)
    }

    /// From now on those of one agent are not.
    pub fn exclude(&self, trial: TrialKey, agent: AgentId) {
        if let Some(open) = self.lock().get_mut(&trial) {
            open.stored.remove(&agent);
        }
    }

    /// From now on none are.
    pub fn close(&self, trial: TrialKey) {
        self.lock().remove(&trial);
    }

    /// What to do with an interval. `ahead` is what the same batch will have stored before it.
    pub fn admit(&self, trial: TrialKey, agent: AgentId, sequence: u64, ahead: Option<u64>) -> Admission {
        let open = self.lock();
        let Some(stored) = open.get(&trial).and_then(|open| open.stored.get(&agent)) else {
            return Admission::Unwanted;
        };
        let next_sequence = ahead.unwrap_or(0).max(*stored);
        match sequence.cmp(&next_sequence) {
            std::cmp::Ordering::Less => Admission::Duplicate { next_sequence },
            std::cmp::Ordering::Equal => Admission::Fresh,
            std::cmp::Ordering::Greater => Admission::Gap { next_sequence },
        }
    }

    /// Everything below this number is on disk.
    pub fn advance(&self, trial: TrialKey, agent: AgentId, next_sequence: u64) {
        if let Some(stored) = self.lock().get_mut(&trial).and_then(|open| open.stored.get_mut(&agent)) {
            *stored = next_sequence.max(*stored);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TrialKey, OpenTrial>> {
        // Nothing panics while holding it, and a number that is too low only makes an agent send again.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::ids::{RunId, TrialIndex};

    use super::*;

    fn trial(number: u32) -> TrialKey {
        TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(number), attempt: 0 }
    }

    #[test]
    fn only_agents_of_open_trials_are_heard() {
        let intake = Intake::default();
        let (one, other) = (AgentId::new([1; 16]), AgentId::new([2; 16]));
        assert_eq!(intake.admit(trial(0), one, 0, None), Admission::Unwanted);
        intake.open(trial(0), LeaseEpoch(1), [one]);
        assert_eq!(intake.admit(trial(0), one, 0, None), Admission::Fresh);
        assert_eq!(intake.admit(trial(0), other, 0, None), Admission::Unwanted);
        intake.open(trial(1), LeaseEpoch(1), [one, other]);
        intake.exclude(trial(1), one);
        assert_eq!(intake.admit(trial(1), one, 0, None), Admission::Unwanted);
        assert_eq!(intake.admit(trial(1), other, 0, None), Admission::Fresh);
        intake.close(trial(0));
        assert_eq!(intake.admit(trial(0), one, 0, None), Admission::Unwanted);
    }

    #[test]
    fn what_was_measured_under_another_lease_is_outdated() {
        let intake = Intake::default();
        assert!(
            !intake.is_outdated(trial(0), Some(LeaseEpoch(1))),
            "of a trial that is not open others judge"
        );
        intake.open(trial(0), LeaseEpoch(2), [AgentId::new([1; 16])]);
        assert!(intake.is_outdated(trial(0), Some(LeaseEpoch(1))));
        assert!(!intake.is_outdated(trial(0), Some(LeaseEpoch(2))) && !intake.is_outdated(trial(0), None));
    }

    proptest! {
        #[test]
        fn every_number_is_fresh_exactly_once(resends in prop::collection::vec(0..10_u64, 0..60)) {
            let intake = Intake::default();
            let agent = AgentId::new([1; 16]);
            intake.open(trial(0), LeaseEpoch(1), [agent]);
            let mut stored = Vec::new();
            for step_back in resends {
                // The agent reconnects and sends from some number that it knows not to be acknowledged.
                let from = (stored.len() as u64).saturating_sub(step_back);
                for sequence in from..from + 3 {
                    match intake.admit(trial(0), agent, sequence, None) {
                        Admission::Fresh => {
                            stored.push(sequence);
                            intake.advance(trial(0), agent, sequence + 1);
                        }
                        Admission::Duplicate { next_sequence } => prop_assert!(sequence < next_sequence),
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
            }
            prop_assert_eq!(&stored, &(0..stored.len() as u64).collect::<Vec<_>>());
        }
    }
}
