//! One world: a coordinator, its disk, agents and the network between them, in virtual time. Everything that happens
//! happens here, one thing after the other, and after each of them the invariants are looked at.
//!
//! Rooms: `agents` (their side of what happens), `coordinators` (theirs), `mishaps` (what goes wrong).

mod agents;
mod coordinators;
mod mishaps;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent::rpc::link::FromCoordinator;

use super::coordinator::{Coordinator, Temper};
use super::dice::{Dice, MS, SECOND};
use super::disk::Disk;
use super::fault::{Family, Fault, When};
use super::host::{self, Seat};
use super::invariants::{self, Violation};
use super::job::{DrawnJob, START_TIMEOUT_SECONDS};
use super::network::{Connection, ConnectionId, Fate, Lane};
use super::process::Inner;
use super::trace::Trace;
use super::truth::{Events, Truth};

/// How often time is told to the director, as by its task.
const TICK_NS: u64 = 100 * MS;
/// Most agents of a world.
const AGENTS_MAX: u64 = 6;
/// Most runs of a world.
const RUNS_MAX: u64 = 3;
/// When runs are submitted.
const SUBMITTED_WITHIN_NS: u64 = 6 * SECOND;
/// What one attempt at a trial takes at most: the sum of the deadlines of its steps, and a little.
const ATTEMPT_WITHIN_NS: u64 = 900 * SECOND;
/// The same where nothing goes wrong: nobody waits for a deadline.
const CALM_ATTEMPT_WITHIN_NS: u64 = 40 * SECOND;
/// How long it may take, once all runs are over, until nobody holds anything of them any more.
const LET_GO_WITHIN_NS: u64 = 60 * SECOND;
/// The wall clock when a world begins, milliseconds since 1970.
const BEGINNING_UNIX_MS: u64 = 1_700_000_000_000;

/// Something that is to happen.
#[derive(Debug)]
enum Happening {
    Tick { incarnation: u32 },
    StoreWorks { incarnation: u32 },
    Dials { agent: usize, life: u32 },
    Up(ConnectionId, Lane, Ascent),
    Down(ConnectionId, Lane, Landing),
    AgentNotices(ConnectionId),
    CoordinatorNotices(ConnectionId),
    GivesUpDialing(ConnectionId),
    Inside { agent: usize, life: u32, inner: Inner },
    Submits(usize),
    GoesWrong(Fault),
    CoordinatorBegins,
    AgentBegins(usize),
}

/// What an agent sends up a connection.
#[derive(Debug)]
enum Ascent {
    Hello(Box<proto::Hello>),
    Attach(Box<proto::AttachUp>),
    OpenReport,
    Report(proto::ReportUp),
}

/// What reaches an agent.
#[derive(Debug)]
enum Landing {
    Welcome,
    ReportOpened,
    Probe(u64),
    Message(FromCoordinator),
    Broken(String),
}

