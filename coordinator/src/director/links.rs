//! Connections to agents, and what is known of their clocks.

use std::collections::HashMap;
use std::time::Duration;

use shared::fleet::AgentStatus;
use shared::ids::{AgentId, LeaseEpoch, TrialKey};
use tokio::sync::mpsc;

use super::Downward;
use crate::clock::{ClockEstimate, Offset};

/// Probes that follow on each other's replies after an agent attached, so that its clock is known when it is needed: of so
/// many, delays that vary by 10 ms leave a millisecond or two.
const EAGER_PROBES: usize = 32;
/// Time between probes once the clock is known, nanoseconds.
const PROBE_EVERY_NS: u64 = 1_000_000_000;

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
    /// The start that the agent was told last, or is to be told.
    start: Option<Start>,
    /// Whether that start waits until the clock is known.
    is_start_pending: bool,
}

/// A start as all agents have it: its moment is on our clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// Of which trial.
    pub(super) trial: TrialKey,
    /// Under which lease.
    pub(super) epoch: LeaseEpoch,
    /// Which of the trial's starts, from 0.
    pub(super) arming: u32,
    /// When, nanoseconds on our monotonic clock.
    pub(super) at_ns: u64,
}

impl Links {
    /// A connection stands; an older one of the same agent is forgotten. Returns the connection's number.
    pub(super) fn insert(
        &mut self,
        agent: AgentId,
        sender: mpsc::Sender<Downward>,
        clock: ClockEstimate,
    ) -> u64 {
        self.last_connection += 1;
        let connection = self.last_connection;
        // The clock is measured anew: the way to the agent may be another one.
        self.links.insert(
            agent,
            Link {
                connection,
                sender: Some(sender),
                clock,
                last_probe_ns: 0,
                start: None,
                is_start_pending: false,
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
            if now_ns.saturating_sub(link.last_probe_ns) >= PROBE_EVERY_NS {
                link.probe(now_ns);
            }
        }
    }

    /// An agent answered a probe. Returns the longest round trip to it that is remembered.
    pub(super) fn clock_reply(
        &mut self,
        agent: AgentId,
        probe: u64,
        agent_ns: u64,
        received_ns: u64,
    ) -> Option<Duration> {
        let link = self.links.get_mut(&agent)?;
        link.clock.reply(probe, agent_ns, received_ns);
        if link.clock.replies() < EAGER_PROBES {
            link.probe(received_ns);
        }
        let round_trip = link.clock.round_trip_max();
        if link.is_start_pending {
            self.tell_start(agent);
        }
        round_trip
    }

    /// Tells an agent. One that does not empty its queue is cut off: it comes back and is told again.
    pub(super) fn send(&mut self, agent: AgentId, message: Downward) {
        let Some(link) = self.links.get_mut(&agent) else { return };
        if link.sender.as_ref().is_some_and(|sender| sender.try_send(message).is_err()) {
            tracing::warn!(%agent, "the agent does not read its commands; cutting its connection");
            link.sender = None;
        }
    }

    /// Tells an agent when to start, on its own clock, as soon as that is known.
    pub(super) fn start(&mut self, agent: AgentId, start: Start) {
        let Some(link) = self.links.get_mut(&agent) else { return };
        link.start = Some(start);
        self.tell_start(agent);
    }

    /// How far an armed start lies from T, and how wrong that may be, microseconds.
    pub(super) fn skew_us(
        &self,
        agent: AgentId,
        trial: TrialKey,
        arming: u32,
        armed_for_ns: u64,
    ) -> Option<(f64, f64)> {
        let link = self.links.get(&agent)?;
        let start = link.start.filter(|start| (start.trial, start.arming) == (trial, arming))?;
        let offset = link.clock.offset_at(start.at_ns)?;
        let skew_ns = i128::from(offset.to_ours(armed_for_ns)) - i128::from(start.at_ns);
        Some((skew_ns as f64 / 1e3, offset.error_ns as f64 / 1e3))
    }

    /// What is known of an agent's clock at a moment of ours.
    pub(super) fn offset_at(&self, agent: AgentId, at_ns: u64) -> Option<Offset> {
        self.links.get(&agent)?.clock.offset_at(at_ns)
    }

    /// Fills in what is known of an agent's clock now.
    pub(super) fn fill_in(&self, status: &mut AgentStatus, now_ns: u64) {
        if let Some(offset) = self.offset_at(status.id, now_ns) {
            status.clock_offset_us = Some(offset.offset_ns as f64 / 1e3);
            status.clock_error_us = Some(offset.error_ns as f64 / 1e3);
        }
    }

    /// A clock that is not known yet delays the start: the first reply to a probe brings it. One that comes too late by
    /// that is refused, and all are told a later one.
    fn tell_start(&mut self, agent: AgentId) {
        let Some(link) = self.links.get_mut(&agent) else { return };
        let Some(Start { trial, epoch, arming, at_ns }) = link.start else { return };
        let offset = link.clock.offset_at(at_ns);
        link.is_start_pending = offset.is_none();
        if let Some(offset) = offset {
            let at_agent_ns = offset.to_agent(at_ns);
            tracing::debug!(%agent, %trial, arming, at_ns, at_agent_ns, error_ns = offset.error_ns, "start");
            self.send(agent, Downward::Start { trial, epoch, arming, at_agent_ns });
        }
    }
}

impl Link {
    fn probe(&mut self, now_ns: u64) {
        let Some(sender) = &self.sender else { return };
        self.last_probe_ns = now_ns;
        let probe = self.clock.probe(now_ns);
        // A queue that is full delays a probe: its round trip then counts for little.
        let _a_missed_probe_does_no_harm = sender.try_send(Downward::ClockProbe { probe });
    }
}
