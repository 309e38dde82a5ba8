//! Under which leases an agent holds trials.

use shared::ids::{LeaseEpoch, TrialKey};

use super::Machine;

impl Machine {
    /// The lease under which a trial is held.
    pub fn lease_of(&self, trial: TrialKey) -> Option<LeaseEpoch> {
        self.trials.get(&trial).map(|held| held.epoch)
    }

    /// Leases that are held.
    pub fn leases(&self) -> Vec<(TrialKey, LeaseEpoch)> {
        self.trials.iter().map(|(trial, held)| (*trial, held.epoch)).collect()
    }

    /// Whether a trial is held under this lease: what an engine tells that was made ready under another is of no account.
    pub fn holds(&self, trial: TrialKey, epoch: LeaseEpoch) -> bool {
        self.trials.get(&trial).is_some_and(|held| held.epoch == epoch)
    }
}
