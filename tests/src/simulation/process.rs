//! One life of an agent: the real session machine with its outbox, around it engines, programs and a disk that are
//! models. It does what the real shell does around the machine.

use std::collections::{BTreeMap, VecDeque};

use agent::engine::EngineEvent;
use agent::rpc::link::FromCoordinator;
use agent::session::machine::{Action, Event, Machine};
use agent::session::outbox::spill::SpillOrder;
use agent::session::outbox::{Bounds, Numbered};
use agent::session::{Order, Statement};
use shared::ids::{AgentId, LeaseEpoch, RunId, TrialKey};
use shared::plan::Assignment;

use super::clock::HostClock;
use super::dice::{Dice, MS, SECOND};
use super::engine::Engine;
use super::network::ConnectionId;
use super::programs;
use super::spill::Spill;
use super::truth::{Counted, Truth};

/// How long an engine takes to be ready, nanoseconds.
const READY_NS: std::ops::RangeInclusive<u64> = MS..=3 * SECOND;
/// How long the agent's disk takes for one order, nanoseconds.
const DISK_NS: std::ops::RangeInclusive<u64> = MS / 10..=300 * MS;

/// How an agent stands to the coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It tries again after a while.
    None,
    /// It waits for its welcome: nothing else is done meanwhile.
    Dialing(ConnectionId),
    /// It is attached.
    Stands(ConnectionId),
}

/// Something that happens inside an agent.
#[derive(Debug, Clone)]
pub enum Inner {
    /// An engine is ready, or could not be made.
    Made(Box<Assignment>),
    /// An engine's armed start has come.
    Begins(TrialKey, LeaseEpoch, u32),
    /// An interval of an engine is over.
    Measured(TrialKey, LeaseEpoch),
    /// The disk has carried out an order.
    DiskWorks,
    /// A program has something to say.
    Program(Statement),
    /// Its session gets time again.
    Wakes,
}

impl Inner {
    /// Whether it happens on an engine's own threads, whatever the session waits for.
    pub fn is_of_an_engine(&self) -> bool {
        matches!(self, Self::Begins(..) | Self::Measured(..))
    }
}

/// What an agent sends.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// On `Attach`.
    Says(Statement, Option<LeaseEpoch>),
    /// On `Report`.
    Reports(Vec<(LeaseEpoch, Numbered)>),
}

/// What comes of something that happened to an agent.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What it sends, in order.
    pub outgoing: Vec<Outgoing>,
    /// What will happen inside it, after so many nanoseconds.
    pub later: Vec<(u64, Inner)>,
}

/// What an agent lives in.
pub struct Surroundings<'a> {
    /// The world's clock.
    pub now_ns: u64,
    /// Its chance.
    pub dice: &'a mut Dice,
    /// Whether its session gets no time now.
    pub is_session_busy: bool,
    /// What really happened.
    pub truth: &'a mut Truth,
    /// What comes of it.
    pub outcome: &'a mut Outcome,
}

/// One life of an agent.
#[derive(Debug)]
pub struct Process {
    /// Who it is, in this life.
    pub id: AgentId,
    /// The machine itself.
    pub machine: Machine,
    /// Its disk.
    pub spill: Spill,
    /// How it stands to the coordinator.
    pub link: Link,
    /// How much its outbox may keep.
    pub bounds: Bounds,
    clock: HostClock,
    engines: BTreeMap<TrialKey, Engine>,
    /// What engines told and the machine has not heard: it waits while the outbox is full.
    happenings: VecDeque<(TrialKey, LeaseEpoch, EngineEvent)>,
    /// One engine in so many fails; 0: none does.
    fails_one_in: u32,
}

impl Process {
    /// A new life.
    pub fn new(id: AgentId, clock: HostClock, bounds: Bounds, fails_one_in: u32) -> Self {
        Self {
            id,
            machine: Machine::new(true).bounded(bounds),
            spill: Spill::default(),
            link: Link::None,
            bounds,
            clock,
            engines: BTreeMap::new(),
            happenings: VecDeque::new(),
            fails_one_in,
        }
    }

