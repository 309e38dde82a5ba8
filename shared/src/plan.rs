//! A job unrolled: the ordered trials of a run, and what each agent is told to do in one of them. Rooms: `order` (of the
//! variants in each block), [`placement`] (who measures in each trial), [`looks`] (which may end a run before all is done),
//! [`search`] (which value is tried next), [`mix`] (what each of several workloads is told).

pub mod looks;
pub mod mix;
mod order;
pub mod placement;
pub mod search;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::arrivals::ArrivalPlan;
use crate::delay::Delay;
use crate::ids::{AgentName, LeaseEpoch, TrialIndex, TrialKey, VariantIndex};
use crate::job::{DataColumn, Job, JobVariant, LoadModel, Observe, OperationSpec, Warmup, Window};

use crate::secret::Confidential;

pub use mix::Mix;
pub use placement::PlannedCell;

/// Most trials one run may plan: keeps a mistyped `trials` from filling a disk.
pub const TRIALS_MAX: u32 = 10_000;

/// Name of the variant of a job that names none.
pub const DEFAULT_VARIANT: &str = "default";

/// The ordered trials of a run: every expected cell, written down before anything runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The seed of everything random in the run.
    pub seed: u64,
    /// The variants, in the order of the job file.
    pub variants: Vec<Variant>,
    /// The trials, in the order in which they run; each is one round where agents do not share a load.
    pub trials: Vec<PlannedTrial>,
    /// How many agents each trial needs; `None`: every one that matches.
    pub agents: Option<u32>,
    /// Trials that run after all others with a profiler and are not measured, one of each variant; their places in the run follow
    /// those of `trials`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiled: Vec<PlannedTrial>,
}

impl Plan {
    /// Unrolls a job: each block runs every variant once, one right after the other, in a balanced random order. The seed is the
    /// job's own, or chosen at submission. Of a search only its first trial is known beforehand.
    pub fn of(job: &Job, seed: u64) -> Self {
        if let Some(search) = &job.search {
            let (variants, trials, profiled) = (Vec::new(), Vec::new(), Vec::new());
            let mut plan = Self { seed, variants, trials, agents: job.fleet.agents, profiled };
            plan.try_value(search, 0);
            return plan;
        }
        let variants = variants(job);
        let orders = order::orders(u32::try_from(variants.len()).unwrap_or(u32::MAX), job.load.trials, seed);
        let places = (0..)
            .zip(orders)
            .flat_map(|(block, order)| (0..).zip(order).map(move |(place, variant)| (block, place, variant)));
        let trial = |(index, (block, order, variant)): (u32, (u32, u32, VariantIndex))| PlannedTrial {
            index: TrialIndex(index),
            variant,
            block,
            order,
            cells: Vec::new(),
        };
        let trials = (0..).zip(places).map(trial).collect();
        let profiled = profiled(job, u32::try_from(variants.len()).unwrap_or(u32::MAX));
        let mut plan = Self { seed, variants, trials, agents: job.fleet.agents, profiled };
        plan.number_profiled();
        plan
    }

    /// The trial at a place in the run, measured or not.
    pub fn trial(&self, index: TrialIndex) -> Option<&PlannedTrial> {
        let place = index.0 as usize;
        self.trials.get(place).or_else(|| self.profiled.get(place.checked_sub(self.trials.len())?))
    }

    /// Whether the trial at a place in the run is one with a profiler, which is not measured.
    pub fn is_profiled(&self, index: TrialIndex) -> bool {
        (self.trials.len()..self.trials.len() + self.profiled.len()).contains(&(index.0 as usize))
    }

    /// Has the profiled trials follow the others.
    fn number_profiled(&mut self) {
        let first = u32::try_from(self.trials.len()).unwrap_or(u32::MAX);
        for (index, trial) in (first..).zip(&mut self.profiled) {
            trial.index = TrialIndex(index);
        }
    }
}

/// The trials with a profiler: one of each variant, in a block of their own.
fn profiled(job: &Job, variants: u32) -> Vec<PlannedTrial> {
    let trial = |place: u32| PlannedTrial {
        index: TrialIndex(place),
        variant: VariantIndex(place),
        block: job.load.trials,
        order: place,
        cells: Vec::new(),
    };
    (0..variants).filter(|_| job.profile.is_some()).map(trial).collect()
}

fn variants(job: &Job) -> Vec<Variant> {
    if job.variants.is_empty() {
        return vec![Variant { name: DEFAULT_VARIANT.to_owned(), parameters: BTreeMap::new() }];
    }
    let variant =
        |variant: &JobVariant| Variant { name: variant.name.clone(), parameters: variant.parameters.clone() };
    job.variants.iter().map(variant).collect()
}

/// One combination of parameter values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name; `default` when the job names none.
    pub name: String,
    /// What it sets, by path.
    pub parameters: BTreeMap<String, serde_json::Value>,
}

/// One trial as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTrial {
    /// Its place in the run.
    pub index: TrialIndex,
    /// Which variant it measures.
    pub variant: VariantIndex,
    /// Its block, from 0: every block runs each variant once.
    pub block: u32,
    /// Its place within the block, from 0.
    pub order: u32,
    /// What is measured in it, side by side and apart from each other; empty: one load that all agents share. Under `each`
    /// and `pairs` it is empty until the run has its agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cells: Vec<PlannedCell>,
}

impl PlannedTrial {
    /// How many measurements it is: one, or where agents stand apart its cells.
    pub fn measurements(&self) -> usize {
        self.cells.len().max(1)
    }
}

