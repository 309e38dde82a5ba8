//! What the schedule wants done, done in the model world.

use shared::finding::{Finding, Severity};
use shared::ids::AgentId;

use super::super::super::{Action, Command};
use super::{Happening, JUDGING, World};

impl World {
    pub(super) fn carry_out(&mut self, action: Action) {
        match action {
            Action::Send(agent, command) => self.send(agent, command),
            Action::Tell(run, event) => self.told.push((run, event)),
            Action::Save(record) => self.saves.push(*record),
            Action::OpenTrial(trial, _, agents) => {
                assert!(!agents.is_empty() && self.open.insert(trial), "{trial} was opened twice");
            }
            Action::Exclude(trial, agent) => assert!(self.excluded.insert((trial, agent)), "excluded twice"),
            Action::CloseTrial(trial) => assert!(self.open.remove(&trial), "{trial} was closed twice"),
            Action::Judge(trial, record) => {
                assert!(self.judged.insert(trial), "{trial} was judged twice");
                let attempt = record.trials.last().expect("what is judged was begun");
                if attempt.is_complete {
                    self.assert_start_together(trial, attempt);
                }
                let is_invalid = |finding: &Finding| finding.severity == Severity::Invalid;
                let is_valid = attempt.is_complete && !attempt.findings.iter().any(is_invalid);
                if self.judges {
                    let judged = Happening::Judged(trial, is_valid, self.incarnation, self.saves.len());
                    self.later(JUDGING, judged);
                }
            }
            Action::Look(look, record) => {
                assert!(!self.open.iter().any(|trial| trial.run == record.id), "a look at a trial that runs");
                self.looks_asked += 1;
                if self.answers_looks {
                    self.later(JUDGING, Happening::Looked(record.id, look.blocks, self.incarnation));
                }
            }
            Action::Finish(record) => {
                let run = record.id;
                assert!(record.state.is_over() && !self.open.iter().any(|trial| trial.run == run));
                assert!(self.finished.insert(run, *record).is_none(), "run {run} ended twice");
                self.finished_at.insert(run, self.now);
            }
        }
    }

    /// Nothing is said twice on one link; only what undoes may be, since it may answer a repeated word, and the order to a profiler,
    /// which is told when the load begins and again when it is waited for: its agent only answers it again.
    fn send(&mut self, agent: AgentId, command: Command) {
        let link = self.connections.get(&agent).copied();
        let may_repeat =
            matches!(command, Command::Release(_) | Command::StopTarget(_) | Command::Profile { .. });
        let entry = (agent, link, command.clone());
        assert!(link.is_none() || may_repeat || !self.sent.contains(&entry), "sent twice: {entry:?}");
        self.sent.push(entry);
        if let (Some(link), Some(there)) = (link, self.agents.get(&agent)) {
            self.later(there.delay, Happening::Arrives(agent, link, command));
        }
    }
}
