//! Connections to agents, and what is known of their clocks.

use std::collections::HashMap;

use shared::fleet::AgentStatus;
use shared::ids::{AgentId, LeaseEpoch, TrialKey};
use tokio::sync::mpsc;

use super::Downward;
use crate::clock::{ClockEstimate, Offset};

/// Probes that follow each other quickly after an agent attached, so that its clock is known when it is needed.
const EAGER_PROBES: usize = 8;
/// Time between probes once the clock is known, nanoseconds.
const PROBE_EVERY_NS: u64 = 2_000_000_000;

/// The connections that stand.
#[derive(Default)]
pub(super) struct Links {
    links: HashMap<AgentId, Link>,
    last_connection: u64,
}

struct Link {
    connection: u64,
    /// `None` once it was cut off from here: the broken connection is still to be heard of.
    sender: Option<mpsc::Sender<Downward>>,
    clock: ClockEstimate,
    last_probe_ns: u64,
    /// The start that the agent was told last, on our clock.
    start: Option<(TrialKey, u64)>,
}

impl Links {
    /// A connection stands; an older one of the same agent is forgotten. Returns the connection's number.
    pub(super) fn insert(&mut self, agent: AgentId, sender: mpsc::Sender<Downward>) -> u64 {
        self.last_connection += 1;
        let connection = self.last_connection;
        // The clock is measured anew: the way to the agent may be another one.
        self.links.insert(
            agent,
            Link {
                connection,
                sender: Some(sender),
                clock: ClockEstimate::default(),
                last_probe_ns: 0,
                start: None,
            },
        );
        connection
    }

    /// A connection broke. False: a newer one stands.
    pub(super) fn remove(&mut self, agent: AgentId, connection: u64) -> bool {
        let is_current = self.links.get(&agent).is_some_and(|link| link.connection == connection);
        if is_current {
            self.links.remove(&agent);
        }
        is_current
    }

    /// Probes the clocks that are due.
    pub(super) fn probe(&mut self, now_ns: u64) {
        for link in self.links.values_mut() {
            let Some(sender) = &link.sender else { continue };
            let is_eager = link.clock.replies() < EAGER_PROBES;
            if is_eager || now_ns.saturating_sub(link.last_probe_ns) >= PROBE_EVERY_NS {
                link.last_probe_ns = now_ns;
                let probe = link.clock.probe(now_ns);
                // A queue that is full delays a probe: its round trip then counts for little.
                let _a_missed_probe_does_no_harm = sender.try_send(Downward::ClockProbe { probe });
            }
        }
    }

    pub(super) fn clock_reply(&mut self, agent: AgentId, probe: u64, agent_ns: u64, received_ns: u64) {
        if let Some(link) = self.links.get_mut(&agent) {
            link.clock.reply(probe, agent_ns, received_ns);
        }
    }

    /// Tells an agent. One that does not empty its queue is cut off: it comes back and is told again.
    pub(super) fn send(&mut self, agent: AgentId, message: Downward) {
        let Some(link) = self.links.get_mut(&agent) else { return };
        if link.sender.as_ref().is_some_and(|sender| sender.try_send(message).is_err()) {
            tracing::warn!(%agent, "the agent does not read its commands; cutting its connection");
            link.sender = None;
        }
    }

    /// Tells an agent when to start, on its own clock.
    pub(super) fn start(&mut self, agent: AgentId, trial: TrialKey, epoch: LeaseEpoch, at_ns: u64) {
        let Some(link) = self.links.get_mut(&agent) else { return };
        link.start = Some((trial, at_ns));
        // Without an answer to any probe the offset of a shared clock is assumed; its error is then not known,
        // and the report says so.
        let at_agent_ns = link.clock.offset().map_or(at_ns, |offset| offset.to_agent(at_ns));
        self.send(agent, Downward::Start { trial, epoch, at_agent_ns });
    }

    /// How far an armed start lies from T, and how wrong that may be, microseconds.
    pub(super) fn skew_us(&self, agent: AgentId, trial: TrialKey, armed_for_ns: u64) -> Option<(f64, f64)> {
        let link = self.links.get(&agent)?;
        let (_, at_ns) = link.start.filter(|(started, _)| *started == trial)?;
        let offset = link.clock.offset()?;
        let skew_ns = i128::from(offset.to_ours(armed_for_ns)) - i128::from(at_ns);
        Some((skew_ns as f64 / 1e3, offset.error_ns as f64 / 1e3))
    }

    pub(super) fn offset(&self, agent: AgentId) -> Option<Offset> {
        self.links.get(&agent)?.clock.offset()
    }

    /// Fills in what is known of an agent's clock.
    pub(super) fn fill_in(&self, status: &mut AgentStatus) {
        if let Some(offset) = self.offset(status.id) {
            status.clock_offset_us = Some(offset.offset_ns as f64 / 1e3);
            status.clock_error_us = Some(offset.error_ns as f64 / 1e3);
        }
    }
}
