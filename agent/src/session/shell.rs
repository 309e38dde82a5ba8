//! Around the machine: the connection with its reconnects, the engines, the programs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::{AgentId, LeaseEpoch, TrialKey};
use shared::plan::Assignment;
use shared::secret::mask::Mask;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::hearing::{self, Refused, Told};
use super::machine::{Action, Event, Machine};
use super::outbox::spill::{Spill, SpillError, SpillReport};
use super::preparing::{Ready, Unprepared, engine};
use super::programs::{Places, Programs};
use super::{Introduction, Options, Statement};
use crate::child::profiler;
use crate::engine::{Engine, Observer, StartRefusal, clock};
use crate::host;
use crate::policy::Warden;
use crate::rpc::link::{self, FromCoordinator, Link, LinkError};
use crate::rpc::membership::Membership;
use crate::undertakings::Undertakings;

/// Time before the first try to come back, doubled up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(100);
/// A coordinator that restarts is found again within this.
const RETRY_MAX: Duration = Duration::from_secs(3);
/// Events of engines that may wait for the session.
const EVENTS_MAX: usize = 256;
/// A restarted twin may take the name while its predecessor's connection still stands: so long it is tried again.
const NAME_TAKEN_PATIENCE: Duration = Duration::from_secs(15);

/// Why a session ends.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The coordinator does not want this agent.
    #[error("the coordinator refuses this agent: {0}")]
    Refused(String),
    /// What the coordinator does not take cannot be kept.
    #[error("failed to {0}")]
    Spill(#[from] SpillError),
}

/// Runs an agent until the coordinator refuses it. A coordinator that is away is waited for.
///
/// # Errors
/// When the coordinator refuses the agent (its name is taken, or the protocols do not fit), or the agent's data folder
/// cannot be used.
pub async fn run(options: Options) -> Result<(), SessionError> {
    Shell::new(options)?.run().await
}

/// What came of making an engine ready for a trial under a lease.
type Prepared = (TrialKey, LeaseEpoch, Result<Ready, Unprepared>);

/// Whom an engine's workload asks; dropped, what is asked later is heard no more. What nobody is told of it stays covered
/// for as long.
type Watched = (Arc<Warden>, oneshot::Sender<()>, Arc<Mask>);

struct Shell {
    options: Options,
    id: AgentId,
    machine: Machine,
    engines: HashMap<TrialKey, Engine>,
    wardens: HashMap<TrialKey, Watched>,
    /// Trials of which only the host's fate is told.
    observers: HashMap<TrialKey, Observer>,
    programs: Programs,
    undertakings: Arc<Undertakings>,
    spill: Spill,
    /// What came of orders to the spill. Not among `happenings`, which wait while the spill is busy.
    spilled: mpsc::Receiver<SpillReport>,
    /// Everything that engines tell.
    happenings: mpsc::Receiver<Told>,
    happened: mpsc::Sender<Told>,
    /// What the policy did not allow while a trial ran. Not among `happenings`, which wait while there is no room.
    refusals: mpsc::Receiver<Refused>,
    refused: mpsc::Sender<Refused>,
    statements: mpsc::Receiver<Statement>,
    /// Engines that were made ready.
    ready: mpsc::Receiver<Prepared>,
    prepared: mpsc::Sender<Prepared>,
    link: Option<Link>,
}

impl Shell {
    fn new(options: Options) -> Result<Self, SessionError> {
        let (spill, spilled) = Spill::start(options.data.clone())?;
        let (happened, happenings) = mpsc::channel(EVENTS_MAX);
        let (said, statements) = mpsc::channel(EVENTS_MAX);
        let (prepared, ready) = mpsc::channel(EVENTS_MAX);
        let (refused, refusals) = mpsc::channel(EVENTS_MAX);
        let (policy, veil) = (Arc::clone(&options.policy), Arc::clone(&options.veil));
        profiler::clear_leftovers(&options.data, &policy.launch);
        let places = Places { fleetmark: options.fleetmark.clone(), data: options.data.clone() };
        let undertakings = Arc::default();
        let programs = Programs::new(places, policy, veil, Arc::clone(&undertakings), said);
        Ok(Self {
            machine: Machine::new(options.policy.allows_programs()).bounded(options.outbox),
            id: AgentId::new(rand::random()),
            engines: HashMap::new(),
            wardens: HashMap::new(),
            observers: HashMap::new(),
            programs,
            undertakings,
            spill,
            spilled,
            happenings,
            happened,
            refusals,
            refused,
            statements,
            ready,
            prepared,
            link: None,
            options,
        })
    }

