//! The agents' side of what happens: connecting, saying, measuring.

use agent::rpc::link::FromCoordinator;
use agent::rpc::link::words;
use agent::session::Statement;

use super::{Ascent, Happening, Landing, World};
use crate::simulation::dice::{MS, SECOND};
use crate::simulation::fault::Family;
use crate::simulation::invariants;
use crate::simulation::network::{Connection, ConnectionId, Lane};
use crate::simulation::process::{Inner, Link, Outcome, Outgoing, Process, Surroundings};
use crate::simulation::trace::{said, told};

/// How long an agent waits for its welcome, as the real one does.
const WELCOME_WITHIN_NS: u64 = 5 * SECOND;
/// How long it takes to be told that nobody listens, nanoseconds.
const REFUSED_NS: std::ops::RangeInclusive<u64> = MS..=SECOND;
/// Reasons that an agent has of its own for giving a trial up.
const OWN_REASONS: [&str; 4] = ["nobody answers there", "out of sockets", "outbox is full", "disk is full"];

impl World {
    /// An agent is started, for the first time or anew.
    pub(super) fn begin_agent(&mut self, agent: usize) {
        let seat = &mut self.seats[agent];
        if seat.process.is_none() {
            seat.start(&mut self.dice);
            let (name, life, boot_id) = (seat.name.clone(), seat.life, seat.boot_id.clone());
            self.note(|| format!("{name} begins its life {life} on {boot_id}"));
            self.dial(agent, life);
        }
    }

    /// An agent tries to connect.
    pub(super) fn dial(&mut self, agent: usize, life: u32) {
        let seat = &self.seats[agent];
        let is_unlinked = seat.process.as_ref().is_some_and(|process| process.link == Link::None);
        if seat.life != life || !is_unlinked {
            return;
        }
        if self.coordinator.is_none() || self.now_ns < seat.unreachable_until_ns {
            let after_ns = self.dice.spread(REFUSED_NS) + self.seats[agent].next_retry_ns();
            return self.later(after_ns, Happening::Dials { agent, life });
        }
        let Some(introduction) = seat.introduction() else { return };
        let connection = ConnectionId(self.connections.len() as u64);
        let way = Connection::new(agent, life, self.incarnation, seat.latency_ns);
        self.connections.insert(connection, way);
        self.set_link(agent, Link::Dialing(connection));
        let name = self.seats[agent].name.clone();
        self.note(|| format!("{name} dials connection {}", connection.0));
        self.send_up(connection, Lane::AttachUp, Ascent::Hello(Box::new(words::hello(introduction))));
        self.later(WELCOME_WITHIN_NS, Happening::GivesUpDialing(connection));
    }

    pub(super) fn give_up_dialing(&mut self, connection: ConnectionId) {
        let agent = self.agent_behind(connection);
        if self.link_of(agent) == Some(Link::Dialing(connection)) {
            self.break_link(connection, "no welcome came");
        }
    }

    /// Something reaches an agent.
    pub(super) fn land(&mut self, connection: ConnectionId, landing: Landing) {
        let Connection { agent, life, .. } = self.connections[&connection];
        let is_its_own = self.seats[agent].life == life
            && matches!(self.link_of(agent), Some(Link::Dialing(own) | Link::Stands(own)) if own == connection);
        if !is_its_own {
            return;
        }
        match landing {
            Landing::Welcome => self.send_up(connection, Lane::ReportUp, Ascent::OpenReport),
            Landing::ReportOpened => self.link(agent, connection),
            Landing::Probe(probe_id) => {
                let agent_monotonic_ns = self.seats[agent].read_clock(self.now_ns);
                let reply = proto::ClockReply { probe_id, agent_monotonic_ns };
                let reply = words::up(proto::attach_up::Message::ClockReply(reply));
                self.send_up(connection, Lane::AttachUp, Ascent::Attach(Box::new(reply)));
            }
            Landing::Message(message) if self.link_of(agent) == Some(Link::Stands(connection)) => {
                self.hear(agent, message);
            }
            Landing::Message(message) => self.seats[agent].unheard.push(message),
            Landing::Broken(reason) => self.break_link(connection, &reason),
        }
    }

    /// Something happens inside an agent; while it waits for its welcome only engines go on.
    pub(super) fn happen_inside(&mut self, agent: usize, life: u32, inner: Inner) {
        if self.seats[agent].life != life {
            return;
        }
        if matches!(self.link_of(agent), Some(Link::Dialing(_))) && !inner.is_of_an_engine() {
            return self.seats[agent].waiting.push(inner);
        }
        let begins = matches!(inner, Inner::Begins(..));
        self.with_process(agent, |process, around| process.happen(inner, around));
        if begins && self.family == Family::Calm {
            let checked = invariants::hosts_are_not_shared(&self.seats);
            self.fail_if(checked);
        }
    }

