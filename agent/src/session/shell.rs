//! Around the machine: the connection with its reconnects, the engines, the programs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::{AgentId, TrialKey};
use shared::plan::Assignment;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::machine::{Action, Event, Machine};
use super::outbox::Numbered;
use super::outbox::spill::{Spill, SpillError, SpillReport};
use super::programs::Programs;
use super::{Introduction, Options, Statement};
use crate::engine::{Engine, EngineEvent, StartRefusal, clock};
use crate::host;
use crate::policy::{Refusal, Warden};
use crate::rpc::link::{self, FromCoordinator, Link, LinkError};
use crate::rpc::membership::Membership;
use crate::workload::{PrepareError, TABLE};

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

/// An engine that was made ready for a trial, with what it tells and whom it asks.
type Ready = (Engine, mpsc::Receiver<EngineEvent>, Arc<Warden>);

/// Why a trial cannot be made ready.
#[derive(Debug, thiserror::Error)]
enum Unprepared {
    #[error("failed to prepare the trial: {0}")]
    Failed(#[from] PrepareError),
    #[error(transparent)]
    Refused(#[from] Refusal),
}

struct Shell {
    options: Options,
    id: AgentId,
    machine: Machine,
    engines: HashMap<TrialKey, Engine>,
    /// Whom the engines' workloads ask, where a trial may have to be ended for its length.
    wardens: HashMap<TrialKey, Arc<Warden>>,
    programs: Programs,
    spill: Spill,
    /// What came of orders to the spill. Not among `happenings`, which wait while the spill is busy.
    spilled: mpsc::Receiver<SpillReport>,
    /// Everything that engines and programs tell.
    happenings: mpsc::Receiver<Event>,
    happened: mpsc::Sender<Event>,
    statements: mpsc::Receiver<Statement>,
    /// Engines that were made ready.
    ready: mpsc::Receiver<(TrialKey, Result<Ready, Unprepared>)>,
    prepared: mpsc::Sender<(TrialKey, Result<Ready, Unprepared>)>,
    link: Option<Link>,
}

impl Shell {
    fn new(options: Options) -> Result<Self, SessionError> {
        let (spill, spilled) = Spill::start(options.data.clone())?;
        let (happened, happenings) = mpsc::channel(EVENTS_MAX);
        let (said, statements) = mpsc::channel(EVENTS_MAX);
        let (prepared, ready) = mpsc::channel(EVENTS_MAX);
        let programs = Programs::new(options.fleetmark.clone(), Arc::clone(&options.policy), said);
        Ok(Self {
            machine: Machine::new(options.policy.allows_programs()).bounded(options.outbox),
            id: AgentId::new(rand::random()),
            engines: HashMap::new(),
            wardens: HashMap::new(),
            programs,
            spill,
            spilled,
            happenings,
            happened,
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
                    self.link = Some(link);
                    self.step(Event::Linked);
                    self.attached(from_coordinator).await;
                    self.link = None;
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
                Some(event) = self.happenings.recv(), if takes_intervals => event,
                Some(report) = self.spilled.recv() => Event::Spilled(report),
                Some(statement) = self.statements.recv() => Event::Program(statement),
                Some((trial, prepared)) = self.ready.recv() => {
                    self.keep(trial, prepared);
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
                Some(event) = self.happenings.recv(), if takes_intervals => event,
                Some(report) = self.spilled.recv() => Event::Spilled(report),
                Some(statement) = self.statements.recv() => Event::Program(statement),
                Some((trial, prepared)) = self.ready.recv() => {
                    self.keep(trial, prepared);
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
                    link.say(statement);
                }
            }
            Action::Report(batch) => {
                if let Some(link) = &self.link {
                    link.report(batch);
                }
            }
            Action::Prepare(assignment) => self.prepare(*assignment),
            Action::Arm(trial, arming, at_ns) => return self.arm(trial, arming, at_ns),
            Action::DropEngine(trial) => {
                self.engines.remove(&trial);
                self.wardens.remove(&trial);
            }
            Action::Program(order) => self.programs.obey(order),
            Action::Spill(order) => self.spill.order(order),
        }
        None
    }

    /// Arms an engine, or moves its start; returns what came of it.
    fn arm(&self, trial: TrialKey, arming: u32, at_ns: u64) -> Option<Event> {
        Some(match self.engines.get(&trial).map(|engine| engine.start(at_ns)) {
            Some(Ok(())) => {
                tracing::debug!(%trial, arming, at_ns, "armed");
                self.watch_over(trial, at_ns);
                Event::EngineArmed(trial, arming, at_ns)
            }
            Some(Err(StartRefusal::Passed { late_ns })) => {
                tracing::warn!(%trial, arming, late_ns, "the start came too late; waiting for another");
                Event::EngineLate(trial, arming, late_ns)
            }
            // It says itself why.
            Some(Err(StartRefusal::Stopped)) => return None,
            Some(Err(refusal)) => Event::EngineFailed(trial, refusal.to_string()),
            None => Event::EngineFailed(trial, "its engine is gone".to_owned()),
        })
    }

    /// Sees that a trial ends in time if its length shows only while it runs; one that is over by then is not concerned,
    /// and one that is moved was watched over from its earlier start, which is as long ago as a round trip.
    fn watch_over(&self, trial: TrialKey, at_ns: u64) {
        if let Some(warden) = self.wardens.get(&trial) {
            let begins_in = Duration::from_nanos(at_ns.saturating_sub(clock::now_ns()));
            tokio::spawn(Arc::clone(warden).watch_over(begins_in));
        }
    }

    /// Makes an engine ready on a thread of its own: names are resolved and threads started there.
    fn prepare(&self, assignment: Assignment) {
        let trial = assignment.trial;
        tracing::debug!(%trial, "preparing");
        let warden = Warden::over(Arc::clone(&self.options.policy), &assignment.load);
        let (agent, prepared) = (self.id, self.prepared.clone());
        tokio::task::spawn_blocking(move || {
            let made = engine(agent, &warden, assignment).map_err(|error| match warden.refused() {
                Some(refusal) => Unprepared::Refused(refusal),
                None => error,
            });
            let made = made.map(|(engine, events)| (engine, events, warden));
            let _the_session_may_be_over = prepared.blocking_send((trial, made));
        });
    }

    /// Takes an engine that was made ready, unless its trial was dropped meanwhile.
    fn keep(&mut self, trial: TrialKey, prepared: Result<Ready, Unprepared>) {
        let (engine, mut events, warden) = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::Refused(refusal)) => {
                tracing::warn!(%trial, %refusal, "refused");
                return self.step(Event::EngineRefused(trial, refusal.to_string()));
            }
            Err(error) => return self.step(Event::EngineFailed(trial, error.to_string())),
        };
        if !self.machine.is_preparing(trial) {
            return;
        }
        self.engines.insert(trial, engine);
        if warden.bounds_length() {
            self.wardens.insert(trial, Arc::clone(&warden));
        }
        let happened = self.happened.clone();
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = events.recv() => event.map(|event| engine_event(trial, event)),
                    refusal = warden.refusal() => {
                        tracing::warn!(%trial, %refusal, "refused");
                        Some(Event::EngineRefused(trial, refusal.to_string()))
                    }
                };
                let Some(event) = event else { return };
                let is_refusal = matches!(event, Event::EngineRefused(..));
                // A session that is full lets this wait, and the engine keeps what it measures.
                if happened.send(event).await.is_err() || is_refusal {
                    return;
                }
            }
        });
    }

    fn introduction(&self) -> Introduction {
        let fingerprint = host::fingerprint();
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
            clock_namespace: self.options.tells_clock.then(clock::namespace).flatten(),
            leases: self.machine.leases(),
        }
    }
}

fn engine(
    agent: AgentId,
    warden: &Arc<Warden>,
    assignment: Assignment,
) -> Result<(Engine, mpsc::Receiver<EngineEvent>), Unprepared> {
    warden.policy().check(&assignment)?;
    let kind = TABLE
        .iter()
        .find(|kind| kind.schema.kind == assignment.kind)
        .ok_or_else(|| PrepareError(format!("this agent does not know {:?} workloads", assignment.kind)))?;
    let workload = (kind.prepare)(&assignment, warden)?;
    let mut probe = host::HostProbe::new();
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    let engine = Engine::prepare(agent, assignment, workload, Box::new(move || probe.sample()), sender)?;
    Ok((engine, receiver))
}

fn engine_event(trial: TrialKey, event: EngineEvent) -> Event {
    match event {
        EngineEvent::Ready => Event::EngineReady(trial),
        EngineEvent::Interval(interval) => {
            let sequence = interval.sequence.0;
            Event::EngineInterval(Numbered {
                trial,
                sequence,
                bytes: crate::rpc::codec::encode_interval(&interval),
            })
        }
        EngineEvent::Finished { intervals } => Event::EngineDone(trial, intervals),
        EngineEvent::Failed(reason) => Event::EngineFailed(trial, reason),
    }
}
