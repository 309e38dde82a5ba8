//! What each agent is told to do in a trial: the job's amounts, split exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::ids::{AgentName, LeaseEpoch, TrialKey};
use shared::job::grammar::load::CONNECTING_MAX;
use shared::job::{DataColumn, Load, Observe, WORKERS_GROWN_MAX, Warmup, Window, WorkloadSpec};
use shared::plan::{Assignment, LoadShare, Mix, share_of};
use shared::secret::Confidential;

/// Workers of each agent when the job does not say (closed model): the contract's "one per agent".
const CLOSED_WORKERS_PER_AGENT: u64 = 1;

/// Workers of each agent at the start when the job does not say (open model): more are added when all are busy.
const OPEN_WORKERS_AT_START: u64 = 8;

/// Everything an assignment needs beside the agent's own place.
pub(super) struct Shares<'a> {
    /// The load of all agents together.
    pub(super) load: &'a Load,
    /// The workload with its templates resolved.
    pub(super) workload: &'a WorkloadSpec,
    /// The data and the files that the workload uses.
    pub(super) data: &'a BTreeMap<String, DataColumn>,
    pub(super) files: &'a BTreeMap<String, Vec<u8>>,
    pub(super) confidential: &'a Confidential,
    /// What is watched beside the load.
    pub(super) observe: &'a Observe,
    pub(super) trial: TrialKey,
    pub(super) epoch: LeaseEpoch,
    /// The seed of the trial.
    pub(super) seed: u64,
    pub(super) agent_count: u32,
}

impl Shares<'_> {
    /// The assignment of the agent with a name, at its place, from 0 by name.
    pub(super) fn assignment(&self, agent_index: u32, agent_name: &AgentName) -> Assignment {
        let share = |amount: u64| share_of(amount, agent_index, self.agent_count);
        let load = self.load;
        let (workers, workers_max) = workers_of(load, agent_index, self.agent_count);
        Assignment {
            trial: self.trial,
            epoch: self.epoch,
            kind: self.workload.kind.clone(),
            settings: self.workload.settings.clone(),
            operations: self.workload.operations.clone(),
            is_scenario: self.workload.is_scenario,
            mix: match self.workload.mix.as_slice() {
                [] => Mix::Alone,
                mix => Mix::Of(mix.to_vec()),
            },
            data: self.data.clone(),
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
                seed: self.seed,
            },
            agent_name: agent_name.clone(),
            agent_index,
            agent_count: self.agent_count,
            is_observer: false,
            // What is fetched once is fetched by the first agent.
            observe: if agent_index == 0 { self.observe.clone() } else { self.observe.of_another() },
            confidential: self.confidential.clone(),
        }
    }
}

/// Why the amounts cannot be split over so many agents; `None`: they can.
pub(super) fn misfit(load: &Load, agent_count: u32) -> Option<String> {
    let agents = u64::from(agent_count);
    if let Some(workers) = load.workers.filter(|workers| u64::from(*workers) < agents) {
        return Some(format!(
            "{workers} workers cannot be split over {agents} agents; ask for at least one worker per agent, or for fewer agents"
        ));
    }
    match load.window {
        Window::Iterations(iterations) if iterations < agents => Some(format!(
            "{iterations} iterations cannot be split over {agents} agents; ask for at least one per agent, or for fewer agents"
        )),
        _ => None,
    }
}

/// How long opening the connections of a trial takes at the rate that the job allows; zero: it allows any.
///
/// Workers that are not told keep it bounded as well: [`CONNECTING_MAX`] is what a job may ask for.
pub(super) fn connecting_within(load: &Load, agent_count: u32) -> Duration {
    let Some(rate) = load.connect_rate else { return Duration::ZERO };
    // The first agent has the most workers, and each agent an even part of the rate.
    let (workers, _) = workers_of(load, 0, agent_count);
    let connections = workers.saturating_mul(u64::from(load.connections_per_worker));
    let seconds = connections as f64 * f64::from(agent_count.max(1)) / rate;
    Duration::try_from_secs_f64(seconds).unwrap_or(CONNECTING_MAX).min(CONNECTING_MAX)
}

