//! The one task that owns the fleet, the schedule, the clocks and the live views; everybody else sends it messages.
//!
//! What it does with each is decided without waiting, and at a time that it is told ([`Director::take`],
//! [`Director::tick`]); [`Director::run`] is the task around that. Rooms: [`message`] (what it is told), [`observers`] (who
//! watches runs), [`profiles`] (what profilers wrote), [`links`] (connections to agents and their clocks), [`errands`] (work on the store that it waits for
//! without standing still).

pub mod beginning;
pub mod errands;
mod links;
pub mod message;
mod observers;
pub mod profiles;
pub mod run_counts;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use shared::event::RunEvent;
use shared::ids::{AgentId, LeaseEpoch, RunId, TrialKey};
use shared::run_record::RunRecord;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::clock::{ClockEstimate, ClockIdentity};
use crate::fleet::{AttachRefusal, Fleet, Introduction, Moment};
use crate::ingest::Intake;
use crate::live::LiveTrial;
use crate::monotonic;
use crate::schedule::{Action, Adoption, Answer, BookmarkError, Command, Deadlines, Event, Schedule};
pub use beginning::Beginning;
use errands::{Errand, Errands};
use links::{Links, Start};
pub use message::{Downward, Message};
use observers::Observers;
use run_counts::RunCounts;

/// How often time is told to the machines: bounds how late a deadline is noticed, how often clocks are probed and
/// how often observers are told.
const TICK: Duration = Duration::from_millis(100);
/// Messages that may wait: every agent of a large fleet may report at once without standing still.
pub const MESSAGES_MAX: usize = 4_096;

/// The task's own state.
pub struct Director {
    schedule: Schedule,
    links: Links,
    live: HashMap<TrialKey, LiveTrial>,
    /// Running trials of which something was stored that no observer was told of yet: a look at all agents and at every
    /// bucket is taken ten times a second, not once for each interval of each agent.
    untold: HashSet<TrialKey>,
    observers: Observers,
    errands: Errands,
    intake: Arc<Intake>,
    /// Our monotonic clock when `Moment` was zero, nanoseconds.
    zero_ns: u64,
    /// The same now, as it was told last.
    now_ns: u64,
    /// Which clock that is; `None`: not known.
    clock: Option<ClockIdentity>,
    /// Why the store refuses to write now, for the observers.
    store_trouble: Option<String>,
    /// Runs that ended.
    ended: RunCounts,
    /// Where runs are told that agents refused; `None`: nobody listens.
    refusals: Option<mpsc::Sender<RefusedRun>>,
}

/// A run that agents' own policies do not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRun {
    /// Which.
    pub run: RunId,
    /// Who refuses, and by which rule.
    pub reason: String,
}

impl Director {
    /// A director of nobody and an empty schedule.
    pub fn new(beginning: Beginning, deadlines: Deadlines, errands: Errands, intake: Arc<Intake>) -> Self {
        let Beginning { unix_ms, now_ns, clock } = beginning;
        let mut schedule = Schedule::new(unix_ms);
        schedule.fleet = Fleet::new(deadlines.lost_after);
        schedule.deadlines = deadlines;
        Self {
            schedule,
            links: Links::default(),
            live: HashMap::new(),
            untold: HashSet::new(),
            observers: Observers::default(),
            errands,
            intake,
            zero_ns: now_ns,
            now_ns,
            clock,
            store_trouble: None,
            ended: RunCounts::default(),
            refusals: None,
        }
    }

    /// Tells somebody of every run that ends because agents refuse it.
    #[must_use]
    pub fn telling_refusals(self, refusals: mpsc::Sender<RefusedRun>) -> Self {
        Self { refusals: Some(refusals), ..self }
    }

