//! What each agent is told to do in a trial: the job's amounts, split exactly.

use std::collections::BTreeMap;

use shared::ids::{AgentName, LeaseEpoch, TrialKey};
use shared::job::{Job, WORKERS_GROWN_MAX, Warmup, Window, WorkloadSpec};
use shared::plan::{Assignment, LoadShare, share_of};

/// Workers of each agent when the job does not say (closed model): the contract's "one per agent".
const CLOSED_WORKERS_PER_AGENT: u64 = 1;

/// Workers of each agent at the start when the job does not say (open model): more are added when all are busy.
const OPEN_WORKERS_AT_START: u64 = 8;

/// Everything an assignment needs beside the agent's own place.
pub(super) struct Shares<'a> {
    pub(super) job: &'a Job,
    /// The workload with its templates resolved.
    pub(super) workload: &'a WorkloadSpec,
    pub(super) files: &'a BTreeMap<String, Vec<u8>>,
    pub(super) trial: TrialKey,
    pub(super) epoch: LeaseEpoch,
    pub(super) seed: u64,
    pub(super) agent_count: u32,
}

impl Shares<'_> {
    /// The assignment of the agent with a name, at its place, from 0 by name.
    pub(super) fn assignment(&self, agent_index: u32, agent_name: &AgentName) -> Assignment {
        let share = |amount: u64| share_of(amount, agent_index, self.agent_count);
        let load = &self.job.load;
        let (workers, workers_max) = match (load.workers, &load.arrivals) {
            (Some(workers), _) => (share(u64::from(workers)), share(u64::from(workers))),
            (None, None) => (CLOSED_WORKERS_PER_AGENT, CLOSED_WORKERS_PER_AGENT),
            (None, Some(_)) => {
                let workers_max = share(u64::from(WORKERS_GROWN_MAX)).max(1);
                (OPEN_WORKERS_AT_START.min(workers_max), workers_max)
            }
        };
        Assignment {
            trial: self.trial,
            epoch: self.epoch,
            kind: self.workload.kind.clone(),
            settings: self.workload.settings.clone(),
            operations: self.workload.operations.clone(),
            is_scenario: self.workload.is_scenario,
            data: self.job.data.clone(),
            files: self.files.clone(),
            load: LoadShare {
                model: load.model,
                arrivals: load.arrivals.clone(),
                workers: u32::try_from(workers).unwrap_or(u32::MAX),
                workers_max: u32::try_from(workers_max).unwrap_or(u32::MAX),
                warmup: match load.warmup {
                    Warmup::Iterations(iterations) => Warmup::Iterations(share(iterations)),
                    time @ Warmup::For(_) => time,
                },
                window: match load.window {
                    Window::Iterations(iterations) => Window::Iterations(share(iterations)),
                    time @ Window::For(_) => time,
                },
                drain: load.drain,
                threads: load.threads,
                pins_threads: load.pins_threads,
                think: load.think,
                pace: load.pace,
                connect_rate: load.connect_rate.map(|rate| rate / f64::from(self.agent_count.max(1))),
                connections_per_worker: load.connections_per_worker,
                streams_per_connection: load.streams_per_connection,
                new_connection_every: load.new_connection_every,
                // Each trial has a seed of its own, so that repeated trials do not repeat one random order.
                seed: self
                    .seed
                    .wrapping_add(u64::from(self.trial.trial.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            },
            agent_name: agent_name.clone(),
            agent_index,
            agent_count: self.agent_count,
        }
    }

    /// Why the amounts cannot be split over so many agents; `None`: they can.
    pub(super) fn misfit(&self) -> Option<String> {
        let agents = u64::from(self.agent_count);
        if let Some(workers) = self.job.load.workers.filter(|workers| u64::from(*workers) < agents) {
            return Some(format!(
                "{workers} workers cannot be split over {agents} agents; ask for at least one worker per agent, or for fewer agents"
            ));
        }
        match self.job.load.window {
            Window::Iterations(iterations) if iterations < agents => Some(format!(
                "{iterations} iterations cannot be split over {agents} agents; ask for at least one per agent, or for fewer agents"
            )),
            _ => None,
        }
    }
}
