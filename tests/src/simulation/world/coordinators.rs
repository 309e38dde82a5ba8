//! The coordinator's side of what happens: beginning, hearing, telling, storing.

use agent::rpc::link::{FromCoordinator, words};
use agent::session::Order;
use coordinator::clock::ClockIdentity;
use coordinator::director::Beginning;

use super::{Ascent, BEGINNING_UNIX_MS, Happening, Landing, TICK_NS, World};
use crate::simulation::coordinator::{Coordinator, Descent};
use crate::simulation::dice::{MS, SECOND};
use crate::simulation::host::OWN_MACHINE;
use crate::simulation::invariants;
use crate::simulation::network::{ConnectionId, Lane};

/// By how much the wall clock is set back or forth at most, milliseconds: an hour.
const SET_MS_MAX: u64 = 3_600_000;
/// How long the coordinator's disk takes for one thing, nanoseconds.
const DISK_NS: std::ops::RangeInclusive<u64> = MS / 10..=40 * MS;
/// Once in so many times it takes much longer.
const SLOW_DISK_ONE_IN: u32 = 100;
const SLOW_DISK_NS: std::ops::RangeInclusive<u64> = 40 * MS..=3 * SECOND;

impl World {
    /// A coordinator begins over what lies on the disk.
    pub(super) fn begin_coordinator(&mut self) {
        if self.coordinator.is_some() {
            return;
        }
        self.incarnation += 1;
        self.is_store_busy = false;
        // Somebody may have set the wall clock meanwhile.
        let set_ms = if self.dice.one_in(4) { self.dice.between(0..=2 * SET_MS_MAX) } else { SET_MS_MAX };
        let unix_ms = BEGINNING_UNIX_MS - SET_MS_MAX + set_ms + self.now_ns / MS;
        let clock = ClockIdentity::new(Some(OWN_MACHINE.0), Some(OWN_MACHINE.1));
        let beginning = Beginning { unix_ms, now_ns: self.now_ns, clock };
        self.note(|| "the coordinator begins".to_owned());
        match Coordinator::begin(beginning, self.temper, &mut self.disk) {
            Ok(coordinator) => self.coordinator = Some(coordinator),
            Err(error) => self.fail_if(Err(invariants::unreadable(&error))),
        }
        let incarnation = self.incarnation;
        self.later(TICK_NS, Happening::Tick { incarnation });
        // A client whose job was not stored is told so, and tries again.
        for run in std::mem::take(&mut self.submitted) {
            self.submit(run);
        }
        self.settle();
        self.look_at_reports();
    }

    pub(super) fn tick(&mut self) {
        let incarnation = self.incarnation;
        self.later(TICK_NS, Happening::Tick { incarnation });
        if let Some(coordinator) = &mut self.coordinator {
            coordinator.director.tick(self.now_ns);
        }
        self.settle();
    }

    pub(super) fn submit(&mut self, run: usize) {
        self.submitted.insert(run);
        let job = &self.jobs[run];
        let is_stored = invariants::is_stored(&self.disk, job.run);
        if let (Some(coordinator), false) = (&mut self.coordinator, is_stored) {
            coordinator.submit(job.submission(BEGINNING_UNIX_MS + self.now_ns / MS));
            let text = job.text.replace('\n', "; ");
            self.note(|| format!("run {} is submitted: {text}", run + 1));
            self.settle();
        }
    }

    /// Something reaches the coordinator.
    pub(super) fn ascend(&mut self, connection: ConnectionId, ascent: Ascent) {
        let Some(coordinator) = &mut self.coordinator else { return };
        // Nothing of what was on its way to one that died reaches the next.
        if self.connections.get(&connection).is_none_or(|way| way.incarnation != self.incarnation) {
            return;
        }
        let now_ns = self.now_ns;
        let outcome = match ascent {
            Ascent::Hello(hello) => {
                coordinator.attach(now_ns, connection, *hello).map(|()| Some(Landing::Welcome))
            }
            Ascent::Attach(message) => match message.message {
                Some(message) => coordinator.hear(now_ns, connection, message).map(|()| None),
                None => Ok(None),
            },
            Ascent::OpenReport => coordinator.open_report(connection).map(|()| Some(Landing::ReportOpened)),
            Ascent::Report(batch) => {
                coordinator.take_batch(connection, batch);
                Ok(None)
            }
        };
        match outcome {
            Ok(Some(Landing::Welcome)) => self.send_down(connection, Lane::AttachDown, Landing::Welcome),
            Ok(Some(landing)) => self.send_down(connection, Lane::ReportDown, landing),
            Ok(None) => {}
            Err(reason) => self.send_down(connection, Lane::AttachDown, Landing::Broken(reason)),
        }
        self.settle();
    }

