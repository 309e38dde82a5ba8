//! What profilers wrote, as far as the schedule has to know of it.

use shared::ids::{AgentId, TrialKey};
use shared::profile::stored_path;
use shared::run_record::AttachedFile;
use tokio::sync::oneshot;

use super::Director;

/// Why what a profiler wrote is not taken.
#[derive(Debug)]
pub struct Unwanted {
    /// For the agent.
    pub reason: String,
    /// Whether the run goes on and its record names nothing under that path: what was stored there is of no use.
    pub is_stray: bool,
}

/// A word about what a profiler wrote.
#[derive(Debug)]
pub enum ProfileWord {
    /// An agent has something.
    Announced {
        /// Who.
        agent: AgentId,
        /// Beside which trial.
        trial: TrialKey,
        /// How long it is.
        size_bytes: u64,
        /// Whether it is wanted; why not.
        reply: oneshot::Sender<Result<(), Unwanted>>,
    },
    /// It is stored.
    Stored {
        /// On whose host it was written.
        agent: AgentId,
        /// Beside which trial.
        trial: TrialKey,
        /// What it is.
        file: AttachedFile,
        /// Whether the run's record names it now; why not.
        reply: oneshot::Sender<Result<(), Unwanted>>,
    },
}

impl Director {
    /// Takes in a word about a profile, and answers it.
    pub(super) fn take_profile(&mut self, word: ProfileWord) {
        let (answer, reply) = match word {
            ProfileWord::Announced { agent, trial, size_bytes, reply } => {
                let reserved = self.schedule.reserve_profile(agent, trial, size_bytes);
                (reserved.map_err(|reason| Unwanted { reason, is_stray: false }), reply)
            }
            ProfileWord::Stored { agent, trial, file, reply } => {
                let noted = self.schedule.note_profile(agent, trial, file);
                let noted = noted.map(|actions| actions.into_iter().for_each(|action| self.act(action)));
                (noted.map_err(|reason| Unwanted { reason, is_stray: self.is_stray(agent, trial) }), reply)
            }
        };
        let _whoever_asked_may_be_gone = reply.send(answer);
    }

    /// Whether nothing is named by the record of a run that goes on under the path where this agent's profile would be. Of one that is
    /// over nothing is said: what its record names is no matter of the director any more.
    fn is_stray(&self, agent: AgentId, trial: TrialKey) -> bool {
        let path = stored_path(trial.trial.0, trial.attempt, agent);
        self.schedule.record(trial.run).is_some_and(|record| record.stored_file(&path).is_none())
    }
}
