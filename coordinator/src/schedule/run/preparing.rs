//! Telling each agent its part in a trial.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::finding::FindingCode;
use shared::job::uses::Uses;
use shared::job::{DataColumn, Job, WorkloadSpec};
use shared::run_record::RunState;

use super::super::assignment::{Shares, connecting_within, misfit};
use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;
use crate::fleet::Fleet;

impl ActiveRun {
    /// How long opening connections may take in a step.
    pub(super) fn connecting_within(&self, step: Step) -> Duration {
        match step {
            Step::Prepare => connecting_within(&self.present_job().load, self.shared_by()),
            _ => Duration::ZERO,
        }
    }

    /// Tells every agent what to do, and with which data and files.
    pub(super) fn prepare(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        if let Some(misfit) = self.misfit() {
            self.break_trial(FindingCode::AgentFailed, None, misfit.clone());
            return self.end_early(RunState::Failed, misfit);
        }
        self.trial.is_prepared = true;
        let (mut shared, mut sample) = (None, None);
        for agent in self.measuring() {
            let Some(introduction) = fleet.agent(agent) else { continue };
            // What a cell measures is its own; what agents share is the same for all of them.
            let part = match shared.take() {
                Some(part) => part,
                None => match self.resolved(agent) {
                    Ok(resolved) => Part::of(resolved.workload, self.present_job(), &self.files),
                    Err(problem) => {
                        self.break_trial(FindingCode::AgentFailed, Some(agent), problem);
                        continue;
                    }
                },
            };
            let index = if self.trial.cells.is_empty() { self.group.place_of(agent) } else { Some(0) };
            let shares = self.shares(&part);
            let assignment = index.map(|index| shares.assignment(index, &introduction.name));
            if let Some(assignment) = assignment {
                sample.get_or_insert_with(|| assignment.clone());
                self.ask(agent, Command::Prepare(Box::new(assignment)), actions);
            }
            shared = self.trial.cells.is_empty().then_some(part);
        }
        self.prepare_observers(fleet, sample, actions);
    }

    /// Why the load of one of the variants cannot be split: told at the first trial, and not after half of the run.
    fn misfit(&self) -> Option<String> {
        let agents = self.shared_by();
        let of_variant = self.job.variants.iter().find_map(|variant| {
            let misfit = misfit(&variant.job.load, agents)?;
            Some(format!("variant {}: {misfit}", variant.name))
        });
        of_variant.or_else(|| misfit(&self.present_job().load, agents))
    }

    /// Over how many agents the load is split.
    fn shared_by(&self) -> u32 {
        if self.trial.cells.is_empty() { self.group.size() } else { 1 }
    }

    /// The seed of data and arrivals. Each block has its own, so that repeated trials do not repeat one random order, and within a
    /// block it is the same: what is compared there meets the same requests.
    fn seed(&self) -> u64 {
        let block = self.planned().map_or(0, |planned| u64::from(planned.block));
        self.record.plan.seed.wrapping_add(block.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn shares<'a>(&'a self, part: &'a Part) -> Shares<'a> {
        Shares {
            load: &self.present_job().load,
            workload: &part.workload,
            data: &part.data,
            files: &part.files,
            confidential: &self.confidential,
            observe: &self.present_job().observe,
            trial: self.key(),
            epoch: self.trial.epoch,
            seed: self.seed(),
            agent_count: self.shared_by(),
        }
    }
}

/// A workload with its templates resolved, and what it uses.
struct Part {
    workload: WorkloadSpec,
    data: BTreeMap<String, DataColumn>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Part {
    fn of(workload: WorkloadSpec, job: &Job, files: &BTreeMap<String, Vec<u8>>) -> Self {
        let uses = Uses::of(&workload);
        let data = uses.data(&job.data);
        let files = uses.files(files, &data);
        Self { workload, data, files }
    }
}