/// One world.
pub struct World {
    family: Family,
    now_ns: u64,
    dice: Dice,
    happenings: BTreeMap<(u64, u64), Happening>,
    count: u64,
    /// How many things have happened that are worth a fault: neither ticks nor probes.
    steps: u64,
    seats: Vec<Seat>,
    connections: BTreeMap<ConnectionId, Connection>,
    coordinator: Option<Coordinator>,
    temper: Temper,
    incarnation: u32,
    is_store_busy: bool,
    store_stalls_until_ns: u64,
    disk: Disk,
    jobs: Vec<DrawnJob>,
    submitted: BTreeSet<usize>,
    /// Runs whose reports have been looked at.
    reported: BTreeSet<usize>,
    /// What happens at steps, the latest first.
    faults: Vec<(u64, Fault)>,
    truth: Truth,
    trace: Trace,
    violation: Option<Violation>,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, family: Family, disk: Disk, trace: Trace) -> Self {
        let mut dice = Dice::new(seed);
        let agents = dice.between(1..=AGENTS_MAX);
        let runs = dice.between(1..=RUNS_MAX);
        let fails_one_in = dice.one_of(&[0, 0, 0, 12]);
        let seats = host::seats(agents, fails_one_in, &mut dice);
        let jobs: Vec<_> = (1..=runs).map(|number| DrawnJob::any(number as u8, agents, &mut dice)).collect();
        let temper = Temper {
            lost_after: Duration::from_secs(dice.one_of(&[4, 15, 60, 60])),
            room_bytes: dice.spread(512..=64 * 1024 * 1024) as u32,
        };
        let faults = family.faults(seats.len(), jobs.len(), &mut dice);
        let mut world = Self {
            family,
            now_ns: 0,
            dice,
            happenings: BTreeMap::new(),
            count: 0,
            steps: 0,
            seats,
            connections: BTreeMap::new(),
            coordinator: None,
            temper,
            incarnation: 0,
            is_store_busy: false,
            store_stalls_until_ns: 0,
            disk,
            jobs,
            submitted: BTreeSet::new(),
            reported: BTreeSet::new(),
            faults: Vec::new(),
            truth: Truth::default(),
            trace,
            violation: None,
        };
        world.begin(faults);
        world
    }

    /// Lets everything happen until all runs are over and nobody holds anything of them.
    ///
    /// # Errors
    /// The first invariant that did not hold.
    pub fn run(&mut self) -> Result<(), Violation> {
        let within_ns = self.bound_ns();
        while !self.is_over() {
            self.turn();
            self.check()?;
            if self.now_ns > within_ns && self.has_calmed_down() {
                return Err(invariants::every_run_ends(&self.disk, &self.jobs));
            }
        }
        let until_ns = self.now_ns + LET_GO_WITHIN_NS;
        while !self.nobody_holds_anything() {
            self.turn();
            self.check()?;
            if self.now_ns > until_ns {
                return Err(invariants::nothing_is_held(&self.seats));
            }
        }
        invariants::agents_survive_the_coordinator(&self.truth, &self.disk)
    }

    /// How much happened so far.
    pub fn events(&self) -> Events {
        self.truth.events
    }

    /// What happened so far, for people.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    fn begin(&mut self, faults: Vec<(When, Fault)>) {
        let (count, temper, family) = (self.seats.len(), self.temper, self.family);
        self.note(|| format!("a world of {count} agents begins: {family:?}, {temper:?}"));
        for (when, fault) in faults {
            self.note(|| format!("to go wrong, {when:?}: {fault:?}"));
            match when {
                When::Time(at_ns) => self.later(at_ns, Happening::GoesWrong(fault)),
                When::Step(step) => self.faults.push((step, fault)),
            }
        }
        self.faults.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
        self.begin_coordinator();
        for agent in 0..self.seats.len() {
            let after_ns = self.dice.spread(MS..=5 * SECOND);
            self.later(after_ns, Happening::AgentBegins(agent));
        }
        for run in 0..self.jobs.len() {
            let after_ns = self.dice.between(0..=SUBMITTED_WITHIN_NS);
            self.later(after_ns, Happening::Submits(run));
        }
    }

    /// Lets the next thing happen.
    fn turn(&mut self) {
        let Some(((at_ns, _), happening)) = self.happenings.pop_first() else { return };
        self.now_ns = self.now_ns.max(at_ns);
        let is_worth_a_fault =
            !matches!(happening, Happening::Tick { .. } | Happening::Down(_, _, Landing::Probe(_)));
        if is_worth_a_fault {
            self.steps += 1;
            while self.faults.last().is_some_and(|(step, _)| *step <= self.steps)
                && let Some((_, fault)) = self.faults.pop()
            {
                self.go_wrong(fault);
            }
        }
        self.happen(happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick { incarnation } if incarnation == self.incarnation => self.tick(),
            Happening::StoreWorks { incarnation } if incarnation == self.incarnation => self.store_works(),
            Happening::Tick { .. } | Happening::StoreWorks { .. } => {}
            Happening::Dials { agent, life } => self.dial(agent, life),
            Happening::Up(connection, lane, ascent) => match self.fate(connection, lane) {
                Fate::Arrives | Fate::Straggles => self.ascend(connection, ascent),
                Fate::At(at_ns) => self.at(at_ns, Happening::Up(connection, lane, ascent)),
                Fate::Lost => {}
            },
            Happening::Down(connection, lane, landing) => {
                match self.standstill(self.agent_behind(connection)) {
                    // Probes are answered by a task of their own.
                    Some(until_ns) if !matches!(landing, Landing::Probe(_)) => {
                        self.at(until_ns, Happening::Down(connection, lane, landing));
                    }
                    _ if self.fate(connection, lane) == Fate::Arrives => self.land(connection, landing),
                    _ => {}
                }
            }
            Happening::AgentNotices(connection) => self.break_link(connection, "it is dead"),
            Happening::CoordinatorNotices(connection) => self.coordinator_notices(connection),
            Happening::GivesUpDialing(connection) => self.give_up_dialing(connection),
            Happening::Inside { agent, life, inner } => match self.standstill(agent) {
                Some(until_ns) if !inner.is_of_an_engine() => {
                    self.at(until_ns, Happening::Inside { agent, life, inner });
                }
                _ => self.happen_inside(agent, life, inner),
            },
            Happening::Submits(run) => self.submit(run),
            Happening::GoesWrong(fault) => self.go_wrong(fault),
            Happening::CoordinatorBegins => self.begin_coordinator(),
            Happening::AgentBegins(agent) => self.begin_agent(agent),
        }
    }

    /// What must hold at every moment.
    fn check(&mut self) -> Result<(), Violation> {
        self.violation.take().map_or(Ok(()), Err)
    }

    fn fail_if(&mut self, checked: Result<(), Violation>) {
        if let (Err(violation), None) = (checked, &self.violation) {
            self.violation = Some(violation);
        }
    }

    fn fate(&mut self, connection: ConnectionId, lane: Lane) -> Fate {
        let Some(way) = self.connections.get_mut(&connection) else { return Fate::Lost };
        let fate = way.fate(lane, self.now_ns);
        self.truth.events.stragglers += u64::from(fate == Fate::Straggles);
        fate
    }

    fn agent_behind(&self, connection: ConnectionId) -> usize {
        self.connections[&connection].agent
    }

    /// Until when an agent's session gets no time; `None`: it does.
    fn standstill(&self, agent: usize) -> Option<u64> {
        let until_ns = self.seats[agent].stands_still_until_ns;
        (until_ns > self.now_ns).then_some(until_ns)
    }

    /// Whether nothing more will go wrong.
    fn has_calmed_down(&self) -> bool {
        let is_to_come = |happening: &Happening| matches!(happening, Happening::GoesWrong(_));
        self.coordinator.is_some() && !self.happenings.values().any(is_to_come)
    }

    /// When all runs are over, however bad their luck: each has its own bound, and those before it theirs.
    fn bound_ns(&self) -> u64 {
        let attempts: u64 = self.jobs.iter().map(DrawnJob::attempts_max).sum();
        let waits_ns = START_TIMEOUT_SECONDS * SECOND + self.temper.lost_after.as_nanos() as u64;
        match self.family {
            Family::Calm => SUBMITTED_WITHIN_NS + attempts * CALM_ATTEMPT_WITHIN_NS,
            _ => (attempts + 1) * (ATTEMPT_WITHIN_NS + waits_ns),
        }
    }

    fn is_over(&self) -> bool {
        self.reported.len() == self.jobs.len() && self.coordinator.is_some()
    }

    fn nobody_holds_anything(&self) -> bool {
        let is_free = |seat: &Seat| seat.process.as_ref().is_none_or(|it| it.machine.leases().is_empty());
        self.coordinator.is_some() && self.seats.iter().all(is_free)
    }

    fn later(&mut self, after_ns: u64, happening: Happening) {
        self.at(self.now_ns + after_ns, happening);
    }

    fn at(&mut self, at_ns: u64, happening: Happening) {
        self.count += 1;
        self.happenings.insert((at_ns, self.count), happening);
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        self.trace.note(self.now_ns, what);
    }
}