    async fn run(mut self) -> Result<(), SessionError> {
        let mut retry_after = RETRY_MIN;
        let mut name_taken_since: Option<Instant> = None;
        let membership = self.options.proof.clone().map(|proof| {
            let (coordinator, name) = (self.options.coordinator.clone(), self.options.name.clone());
            Arc::new(Membership::new(proof, coordinator, name))
        });
        loop {
            let connecting =
                link::connect(&self.options.coordinator, membership.clone(), self.introduction());
            match connecting.await {
                Ok((link, from_coordinator)) => {
                    tracing::info!(coordinator = self.options.coordinator, name = %self.options.name, "attached");
                    retry_after = RETRY_MIN;
                    name_taken_since = None;
                    self.programs.linked(Some(link.uplink.clone()));
                    self.link = Some(link);
                    self.step(Event::Linked);
                    self.attached(from_coordinator).await;
                    self.link = None;
                    self.programs.linked(None);
                }
                Err(LinkError::NameTaken(message)) => {
                    let since = *name_taken_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= NAME_TAKEN_PATIENCE {
                        return Err(SessionError::Refused(message));
                    }
                    tracing::warn!(%message, "waiting for the name");
                }
                Err(LinkError::Refused(message)) => return Err(SessionError::Refused(message)),
                Err(LinkError::Unreachable(message)) => {
                    tracing::warn!(coordinator = self.options.coordinator, %message, "the coordinator is not reachable; trying again");
                }
            }
            self.detached(retry_after).await;
            retry_after = (retry_after * 2).min(RETRY_MAX);
        }
    }

    /// Serves one connection until it breaks.
    async fn attached(&mut self, mut from_coordinator: mpsc::Receiver<FromCoordinator>) {
        loop {
            let takes_intervals = !self.machine.is_full();
            let event = tokio::select! {
                message = from_coordinator.recv() => match message {
                    None => return,
                    Some(FromCoordinator::Order(order)) => Event::Ordered(order),
                    Some(FromCoordinator::Credit(credit)) => Event::Credit(credit),
                    Some(FromCoordinator::Acknowledged(trial, through)) => {
                        tracing::debug!(%trial, through, "acknowledged");
                        Event::Acknowledged(trial, through)
                    }
                    Some(FromCoordinator::Rejected(trial, reason)) => {
                        tracing::warn!(%trial, reason, "the coordinator does not want what was measured");
                        Event::Rejected(trial)
                    }
                    Some(FromCoordinator::Broken(reason)) => {
                        tracing::warn!(reason, "the connection to the coordinator broke");
                        return;
                    }
                },
                Some((trial, epoch, event)) = self.happenings.recv(), if takes_intervals => {
                    // Of an engine that was made ready under another lease nobody wants to know.
                    if !self.machine.holds(trial, epoch) {
                        continue;
                    }
                    Event::of_engine(trial, event)
                }
                Some(report) = self.spilled.recv() => Event::Spilled(report),
                Some((trial, epoch, refusal)) = self.refusals.recv() => {
                    if !self.machine.holds(trial, epoch) {
                        continue;
                    }
                    Event::EngineRefused(trial, refusal)
                }
                Some(statement) = self.statements.recv() => Event::Program(statement),
                Some((trial, epoch, prepared)) = self.ready.recv() => {
                    self.keep(trial, epoch, prepared);
                    continue;
                }
            };
            self.step(event);
        }
    }

