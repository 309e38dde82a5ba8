//! Who is here: the agents that are attached, what they are, and who leases their hosts.

mod matching;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use shared::fleet::{AgentState, AgentStatus};
use shared::host::Fingerprint;
use shared::ids::{AgentId, AgentName, HostAddress, LeaseEpoch, RunId, TrialKey};
use shared::job::AGENTS_MAX;
use shared::run_record::AgentPart;

pub use matching::{Need, Unmet};

/// Time since the coordinator started.
pub type Moment = Duration;

/// How long a run waits for a leased agent whose connection broke, unless told otherwise: long enough for a cut link
/// to heal.
pub const LOST_AFTER: Duration = Duration::from_secs(60);
/// The same for agents that belong to one command on this machine: no link can be cut there, so they died.
pub const RESERVED_LOST_AFTER: Duration = Duration::from_secs(3);
/// Most agents that may be attached at once, and so the most of one run: bounds what strangers can make a
/// coordinator remember.
pub const ATTACHED_MAX: usize = AGENTS_MAX as usize;

/// An agent as it introduced itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Introduction {
    /// This life of its process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its facts, for selectors.
    pub facts: BTreeMap<String, String>,
    /// What its host is.
    pub fingerprint: Fingerprint,
    /// Its fleetmark's version.
    pub fleetmark_version: String,
    /// How many runs may measure on its host at once, at least 1.
    pub slots: u32,
    /// The workload kinds it can run.
    pub kinds: Vec<String>,
    /// Those that it could run, and that its own policy does not allow.
    pub refused_kinds: Vec<String>,
    /// Whether it may start targets and run hooks.
    pub may_run_programs: bool,
    /// Whether nobody else hears what it is told: its connection is encrypted, or never leaves this machine.
    pub is_private: bool,
    /// Only runs with the same word may use it.
    pub reservation: Option<String>,
    /// Where it called from.
    pub address: IpAddr,
    /// Where others reach its host, as it says itself; `None`: where it called from.
    pub advertise: Option<HostAddress>,
    /// Which time namespace of its host it runs in; `None`: not known, or not to be relied on.
    pub clock_namespace: Option<String>,
    /// Trials that it still holds from before its connection broke, of whichever coordinator.
    pub holds: Vec<(TrialKey, LeaseEpoch)>,
}

/// Why an agent cannot attach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachRefusal {
    /// Another agent with the name is attached.
    #[error("an agent named {0} is attached already; give this one another --name")]
    NameTaken(AgentName),
    /// There are too many.
    #[error("{ATTACHED_MAX} agents are attached already")]
    TooMany,
}

/// The agents, and who leases them.
#[derive(Debug)]
pub struct Fleet {
    members: BTreeMap<AgentId, Member>,
    /// How long a leased agent may be gone.
    lost_after: Duration,
    /// Hosts that runs wait for which come before those that are looked at now.
    claimed: BTreeSet<String>,
}

#[derive(Debug)]
struct Member {
    agent: Introduction,
    /// `None`: its connection stands.
    gone_since: Option<Moment>,
    last_seen: Moment,
    lease: Option<RunId>,
    /// The longest round trip to it that is remembered; `None`: not measured yet.
    round_trip: Option<Duration>,
    /// Another process took its name while it was gone: it will not come back.
    is_superseded: bool,
    /// It is to take no more runs.
    is_draining: bool,
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new(LOST_AFTER)
    }
}

impl Fleet {
    /// Nobody is here. A leased agent may be gone for `lost_after` before it is lost.
    pub fn new(lost_after: Duration) -> Self {
        Self { members: BTreeMap::new(), lost_after, claimed: BTreeSet::new() }
    }

