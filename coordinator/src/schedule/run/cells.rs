//! Cells: measurements that stand apart within one trial, each of one agent or one pair. What goes wrong in one leaves the
//! others as they are. A trial without cells is one load that all agents share.

use serde::{Deserialize, Serialize};
use shared::ids::AgentId;
use shared::plan::PlannedCell;
use shared::run_record::{CellPart, CellPeer};

use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;
use crate::fleet::Fleet;

/// One cell of the trial that is under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Cell {
    /// Who it is.
    pub(super) part: CellPart,
    /// Where its agent reaches the other one of the pair, and that one its agent; `None`: it is alone.
    hosts: Option<[String; 2]>,
    /// Why it is invalid; `None`: it is not.
    pub(super) broken: Option<String>,
    /// Whether its agent was told to stop after something broke it, and so says how much it had numbered.
    pub(super) is_stopped: bool,
    /// Whether the present step was left without it; a coordinator that was restarted does so once more.
    #[serde(skip)]
    is_dropped: bool,
}

impl Cell {
    /// Where an agent of a pair reaches the other one.
    pub(super) fn peer_host(&self, agent: AgentId) -> Option<&String> {
        let [peer, own] = self.hosts.as_ref()?;
        Some(if self.part.agent == agent { peer } else { own })
    }

    /// Its agents.
    fn members(&self) -> impl Iterator<Item = AgentId> + '_ {
        [self.part.agent].into_iter().chain(self.part.peer.iter().map(|peer| peer.id))
    }
}

impl ActiveRun {
    /// Lines up those cells of the present trial that are left: not measured by an earlier attempt, and of agents that are here.
    pub(super) fn lined_up(&self, fleet: &Fleet) -> Vec<Cell> {
        let planned = self.planned().map(|planned| planned.cells.as_slice()).unwrap_or_default();
        planned.iter().filter_map(|cell| self.line_up(cell, fleet)).collect()
    }

    fn line_up(&self, planned: &PlannedCell, fleet: &Fleet) -> Option<Cell> {
        if self.trial.settled.contains(&planned.agent) {
            return None;
        }
        let agent = self.leased(&planned.agent)?;
        let peer = match &planned.peer {
            Some(name) => Some(CellPeer { id: self.leased(name)?, name: name.clone() }),
            None => None,
        };
        let hosts =
            peer.as_ref().map(|peer| [fleet.host_of(peer.id, &[agent]), fleet.host_of(agent, &[peer.id])]);
        let part = CellPart { agent, name: planned.agent.clone(), peer };
        Some(Cell { part, hosts, broken: None, is_stopped: false, is_dropped: false })
    }

    /// The cell of the present trial that an agent has a part in.
    pub(super) fn cell_of(&self, agent: AgentId) -> Option<&Cell> {
        self.trial.cells.iter().find(|cell| cell.part.involves(agent))
    }

    /// Agents that make the present trial's load and are still wanted to.
    pub(super) fn measuring(&self) -> Vec<AgentId> {
        if self.trial.cells.is_empty() {
            return self.agents.clone();
        }
        self.loads_of(|cell| cell.broken.is_none())
    }

    /// Agents that make, or made, the present trial's load and are not lost.
    pub(super) fn loads(&self) -> Vec<AgentId> {
        if self.trial.cells.is_empty() { self.agents.clone() } else { self.loads_of(|_| true) }
    }

    /// Those of them whose intervals are awaited: one that was never told to measure has none.
    pub(super) fn collected(&self) -> Vec<AgentId> {
        if self.trial.cells.is_empty() || self.trial.is_broken {
            return self.loads();
        }
        self.loads_of(|cell| cell.broken.is_none() || cell.is_stopped)
    }

    /// Every agent that has something to do with the present trial: its load, a peer, or a target.
    pub(super) fn taking_part(&self) -> Vec<AgentId> {
        let takes_part = |agent: &AgentId| {
            self.trial.cells.is_empty() || self.cell_of(*agent).is_some() || self.is_target_used_on(*agent)
        };
        self.agents.iter().copied().filter(takes_part).collect()
    }

    fn loads_of(&self, is_meant: impl Fn(&Cell) -> bool) -> Vec<AgentId> {
        let meant = self.trial.cells.iter().filter(|cell| is_meant(cell)).map(|cell| cell.part.agent);
        meant.filter(|agent| self.agents.contains(agent)).collect()
    }

    /// Has the present step go on without cells that were broken: nobody of them is awaited, but those that may be measuring
    /// are told to stop, and say what they had numbered.
    pub(super) fn drop_broken_cells(&mut self, actions: &mut Vec<Action>) {
        // A trial that is broken as a whole is left by another way.
        if self.trial.is_broken {
            return;
        }
        for place in 0..self.trial.cells.len() {
            let cell = &self.trial.cells[place];
            let Some(reason) = cell.broken.clone().filter(|_| !cell.is_dropped) else { continue };
            let (agent, members) = (cell.part.agent, cell.members().collect::<Vec<_>>());
            match self.step {
                Step::ReservePort | Step::StartTarget | Step::BeforeTrial | Step::Profile => {
                    for member in members {
                        self.next_hook.remove(&member);
                        self.answered(member);
                    }
                }
                // Told so already: by a step that was entered once more after a restart.
                Step::Collect if matches!(self.told.get(&agent), Some(Command::Abort { .. })) => {}
                Step::Prepare | Step::Arm | Step::Run | Step::Collect => {
                    self.answered(agent);
                    self.stop_measuring(agent, reason, actions);
                }
                _ => {}
            }
            self.trial.cells[place].is_dropped = true;
        }
    }

    /// Tells those once more to stop, should they come back, that were told so in an earlier step.
    pub(super) fn repeat_stops(&mut self, actions: &mut Vec<Action>) {
        let stopped = self.trial.cells.iter().filter(|cell| cell.is_stopped);
        let stopped: Vec<(AgentId, String)> =
            stopped.filter_map(|cell| Some((cell.part.agent, cell.broken.clone()?))).collect();
        stopped.into_iter().for_each(|(agent, reason)| self.stop_measuring(agent, reason, actions));
    }

    /// Tells an agent to stop, unless it is lost, has ended, or was told before.
    pub(super) fn stop_measuring(&mut self, agent: AgentId, reason: String, actions: &mut Vec<Action>) {
        if !self.has_agent(agent) || self.trial.reported.contains_key(&agent) {
            return;
        }
        let trial = self.key();
        let command = Command::Abort { trial, reason };
        let cell = self.trial.cells.iter_mut().find(|cell| cell.part.agent == agent);
        // The order may have been lost with a link: it is repeated once the agent comes back.
        if cell.is_some_and(|cell| std::mem::replace(&mut cell.is_stopped, true) && cell.is_dropped) {
            self.awaited.insert(agent);
            self.told.insert(agent, command);
        } else {
            self.ask(agent, command, actions);
        }
    }
}
