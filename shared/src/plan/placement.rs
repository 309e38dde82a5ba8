//! Who measures when, and against whom: the rounds of a placement. Agents go by their names here, since those outlive a
//! process that is started anew.

use serde::{Deserialize, Serialize};

use super::{Plan, PlannedTrial};
use crate::ids::{AgentName, TrialIndex};
use crate::job::{Job, Placement};

/// Most cells that one run may plan, the bound of its trials: each is a line of the run's record and of its report.
pub const CELLS_MAX: usize = super::TRIALS_MAX as usize;

/// Workloads whose work is done on the agent's own host: agents that run them share nothing.
const KINDS_ON_THE_HOST: [&str; 5] = ["command", "cpu", "memory", "disk", "process"];

/// One measurement whose numbers stand by themselves: under `each` one agent's, under `pairs` that of one pair in one
/// direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedCell {
    /// Who makes the load.
    pub agent: AgentName,
    /// The other agent of the pair, which the load is for; `None`: the agent is alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<AgentName>,
}

/// Why a placement cannot be planned for so many agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Nobody to meet.
    #[error("placement = \"pairs\" needs two agents at least, and has {0}")]
    TooFew(usize),
    /// More than [`CELLS_MAX`].
    #[error(
        "{agents} agents make {cells} measurements, and a run plans at most {CELLS_MAX}: ask for fewer agents (fleet.agents) or fewer trials"
    )]
    TooMany {
        /// How many agents there are.
        agents: usize,
        /// How many cells they would make.
        cells: usize,
    },
}

impl Placement {
    /// Fewest agents that it makes sense with.
    pub const fn agents_min(self) -> u32 {
        match self {
            Placement::Together | Placement::Each => 1,
            Placement::Pairs => 2,
        }
    }
}

impl Job {
    /// Whether agents that each do all of the load would meet at one target: they then take turns.
    pub fn has_shared_target(&self) -> bool {
        match &self.target {
            Some(target) => !target.selector.terms.is_empty(),
            None => !self.workload.kinds().all(|kind| KINDS_ON_THE_HOST.contains(&kind)),
        }
    }

    /// Whether they would in any of its variants: the rounds of a run are the same for all of them.
    pub fn takes_turns(&self) -> bool {
        self.each_variant().any(Job::has_shared_target)
    }
}

impl Plan {
    /// Unrolls every trial into the rounds of the job's placement, now that the agents are known: all cells that there
    /// must be are written down before anything runs. Under `together` there is nothing to unroll.
    ///
    /// # Errors
    /// When there are too few agents for the placement, or so many that the plan would be too long.
    pub fn place(&mut self, job: &Job, agents: &[AgentName]) -> Result<(), PlacementError> {
        if job.fleet.placement == Placement::Together || self.is_placed() {
            return Ok(());
        }
        check_size(job.fleet.placement, agents.len(), self.trials.len() + self.profiled.len())?;
        let rounds = rounds(job, agents);
        let blocks = self.trials.chunk_by(|one, next| one.block == next.block);
        let mut trials: Vec<PlannedTrial> = blocks.flat_map(|block| unrolled(block, &rounds)).collect();
        for (index, trial) in (0_u32..).zip(&mut trials) {
            trial.index = TrialIndex(index);
        }
        self.trials = trials;
        self.profiled = unrolled(&self.profiled, &rounds);
        self.number_profiled();
        Ok(())
    }

    /// How many measurements there must be: trials, and where agents stand apart the cells of each.
    pub fn measurements(&self) -> usize {
        self.trials.iter().map(PlannedTrial::measurements).sum()
    }

    /// Whether it says who measures in each trial.
    pub fn is_placed(&self) -> bool {
        self.trials.iter().any(|trial| !trial.cells.is_empty())
    }
}

/// The rounds of a job's placement over these agents, in their order: the cells of one run at once. Empty under `together`.
pub fn rounds(job: &Job, agents: &[AgentName]) -> Vec<Vec<PlannedCell>> {
    let alone = |agent: &AgentName| PlannedCell { agent: agent.clone(), peer: None };
    match job.fleet.placement {
        Placement::Together => Vec::new(),
        Placement::Each if job.takes_turns() => agents.iter().map(|agent| vec![alone(agent)]).collect(),
        Placement::Each => vec![agents.iter().map(alone).collect()],
        Placement::Pairs => {
            tournament(agents.len()).iter().flat_map(|round| both_ways(round, agents)).collect()
        }
    }
}

/// One round of a tournament as two: there, and back again.
fn both_ways(round: &[(usize, usize)], agents: &[AgentName]) -> [Vec<PlannedCell>; 2] {
    let cell =
        |from: usize, to: usize| PlannedCell { agent: agents[from].clone(), peer: Some(agents[to].clone()) };
    [
        round.iter().map(|(one, other)| cell(*one, *other)).collect(),
        round.iter().map(|(one, other)| cell(*other, *one)).collect(),
    ]
}

/// Every pair of so many players exactly once, in rounds in which nobody plays twice.
///
/// The circle method: the first player keeps its seat and the others move on by one seat each round; who sits opposite
/// plays. An odd number is filled up by an empty seat, and who sits opposite that has a bye.
fn tournament(players: usize) -> Vec<Vec<(usize, usize)>> {
    if players < 2 {
        return Vec::new();
    }
    let seats = players + players % 2;
    let player_at = |round: usize, seat: usize| match seat {
        0 => 0,
        seat => 1 + (seat - 1 + round) % (seats - 1),
    };
    let pairs_of = |round: usize| {
        let opposite =
            (0..seats / 2).map(|seat| (player_at(round, seat), player_at(round, seats - 1 - seat)));
        opposite.filter(|(one, other)| *one < players && *other < players).collect()
    };
    (0..seats - 1).map(pairs_of).collect()
}

/// A block's trials for each round: the variants of a round stand side by side. Each block begins with another round, so that
/// what drifts while a block runs does not always meet the same agents.
fn unrolled(block: &[PlannedTrial], rounds: &[Vec<PlannedCell>]) -> Vec<PlannedTrial> {
    let first = block.first().map_or(0, |trial| trial.block as usize % rounds.len().max(1));
    let (after, before) = rounds.split_at(first);
    let in_order = before.iter().chain(after);
    let planned = in_order.flat_map(|cells| block.iter().map(move |trial| (cells, trial)));
    (0..)
        .zip(planned)
        .map(|(order, (cells, trial))| PlannedTrial { order, cells: cells.clone(), ..trial.clone() })
        .collect()
}

fn check_size(placement: Placement, agents: usize, trials: usize) -> Result<(), PlacementError> {
    if agents < placement.agents_min() as usize {
        return Err(PlacementError::TooFew(agents));
    }
    let each_trial = match placement {
        Placement::Pairs => agents.saturating_mul(agents - 1),
        Placement::Together | Placement::Each => agents,
    };
    let cells = each_trial.saturating_mul(trials);
    if cells > CELLS_MAX { Err(PlacementError::TooMany { agents, cells }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
