//! Agents that only tell how their hosts fare while a trial runs. They take no slot, nobody waits for them to begin, and losing
//! one makes nothing invalid.

use std::collections::BTreeMap;

use shared::event::RunEvent;
use shared::finding::{Finding, FindingCode};
use shared::ids::{AgentId, AgentName, TrialKey};
use shared::plan::{Assignment, Mix};
use shared::run_record::AgentPart;
use shared::secret::Confidential;

use super::super::answer::Answer;
use super::super::{Action, Command};
use super::ActiveRun;
use super::keeping::parts;
use crate::fleet::{Fleet, Moment};

impl ActiveRun {
    /// Whether an agent observes the present trial.
    pub(in super::super) fn is_observed_by(&self, agent: AgentId) -> bool {
        self.trial.observers.contains(&agent)
    }

    /// Everybody who is here and is to observe the trial that begins, and what is to be said of those who did before.
    pub(super) fn observers_of_trial(&self, fleet: &Fleet) -> (Vec<AgentPart>, Vec<Finding>) {
        let observers = match &self.job.fleet.observers {
            Some(selector) => fleet.observers(selector, self.record.reservation.as_deref()),
            None => Vec::new(),
        };
        let parts = parts(&observers, fleet);
        let before = self.record.trials.iter().flat_map(|trial| &trial.observers);
        let before: BTreeMap<_, _> = before.map(|part| (&part.name, part.id)).collect();
        let is_gone = |name: &&&AgentName| !parts.iter().any(|part| part.name == ***name);
        let lost = before.keys().filter(is_gone).map(|name| {
            let message = format!(
                "observer {name} is here no more: how its host fares is not known; what was measured stands"
            );
            Finding::of_agent(FindingCode::ObserverLost, before[name], message)
        });
        let lost = lost.collect();
        (parts, lost)
    }

    /// Has the observers get ready, which they are at once.
    pub(super) fn prepare_observers(
        &self,
        fleet: &Fleet,
        assignment: Option<Assignment>,
        actions: &mut Vec<Action>,
    ) {
        let Some(like) = assignment else { return };
        for agent in &self.trial.observers {
            let Some(introduction) = fleet.agent(*agent) else { continue };
            let assignment = Assignment {
                agent_name: introduction.name.clone(),
                is_observer: true,
                // Who does not know observers refuses the trial, instead of making load.
                kind: String::new(),
                mix: Mix::Alone,
                data: BTreeMap::new(),
                files: BTreeMap::new(),
                confidential: Confidential::default(),
                ..like.clone()
            };
            actions.push(Action::Send(*agent, Command::Prepare(Box::new(assignment))));
        }
    }

    /// Tells the observers the start that the others were told. Nobody waits for their word.
    pub(super) fn start_observers(&self, arming: u32, at: Moment, actions: &mut Vec<Action>) {
        let (trial, epoch) = (self.key(), self.trial.epoch);
        let start = |agent: &AgentId| Action::Send(*agent, Command::Start { trial, epoch, arming, at });
        actions.extend(self.trial.observers.iter().map(start));
    }

    /// The load has ended: so has what there is to observe.
    pub(super) fn stop_observers(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        if !self.trial.is_prepared {
            return;
        }
        let trial = self.key();
        let observing = |agent: &AgentId| !self.trial.reported.contains_key(agent) && fleet.is_here(*agent);
        let observing: Vec<AgentId> = self.trial.observers.iter().copied().filter(observing).collect();
        for agent in observing {
            let command = Command::Abort { trial, reason: "the load has ended".to_owned() };
            self.ask(agent, command, actions);
        }
    }

    /// Observers whose intervals may still come: they are here, and were told of the trial.
    pub(super) fn observers_left(&self, now: Moment, fleet: &Fleet) -> Vec<AgentId> {
        let is_over = !self.trial.is_prepared || now >= self.trial.observers_until;
        let here = self.trial.observers.iter().copied().filter(|agent| !is_over && fleet.is_here(*agent));
        here.collect()
    }

    /// An observer spoke: only how much it has told counts.
    pub(super) fn hear_observer(&mut self, agent: AgentId, answer: Answer) {
        if let Answer::Done { intervals } | Answer::Failed { intervals, .. } = answer {
            self.report_intervals(agent, intervals);
            self.answered(agent);
        }
    }

    /// What observers of the trial are told at its end, and who they are.
    pub(super) fn release_observers(&self, key: TrialKey, actions: &mut Vec<Action>) {
        let release = |agent: &AgentId| Action::Send(*agent, Command::Release(key));
        actions.extend(self.trial.observers.iter().map(release));
    }

    /// Says whom the run waits for, once.
    pub(super) fn tell_waiting(&mut self, message: &str, actions: &mut Vec<Action>) {
        if self.waiting_message != message {
            self.waiting_message = message.to_owned();
            let message = self.waiting_message.clone();
            actions.push(Action::Tell(self.record.id, RunEvent::Waiting { message }));
        }
    }
}