    /// Its connection stands.
    pub fn linked(&mut self, around: &mut Surroundings<'_>) {
        self.step(Event::Linked, around);
        self.listen(around);
    }

    /// Something came from the coordinator.
    pub fn hear(&mut self, message: FromCoordinator, around: &mut Surroundings<'_>) {
        let event = match message {
            FromCoordinator::Order(order) => Event::Ordered(order),
            FromCoordinator::Credit(credit) => Event::Credit(credit),
            FromCoordinator::Acknowledged(trial, through) => Event::Acknowledged(trial, through),
            FromCoordinator::Rejected(trial, _) => Event::Rejected(trial),
            FromCoordinator::Broken(_) => return,
        };
        self.step(event, around);
        self.listen(around);
    }

    /// Something happened inside it.
    pub fn happen(&mut self, inner: Inner, around: &mut Surroundings<'_>) {
        match inner {
            Inner::Made(assignment) => self.make(&assignment, around),
            Inner::Begins(trial, epoch, arming) => self.begin(trial, epoch, arming, around),
            Inner::Measured(trial, epoch) => self.measure(trial, epoch, around),
            Inner::DiskWorks => {
                let (report, has_more) = self.spill.work();
                if has_more {
                    around.outcome.later.push((around.dice.spread(DISK_NS), Inner::DiskWorks));
                }
                if let Some(report) = report {
                    self.step(Event::Spilled(report), around);
                }
            }
            Inner::Program(statement) => self.step(Event::Program(statement), around),
            Inner::Wakes => {}
        }
        if !around.is_session_busy && !matches!(self.link, Link::Dialing(_)) {
            self.listen(around);
        }
    }

    /// The runs for which it measures now.
    pub fn measures_for(&self) -> impl Iterator<Item = RunId> {
        self.engines.iter().filter(|(_, engine)| engine.is_measuring()).map(|(trial, _)| trial.run)
    }

    /// Hears what engines told, as long as there is room for it.
    pub fn listen(&mut self, around: &mut Surroundings<'_>) {
        while !self.machine.is_full()
            && let Some((trial, epoch, event)) = self.happenings.pop_front()
        {
            if self.machine.holds(trial, epoch) {
                self.step(Event::of_engine(trial, event), around);
            }
        }
    }