    /// An agent says hello, for the first time or again after its connection broke.
    ///
    /// # Errors
    /// When its name belongs to another agent that is here, or there are too many.
    pub fn attach(&mut self, now: Moment, agent: Introduction) -> Result<(), AttachRefusal> {
        let is_name_taken = self.members.values().any(|other| {
            other.agent.id != agent.id
                && other.gone_since.is_none()
                && other.agent.name == agent.name
                && other.agent.reservation == agent.reservation
        });
        if is_name_taken {
            return Err(AttachRefusal::NameTaken(agent.name));
        }
        if self.members.len() >= ATTACHED_MAX && !self.members.contains_key(&agent.id) {
            return Err(AttachRefusal::TooMany);
        }
        for other in self.members.values_mut() {
            let is_namesake = other.agent.name == agent.name && other.agent.reservation == agent.reservation;
            other.is_superseded |= other.agent.id != agent.id && is_namesake;
        }
        let before = self.members.get(&agent.id);
        let (lease, is_draining, round_trip) =
            before.map_or((None, false, None), |it| (it.lease, it.is_draining, it.round_trip));
        let member = Member { lease, is_draining, round_trip, ..Member::here(now, agent) };
        self.members.insert(member.agent.id, member);
        Ok(())
    }

    /// An agent that had a lease before the coordinator was restarted is expected back: it counts as gone since now.
    pub fn expect_back(
        &mut self,
        now: Moment,
        part: &AgentPart,
        slots: u32,
        run: RunId,
        reservation: Option<&str>,
    ) {
        let agent = Introduction {
            id: part.id,
            name: part.name.clone(),
            labels: part.labels.clone(),
            facts: BTreeMap::new(),
            fingerprint: part.fingerprint.clone(),
            fleetmark_version: String::new(),
            slots,
            kinds: Vec::new(),
            refused_kinds: Vec::new(),
            may_run_programs: false,
            is_private: false,
            reservation: reservation.map(ToOwned::to_owned),
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            advertise: None,
            clock_namespace: None,
            holds: Vec::new(),
        };
        let (gone_since, lease) = (Some(now), Some(run));
        let member = Member { gone_since, lease, ..Member::here(now, agent) };
        self.members.insert(part.id, member);
    }

    /// Has an agent finish what it is doing and then take no more runs, until its process is started anew. Gives the run
    /// that it finishes first; `None`: no such agent is here.
    pub fn drain(&mut self, name: &AgentName) -> Option<Option<RunId>> {
        let member = self.members.values_mut().find(|member| member.agent.name == *name)?;
        member.is_draining = true;
        Some(member.lease)
    }

    /// An agent's connection broke. Without a lease it is forgotten at once, unless it is being drained: that is
    /// remembered for as long as it may be gone.
    pub fn detach(&mut self, now: Moment, id: AgentId) {
        if let Some(member) = self.members.get_mut(&id) {
            if member.lease.is_none() && !member.is_draining {
                self.members.remove(&id);
            } else {
                member.gone_since = Some(now);
            }
        }
    }