    /// Takes up runs that an earlier coordinator left under way; gives back those that cannot be, with the reason.
    pub fn adopt(&mut self, adoptions: Vec<Adoption>) -> Vec<(RunRecord, BookmarkError)> {
        let mut refused = Vec::new();
        for adoption in adoptions {
            let record = adoption.submission.record.clone();
            match self.schedule.adopt(self.now(), adoption) {
                Ok(actions) => {
                    self.observers.begin(record.id);
                    actions.into_iter().for_each(|action| self.act(action));
                }
                Err(error) => refused.push((record, error)),
            }
        }
        refused
    }

    /// Works until every sender of messages is gone.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(Message::Stop) | None => return,
                    Some(message) => self.take(monotonic::now_ns(), message),
                },
                _ = ticks.tick() => self.tick(monotonic::now_ns()),
            }
        }
    }

    /// Takes notice of the time.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        self.links.probe(now_ns);
        std::mem::take(&mut self.untold).into_iter().for_each(|trial| self.tell_progress(trial));
        self.step(Event::Tick);
    }

    /// Takes in one message, and does at once what follows from it.
    pub fn take(&mut self, now_ns: u64, message: Message) {
        self.now_ns = now_ns;
        match message {
            Message::Attach { introduction, link, reply } => {
                // A caller that is gone already will be seen to be gone by its own stream.
                let _whoever_asked_may_be_gone = reply.send(self.attach(*introduction, link));
            }
            Message::Detach { agent, connection } => {
                if self.links.remove(agent, connection) {
                    self.schedule.fleet.detach(self.now(), agent);
                    self.step(Event::AgentDetached(agent));
                }
            }
            Message::NameOf { agent, reply } => {
                let name = self.schedule.fleet.agent(agent).map(|agent| agent.name.clone());
                let _whoever_asked_may_be_gone = reply.send(name);
            }
            Message::Seen { agent } => self.schedule.fleet.seen(self.now(), agent),
            Message::ClockReply { agent, probe, agent_ns, received_ns } => {
                if let Some(round_trip) = self.links.clock_reply(agent, probe, agent_ns, received_ns) {
                    self.schedule.fleet.note_round_trip(agent, round_trip);
                }
            }
            Message::Said { agent, trial, lease, answer } => {
                self.schedule.fleet.seen(self.now(), agent);
                self.step(Event::AgentSaid { agent, trial, lease, answer });
            }
            Message::Armed { agent, trial, lease, arming, armed_for_ns } => {
                self.armed(agent, (trial, lease), arming, armed_for_ns)
            }
            Message::Stored { agent, intervals, room: _room } => self.stored(agent, &intervals),
            Message::Profile(word) => self.take_profile(word),
            Message::Submit { submission, refuse_to_wait, reply } => {
                let unmet = if refuse_to_wait { self.schedule.unmet(&submission) } else { None };
                let is_accepted = unmet.is_none();
                let _whoever_asked_may_be_gone = reply.send(unmet.map_or(Ok(()), Err));
                if is_accepted {
                    self.schedule.note_wall_clock(self.now(), crate::unix_ms());
                    self.observers.begin(submission.record.id);
                    self.step(Event::Submitted(submission));
                }
            }
            Message::Watch { run, reply } => {
                let _whoever_asked_may_be_gone = reply.send(self.observers.watch(run));
            }
            Message::Cancel { run, reason, reply } => {
                let _whoever_asked_may_be_gone = reply.send(self.schedule.is_active(run));
                self.step(Event::Cancelled { run, reason });
            }
            Message::Record { run, reply } => {
                let record = self.schedule.record(run).cloned().map(Box::new);
                let _whoever_asked_may_be_gone = reply.send(record);
            }
            Message::Drain { name, reply } => {
                let _whoever_asked_may_be_gone = reply.send(self.schedule.fleet.drain(&name));
            }
            Message::Agents { reply } => {
                let (mut statuses, now_ns) = (self.schedule.fleet.statuses(self.now()), self.now_ns);
                statuses.iter_mut().for_each(|status| self.links.fill_in(status, now_ns));
                let _whoever_asked_may_be_gone = reply.send(statuses);
            }
            Message::Activity { reply } => {
                let is_idle = self.observers.is_empty()
                    && self.schedule.active_runs() == 0
                    && self.schedule.fleet.is_empty();
                let _whoever_asked_may_be_gone = reply.send(!is_idle);
            }
            Message::ActiveRuns { reply } => {
                let _whoever_asked_may_be_gone = reply.send(self.schedule.active_runs());
            }
            Message::RunCounts { reply } => {
                let mut counts = self.ended;
                self.schedule.states().for_each(|state| counts.add(state));
                let _whoever_asked_may_be_gone = reply.send(counts);
            }
            Message::HasRoom { reply } => {
                let _whoever_asked_may_be_gone =
                    reply.send(self.schedule.active_runs() < crate::schedule::ACTIVE_RUNS_MAX);
            }
            Message::Judged { trial, is_valid, findings } => {
                self.step(Event::Judged { trial, is_valid, findings })
            }
            Message::Looked { run, blocks, outcome } => self.step(Event::Looked { run, blocks, outcome }),
            Message::Recalled { trial, earlier } => {
                if let Some(live) = self.live.get_mut(&trial) {
                    live.remember(&earlier);
                    self.untold.insert(trial);
                }
            }
            Message::Ended { run, event } => {
                if let RunEvent::Ended { state, .. } = &*event {
                    self.ended.add(*state);
                }
                self.observers.tell(run, *event);
                self.observers.end(run);
            }
            Message::StoreTrouble(trouble) => self.note_store_trouble(trouble),
            Message::Stop => {}
        }
    }

    /// What runs when, and who is here.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn attach(
        &mut self,
        introduction: Introduction,
        link: mpsc::Sender<Downward>,
    ) -> Result<u64, AttachRefusal> {
        let agent = introduction.id;
        let clock = self.clock_of(&introduction);
        self.schedule.fleet.attach(self.now(), introduction)?;
        let connection = self.links.insert(agent, link, clock);
        self.links.probe(self.now_ns);
        self.step(Event::AgentAttached(agent));
        Ok(connection)
    }

    /// What is known of a clock before it was probed: all, if it is ours.
    fn clock_of(&self, introduction: &Introduction) -> ClockEstimate {
        let boot_id = introduction.fingerprint.boot_id.as_deref();
        let theirs = ClockIdentity::new(boot_id, introduction.clock_namespace.as_deref());
        let is_ours = theirs.is_some() && theirs == self.clock;
        if is_ours { ClockEstimate::shared() } else { ClockEstimate::default() }
    }

    /// An agent armed its schedule: how far is that from T, on our clock?
    fn armed(
        &mut self,
        agent: AgentId,
        (trial, lease): (TrialKey, Option<LeaseEpoch>),
        arming: u32,
        armed_for_ns: u64,
    ) {
        let skew_us = self.links.skew_us(agent, trial, arming, armed_for_ns);
        if let Some(offset) = self.links.offset_at(agent, self.now_ns) {
            let (offset_us, error_us) = (offset.offset_ns as f64 / 1e3, offset.error_ns as f64 / 1e3);
            self.schedule.note_clock(agent, trial.run, offset_us, error_us);
        }
        self.step(Event::AgentSaid { agent, trial, lease, answer: Answer::Armed { arming, skew_us } });
    }

    fn stored(&mut self, agent: AgentId, intervals: &[shared::interval::Interval]) {
        for interval in intervals {
            if let Some(live) = self.live.get_mut(&interval.trial) {
                live.add(interval);
                self.schedule.note_ended(interval.trial, live.ended());
                self.untold.insert(interval.trial);
            }
            let (trial, next_sequence) = (interval.trial, interval.sequence.0 + 1);
            self.step(Event::IntervalsStored { agent, trial, next_sequence });
        }
    }

    /// Whoever watches is told at once: as long as nothing can be stored, no progress would say it.
    fn note_store_trouble(&mut self, trouble: Option<String>) {
        self.store_trouble = trouble;
        let trials: Vec<TrialKey> = self.live.keys().copied().collect();
        trials.into_iter().for_each(|trial| self.tell_progress(trial));
    }

    fn tell_progress(&mut self, trial: TrialKey) {
        if let Some(live) = self.live.get(&trial) {
            let mut progress = live.progress();
            progress.hint = self.store_trouble.clone().or(progress.hint);
            self.observers.tell(trial.run, RunEvent::Progress(progress));
        }
    }

    fn step(&mut self, event: Event) {
        let actions = self.schedule.step(self.now(), event);
        actions.into_iter().for_each(|action| self.act(action));
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send(agent, Command::Start { trial, epoch, arming, at }) => {
                let at_ns = self.zero_ns.saturating_add(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
                self.links.start(agent, Start { trial, epoch, arming, at_ns });
            }
            Action::Send(agent, command) => self.links.send(agent, Downward::Command(command)),
            Action::Tell(run, event) => self.observers.tell(run, event),
            Action::Save(record) => self.errands.run(Errand::Save(record)),
            Action::OpenTrial(trial, epoch, agents) => self.open(trial, epoch, &agents),
            Action::Exclude(trial, agent) => self.intake.exclude(trial, agent),
            Action::CloseTrial(trial) => {
                self.intake.close(trial);
                // How it stood at its end, before nothing is known of it any more.
                if self.untold.remove(&trial) {
                    self.tell_progress(trial);
                }
                self.live.remove(&trial);
            }
            Action::Judge(trial, record) => self.errands.run(Errand::Judge(trial, record)),
            Action::Look(look, record) => self.errands.run(Errand::Look(look, record)),
            Action::Finish(record) => {
                self.tell_refusal(&record);
                self.errands.run(Errand::Finish(record));
            }
        }
    }

    fn tell_refusal(&self, record: &RunRecord) {
        let Some(refusals) = self.refusals.as_ref().filter(|_| record.was_refused) else { return };
        let reason = record.reason.clone().unwrap_or_default();
        if let Err(error) = refusals.try_send(RefusedRun { run: record.id, reason }) {
            tracing::error!(run = %record.id, %error, "that agents refuse a run cannot be written down");
        }
    }

    fn open(&mut self, trial: TrialKey, epoch: LeaseEpoch, agents: &BTreeMap<AgentId, u64>) {
        if agents.values().any(|next_sequence| *next_sequence > 0) {
            let earlier = self.view(trial, agents.keys().map(|agent| (*agent, 0)));
            self.errands.run(Errand::Recall(trial, agents.clone(), Box::new(earlier)));
        }
        let live = self.view(trial, agents.iter().map(|(agent, next_sequence)| (*agent, *next_sequence)));
        self.live.insert(trial, live);
        self.intake.open(trial, epoch, agents.keys().copied());
        agents.iter().for_each(|(agent, next_sequence)| self.intake.advance(trial, *agent, *next_sequence));
    }

    /// A view of a trial that knows nothing yet, and of each agent that makes its load will not look below the given interval.
    fn view(&self, trial: TrialKey, agents: impl Iterator<Item = (AgentId, u64)>) -> LiveTrial {
        let load = agents.filter(|(id, _)| !self.schedule.is_observed_by(trial.run, *id));
        let named = load.filter_map(|(id, next_sequence)| {
            Some((id, self.schedule.fleet.agent(id)?.name.clone(), next_sequence))
        });
        LiveTrial::new(trial.trial, named, self.schedule.generator_cpu_limit(trial.run))
            .with_operations(self.schedule.operation_names(trial.run))
    }

    fn now(&self) -> Moment {
        Duration::from_nanos(self.now_ns.saturating_sub(self.zero_ns))
    }
}
