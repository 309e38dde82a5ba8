//! What is measured, when fleetmark starts it: on which agents, from a free port to its end.
//!
//! Agents that share a load share one target. Under `each` every agent starts one for itself, unless the job says where the
//! one for all is to be; under `pairs` the agent starts it that the other makes load for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::finding::FindingCode;
use shared::ids::{AgentId, TrialKey};
use shared::job::{Placement, ResolvedJob, TargetRestart, TargetSpec};

use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;
use crate::fleet::Fleet;

/// A target on one agent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Target {
    /// Where the other agents reach it.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) is_running: bool,
    /// The trial for which it was told to start; `None` once it has stopped. Its agent speaks of it under this trial
    /// for as long as it lives, which with `restart = "run"` is longer than the trial.
    pub(super) started_for: Option<TrialKey>,
}

impl ActiveRun {
    /// Whether the run has a target with this agent that has not stopped.
    pub(in super::super) fn has_target_on(&self, agent: AgentId) -> bool {
        self.targets.get(&agent).is_some_and(|target| target.started_for.is_some())
    }

    /// Whether a target that the present trial needs does not run.
    pub(super) fn lacks_target(&self) -> bool {
        let runs = |agent: &AgentId| self.targets.get(agent).is_some_and(|target| target.is_running);
        match self.own_hosts() {
            _ if self.present_job().target.is_none() => false,
            Some(hosts) => !hosts.iter().all(runs),
            None => !self.targets.keys().any(runs),
        }
    }

    /// Whether what the present trial measures is on this agent.
    pub(super) fn is_target_used_on(&self, agent: AgentId) -> bool {
        self.own_hosts().map_or_else(|| self.targets.contains_key(&agent), |hosts| hosts.contains(&agent))
    }

    /// Whether all agents measure what is on this one.
    pub(super) fn hosts_shared_target(&self, agent: AgentId) -> bool {
        self.own_hosts().is_none() && self.targets.contains_key(&agent)
    }

    /// What an earlier trial started and stopped is no target of the next one, which may start its own elsewhere.
    pub(super) fn forget_stopped_targets(&mut self) {
        self.targets.retain(|_, target| target.started_for.is_some());
    }

    pub(super) fn reserve_port(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        let Some(spec) = &self.present_job().target else { return };
        let hosts = self.own_hosts().unwrap_or_else(|| {
            let matches = |agent: &AgentId| fleet.mismatch(*agent, &spec.selector).is_none();
            self.agents.iter().copied().find(matches).into_iter().collect()
        });
        if hosts.is_empty() {
            let reasons: Vec<String> =
                self.agents.iter().filter_map(|id| fleet.mismatch(*id, &spec.selector)).collect();
            let message = format!(
                "none of the leased agents matches target.where = \"{}\": {}",
                spec.selector,
                reasons.join("; ")
            );
            self.break_trial(FindingCode::TargetFailed, None, message);
        }
        let trial = self.key();
        for host in hosts {
            if !self.targets.get(&host).is_some_and(|target| target.is_running) {
                self.targets.insert(host, Target::default());
                self.ask(host, Command::ReservePort(trial), actions);
            }
        }
    }

    pub(super) fn start_target(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        let is_to_start = |(agent, target): &(&AgentId, &Target)| {
            target.port.is_some() && !target.is_running && self.is_target_used_on(**agent)
        };
        let hosts: Vec<AgentId> = self.targets.iter().filter(is_to_start).map(|(agent, _)| *agent).collect();
        for agent in hosts {
            let (host, trial) = (fleet.host_of(agent, &self.users_of(agent)), self.key());
            if let Some(target) = self.targets.get_mut(&agent) {
                target.host = host;
            }
            match self.resolved(agent) {
                Ok(resolved) => {
                    if let Some(TargetSpec { start: command, ready, .. }) = resolved.target
                        && let Some(target) = self.targets.get_mut(&agent)
                    {
                        target.started_for = Some(trial);
                        let (timeout, confidential) =
                            (self.deadlines.start_target, Arc::clone(&self.confidential));
                        let start = Command::StartTarget { trial, command, confidential, ready, timeout };
                        self.ask(agent, start, actions);
                    }
                }
                Err(problem) => self.break_trial(FindingCode::TargetFailed, Some(agent), problem),
            }
        }
    }

