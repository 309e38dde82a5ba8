//! What a run's record keeps of the attempt that is under way.

use shared::finding::{Finding, FindingCode};
use shared::ids::AgentId;
use shared::run_record::{AgentPart, TrialRecord};

use super::ActiveRun;
use crate::fleet::Fleet;

impl ActiveRun {
    /// Notes what makes the current trial invalid; the steps that lead up to its end are then left out. Where its cells stand
    /// apart, what is wrong with an agent of one is wrong with that one only.
    pub(super) fn break_trial(&mut self, code: FindingCode, agent: Option<AgentId>, message: String) {
        let cells = &mut self.trial.cells;
        let mut agent = agent;
        match cells.iter_mut().find(|cell| agent.is_some_and(|agent| cell.part.involves(agent))) {
            Some(cell) if cell.broken.is_some() => return,
            Some(cell) => {
                cell.broken = Some(message.clone());
                self.trial.is_broken |= cells.iter().all(|cell| cell.broken.is_some());
            }
            None => {
                self.trial.is_broken = true;
                // It is about all cells, whoever brought it about.
                agent = agent.filter(|_| cells.is_empty());
            }
        }
        let finding = Finding { code, severity: code.severity(), agent, message };
        if let Some(record) = self.trial_record()
            && !record.findings.contains(&finding)
        {
            record.findings.push(finding);
        }
    }

    pub(super) fn report_intervals(&mut self, agent: AgentId, intervals: u64) {
        // An agent that holds the trial no more says that it numbered none: what it said before stands.
        let reported = self.trial.reported.entry(agent).or_default();
        *reported = intervals.max(*reported);
        let intervals = *reported;
        if let Some(part) = self.part(agent) {
            part.intervals_reported = Some(intervals);
        }
    }

    pub(in super::super) fn note_clock(&mut self, agent: AgentId, offset_us: f64, error_us: f64) {
        if let Some(part) = self.part(agent) {
            part.clock_offset_us = Some(offset_us);
            part.clock_error_us = Some(error_us);
        }
    }

    pub(super) fn trial_record(&mut self) -> Option<&mut TrialRecord> {
        let (index, attempt) = (self.trial.index, self.trial.attempt);
        if self.is_profiling() {
            return self.profiled().map(|profiled| &mut profiled.trial);
        }
        self.record.trials.iter_mut().rev().find(|record| record.trial == index && record.attempt == attempt)
    }

    fn part(&mut self, agent: AgentId) -> Option<&mut AgentPart> {
        let record = self.trial_record()?;
        record.agents.iter_mut().chain(&mut record.observers).find(|part| part.id == agent)
    }
}

/// What a record keeps of each of these agents.
pub(super) fn parts(agents: &[AgentId], fleet: &Fleet) -> Vec<AgentPart> {
    let part = |id: &AgentId| {
        let agent = fleet.agent(*id)?;
        Some(AgentPart {
            id: *id,
            name: agent.name.clone(),
            labels: agent.labels.clone(),
            fingerprint: agent.fingerprint.clone(),
            clock_offset_us: None,
            clock_error_us: None,
            intervals_reported: None,
        })
    };
    agents.iter().filter_map(part).collect()
}
