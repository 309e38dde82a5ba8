//! What runs when: a pure machine. Events and the time go in, actions come out; nothing here waits.
//!
//! ```text
//!  Submitted ─► Waiting ─► BeforeRun ─► ReservePort ─► StartTarget ─► BeforeTrial ─► Prepare ─► Arm ─► Run
//!                 │ ▲       (once)      └── only with [target] ──┘                                     │
//!                 │ └ no agents, or                                                                    ▼
//!                 │   hosts busy                  Judge ◄── StopTarget ◄── AfterTrial ◄─────────── Collect
//!                 ▼                                 │
//!              Finish ◄── AfterRun ◄── StopLast ◄───┴─► the next trial, or the same once more, starts at
//!                                                       ReservePort; after some blocks Look comes before that, and if agents
//!                                                       were lost: Regroup ─► Join
//! ```
//!
//! Trials with a profiler come last, and wait for it between Run and Collect; nobody judges them.
//!
//! Agents that do not share a load stand apart in cells of one trial, which go through its steps together and are broken, lost
//! and repeated one by one; agents that observe it are told its start and its end, and nobody waits for them.
//!
//! A failure or a cancellation leaves the straight way at any step: agents that may be measuring are told to
//! abort and are still collected, what was started is still stopped. Every step but `Waiting` for a busy host has a
//! deadline, so every run ends. What an agent still holds of a trial or a run that went on while it was away, it is
//! told to let go when it comes back or speaks of it. Each step leaves a bookmark in the run's record, from which a
//! coordinator that was restarted goes on: `Adopt` ─► the step that it was in. Rooms: [`run`] (one run's way through the steps), [`step`] (the steps, and
//! when each must be done), [`deadlines`] (how long all that may take), [`orders`] (what is to
//! be done, and what agents are told), [`answer`] (what they say), [`assignment`] (what each has to do in a trial).

mod answer;
mod assignment;
mod deadlines;
mod orders;
mod run;
mod states;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::finding::Finding;
use shared::ids::{AgentId, LeaseEpoch, RunId, TrialKey};
use shared::job::Job;
use shared::run_record::{AttachedFile, LookOutcome, RunRecord, RunState};
use shared::secret::Confidential;

use crate::fleet::{Fleet, Moment};
pub use answer::Answer;
use answer::let_go;
pub use deadlines::Deadlines;
pub use orders::{Action, Command};
use run::ActiveRun;
pub use run::{BookmarkError, trial_under_way};

/// Most runs that may wait or run at once: bounds what clients can make a coordinator remember.
pub const ACTIVE_RUNS_MAX: usize = 1_000;

/// A job that was accepted.
#[derive(Debug, Clone)]
pub struct Submission {
    /// What is remembered of it; its state is `Queued`.
    pub record: RunRecord,
    /// The job, parsed.
    pub job: Arc<Job>,
    /// The files that came with it.
    pub files: Arc<BTreeMap<String, Vec<u8>>>,
    /// What its agents may tell nobody. Held in memory only.
    pub confidential: Arc<Confidential>,
}

/// A run that an earlier coordinator left under way.
#[derive(Debug, Clone)]
pub struct Adoption {
    /// What is remembered of it, its bookmark included.
    pub submission: Submission,
    /// For each agent of the trial that was under way: the lowest number of its intervals that is not stored.
    pub stored: BTreeMap<AgentId, u64>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A job was accepted and stored.
    Submitted(Box<Submission>),
    /// An agent attached, or came back; [`Fleet::attach`] has already taken it in.
    AgentAttached(AgentId),
    /// An agent's connection broke; [`Fleet::detach`] has already noted it.
    AgentDetached(AgentId),
    /// An agent answered.
    AgentSaid {
        /// Who.
        agent: AgentId,
        /// About which trial.
        trial: TrialKey,
        /// Under which lease the agent holds it; `None`: it does not say, or holds none.
        lease: Option<LeaseEpoch>,
        /// What.
        answer: Answer,
    },
    /// All intervals of an agent below this number are durable.
    IntervalsStored {
        /// Whose.
        agent: AgentId,
        /// Of which trial.
        trial: TrialKey,
        /// The lowest number that is not stored yet.
        next_sequence: u64,
    },
    /// A collected trial was judged from what is stored.
    Judged {
        /// Which.
        trial: TrialKey,
        /// Whether it counts.
        is_valid: bool,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// What a run has measured so far was looked at.
    Looked {
        /// Which run.
        run: RunId,
        /// After how many blocks.
        blocks: u32,
        /// What came of it.
        outcome: LookOutcome,
    },
    /// Somebody cancels a run.
    Cancelled {
        /// Which.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// Time passed.
    Tick,
}

/// How a run is ended before its plan is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ending {
    state: RunState,
    reason: String,
}

/// The schedule: the fleet and the runs that wait or run.
#[derive(Debug, Default)]
pub struct Schedule {
    /// Who is here.
    pub fleet: Fleet,
    /// How long what runs wait for may take; a run keeps those that it began with.
    pub deadlines: Deadlines,
    runs: BTreeMap<RunId, ActiveRun>,
    epoch: LeaseEpoch,
    unix_ms_at_zero: u64,
}

impl Schedule {
    /// An empty schedule of a coordinator that starts at this wall-clock time (milliseconds since 1970 UTC). Its
    /// leases are newer than those of any coordinator that started before.
    pub fn new(unix_ms_at_zero: u64) -> Self {
        Self {
            fleet: Fleet::default(),
            deadlines: Deadlines::default(),
            runs: BTreeMap::new(),
            epoch: LeaseEpoch(unix_ms_at_zero),
            unix_ms_at_zero,
        }
    }

