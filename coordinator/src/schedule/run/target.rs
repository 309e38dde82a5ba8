//! What is measured, when fleetmark starts it: on which agent, from a free port to its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::finding::FindingCode;
use shared::ids::{AgentId, TrialKey};
use shared::job::{TargetRestart, TargetSpec};

use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;
use crate::fleet::Fleet;

/// What is measured, when fleetmark starts it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) agent: Option<AgentId>,
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
        self.target.agent == Some(agent) && self.target.started_for.is_some()
    }

    pub(super) fn reserve_port(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        let Some(spec) = &self.job.target else { return };
        let facts = |id: AgentId| {
            fleet.agent(id).map(|agent| {
                let name = [("name".to_owned(), agent.name.to_string())];
                agent
                    .facts
                    .clone()
                    .into_iter()
                    .chain(agent.labels.clone())
                    .chain(name)
                    .collect::<BTreeMap<_, _>>()
            })
        };
        let chosen = self
            .agents
            .iter()
            .copied()
            .find(|id| facts(*id).is_some_and(|facts| spec.selector.mismatch(&facts).is_none()));
        match chosen {
            Some(agent) => {
                self.target.agent = Some(agent);
                let trial = self.key();
                self.ask(agent, Command::ReservePort(trial), actions);
            }
            None => {
                let message =
                    format!("none of the leased agents matches target.where = \"{}\"", spec.selector);
                self.break_trial(FindingCode::TargetFailed, None, message);
            }
        }
    }

    pub(super) fn start_target(&mut self, fleet: &Fleet, actions: &mut Vec<Action>) {
        let (Some(agent), Some(_)) = (self.target.agent, self.target.port) else { return };
        self.target.host = self.target_host(fleet, agent);
        match self.resolved() {
            Ok(resolved) => {
                if let Some(TargetSpec { start, ready, .. }) = resolved.target {
                    let command = Command::StartTarget {
                        trial: self.key(),
                        command: start,
                        ready,
                        timeout: self.deadlines.start_target,
                    };
                    self.target.started_for = Some(self.key());
                    self.ask(agent, command, actions);
                }
            }
            Err(problem) => self.break_trial(FindingCode::TargetFailed, Some(agent), problem),
        }
    }

    /// Loopback when all agents share the target's host, else the address that the target's agent called from. Containers
    /// of one machine share its boot and not its network: they call from addresses of their own.
    fn target_host(&self, fleet: &Fleet, agent: AgentId) -> String {
        let host_of = |id: AgentId| {
            let agent = fleet.agent(id)?;
            Some((agent.fingerprint.boot_id.clone()?, agent.address))
        };
        let is_shared =
            host_of(agent).is_some() && self.agents.iter().all(|id| host_of(*id) == host_of(agent));
        match fleet.agent(agent) {
            Some(introduction) if !is_shared && introduction.address.is_ipv6() => {
                format!("[{}]", introduction.address)
            }
            Some(introduction) if !is_shared => introduction.address.to_string(),
            _ => "127.0.0.1".to_owned(),
        }
    }

    pub(super) fn stop_target(&mut self, actions: &mut Vec<Action>) {
        let Some((agent, _)) = self.target.agent.zip(self.target.started_for) else { return };
        let restarts = self.job.target.as_ref().map(|target| target.restart);
        let is_last = self.ending.is_some() || self.is_last_trial();
        // A target that failed by itself, or never became ready, is still stopped: its group may live on.
        if restarts == Some(TargetRestart::Trial) || is_last || !self.target.is_running {
            let trial = self.key();
            self.target.is_running = false;
            self.ask(agent, Command::StopTarget(trial), actions);
        }
    }

    /// The target is gone, by itself or as asked.
    pub(super) fn target_ended(&mut self, agent: AgentId) {
        if matches!(self.step, Step::StopTarget | Step::StopLastTarget) {
            self.target.started_for = None;
            self.answered(agent);
        }
    }
}