    pub(super) fn stop_target(&mut self, actions: &mut Vec<Action>) {
        let restarts = self.present_job().target.as_ref().map(|target| target.restart);
        let is_last = self.ending.is_some() || self.onward().is_none();
        let trial = self.key();
        // A target that failed by itself, or never became ready, is still stopped: its group may live on.
        let is_to_stop = |target: &Target| {
            target.started_for.is_some()
                && (restarts == Some(TargetRestart::Trial) || is_last || !target.is_running)
        };
        let stopped: Vec<AgentId> =
            self.targets.iter().filter(|(_, target)| is_to_stop(target)).map(|(agent, _)| *agent).collect();
        for agent in stopped {
            self.note_target_down(agent);
            self.ask(agent, Command::StopTarget(trial), actions);
        }
    }

    /// A target answers no more.
    pub(super) fn note_target_down(&mut self, agent: AgentId) {
        if let Some(target) = self.targets.get_mut(&agent) {
            target.is_running = false;
        }
    }

    /// The target is gone, by itself or as asked.
    pub(super) fn target_ended(&mut self, agent: AgentId) {
        if matches!(self.step, Step::StopTarget | Step::StopLastTarget) {
            if let Some(target) = self.targets.get_mut(&agent) {
                target.started_for = None;
            }
            self.answered(agent);
        }
    }

    /// The job's strings as an agent is to have them: with its templates resolved, as far as they can be known now.
    pub(super) fn resolved(&self, agent: AgentId) -> Result<ResolvedJob, String> {
        let mut known = BTreeMap::new();
        if let Some((host, port)) =
            self.target_for(agent).and_then(|target| Some((&target.host, target.port?)))
        {
            known.insert("target.host".to_owned(), host.clone());
            known.insert("target.port".to_owned(), port.to_string());
        }
        let peer_host = self.cell_of(agent).and_then(|cell| cell.peer_host(agent));
        known.extend(peer_host.map(|host| ("peer.host".to_owned(), host.clone())));
        self.present_job().resolved(&known).map_err(|error| error.to_string())
    }

    /// The target that an agent has to do with.
    fn target_for(&self, agent: AgentId) -> Option<&Target> {
        if self.own_hosts().is_none() {
            return self.targets.values().next();
        }
        let part = &self.cell_of(agent)?.part;
        self.targets.get(&part.peer.as_ref().map_or(part.agent, |peer| peer.id))
    }

    /// Where each cell of the present trial has its own target; `None`: all agents share one.
    fn own_hosts(&self) -> Option<Vec<AgentId>> {
        let cells = self.trial.cells.iter().filter(|cell| cell.broken.is_none());
        let job = self.present_job();
        match job.fleet.placement {
            Placement::Pairs => Some(cells.filter_map(|cell| Some(cell.part.peer.as_ref()?.id)).collect()),
            Placement::Each if !job.has_shared_target() => Some(cells.map(|cell| cell.part.agent).collect()),
            Placement::Together | Placement::Each => None,
        }
    }

    /// Who is to reach the target on an agent: one that serves the whole run is reached by everybody.
    fn users_of(&self, agent: AgentId) -> Vec<AgentId> {
        let job = self.present_job();
        let is_for_all = self.own_hosts().is_none()
            || (job.fleet.placement == Placement::Pairs
                && job.target.as_ref().is_some_and(|target| target.restart == TargetRestart::Run));
        match self.cell_of(agent) {
            Some(cell) if !is_for_all => vec![cell.part.agent],
            _ => self.agents.clone(),
        }
    }
}
