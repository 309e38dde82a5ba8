//! Telling each agent its part in a trial.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::job::uses::Uses;
use shared::run_record::RunState;

use super::super::Action;
use super::super::Command;
use super::super::assignment::{Shares, connecting_within};
use super::super::step::Step;
use super::ActiveRun;
use crate::fleet::Fleet;

impl ActiveRun {
    /// How long opening connections may take in a step.
    pub(super) fn connecting_within(&self, step: Step) -> Duration {
        match step {
            Step::Prepare => connecting_within(&self.job.load, self.group.size()),
            _ => Duration::ZERO,
        }
    }

    /// Tells every agent what to do, and with which data and files.
    pub(super) fn prepare(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        let workload = match self.resolved() {
            Ok(resolved) => resolved.workload,
            Err(problem) => return self.break_trial(FindingCode::AgentFailed, None, problem),
        };
        let job = self.job.clone();
        let uses = Uses::of(&workload);
        let data = uses.data(&job.data);
        let files = uses.files(&self.files, &data);
        let shares = Shares {
            job: &job,
            workload: &workload,
            data: &data,
            files: &files,
            trial: self.key(),
            epoch: self.trial.epoch,
            seed: self.record.plan.seed,
            agent_count: self.group.size(),
        };
        if let Some(misfit) = shares.misfit() {
            self.break_trial(FindingCode::AgentFailed, None, misfit.clone());
            return self.end_early(RunState::Failed, misfit);
        }
        self.trial.is_prepared = true;
        for agent in self.agents.clone() {
            if let Some((introduction, index)) = fleet.agent(agent).zip(self.group.place_of(agent)) {
                let assignment = shares.assignment(index, &introduction.name);
                self.ask(agent, Command::Prepare(Box::new(assignment)), actions);
            }
        }
    }
}