/// Workers of an agent at the start and at most.
fn workers_of(load: &Load, agent_index: u32, agent_count: u32) -> (u64, u64) {
    let share = |amount: u64| share_of(amount, agent_index, agent_count);
    match (load.workers, &load.arrivals) {
        (Some(workers), _) => (share(u64::from(workers)), share(u64::from(workers))),
        (None, None) => (CLOSED_WORKERS_PER_AGENT, CLOSED_WORKERS_PER_AGENT),
        (None, Some(_)) => {
            let workers_max = share(u64::from(WORKERS_GROWN_MAX)).max(1);
            (OPEN_WORKERS_AT_START.min(workers_max), workers_max)
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::delay::Delay;
    use shared::ids::{RunId, TrialIndex};
    use shared::job::uses::Uses;
    use shared::job::{Job, Kinds, parse};

    use super::*;

    fn job(load: &str) -> Job {
        let text = format!(
            "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.scenario]]\nurl = \"http://h/{{{{id}}}}\"\n\
             [data.id]\nrange = [1, 9]\n[data.idle]\nrange = [1, 9]\n[load]\n{load}\n"
        );
        parse(&text, Kinds::Unchecked).unwrap()
    }

    fn assignments(job: &Job, agent_count: u32) -> Vec<Assignment> {
        let workload = job.resolved(&BTreeMap::new()).unwrap().workload;
        let data = Uses::of(&workload).data(&job.data);
        let trial = TrialKey { run: RunId::new(1, [1; 10]), trial: TrialIndex(0), attempt: 0 };
        let (files, confidential, epoch) = (BTreeMap::new(), Confidential::default(), LeaseEpoch(1));
        let shares = Shares {
            load: &job.load,
            observe: &job.observe,
            workload: &workload,
            data: &data,
            files: &files,
            confidential: &confidential,
            trial,
            epoch,
            seed: 1,
            agent_count,
        };
        let named = |index: u32| shares.assignment(index, &AgentName::new(format!("a{index}")).unwrap());
        (0..agent_count).map(named).collect()
    }

    #[test]
    fn each_agent_hears_its_name_and_what_it_needs() {
        let job =
            job("think = \"5ms\"\npace = \"1s\"\npin = true\nconnect_rate = 10\nconnections_per_worker = 3");
        let assignments = assignments(&job, 4);
        let names: Vec<&str> = assignments.iter().map(|assignment| assignment.agent_name.as_str()).collect();
        assert_eq!(names, ["a0", "a1", "a2", "a3"]);
        for assignment in &assignments {
            assert!(assignment.is_scenario);
            assert_eq!(
                assignment.data.keys().collect::<Vec<_>>(),
                ["id"],
                "data that nothing uses stays here"
            );
            assert_eq!(assignment.load.connect_rate, Some(2.5), "an even part of the fleet's");
            assert_eq!(assignment.load.think, Some(Delay::Fixed(Duration::from_millis(5))));
            assert_eq!(
                (assignment.load.pace, assignment.load.pins_threads),
                (Some(Duration::from_secs(1)), true)
            );
            assert_eq!(assignment.load.connections_per_worker, 3);
        }
    }

    #[test]
    fn preparing_may_take_as_long_as_connecting_at_the_rate() {
        let within = |load: &str, agents: u32| connecting_within(&job(load).load, agents).as_secs();
        assert_eq!(within("workers = 100", 4), 0);
        assert_eq!(within("workers = 100\nconnect_rate = 10", 4), 10);
        assert_eq!(within("workers = 101\nconnect_rate = 10", 4), 10, "26 workers at 2.5 a second");
        assert_eq!(within("workers = 100\nconnect_rate = 10\nconnections_per_worker = 2", 4), 20);
        assert_eq!(
            within("connect_rate = 0.001", 10_000),
            CONNECTING_MAX.as_secs(),
            "bounded whatever is asked"
        );
    }
}