    fn step(&mut self, event: Event, around: &mut Surroundings<'_>) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.machine.step(event) {
                events.extend(self.act(action, around));
            }
        }
    }

    /// Does what the machine wants; returns what came of it at once.
    fn act(&mut self, action: Action, around: &mut Surroundings<'_>) -> Option<Event> {
        match action {
            Action::Say(statement) => {
                let lease = self.machine.lease_of(statement.trial());
                around.outcome.outgoing.push(Outgoing::Says(statement, lease));
            }
            Action::Report(batch) => {
                batch.iter().for_each(|(_, interval)| around.truth.reports(self.id, interval));
                around.outcome.outgoing.push(Outgoing::Reports(batch));
            }
            Action::Prepare(assignment) => {
                around.outcome.later.push((around.dice.spread(READY_NS), Inner::Made(assignment)));
            }
            Action::Arm(trial, arming, at_ns) => return self.arm(trial, arming, at_ns, around),
            Action::DropEngine(trial) => {
                self.engines.remove(&trial);
            }
            // Nothing of a profiler that was told to end is heard.
            Action::EndProfiler(_) | Action::TellLoadEnd(_) => {}
            Action::Program(order) => self.run(&order, around),
            Action::Spill(order) => {
                around.truth.events.spilled += u64::from(matches!(order, SpillOrder::Write { .. }));
                if self.spill.order(order) {
                    around.outcome.later.push((around.dice.spread(DISK_NS), Inner::DiskWorks));
                }
            }
        }
        None
    }

    fn run(&mut self, order: &Order, around: &mut Surroundings<'_>) {
        if let Some((after_ns, statement)) = programs::run(order, around.dice) {
            around.outcome.later.push((after_ns, Inner::Program(statement)));
        }
    }

    fn arm(
        &mut self,
        trial: TrialKey,
        arming: u32,
        at_ns: u64,
        around: &mut Surroundings<'_>,
    ) -> Option<Event> {
        let now_ns = self.clock.read(around.now_ns);
        let answer = self.engines.get_mut(&trial).map(|engine| {
            let answer = engine.arm(arming, at_ns, now_ns);
            if answer.is_ok() {
                let after_ns = self.clock.moment(at_ns).saturating_sub(around.now_ns);
                around.outcome.later.push((after_ns, Inner::Begins(trial, engine.epoch, arming)));
            }
            answer
        });
        Event::of_arming(trial, arming, at_ns, answer)
    }

    /// Takes an engine that was made ready, unless its trial was dropped meanwhile.
    fn make(&mut self, assignment: &Assignment, around: &mut Surroundings<'_>) {
        let (trial, epoch) = (assignment.trial, assignment.epoch);
        if !self.machine.is_preparing(trial, epoch) {
            return;
        }
        if self.fails_one_in > 0 && around.dice.one_in(self.fails_one_in) {
            let reason = "failed to prepare the trial: nobody answers there".to_owned();
            return self.step(Event::EngineFailed(trial, reason), around);
        }
        let mut engine = Engine::new(self.id, assignment);
        if self.fails_one_in > 0 && around.dice.one_in(self.fails_one_in) {
            engine.breaks_after = Some(around.dice.between(0..=3));
        }
        // A coordinator that lost a trial's end asks for it once more: what was measured stands until an engine measures anew.
        if !around.truth.has_measured(trial, self.id, epoch) {
            around.truth.expects(trial, self.id, epoch);
        }
        self.engines.insert(trial, engine);
        self.happenings.push_back((trial, epoch, EngineEvent::Ready));
    }

    fn begin(&mut self, trial: TrialKey, epoch: LeaseEpoch, arming: u32, around: &mut Surroundings<'_>) {
        // One whose start was moved begins at another moment.
        let Some(engine) = self.engine(trial, epoch) else { return };
        if !engine.begin(arming) {
            return;
        }
        let length_ns = engine.length_ns();
        if around.truth.has_measured(trial, self.id, epoch) {
            around.truth.expects(trial, self.id, epoch);
        }
        if let Some(measured) = around.truth.measured.get_mut(&(trial, self.id)) {
            measured.began_ns = Some(around.now_ns);
        }
        self.go_on(trial, epoch, length_ns, around);
    }

    fn measure(&mut self, trial: TrialKey, epoch: LeaseEpoch, around: &mut Surroundings<'_>) {
        let Some(engine) = self.engine(trial, epoch) else { return };
        if engine.breaks_after == Some(engine.numbered()) {
            let event = EngineEvent::Failed("out of sockets".to_owned());
            return self.happenings.push_back((trial, epoch, event));
        }
        let (interval, count) = engine.measure(around.dice);
        let length_ns = engine.length_ns();
        if let Some(measured) = around.truth.measured.get_mut(&(trial, self.id)) {
            let bytes = proto::convert::interval::encode(&interval);
            measured.intervals.push(Counted { count, bytes });
        }
        self.happenings.push_back((trial, epoch, EngineEvent::Interval(interval)));
        self.go_on(trial, epoch, length_ns, around);
    }

    /// On to the engine's next interval, or to its end.
    fn go_on(
        &mut self,
        trial: TrialKey,
        epoch: LeaseEpoch,
        length_ns: Option<u64>,
        around: &mut Surroundings<'_>,
    ) {
        match length_ns {
            Some(length_ns) => around.outcome.later.push((length_ns, Inner::Measured(trial, epoch))),
            None => {
                let Some(measured) = around.truth.measured.get_mut(&(trial, self.id)) else { return };
                measured.is_done = true;
                let event = EngineEvent::Finished { intervals: measured.intervals.len() as u64 };
                self.happenings.push_back((trial, epoch, event));
            }
        }
    }

    /// The engine of a trial, if it is the one that was made ready under this lease.
    fn engine(&mut self, trial: TrialKey, epoch: LeaseEpoch) -> Option<&mut Engine> {
        self.engines.get_mut(&trial).filter(|engine| engine.epoch == epoch)
    }
}
