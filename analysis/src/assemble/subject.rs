//! Whose numbers these are: of all agents together, of one alone, or of a pair.

use shared::ids::AgentName;
use shared::plan::PlannedCell;
use shared::run_record::CellPart;
use shared::run_report::{Pair, TrialReport};

/// Whose numbers these are. What is of different subjects is never merged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Of all agents of a trial, who shared one load.
    All,
    /// Of one agent that did it alone.
    Agent(AgentName),
    /// Of a pair.
    Pair(Pair),
}

impl Subject {
    /// Whose numbers a trial holds.
    pub fn of(trial: &TrialReport) -> Self {
        match (&trial.pair, &trial.agent) {
            (Some(pair), _) => Subject::Pair(pair.clone()),
            (None, Some(agent)) => Subject::Agent(agent.clone()),
            (None, None) => Subject::All,
        }
    }

    /// The agent, if it is one that was alone.
    pub fn agent(&self) -> Option<AgentName> {
        if let Subject::Agent(agent) = self { Some(agent.clone()) } else { None }
    }

    /// The pair, if it is one.
    pub fn pair(&self) -> Option<Pair> {
        if let Subject::Pair(pair) = self { Some(pair.clone()) } else { None }
    }
}

impl From<&PlannedCell> for Subject {
    fn from(cell: &PlannedCell) -> Self {
        match &cell.peer {
            Some(peer) => Subject::Pair(Pair { from: cell.agent.clone(), to: peer.clone() }),
            None => Subject::Agent(cell.agent.clone()),
        }
    }
}

impl From<&CellPart> for Subject {
    fn from(cell: &CellPart) -> Self {
        cell.pair().map_or_else(|| Subject::Agent(cell.name.clone()), Subject::Pair)
    }
}