    pub(super) fn coordinator_notices(&mut self, connection: ConnectionId) {
        if let Some(coordinator) = &mut self.coordinator {
            coordinator.detach(self.now_ns, connection);
        }
        self.settle();
    }

    pub(super) fn store_works(&mut self) {
        self.is_store_busy = false;
        if let Some(coordinator) = &mut self.coordinator {
            coordinator.serve_store(&mut self.disk);
        }
        self.settle();
        self.look_at_reports();
    }

    /// Lets the coordinator's tasks go on, sends what they have to tell, and looks at what must hold.
    pub(super) fn settle(&mut self) {
        let Some(coordinator) = &mut self.coordinator else { return };
        let descents = coordinator.settle(self.now_ns);
        let is_idle = coordinator.is_store_idle();
        let checked = invariants::leases_exclude(coordinator)
            .and_then(|()| invariants::coordinator_is_bounded(coordinator, self.jobs.len(), self.temper));
        self.fail_if(checked);
        if !is_idle && !self.is_store_busy {
            self.is_store_busy = true;
            let slow = self.dice.one_in(SLOW_DISK_ONE_IN);
            let takes_ns = self.dice.spread(if slow { SLOW_DISK_NS } else { DISK_NS });
            let at_ns = self.store_stalls_until_ns.max(self.now_ns) + takes_ns;
            let incarnation = self.incarnation;
            self.at(at_ns, Happening::StoreWorks { incarnation });
        }
        for (connection, descent) in descents {
            self.descend(connection, descent);
        }
    }

    fn descend(&mut self, connection: ConnectionId, descent: Descent) {
        let (lane, landing) = match descent {
            Descent::Attach(message) => (Lane::AttachDown, attached(*message)),
            Descent::Report(message) => match words::receipt(message) {
                Ok(message) => (Lane::ReportDown, Landing::Message(message)),
                Err(error) => (Lane::ReportDown, Landing::Broken(error.to_string())),
            },
            Descent::Broken(reason) => (Lane::AttachDown, Landing::Broken(reason)),
        };
        match &landing {
            Landing::Message(FromCoordinator::Order(Order::Prepare(assignment))) => {
                self.truth.epochs.insert(assignment.trial, assignment.epoch);
            }
            Landing::Message(FromCoordinator::Acknowledged(trial, through)) => {
                let part = self.agent_of(connection).map(|agent| (*trial, agent));
                let checked = part.map_or(Ok(()), |part| {
                    invariants::acked_is_durable(&mut self.truth, &self.disk, part, *through)
                });
                self.fail_if(checked);
            }
            _ => {}
        }
        self.send_down(connection, lane, landing);
    }

    fn send_down(&mut self, connection: ConnectionId, lane: Lane, landing: Landing) {
        let Some(way) = self.connections.get_mut(&connection) else { return };
        if let Some(at_ns) = way.send(lane, self.now_ns, &mut self.dice) {
            self.at(at_ns, Happening::Down(connection, lane, landing));
        }
    }

    /// The agent whose life a connection belongs to, if it still lives.
    fn agent_of(&self, connection: ConnectionId) -> Option<shared::ids::AgentId> {
        let way = self.connections.get(&connection)?;
        let seat = &self.seats[way.agent];
        (seat.life == way.life).then(|| seat.process.as_ref().map(|process| process.id))?
    }

    /// Looks at the reports of runs that have just ended.
    fn look_at_reports(&mut self) {
        let Some(coordinator) = &self.coordinator else { return };
        for run in 0..self.jobs.len() {
            let id = self.jobs[run].run;
            if self.reported.contains(&run) || coordinator.director.schedule().is_active(id) {
                continue;
            }
            match invariants::of_report(&self.disk, id, &self.truth, self.family) {
                Ok(Some(trials)) => {
                    self.truth.events.complete += trials.complete;
                    self.truth.events.broken += trials.broken;
                    self.reported.insert(run);
                    self.trace.note(self.now_ns, || format!("run {} is over and reported", run + 1));
                }
                Ok(None) => {}
                Err(violation) => {
                    self.violation.get_or_insert(violation);
                }
            }
        }
    }
}

/// What an agent hears on `Attach`.
fn attached(message: proto::AttachDown) -> Landing {
    if let Some(proto::attach_down::Message::ClockProbe(probe)) = &message.message {
        return Landing::Probe(probe.probe_id);
    }
    match words::order(message) {
        Ok(order) => Landing::Message(FromCoordinator::Order(order)),
        Err(error) => Landing::Broken(error.to_string()),
    }
}
