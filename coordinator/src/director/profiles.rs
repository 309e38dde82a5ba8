//! What profilers wrote, as far as the schedule has to know of it.

use shared::ids::{AgentId, TrialKey};
use shared::run_record::AttachedFile;
use tokio::sync::oneshot;

use super::Director;

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
        reply: oneshot::Sender<Result<(), String>>,
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
        reply: oneshot::Sender<Result<(), String>>,
    },
}

impl Director {
    /// Takes in a word about a profile, and answers it.
    pub(super) fn take_profile(&mut self, word: ProfileWord) {
        let (answer, reply) = match word {
            ProfileWord::Announced { agent, trial, size_bytes, reply } => {
                (self.schedule.check_profile(agent, trial, size_bytes), reply)
            }
            ProfileWord::Stored { agent, trial, file, reply } => {
                let noted = self.schedule.note_profile(agent, trial, file);
                (noted.map(|actions| actions.into_iter().for_each(|action| self.act(action))), reply)
            }
        };
        let _whoever_asked_may_be_gone = reply.send(answer);
    }
}