/// What one agent is told to do in one trial. All templates that the coordinator can resolve are resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// Which attempt at which trial.
    pub trial: TrialKey,
    /// The lease under which it is given.
    pub epoch: LeaseEpoch,
    /// The workload's kind, from the table that the agent advertised; of a mix all of its kinds, for people.
    pub kind: String,
    /// The workload's settings beside its operations, as the kind's schema has them.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// The operations, in the job's order; of a mix those of all its workloads.
    pub operations: Vec<OperationSpec>,
    /// Whether the operations are the steps of a scenario: one worker runs them all, in order, and begins again.
    pub is_scenario: bool,
    /// Whether it is of several workloads, and which.
    pub mix: Mix,
    /// Columns of values that workers take turns with, by the name that templates use.
    pub data: BTreeMap<String, DataColumn>,
    /// Files that came with the job, by the path written there.
    pub files: BTreeMap<String, Vec<u8>>,
    /// This agent's share of the load.
    pub load: LoadShare,
    /// This agent's name.
    pub agent_name: AgentName,
    /// This agent's place among the trial's agents by name, from 0.
    pub agent_index: u32,
    /// How many agents take part.
    pub agent_count: u32,
    /// Whether it is to make no load, and only to report how its host fares until it is told to stop.
    pub is_observer: bool,
    /// What it watches beside the load.
    pub observe: Observe,
    /// What it may tell nobody.
    pub confidential: Confidential,
}

/// One agent's share of a trial's load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadShare {
    /// Open or closed.
    pub model: LoadModel,
    /// When operations of the whole fleet are due; `None`: the closed model. This agent takes every
    /// `agent_count`-th of them, beginning with its own index.
    pub arrivals: Option<ArrivalPlan>,
    /// Workers of this agent at the start, at least 1.
    pub workers: u32,
    /// Workers of this agent at most: more than at the start only under the open model, which adds workers
    /// when all are busy.
    pub workers_max: u32,
    /// Warm-up of this agent; iterations are already its share.
    pub warmup: Warmup,
    /// The measured window of this agent; iterations are already its share.
    pub window: Window,
    /// How long operations that are due may still begin, and running ones are awaited, after the window.
    pub drain: Duration,
    /// Load threads; `None`: the agent decides.
    pub threads: Option<u32>,
    /// Whether each load thread is bound to a core of its own.
    pub pins_threads: bool,
    /// Pause of a worker after an operation, in a scenario after a step; `None`: none.
    pub think: Option<Delay>,
    /// Least time from one beginning of a worker's iteration to the next, closed model only; `None`: none.
    pub pace: Option<Duration>,
    /// Most connections that this agent opens per second, above 0; `None`: as many as it can.
    pub connect_rate: Option<f64>,
    /// Connections of each worker, at least 1.
    pub connections_per_worker: u32,
    /// Requests at once on each connection, at least 1.
    pub streams_per_connection: u32,
    /// After how many operations a connection is opened anew, at least 1; `None`: never.
    pub new_connection_every: Option<u64>,
    /// Seed of this trial; the agent mixes in its own index.
    pub seed: u64,
}

/// This agent's share of an amount that the whole fleet has: split exactly, the remainder to the first agents.
pub fn share_of(amount: u64, agent_index: u32, agent_count: u32) -> u64 {
    let count = u64::from(agent_count.max(1));
    amount / count + u64::from(u64::from(agent_index) < amount % count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::{Kinds, parse};

    #[test]
    fn a_job_without_variants_runs_the_default_once_a_block() {
        let text = "name = \"plan\"\nworkload = { kind = \"http\" }\nload.trials = 3\nfleet.agents = 1\n";
        let plan = Plan::of(&parse(text, Kinds::Unchecked).unwrap(), 7);
        let cells: Vec<_> =
            plan.trials.iter().map(|trial| (trial.index.0, trial.block, trial.order)).collect();
        assert_eq!(cells, [(0, 0, 0), (1, 1, 0), (2, 2, 0)]);
        assert_eq!((plan.variants[0].name.as_str(), plan.agents, plan.seed), ("default", Some(1), 7));
    }

    #[test]
    fn a_block_runs_every_variant_and_knows_their_places() {
        let text = "name = \"plan\"\nworkload = { kind = \"http\" }\nload.trials = 4\nsweep.\"load.workers\" = [1, 2, 4]\n";
        let plan = Plan::of(&parse(text, Kinds::Unchecked).unwrap(), 7);
        let names: Vec<&str> = plan.variants.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!(names, ["load.workers=1", "load.workers=2", "load.workers=4"]);
        assert_eq!(plan.variants[2].parameters["load.workers"], 4);
        let places: Vec<_> = plan.trials.iter().map(|it| (it.index.0, it.block, it.order)).collect();
        assert_eq!(places, (0..12).map(|index| (index, index / 3, index % 3)).collect::<Vec<_>>());
        for block in plan.trials.chunks(3) {
            let mut variants: Vec<u32> = block.iter().map(|trial| trial.variant.0).collect();
            variants.sort();
            assert_eq!(variants, [0, 1, 2]);
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_amount(amount in any::<u32>(), agent_count in 1_u32..200) {
            let shares: Vec<u64> = (0..agent_count).map(|index| share_of(u64::from(amount), index, agent_count)).collect();
            prop_assert_eq!(shares.iter().sum::<u64>(), u64::from(amount));
            prop_assert!(shares.windows(2).all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] <= 1));
        }
    }
}
