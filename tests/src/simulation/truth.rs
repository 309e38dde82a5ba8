//! What really happened, noted where it happened: what the machines say is held against it.

use std::collections::{BTreeMap, BTreeSet};

use agent::session::outbox::Numbered;
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
    /// Agents of which something may be missing: they died, gave up for a reason of their own, or were away for longer
    /// than they are waited for.
    pub troubled: BTreeSet<AgentId>,
    /// Runs that somebody cancelled.
    pub cancelled: BTreeSet<RunId>,
    /// How much happened.
    pub events: Events,
}

/// How much happened that worlds are made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// Trials that ran to their end.
    pub complete: u64,
    /// Trials that did not.
    pub broken: u64,
    /// Trials that were measuring when the coordinator crashed, and had to survive it.
    pub survivors: u64,
    /// Intervals that went through an agent's disk.
    pub spilled: u64,
    /// Messages that came over a connection that was dead.
    pub stragglers: u64,
    /// Intervals that were reported once more.
    pub repeated: u64,
}

impl Events {
    /// What happened in several worlds.
    pub fn and(self, other: Self) -> Self {
        Self {
            complete: self.complete + other.complete,
            broken: self.broken + other.broken,
            survivors: self.survivors + other.survivors,
            spilled: self.spilled + other.spilled,
            stragglers: self.stragglers + other.stragglers,
            repeated: self.repeated + other.repeated,
        }
    }

    /// Whether something of everything happened.
    pub fn are_all_there(self) -> bool {
        let Self { complete, broken, survivors, spilled, stragglers, repeated } = self;
        [complete, broken, survivors, spilled, stragglers, repeated].iter().all(|count| *count > 0)
    }
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
    /// Up to before which number they were reported.
    pub reported: u64,
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
        Self { epoch, began_ns: None, intervals: Vec::new(), is_done: false, reported: 0 }
    }

    /// All operations that it counted.
    pub fn count(&self) -> u64 {
        self.intervals.iter().map(|interval| interval.count).sum()
    }
}

impl Truth {
    /// Whether an agent has measured something of a trial under this lease.
    pub fn has_measured(&self, trial: TrialKey, agent: AgentId, epoch: LeaseEpoch) -> bool {
        let measured = self.measured.get(&(trial, agent));
        measured.is_some_and(|measured| measured.epoch == epoch && !measured.intervals.is_empty())
    }

    /// An engine is to measure from the beginning, and nothing of it is stored.
    pub fn expects(&mut self, trial: TrialKey, agent: AgentId, epoch: LeaseEpoch) {
        self.acknowledged.remove(&(trial, agent));
        self.measured.insert((trial, agent), Measured::ready(epoch));
    }

    /// An agent reports an interval, for the first time or once more.
    pub fn reports(&mut self, agent: AgentId, interval: &Numbered) {
        if let Some(measured) = self.measured.get_mut(&(interval.trial, agent)) {
            self.events.repeated += u64::from(interval.sequence < measured.reported);
            measured.reported = measured.reported.max(interval.sequence + 1);
        }
    }

    /// Something happened to an agent that may break the trials in which it takes part.
    pub fn trouble(&mut self, agent: AgentId) {
        self.troubled.insert(agent);
        let measured = &self.measured;
        self.survivors.retain(|trial| !measured.contains_key(&(*trial, agent)));
    }

    /// Somebody cancels a run.
    pub fn cancel(&mut self, run: RunId) {
        self.cancelled.insert(run);
        self.survivors.retain(|trial| trial.run != run);
    }
}
