//! What really happened, noted where it happened: what the machines say is held against it.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{AgentId, LeaseEpoch, RunId, TrialKey};

/// One agent's part in one attempt at a trial.
pub type Part = (TrialKey, AgentId);

/// All that really happened.
#[derive(Debug, Default)]
pub struct Truth {
    /// What each engine measured.
    pub measured: BTreeMap<Part, Measured>,
    /// Under which lease each trial was ordered last.
    pub epochs: BTreeMap<TrialKey, LeaseEpoch>,
    /// Of each part: up to before which number its agent was told that all is stored.
    pub acknowledged: BTreeMap<Part, u64>,
    /// Trials that were measuring when a coordinator crashed, and nothing has happened to them since that could break them.
    pub survivors: BTreeSet<TrialKey>,
    /// Runs whose client was told that they are accepted.
    pub accepted: BTreeSet<RunId>,
}

/// What one engine measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The lease under which it was made ready.
    pub epoch: LeaseEpoch,
    /// When it began, on the world's clock; `None`: it did not.
    pub began_ns: Option<u64>,
    /// Its intervals, by number.
    pub intervals: Vec<Counted>,
    /// Whether it came to its end by itself.
    pub is_done: bool,
}

/// One interval.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Operations that ended in it and count.
    pub count: u64,
    /// What was encoded.
    pub bytes: Vec<u8>,
}

impl Measured {
    /// An engine that was made ready under a lease.
    pub fn ready(epoch: LeaseEpoch) -> Self {
        Self { epoch, began_ns: None, intervals: Vec::new(), is_done: false }
    }

    /// All operations that it counted.
    pub fn count(&self) -> u64 {
        self.intervals.iter().map(|interval| interval.count).sum()
    }
}

impl Truth {
    /// Something happened to an agent that may break the trials in which it takes part.
    pub fn trouble(&mut self, agent: AgentId) {
        let measured = &self.measured;
        self.survivors.retain(|trial| !measured.contains_key(&(*trial, agent)));
    }

    /// The agents whose engines were made ready for a trial.
    pub fn agents_of(&self, trial: TrialKey) -> impl Iterator<Item = (AgentId, &Measured)> {
        let of_trial = self.measured.iter().filter(move |((of, _), _)| *of == trial);
        of_trial.map(|((_, agent), measured)| (*agent, measured))
    }
}