    /// An agent's end of a connection is over, for whatever reason.
    pub(super) fn break_link(&mut self, connection: ConnectionId, reason: &str) {
        let agent = self.agent_behind(connection);
        let link = self.link_of(agent);
        if !matches!(link, Some(Link::Dialing(own) | Link::Stands(own)) if own == connection) {
            return;
        }
        let name = self.seats[agent].name.clone();
        self.note(|| format!("{name} gives connection {} up: {reason}", connection.0));
        self.cut(connection);
        self.set_link(agent, Link::None);
        self.seats[agent].unheard.clear();
        self.catch_up(agent);
        let seat = &mut self.seats[agent];
        let (after_ns, life) = (seat.next_retry_ns(), seat.life);
        self.later(after_ns, Happening::Dials { agent, life });
    }

    fn link(&mut self, agent: usize, connection: ConnectionId) {
        self.set_link(agent, Link::Stands(connection));
        self.seats[agent].forget_retries();
        let name = self.seats[agent].name.clone();
        self.note(|| format!("{name} is attached by connection {}", connection.0));
        self.with_process(agent, Process::linked);
        // Which of what waited comes first is the scheduler's choice.
        let unheard = std::mem::take(&mut self.seats[agent].unheard);
        if self.dice.one_in(2) {
            self.catch_up(agent);
        }
        unheard.into_iter().for_each(|message| self.hear(agent, message));
        self.catch_up(agent);
    }

    /// What happened inside an agent while it waited for its welcome.
    fn catch_up(&mut self, agent: usize) {
        for inner in std::mem::take(&mut self.seats[agent].waiting) {
            self.with_process(agent, |process, around| process.happen(inner, around));
        }
        self.with_process(agent, Process::listen);
    }

    fn hear(&mut self, agent: usize, message: FromCoordinator) {
        let name = &self.seats[agent].name;
        self.trace.note(self.now_ns, || format!("{name} is told: {}", told(&message)));
        self.with_process(agent, |process, around| process.hear(message, around));
    }

    /// Lets something happen to an agent's process, and does what follows from it.
    fn with_process(&mut self, agent: usize, happen: impl FnOnce(&mut Process, &mut Surroundings<'_>)) {
        let is_session_busy = self.standstill(agent).is_some();
        let Some(process) = &mut self.seats[agent].process else { return };
        let mut outcome = Outcome::default();
        let around = &mut Surroundings {
            now_ns: self.now_ns,
            dice: &mut self.dice,
            is_session_busy,
            truth: &mut self.truth,
            outcome: &mut outcome,
        };
        happen(process, around);
        let link = process.link;
        let checked = invariants::outbox_is_bounded(process);
        self.fail_if(checked);
        let life = self.seats[agent].life;
        for (after_ns, inner) in outcome.later {
            self.later(after_ns, Happening::Inside { agent, life, inner });
        }
        for outgoing in outcome.outgoing {
            self.note_own_failure(agent, &outgoing);
            if let Link::Stands(connection) = link {
                self.send_out(agent, connection, outgoing);
            }
        }
    }

    fn send_out(&mut self, agent: usize, connection: ConnectionId, outgoing: Outgoing) {
        let name = &self.seats[agent].name;
        self.trace.note(self.now_ns, || match &outgoing {
            Outgoing::Says(statement, _) => format!("{name} says: {}", said(statement)),
            Outgoing::Reports(batch) => {
                let numbers: Vec<u64> = batch.iter().map(|(_, interval)| interval.sequence).collect();
                format!("{name} reports intervals {numbers:?}")
            }
        });
        match outgoing {
            Outgoing::Says(statement, lease) => {
                let message = Box::new(words::statement(statement, lease));
                self.send_up(connection, Lane::AttachUp, Ascent::Attach(message));
            }
            Outgoing::Reports(batch) => {
                self.send_up(connection, Lane::ReportUp, Ascent::Report(words::batch(batch)));
            }
        }
    }

    /// A trial that an agent gives up for a reason of its own need not survive anything.
    fn note_own_failure(&mut self, agent: usize, outgoing: &Outgoing) {
        let Outgoing::Says(statement, _) = outgoing else { return };
        match statement {
            Statement::Failed(trial, reason, _) if OWN_REASONS.iter().any(|own| reason.contains(own)) => {
                self.truth.survivors.remove(trial);
                self.trouble(agent);
            }
            Statement::HookDone(trial, _, Some(_)) | Statement::TargetFailed(trial, _) => {
                self.truth.survivors.retain(|survivor| survivor.run != trial.run);
            }
            _ => {}
        }
    }

    fn send_up(&mut self, connection: ConnectionId, lane: Lane, ascent: Ascent) {
        let Some(way) = self.connections.get_mut(&connection) else { return };
        if let Some(at_ns) = way.send(lane, self.now_ns, &mut self.dice) {
            self.at(at_ns, Happening::Up(connection, lane, ascent));
        }
    }

    fn link_of(&self, agent: usize) -> Option<Link> {
        self.seats[agent].process.as_ref().map(|process| process.link)
    }

    fn set_link(&mut self, agent: usize, link: Link) {
        if let Some(process) = &mut self.seats[agent].process {
            process.link = link;
        }
    }
}
