//! Which of what agents say is about what is under way.

use shared::ids::{AgentId, TrialKey};

use super::super::Answer;
use super::super::step::Step;
use super::ActiveRun;

impl ActiveRun {
    /// Whether an agent's part in a trial is still wanted: once it is judged, its agents are told to let it go.
    pub(in super::super) fn wants(&self, agent: AgentId, trial: TrialKey) -> bool {
        (self.has_agent(agent) || self.is_observed_by(agent))
            && self.is_current(trial)
            && self.stage() <= Step::Judge
    }

    /// Whether an answer is about what is under way. A target that serves all trials fails under the name of the one
    /// in which it was started.
    pub(in super::super) fn is_concerned_by(&self, agent: AgentId, trial: TrialKey, answer: &Answer) -> bool {
        let is_current = self.is_current(trial);
        let is_about_now = match answer {
            Answer::Refused(failure) => return self.is_concerned_by(agent, trial, failure),
            Answer::TargetReady | Answer::TargetFailed(_) | Answer::TargetStopped => {
                self.targets.get(&agent).is_some_and(|it| is_current || it.started_for == Some(trial))
            }
            Answer::Ready
            | Answer::Armed { .. }
            | Answer::StartTooLate { .. }
            | Answer::Done { .. }
            | Answer::Failed { .. } => self.wants(agent, trial),
            Answer::PortReserved(_) => is_current && self.targets.contains_key(&agent),
            Answer::HookDone { .. } => is_current,
            Answer::Profiled(_) => is_current && self.is_profiling(),
        };
        is_about_now && (self.has_agent(agent) || self.is_observed_by(agent))
    }
}
