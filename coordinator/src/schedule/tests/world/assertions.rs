//! What must hold in the model world at every moment.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{AgentId, TrialKey};
use shared::run_record::TrialRecord;

use super::World;

impl World {
    /// Whose measurements count in a trial that is whole, they were all started for the same moment. An agent that was lost
    /// before anything of it was stored may have begun at a start that was moved for the others: nothing of it counts; nor does
    /// anything of a cell that was broken beside others.
    pub(super) fn assert_start_together(&self, trial: TrialKey, attempt: &TrialRecord) {
        let run = trial.run.to_string();
        let leased: BTreeSet<AgentId> = self
            .schedule
            .fleet
            .statuses(self.now)
            .into_iter()
            .filter(|status| status.lease.as_ref() == Some(&run))
            .map(|status| status.id)
            .collect();
        let is_broken = |id: &AgentId| {
            let own = attempt.cells.iter().find(|cell| cell.agent == *id);
            own.is_some_and(|cell| !attempt.of_cell(cell).is_complete)
        };
        let is_observer = |id: &AgentId| attempt.observers.iter().any(|part| part.id == *id);
        let counts = |id: &AgentId| {
            !is_broken(id)
                && !is_observer(id)
                && (leased.contains(id) || self.stored.contains_key(&(trial, *id)))
        };
        let armed = self.agents.iter().filter(|(id, _)| counts(id));
        let starts: BTreeSet<_> =
            armed.filter_map(|(_, agent)| agent.trials.get(&trial)?.armed_for).collect();
        assert!(starts.len() <= 1, "{trial} was started at {starts:?}");
    }

    pub(super) fn assert_leases_exclude(&self) {
        let fleet = &self.schedule.fleet;
        let mut runs_on: BTreeMap<&str, (BTreeSet<String>, u32)> = BTreeMap::new();
        for status in fleet.statuses(self.now) {
            let host = fleet.agent(status.id).and_then(|agent| agent.fingerprint.boot_id.as_deref());
            if let (Some(host), Some(run)) = (host, status.lease) {
                let (runs, slots) = runs_on.entry(host).or_insert((BTreeSet::new(), status.slots));
                runs.insert(run);
                assert!(runs.len() <= *slots as usize, "{runs:?} hold the {slots} slots of host {host}");
            }
        }
    }
}
