//! A place where an agent lives, through all of its lives: its name, its host with its clock, and its link.

use std::collections::BTreeMap;

use agent::rpc::link::FromCoordinator;
use agent::session::Introduction;
use agent::session::outbox::Bounds;
use shared::host::Fingerprint;
use shared::ids::{AgentId, AgentName};

use super::clock::HostClock;
use super::dice::{Dice, MS, SECOND};
use super::network::any_latency;
use super::process::{Inner, Process};

/// Time before the first try to come back and the longest, as in the real shell.
const RETRY_NS: std::ops::RangeInclusive<u64> = 100 * MS..=3 * SECOND;
/// What an outbox keeps in memory: few of the intervals here, or all of them.
const MEMORY_BYTES: std::ops::RangeInclusive<u64> = 100..=20_000;
/// What it keeps on disk: some of them, or all.
const DISK_BYTES: std::ops::RangeInclusive<u64> = 1_500..=100_000;

/// The boot id and the time namespace of the coordinator's machine.
pub const OWN_MACHINE: (&str, &str) = ("coordinator", "time:[1]");

/// A place where an agent lives.
#[derive(Debug)]
pub struct Seat {
    /// Its agent's name.
    pub name: AgentName,
    /// What tells its host from others.
    pub boot_id: String,
    /// How many runs may measure on that host at once.
    pub slots: u32,
    clock: HostClock,
    /// How long its link takes.
    pub latency_ns: u64,
    bounds: Bounds,
    fails_one_in: u32,
    /// How often it was started.
    pub life: u32,
    /// `None`: it is dead.
    pub process: Option<Process>,
    /// How long it waits before it tries to connect again.
    retry_ns: u64,
    /// Until then there is no way to the coordinator.
    pub unreachable_until_ns: u64,
    /// Until then its session gets no time.
    pub stands_still_until_ns: u64,
    /// What happened inside it while it waited for its welcome.
    pub waiting: Vec<Inner>,
    /// What the coordinator said to it meanwhile.
    pub unheard: Vec<FromCoordinator>,
}

/// So many seats, on hosts with so many slots.
pub fn seats(count: u64, fails_one_in: u32, dice: &mut Dice) -> Vec<Seat> {
    let hosts: Vec<(String, u32, HostClock)> = (0..dice.between(1..=count))
        .map(|host| {
            let slots = dice.one_of(&[1, 1, 1, 2]);
            match host {
                0 => (OWN_MACHINE.0.to_owned(), slots, HostClock::TRUE),
                _ => (format!("host-{host}"), slots, HostClock::any(dice)),
            }
        })
        .collect();
    let mut seat = |number: u64| {
        let host = dice.between(0..=hosts.len() as u64 - 1) as usize;
        let (boot_id, slots, clock) = hosts[host].clone();
        Seat {
            name: AgentName::new(format!("a{number}")).expect("a letter and a digit are a name"),
            boot_id,
            slots,
            clock,
            latency_ns: any_latency(dice),
            bounds: Bounds { memory_bytes: dice.spread(MEMORY_BYTES), disk_bytes: dice.spread(DISK_BYTES) },
            fails_one_in,
            life: 0,
            process: None,
            retry_ns: *RETRY_NS.start(),
            unreachable_until_ns: 0,
            stands_still_until_ns: 0,
            waiting: Vec::new(),
            unheard: Vec::new(),
        }
    };
    (1..=count).map(&mut seat).collect()
}

impl Seat {
    /// Its agent is started, for the first time or anew.
    pub fn start(&mut self, dice: &mut Dice) {
        self.life += 1;
        self.retry_ns = *RETRY_NS.start();
        self.process =
            Some(Process::new(AgentId::new(dice.bytes()), self.clock, self.bounds, self.fails_one_in));
    }

    /// Its agent dies.
    pub fn kill(&mut self) -> Option<Process> {
        self.waiting.clear();
        self.unheard.clear();
        self.process.take()
    }

    /// How long to wait before the next try to connect.
    pub fn next_retry_ns(&mut self) -> u64 {
        let retry_ns = self.retry_ns;
        self.retry_ns = (retry_ns * 2).min(*RETRY_NS.end());
        retry_ns
    }

    /// A connection stands: the next try after it is a first one.
    pub fn forget_retries(&mut self) {
        self.retry_ns = *RETRY_NS.start();
    }

    /// What its clock shows.
    pub fn read_clock(&self, now_ns: u64) -> u64 {
        self.clock.read(now_ns)
    }

    /// What its agent says of itself; `None`: it is dead.
    pub fn introduction(&self) -> Option<Introduction> {
        let process = self.process.as_ref()?;
        Some(Introduction {
            id: process.id,
            name: self.name.clone(),
            labels: BTreeMap::new(),
            facts: BTreeMap::new(),
            fingerprint: Fingerprint { boot_id: Some(self.boot_id.clone()), ..Fingerprint::default() },
            slots: self.slots,
            kinds: vec![("http".to_owned(), String::new())],
            refused_kinds: Vec::new(),
            may_run_programs: true,
            reservation: None,
            advertise: None,
            clock_namespace: Some(OWN_MACHINE.1.to_owned()),
            leases: process.machine.leases(),
        })
    }
}