    /// An agent was heard of.
    pub fn seen(&mut self, now: Moment, id: AgentId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.last_seen = now;
        }
    }

    /// A message to an agent and back took so long at most lately.
    pub fn note_round_trip(&mut self, id: AgentId, round_trip: Duration) {
        if let Some(member) = self.members.get_mut(&id) {
            member.round_trip = Some(round_trip);
        }
    }

    /// All runs are looked at anew.
    pub fn forget_claims(&mut self) {
        self.claimed.clear();
    }

    /// Leases agents to a run.
    pub fn lease(&mut self, run: RunId, agents: &[AgentId]) {
        for id in agents {
            if let Some(member) = self.members.get_mut(id) {
                member.lease = Some(run);
            }
        }
    }

    /// Ends all leases of a run and forgets its agents that are gone.
    pub fn release(&mut self, run: RunId) {
        self.members.retain(|_, member| {
            if member.lease == Some(run) {
                member.lease = None;
                return member.gone_since.is_none() || member.is_draining;
            }
            true
        });
    }

    /// Forgets agents that have been gone for too long, or whose name another process has taken; tells who they were
    /// and whose lease they held.
    pub fn expire(&mut self, now: Moment) -> Vec<(AgentId, AgentName, Option<RunId>)> {
        let is_lost = |member: &Member| {
            let patience =
                if member.agent.reservation.is_some() { RESERVED_LOST_AFTER } else { self.lost_after };
            let is_given_up = |since| member.is_superseded || now.saturating_sub(since) >= patience;
            member.gone_since.is_some_and(is_given_up)
        };
        let lost: Vec<AgentId> =
            self.members.iter().filter(|(_, member)| is_lost(member)).map(|(id, _)| *id).collect();
        lost.into_iter()
            .filter_map(|id| self.members.remove(&id).map(|member| (id, member.agent.name, member.lease)))
            .collect()
    }

    /// An agent's introduction.
    pub fn agent(&self, id: AgentId) -> Option<&Introduction> {
        self.members.get(&id).map(|member| &member.agent)
    }

    /// Where some agents reach the host of another: by loopback when they share it, else where it says, else where it called
    /// from. As it stands in addresses: one of IPv6 in brackets.
    pub fn host_of(&self, agent: AgentId, users: &[AgentId]) -> String {
        // Containers of one machine share its boot and not its network: they call from addresses of their own.
        let place = |id: AgentId| {
            let agent = self.agent(id)?;
            Some((agent.fingerprint.boot_id.as_deref()?, agent.address))
        };
        let shares =
            |user: &AgentId| *user == agent || (place(agent).is_some() && place(*user) == place(agent));
        match self.agent(agent) {
            Some(introduction) if !users.iter().all(shares) => {
                let called_from = || introduction.address.to_string();
                let host = introduction.advertise.clone().map_or_else(called_from, String::from);
                if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host }
            }
            _ => Ipv4Addr::LOCALHOST.to_string(),
        }
    }

    /// The agents that are leased, each with the run that leases it.
    pub fn leases(&self) -> impl Iterator<Item = (&Introduction, RunId)> {
        self.members.values().filter_map(|member| Some((&member.agent, member.lease?)))
    }

    /// The longest round trip to any of these agents, as far as it was measured.
    pub fn round_trip_max(&self, agents: &[AgentId]) -> Duration {
        let round_trips = agents.iter().filter_map(|id| self.members.get(id)?.round_trip);
        round_trips.max().unwrap_or_default()
    }

    /// Whether an agent's connection stands.
    pub fn is_here(&self, id: AgentId) -> bool {
        self.members.get(&id).is_some_and(|member| member.gone_since.is_none())
    }

    /// Whether anybody is attached.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The agents as listed, by name; clocks are filled in by who knows them.
    pub fn statuses(&self, now: Moment) -> Vec<AgentStatus> {
        let mut statuses: Vec<AgentStatus> = self.members.values().map(|member| member.status(now)).collect();
        statuses.sort_by(|one, other| one.name.cmp(&other.name));
        statuses
    }

    /// Runs that hold a slot of this host.
    fn runs_on(&self, host: &str) -> BTreeSet<RunId> {
        self.members
            .values()
            .filter(|member| member.host() == host)
            .filter_map(|member| member.lease)
            .collect()
    }

    /// Slots of a host: the fewest that any of its agents allows.
    fn slots_of(&self, host: &str) -> usize {
        let slots =
            self.members.values().filter(|member| member.host() == host).map(|member| member.agent.slots);
        slots.min().unwrap_or(1) as usize
    }
}

impl Member {
    /// One whose connection stands, and of whom nothing else is known.
    fn here(now: Moment, agent: Introduction) -> Self {
        Self {
            agent,
            gone_since: None,
            last_seen: now,
            lease: None,
            round_trip: None,
            is_superseded: false,
            is_draining: false,
        }
    }

    /// What tells hosts apart: the kernel's boot id, or the agent itself when that cannot be read.
    fn host(&self) -> &str {
        self.agent.fingerprint.boot_id.as_deref().unwrap_or(self.agent.name.as_str())
    }

    fn status(&self, now: Moment) -> AgentStatus {
        AgentStatus {
            id: self.agent.id,
            name: self.agent.name.clone(),
            state: match (self.gone_since, self.lease) {
                (Some(_), _) => AgentState::Lost,
                (None, _) if self.is_draining => AgentState::Draining,
                (None, Some(_)) => AgentState::Leased,
                (None, None) => AgentState::Idle,
            },
            labels: self.agent.labels.clone(),
            facts: self.agent.facts.clone(),
            fleetmark_version: self.agent.fleetmark_version.clone(),
            kinds: self.agent.kinds.clone(),
            slots: self.agent.slots,
            last_seen_ms_ago: u64::try_from(now.saturating_sub(self.last_seen).as_millis())
                .unwrap_or(u64::MAX),
            clock_offset_us: None,
            clock_error_us: None,
            lease: self.lease.map(|run| run.to_string()),
            reservation: self.agent.reservation.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
