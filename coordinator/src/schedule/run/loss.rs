//! Agents that are lost: whether the run goes on without them, repeats the trial with others, or fails.

use serde::{Deserialize, Serialize};
use shared::finding::{Finding, FindingCode, Severity};
use shared::ids::{AgentId, AgentName};
use shared::job::LossPolicy;

use super::super::Action;
use super::super::step::Step;
use super::{ActiveRun, need};
use crate::fleet::Fleet;

/// Over whom the load is split: who is lost keeps its place, so that its share is not moved to others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// By name.
    places: Vec<AgentId>,
    /// Whether some were lost and are to be replaced before the next trial.
    pub(super) is_short: bool,
    /// What the next attempt has to say about its group.
    pub(super) note: Option<String>,
}

impl Group {
    /// A group of these agents, by name.
    pub(super) fn of(agents: &[AgentId]) -> Self {
        Self { places: agents.to_vec(), is_short: false, note: None }
    }

    /// How many share the load.
    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX)
    }

    /// An agent's place, from 0.
    pub(super) fn place_of(&self, agent: AgentId) -> Option<u32> {
        let place = self.places.iter().position(|member| *member == agent)?;
        u32::try_from(place).ok()
    }
}

impl ActiveRun {
    /// An agent is lost for good.
    pub(in super::super) fn lose(&mut self, agent: AgentId, name: &AgentName, actions: &mut Vec<Action>) {
        if let Some(resumption) = &mut self.resumption {
            resumption.lost.push((agent, name.clone()));
            return self.answered(agent);
        }
        let message = format!("agent {name} was lost: its connection broke and it did not come back");
        let (goes_on, is_repeated) = (self.goes_on_without(agent), self.is_worth_repeating());
        if self.has_open_trial() && self.taking_part().contains(&agent) {
            // It may come back before it hears that it is out, with what it measured from a start that was moved for the others.
            actions.push(Action::Exclude(self.key(), agent));
            if goes_on && self.trial.cells.is_empty() {
                self.note_loss(agent, message.clone());
            } else {
                self.break_trial(FindingCode::AgentLost, Some(agent), message.clone());
            }
        }
        if !goes_on && is_repeated {
            self.group.is_short = true;
        } else if !goes_on {
            self.fail_unless_profiling(message);
        }
        self.agents.retain(|leased| *leased != agent);
        self.answered(agent);
        self.targets.remove(&agent);
    }

    /// Whether the others go on as if nothing had happened. Nobody measures a target that is gone.
    fn goes_on_without(&self, agent: AgentId) -> bool {
        self.job.fleet.on_agent_loss == LossPolicy::Continue
            && !self.hosts_shared_target(agent)
            && self.agents.iter().any(|other| *other != agent)
    }

    /// Whether what an agent leaves undone may be done once more.
    fn is_worth_repeating(&self) -> bool {
        match self.step {
            Step::Regroup => true,
            // The attempt is measured; those that come after it need the agent.
            Step::Judge => self.job.fleet.retries > 0,
            _ => self.has_open_trial() && self.trial.attempt < self.job.fleet.retries,
        }
    }

    /// The trial goes on: its numbers count, and say what they cover.
    fn note_loss(&mut self, agent: AgentId, message: String) {
        let message = format!("{message}; the others went on, and nobody took over its share");
        let finding = Finding {
            code: FindingCode::AgentLost,
            severity: Severity::Suspect,
            agent: Some(agent),
            message,
        };
        if let Some(record) = self.trial_record() {
            record.findings.push(finding);
        }
    }

    /// Looks for agents in place of those that were lost, and goes on once there are enough.
    pub(super) fn regroup(&mut self, fleet: &mut Fleet, actions: &mut Vec<Action>) {
        match fleet.regrouped(self.record.id, &self.need(), self.group.size() as usize) {
            Ok(agents) => {
                fleet.lease(self.record.id, &agents);
                self.regrouped(agents, fleet);
            }
            Err(unmet) => self.tell_waiting(unmet.message(), actions),
        }
    }

    /// Nobody came. A job that takes every agent there is goes on with those that are left.
    pub(super) fn give_up_regrouping(&mut self, fleet: &Fleet) {
        let left: Vec<AgentId> = self.agents.iter().copied().filter(|agent| fleet.is_here(*agent)).collect();
        if self.job.fleet.agents.is_some() || left.is_empty() {
            let message = format!("lost agents were not replaced in time: {}", self.waiting_message);
            return self.fail_unless_profiling(message);
        }
        let (before, now) = (self.group.size(), left.len());
        self.regrouped(left, fleet);
        if !self.record.plan.is_placed() {
            self.group.note = Some(format!(
                "{now} agents share the load that {before} shared before: lost ones did not come back"
            ));
        }
    }

    /// What the run needs of the fleet.
    pub(super) fn needs(&self) -> crate::fleet::Need {
        need(&self.job, self.record.reservation.as_deref(), &self.confidential)
    }

    /// Where agents stand apart, only a process with the name of a lost one may take its place: what is measured is that host.
    fn need(&self) -> crate::fleet::Need {
        let names = || self.names.values().cloned().collect();
        let named = self.record.plan.is_placed().then(names);
        crate::fleet::Need { named, ..self.needs() }
    }

    fn regrouped(&mut self, agents: Vec<AgentId>, fleet: &Fleet) {
        self.note_names(&agents, fleet);
        self.newcomers = agents.iter().copied().filter(|agent| !self.agents.contains(agent)).collect();
        self.group = Group::of(&agents);
        self.agents = agents;
        self.awaited.clear();
    }
}