    /// Takes up a run that was under way when an earlier coordinator ended: its agents are expected back, and it goes on
    /// from its bookmark once each of them has come or is lost.
    ///
    /// # Errors
    /// When its bookmark cannot be read; the run is then not taken up.
    pub fn adopt(&mut self, now: Moment, adoption: Adoption) -> Result<Vec<Action>, BookmarkError> {
        let id = adoption.submission.record.id;
        let mut actions = Vec::new();
        let run = self.new_run(adoption.submission, now);
        let run = run.adopted(adoption.stored, now, &mut self.fleet, &mut actions)?;
        self.runs.insert(id, run);
        Ok(actions)
    }

    /// Takes in one event and says what is to be done.
    pub fn step(&mut self, now: Moment, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        // Looking at every agent whenever one of them reports would cost the square of their number.
        let is_time_to_look = matches!(event, Event::Tick | Event::AgentDetached(_));
        match event {
            Event::Submitted(submission) => {
                self.runs.insert(submission.record.id, self.new_run(*submission, now));
            }
            Event::AgentAttached(agent) => {
                self.release_leftovers(agent, &mut actions);
                self.resend(agent, &mut actions);
                self.runs.values_mut().for_each(|run| run.came_back(agent));
            }
            Event::AgentDetached(_) | Event::Tick => {}
            Event::AgentSaid { agent, trial, lease, answer } => {
                self.hear(agent, (trial, lease), answer, &mut actions)
            }
            Event::IntervalsStored { agent, trial, next_sequence } => {
                if let Some(run) = self.runs.get_mut(&trial.run) {
                    run.note_stored(trial, agent, next_sequence);
                }
            }
            Event::Judged { trial, is_valid, findings } => {
                if let Some(run) = self.runs.get_mut(&trial.run) {
                    run.note_judged(trial, is_valid, findings, &mut actions);
                }
            }
            Event::Looked { run, blocks, outcome } => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.note_looked(blocks, outcome, &mut actions);
                }
            }
            Event::Cancelled { run, reason } => {
                if let Some(run) = self.runs.get_mut(&run) {
                    run.cancel(now, reason);
                }
            }
        }
        if is_time_to_look {
            self.lose_agents(now, &mut actions);
        }
        self.advance_all(now, &mut actions);
        actions
    }

    /// The wall clock shows `unix_ms` (milliseconds since 1970 UTC) at this moment; it may have been set since it was told
    /// last. Runs that are submitted from now on have their dates by it; those that are here keep theirs, whose lengths are
    /// right.
    pub fn note_wall_clock(&mut self, now: Moment, unix_ms: u64) {
        self.unix_ms_at_zero = unix_ms.saturating_sub(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    }

    /// Whether a run waits or runs.
    pub fn is_active(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    /// How many runs wait or run.
    pub fn active_runs(&self) -> usize {
        self.runs.len()
    }

    /// The record of a run that waits or runs.
    pub fn record(&self, run: RunId) -> Option<&RunRecord> {
        self.runs.get(&run).map(|run| &run.record)
    }

    /// The job's limit on the CPU share of a load thread; 1 for a run that is not here.
    pub fn generator_cpu_limit(&self, run: RunId) -> f64 {
        self.runs.get(&run).map_or(1.0, ActiveRun::generator_cpu_limit)
    }

    /// The names of the job's operations, in its order; none for a run that is not here.
    pub fn operation_names(&self, run: RunId) -> Vec<String> {
        self.runs.get(&run).map_or_else(Vec::new, ActiveRun::operation_names)
    }

    /// Whether an agent only observes the trial that a run is at.
    pub fn is_observed_by(&self, run: RunId, agent: AgentId) -> bool {
        self.runs.get(&run).is_some_and(|run| run.is_observed_by(agent))
    }

    /// Notes clocks in the record of the trial that an agent takes part in.
    pub fn note_clock(&mut self, agent: AgentId, run: RunId, offset_us: f64, error_us: f64) {
        if let Some(run) = self.runs.get_mut(&run) {
            run.note_clock(agent, offset_us, error_us);
        }
    }

    /// How many operations of a trial ended so far, and how many of them as errors.
    pub fn note_ended(&mut self, trial: TrialKey, ended: (u64, u64)) {
        if let Some(run) = self.runs.get_mut(&trial.run) {
            run.note_ended(trial, ended);
        }
    }

    /// Keeps room for what a profiler on an agent's host wrote beside a trial, if that may be stored.
    ///
    /// # Errors
    /// Why not, for the agent.
    pub fn reserve_profile(
        &mut self,
        agent: AgentId,
        trial: TrialKey,
        size_bytes: u64,
    ) -> Result<(), String> {
        self.active(trial.run)?.reserve_profile(agent, trial, size_bytes)
    }

    /// What a profiler on an agent's host wrote beside a trial is stored.
    ///
    /// # Errors
    /// Why it does not belong to the run.
    pub fn note_profile(
        &mut self,
        agent: AgentId,
        trial: TrialKey,
        file: AttachedFile,
    ) -> Result<Vec<Action>, String> {
        let mut actions = Vec::new();
        self.active(trial.run)?.note_profile(agent, trial, file, &mut actions)?;
        Ok(actions)
    }

    /// Why a job could not begin now; `None`: it could.
    pub fn unmet(&self, submission: &Submission) -> Option<String> {
        let need =
            run::need(&submission.job, submission.record.reservation.as_deref(), &submission.confidential);
        self.fleet.candidates(&need).err().map(|unmet| unmet.message().to_owned())
    }

    fn active(&mut self, run: RunId) -> Result<&mut ActiveRun, String> {
        self.runs.get_mut(&run).ok_or_else(|| format!("run {run} is over or unknown"))
    }

    fn new_run(&self, submission: Submission, now: Moment) -> ActiveRun {
        ActiveRun::new(submission, now, self.unix_ms_at_zero, self.deadlines)
    }

    fn hear(
        &mut self,
        agent: AgentId,
        (trial, lease): (TrialKey, Option<LeaseEpoch>),
        answer: Answer,
        actions: &mut Vec<Action>,
    ) {
        match self.runs.get_mut(&trial.run) {
            // It speaks of an attempt that an earlier coordinator began and nobody remembers. It is told to let that go when it
            // comes back, and prepares anew.
            Some(run) if run.wants(agent, trial) && lease.is_some_and(|lease| lease != run.epoch()) => {}
            Some(run) if run.is_concerned_by(agent, trial, &answer) => {
                if let (Answer::Refused(failure), Some(agent)) = (&answer, self.fleet.agent(agent)) {
                    run.refused_by(&agent.name, failure.reason());
                }
                run.hear(agent, answer, actions);
            }
            // A target that is wanted, spoken of once more.
            Some(run) if run.has_target_on(agent) && answer == Answer::TargetReady => {}
            // A trial or a run that is over here but not there: the agent missed its end while it was away.
            _ => actions.extend(let_go(trial, &answer).map(|command| Action::Send(agent, command))),
        }
    }

    /// Repeats to a returning agent what it may have missed.
    fn resend(&mut self, agent: AgentId, actions: &mut Vec<Action>) {
        for run in self.runs.values_mut().filter(|run| run.has_agent(agent) || run.is_observed_by(agent)) {
            run.resend(agent, actions);
        }
    }

    /// Tells a returning agent to forget the trials that it holds and nobody wants of it any more.
    fn release_leftovers(&self, agent: AgentId, actions: &mut Vec<Action>) {
        let held = self.fleet.agent(agent).map_or(&[][..], |introduction| introduction.holds.as_slice());
        let is_wanted = |(trial, epoch): &(TrialKey, LeaseEpoch)| {
            self.runs.get(&trial.run).is_some_and(|run| run.wants(agent, *trial) && run.epoch() == *epoch)
        };
        let leftovers = held.iter().filter(|held| !is_wanted(held));
        actions.extend(leftovers.map(|(trial, _)| Action::Send(agent, Command::Release(*trial))));
    }

    fn lose_agents(&mut self, now: Moment, actions: &mut Vec<Action>) {
        for (agent, name, lease) in self.fleet.expire(now) {
            if let Some(run) = lease.and_then(|run| self.runs.get_mut(&run)) {
                run.lose(agent, &name, actions);
                // Its slot may be another run's from now on: a coordinator that takes over must not lease it once more.
                run.keep_bookmark(&self.fleet, actions);
            }
        }
    }

    /// Moves every run as far as it goes; by priority and then oldest first, so that a free slot goes to who waited longest.
    fn advance_all(&mut self, now: Moment, actions: &mut Vec<Action>) {
        let mut over = Vec::new();
        self.fleet.forget_claims();
        let mut runs: Vec<(&RunId, &mut ActiveRun)> = self.runs.iter_mut().collect();
        runs.sort_by_key(|(_, run)| std::cmp::Reverse(run.record.priority));
        for (id, run) in runs {
            run.advance(now, &mut self.fleet, &mut self.epoch, actions);
            if run.is_over() {
                self.fleet.release(*id);
                over.push(*id);
            }
        }
        if !over.is_empty() {
            self.runs.retain(|id, _| !over.contains(id));
            // Slots were freed: whoever waits for them is looked at once more.
            self.advance_all(now, actions);
        }
    }
}
