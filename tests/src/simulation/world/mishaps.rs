//! What goes wrong.

use super::{Happening, World};
use crate::simulation::fault::Fault;
use crate::simulation::invariants;
use crate::simulation::network::ConnectionId;
use crate::simulation::process::{Inner, Link};

/// From here on an agent that only lost its connection is back before it counts as lost.
const PATIENT_SECONDS: u64 = 60;

impl World {
    pub(super) fn go_wrong(&mut self, fault: Fault) {
        self.note(|| format!("goes wrong: {fault:?}"));
        match fault {
            Fault::Cut(agent) => {
                if self.temper.lost_after.as_secs() < PATIENT_SECONDS {
                    self.trouble(agent);
                }
                self.cut_link_of(agent);
            }
            Fault::Outage(agent, time_ns) => {
                self.trouble(agent);
                self.seats[agent].unreachable_until_ns = self.now_ns + time_ns;
                self.cut_link_of(agent);
            }
            Fault::Standstill(agent, time_ns) => {
                let seat = &mut self.seats[agent];
                seat.stands_still_until_ns = self.now_ns + time_ns;
                let (life, inner) = (seat.life, Inner::Wakes);
                self.later(time_ns, Happening::Inside { agent, life, inner });
            }
            Fault::CoordinatorCrash(away_ns) => self.crash_coordinator(away_ns),
            Fault::AgentCrash(agent, away_ns) => self.crash_agent(agent, away_ns),
            Fault::Cancel(run) => {
                let run = self.jobs[run].run;
                self.truth.cancel(run);
                if let Some(coordinator) = &mut self.coordinator {
                    coordinator.cancel(self.now_ns, run);
                }
                self.settle();
            }
            Fault::DiskFull(agent) => {
                if let Some(process) = &mut self.seats[agent].process {
                    process.spill.is_full = true;
                }
            }
            Fault::DiskStalls(time_ns) => self.store_stalls_until_ns = self.now_ns + time_ns,
        }
    }

    /// A connection dies, if it lives: both ends notice in their own time.
    pub(super) fn cut(&mut self, connection: ConnectionId) {
        let Some(way) = self.connections.get_mut(&connection) else { return };
        if let Some(cut) = way.cut(self.now_ns, &mut self.dice) {
            self.at(cut.agent_notices_ns, Happening::AgentNotices(connection));
            self.at(cut.coordinator_notices_ns, Happening::CoordinatorNotices(connection));
        }
    }

    fn cut_link_of(&mut self, agent: usize) {
        let link = self.seats[agent].process.as_ref().map(|process| process.link);
        if let Some(Link::Dialing(connection) | Link::Stands(connection)) = link {
            self.cut(connection);
        }
    }

    fn crash_agent(&mut self, agent: usize, away_ns: Option<u64>) {
        self.trouble(agent);
        self.cut_link_of(agent);
        self.seats[agent].kill();
        if let Some(away_ns) = away_ns {
            self.later(away_ns, Happening::AgentBegins(agent));
        }
    }

    fn crash_coordinator(&mut self, away_ns: u64) {
        let Some(mut coordinator) = self.coordinator.take() else { return };
        // What it was just doing may have come to lie on the disk, and nobody was told.
        while self.dice.one_in(3) && !coordinator.is_store_idle() {
            coordinator.serve_store(&mut self.disk);
        }
        drop(coordinator);
        self.disk.crash();
        let checked = invariants::all_acked_is_durable(&self.truth, &self.disk);
        self.fail_if(checked);
        if self.temper.lost_after.as_secs() >= PATIENT_SECONDS {
            let measuring = invariants::measuring(&self.disk, &self.seats, &self.truth);
            self.truth.events.survivors += measuring.len() as u64;
            self.truth.survivors.extend(measuring);
        } else {
            (0..self.seats.len()).for_each(|agent| self.trouble(agent));
        }
        let all: Vec<ConnectionId> = self.connections.keys().copied().collect();
        all.into_iter().for_each(|connection| self.cut(connection));
        self.later(away_ns, Happening::CoordinatorBegins);
    }

    /// Something happened to an agent that may break the trials in which it takes part.
    pub(super) fn trouble(&mut self, agent: usize) {
        if let Some(process) = &self.seats[agent].process {
            self.truth.trouble(process.id);
        }
    }
}