    /// Goes on measuring without a connection for a while.
    async fn detached(&mut self, pause: Duration) {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            let takes_intervals = !self.machine.is_full();
            let event = tokio::select! {
                () = &mut over => return,
                Some((trial, epoch, event)) = self.happenings.recv(), if takes_intervals => {
                    // Of an engine that was made ready under another lease nobody wants to know.
                    if !self.machine.holds(trial, epoch) {
                        continue;
                    }
                    Event::of_engine(trial, event)
                }
                Some(report) = self.spilled.recv() => Event::Spilled(report),
                Some((trial, epoch, refusal)) = self.refusals.recv() => {
                    if !self.machine.holds(trial, epoch) {
                        continue;
                    }
                    Event::EngineRefused(trial, refusal)
                }
                Some(statement) = self.statements.recv() => Event::Program(statement),
                Some((trial, epoch, prepared)) = self.ready.recv() => {
                    self.keep(trial, epoch, prepared);
                    continue;
                }
            };
            self.step(event);
        }
    }

    fn step(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.machine.step(event) {
                events.extend(self.act(action));
            }
        }
    }

    /// Does what the machine wants; returns what came of it at once.
    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Say(statement) => {
                if let Some(link) = &self.link {
                    link.say(statement.clone(), self.machine.lease_of(statement.trial()));
                }
            }
            Action::Report(batch) => {
                if let Some(link) = &self.link {
                    link.report(batch);
                }
            }
            Action::Prepare(assignment) if assignment.is_observer => return Some(self.observe(&assignment)),
            Action::Prepare(assignment) => self.prepare(*assignment),
            Action::Arm(trial, arming, at_ns) => return self.arm(trial, arming, at_ns),
            Action::DropEngine(trial) => {
                self.engines.remove(&trial);
                self.wardens.remove(&trial);
                self.observers.remove(&trial);
            }
            Action::Program(order) => self.programs.obey(order),
            Action::TellLoadEnd(trial) => self.programs.note_load_end(trial),
            Action::EndProfiler(trial) => self.programs.end_profiler(trial),
            Action::Spill(order) => self.spill.order(order),
        }
        None
    }

    /// Arms an engine, or moves its start; returns what came of it.
    fn arm(&self, trial: TrialKey, arming: u32, at_ns: u64) -> Option<Event> {
        if let Some(observer) = self.observers.get(&trial) {
            observer.start(at_ns);
            return Some(Event::EngineArmed(trial, arming, at_ns));
        }
        let answer = self.engines.get(&trial).map(|engine| engine.start(at_ns));
        match answer {
            Some(Ok(())) => tracing::debug!(%trial, arming, at_ns, "armed"),
            Some(Err(StartRefusal::Passed { late_ns })) => {
                tracing::warn!(%trial, arming, late_ns, "the start came too late; waiting for another");
            }
            _ => tracing::debug!(%trial, arming, at_ns, ?answer, "not armed"),
        }
        if let (Some(Ok(())), Some((warden, ..))) = (&answer, self.wardens.get(&trial))
            && warden.bounds_length()
        {
            // A start that is moved was watched over from the earlier one, which is as long ago as a round trip.
            let begins_in = Duration::from_nanos(at_ns.saturating_sub(clock::now_ns()));
            tokio::spawn(Arc::clone(warden).watch_over(begins_in));
        }
        Event::of_arming(trial, arming, at_ns, answer)
    }

    /// Makes an observer ready, which it is at once.
    fn observe(&mut self, assignment: &Assignment) -> Event {
        let trial = assignment.trial;
        tracing::debug!(%trial, "observing");
        let watch = Box::new(host::HostWatch::new(
            &assignment.observe,
            &Warden::new(Arc::clone(&self.options.policy)),
        ));
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let observer = Observer::prepare(self.id, assignment, watch, sender);
        self.observers.insert(trial, observer);
        hearing::listen(self.happened.clone(), (trial, assignment.epoch), events, Arc::default());
        Event::EngineReady(trial)
    }

    /// Makes an engine ready on a thread of its own: names are resolved and threads started there.
    fn prepare(&self, assignment: Assignment) {
        let (trial, epoch) = (assignment.trial, assignment.epoch);
        tracing::debug!(%trial, "preparing");
        let warden =
            Warden::over(Arc::clone(&self.options.policy), Arc::clone(&self.undertakings), &assignment.load);
        let (agent, prepared, veil) = (self.id, self.prepared.clone(), Arc::clone(&self.options.veil));
        tokio::task::spawn_blocking(move || {
            let made = engine(agent, warden, &veil, assignment);
            let _the_session_may_be_over = prepared.blocking_send((trial, epoch, made));
        });
    }

    /// Takes an engine that was made ready, unless its trial was dropped meanwhile, or is leased anew.
    fn keep(&mut self, trial: TrialKey, epoch: LeaseEpoch, prepared: Result<Ready, Unprepared>) {
        if !self.machine.is_preparing(trial, epoch) {
            return;
        }
        let Ready { engine, events, warden, mask } = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::Refused(refusal)) => {
                tracing::warn!(%trial, %refusal, "refused");
                return self.step(Event::EngineRefused(trial, refusal));
            }
            Err(error) => return self.step(Event::EngineFailed(trial, error.to_string())),
        };
        self.engines.insert(trial, engine);
        let holds =
            hearing::heed(self.refused.clone(), (trial, epoch), Arc::clone(&warden), Arc::clone(&mask));
        self.wardens.insert(trial, (warden, holds, Arc::clone(&mask)));
        hearing::listen(self.happened.clone(), (trial, epoch), events, mask);
    }

    fn introduction(&self) -> Introduction {
        let fingerprint = host::identity();
        Introduction {
            id: self.id,
            name: self.options.name.clone(),
            labels: self.options.labels.clone(),
            facts: host::facts(&fingerprint),
            fingerprint,
            slots: self.options.slots,
            kinds: self
                .options
                .policy
                .kinds(true)
                .map(|kind| (kind.schema.kind.to_owned(), kind.schema.doc.to_owned()))
                .collect(),
            refused_kinds: self.options.policy.kinds(false).map(|kind| kind.schema.kind.to_owned()).collect(),
            may_run_programs: self.options.policy.allows_programs(),
            reservation: self.options.reservation.clone(),
            advertise: self.options.advertise.clone(),
            clock_namespace: self.options.tells_clock.then(clock::namespace).flatten(),
            leases: self.machine.leases(),
        }
    }
}
