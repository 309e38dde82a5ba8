//! Whose turn it is: from one attempt to the next, past cells whose agents are lost.

use std::collections::BTreeSet;

use shared::finding::{Finding, FindingCode, Severity};
use shared::ids::{AgentId, AgentName, TrialIndex};
use shared::plan::{PlannedCell, PlannedTrial};

use super::ActiveRun;

impl ActiveRun {
    /// The present trial as planned.
    pub(super) fn planned(&self) -> Option<&PlannedTrial> {
        self.record.plan.trial(self.trial.index)
    }

    /// The process that has a name among the leased agents that are not lost.
    pub(super) fn leased(&self, name: &AgentName) -> Option<AgentId> {
        self.agents.iter().copied().find(|agent| self.names.get(agent) == Some(name))
    }

    /// What follows the present attempt: another one at the same trial, or the next trial that anybody is left for, those with a
    /// profiler last. `None`: nothing does.
    pub(super) fn onward(&self) -> Option<(TrialIndex, u32)> {
        if self.trial.is_repeated && self.can_run_present() {
            return Some((self.trial.index, self.trial.attempt + 1));
        }
        let planned = self.record.trials_needed().chain(&self.record.plan.profiled);
        let mut later = planned.filter(|planned| planned.index > self.trial.index && !self.trial.is_last);
        let next = later.find(|planned| self.can_run(planned, &BTreeSet::new()));
        next.map(|planned| (planned.index, 0))
    }

    /// Whether anybody is left for what the present trial has yet to measure.
    pub(super) fn can_run_present(&self) -> bool {
        !self.trial.is_last
            && self.planned().is_some_and(|planned| self.can_run(planned, &self.trial.settled))
    }

    /// On to what follows.
    pub(super) fn turn_over(&mut self) {
        let Some((index, attempt)) = self.onward() else { return };
        if index != self.trial.index {
            self.trial.settled.clear();
        }
        (self.trial.index, self.trial.attempt, self.trial.is_repeated) = (index, attempt, false);
    }

    /// Notes which cells count, now that the attempt is judged, and whether what does not is to be repeated.
    pub(super) fn settle(&mut self, is_valid: bool, findings: &[Finding]) {
        let may_repeat = self.trial.attempt < self.job.fleet.retries && !self.tells_of_a_value(findings);
        if self.trial.cells.is_empty() {
            self.trial.is_repeated = !is_valid && may_repeat;
            return;
        }
        let invalid: Vec<Option<AgentId>> =
            findings.iter().filter(|it| it.severity == Severity::Invalid).map(|it| it.agent).collect();
        let is_broken = self.trial.cells.iter().any(|cell| cell.broken.is_some());
        // A judgement without a word about a cell is one about all of them.
        let is_about_all = self.trial.is_broken
            || invalid.contains(&None)
            || (!is_valid && !is_broken && invalid.is_empty());
        let counts = |cell: &&super::Cell| {
            let is_named = invalid.iter().flatten().any(|agent| cell.part.involves(*agent));
            !is_about_all && cell.broken.is_none() && !is_named
        };
        let settled: Vec<AgentName> =
            self.trial.cells.iter().filter(counts).map(|cell| cell.part.name.clone()).collect();
        self.trial.is_repeated = settled.len() < self.trial.cells.len() && may_repeat;
        self.trial.settled.extend(settled);
    }

    /// Whether an attempt that does not count says something about the value that a search tries: repeated until the target does
    /// well, it would find a value that the target does not carry.
    fn tells_of_a_value(&self, findings: &[Finding]) -> bool {
        let is_ours = |it: &Finding| it.code == FindingCode::GeneratorSaturated;
        let is_the_targets = |it: &Finding| it.severity == Severity::Invalid && it.code.is_of_the_measured();
        self.job.search.is_some() && findings.iter().any(is_the_targets) && !findings.iter().any(is_ours)
    }

    fn can_run(&self, planned: &PlannedTrial, settled: &BTreeSet<AgentName>) -> bool {
        // Those that are lost now may be replaced before the trial begins.
        let is_here = |name: &AgentName| self.group.is_short || self.leased(name).is_some();
        let is_left = |cell: &PlannedCell| {
            !settled.contains(&cell.agent) && is_here(&cell.agent) && cell.peer.as_ref().is_none_or(is_here)
        };
        planned.cells.is_empty() || planned.cells.iter().any(is_left)
    }
}
