//! One run's way through the steps.
//!
//! Rooms: `steps` (entering each), `turns` (whose turn it is), `cells` (what stands apart within a trial), `concern` (what an answer is about), `target`, `hooks`,
//! `preparing` and `arming` (telling agents their parts, and when), `unwind` (leaving the straight way), `loss` (of agents),
//! `observing` (hosts that make no load), `looking` (whether more blocks are needed), `profiling` (trials that are not measured), `needs` (which agents it asks for), `adoption` (after a restart), `keeping` (what the record keeps).

mod adoption;
mod arming;
mod cells;
mod concern;
mod hooks;
mod keeping;
mod looking;
mod loss;
mod needs;
mod observing;
mod preparing;
mod profiling;
mod steps;
mod target;
mod turns;
mod unwind;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::event::RunEvent;
use shared::finding::{Finding, FindingCode};
use shared::ids::{AgentId, AgentName, LeaseEpoch, TrialIndex, TrialKey};
use shared::job::Job;
use shared::run_record::{RunRecord, RunState};
use shared::secret::Confidential;

use super::step::Step;
use super::{Action, Answer, Command, Deadlines, Ending, Submission};
use crate::fleet::Moment;
use adoption::Resumption;
pub use adoption::{BookmarkError, trial_under_way};
#[cfg(test)]
pub(super) use arming::ARMINGS_MAX;
use arming::Arming;
use cells::Cell;
use loss::Group;
pub(super) use needs::need;
use target::Target;

/// A run that waits or runs.
#[derive(Debug)]
pub(super) struct ActiveRun {
    pub(super) record: RunRecord,
    job: Arc<Job>,
    files: Arc<BTreeMap<String, Vec<u8>>>,
    confidential: Arc<Confidential>,
    step: Step,
    deadlines: Deadlines,
    deadline: Moment,
    /// What the wall clock would have shown at the coordinator's start, as it stood when the run was submitted: a clock
    /// that is set meanwhile does not move a run's times.
    unix_ms_at_zero: u64,
    /// Since when too few agents match; `None`: enough do. Bounded by the job's `start_timeout`.
    missing_since: Option<Moment>,
    /// What the observers were told last while waiting.
    waiting_message: String,
    /// Leased agents that are not lost, by name.
    agents: Vec<AgentId>,
    /// Names of all that were leased.
    names: BTreeMap<AgentId, AgentName>,
    /// Over whom the load is split.
    group: Group,
    /// Agents that joined after the first trial, and have yet to run the hooks that came before it.
    newcomers: Vec<AgentId>,
    /// Agents that the present step still waits for.
    awaited: BTreeSet<AgentId>,
    /// What each agent was told last in this step, to be repeated when it comes back.
    told: BTreeMap<AgentId, Command>,
    /// For each agent: the next hook it has to run in this step.
    next_hook: BTreeMap<AgentId, usize>,
    trial: CurrentTrial,
    /// What was started to be measured, by the agent that started it.
    targets: BTreeMap<AgentId, Target>,
    /// Set when the run is to end before its plan is done.
    ending: Option<Ending>,
    /// What is to be done once all agents are back; only while they are awaited after a restart.
    resumption: Option<Resumption>,
    /// Whether an earlier coordinator began it.
    is_adopted: bool,
}

/// The attempt that is under way, or was last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct CurrentTrial {
    index: TrialIndex,
    attempt: u32,
    epoch: LeaseEpoch,
    /// What is measured in it side by side; empty: one load that all agents share.
    #[serde(default)]
    cells: Vec<Cell>,
    /// Agents whose cells an earlier attempt at the trial has measured.
    #[serde(default)]
    settled: BTreeSet<AgentName>,
    /// Agents that only tell how their hosts fare in it.
    #[serde(default)]
    observers: Vec<AgentId>,
    /// How long what they tell is waited for once the load has ended.
    #[serde(skip)]
    observers_until: Moment,
    /// Whether something made it invalid as a whole, so that the steps up to `Collect` are left out.
    is_broken: bool,
    /// Whether agents were told to prepare, so that they must be collected and released.
    is_prepared: bool,
    /// Whether hooks before it were begun, so that those after it run too.
    has_hooks: bool,
    /// Whether the same trial comes once more, since this attempt was judged invalid.
    is_repeated: bool,
    /// Why agents were told to abort, if they were.
    abort_reason: Option<String>,
    /// The start that its agents were told last. Of one that an earlier coordinator told, they say themselves.
    #[serde(skip)]
    arming: Arming,
    /// How many intervals each agent said it numbered.
    reported: BTreeMap<AgentId, u64>,
    /// How many of them an agent can still deliver that failed, perhaps after it had been done: what it kept is damaged.
    #[serde(default)]
    deliverable: BTreeMap<AgentId, u64>,
    /// Agents that are prepared and were not started.
    are_ready: BTreeSet<AgentId>,
    /// Agents whose profilers have ended.
    #[serde(default)]
    profiled: BTreeSet<AgentId>,
    /// How many operations ended so far, and how many of them as errors, as far as is known.
    #[serde(skip)]
    ended: (u64, u64),
    /// How long the files are that agents were allowed to send and that are not stored yet. Agents of a coordinator that ended
    /// announce theirs again.
    #[serde(skip)]
    profiles_reserved: BTreeMap<AgentId, u64>,
    /// Whether nothing comes after it, whatever is planned.
    #[serde(default)]
    is_last: bool,
    /// Whether an agent was started by a coordinator that could not note it before it ended.
    was_started: bool,
    /// How many of each agent's intervals are stored, from 0 without gaps.
    #[serde(skip)]
    stored: BTreeMap<AgentId, u64>,
}

impl ActiveRun {
    pub(super) fn new(
        submission: Submission,
        now: Moment,
        unix_ms_at_zero: u64,
        deadlines: Deadlines,
    ) -> Self {
        // Of a search the plan knows which values are its variants.
        let job = match &submission.job.search {
            Some(_) => Arc::new(Job::as_planned((*submission.job).clone(), &submission.record.plan)),
            None => submission.job,
        };
        let job = hooks::with_settlement(job);
        Self {
            record: submission.record,
            job,
            files: submission.files,
            confidential: submission.confidential,
            step: Step::Waiting,
            deadlines,
            deadline: Moment::MAX,
            unix_ms_at_zero,
            missing_since: Some(now),
            waiting_message: String::new(),
            agents: Vec::new(),
            names: BTreeMap::new(),
            group: Group::default(),
            newcomers: Vec::new(),
            awaited: BTreeSet::new(),
            told: BTreeMap::new(),
            next_hook: BTreeMap::new(),
            trial: CurrentTrial::default(),
            targets: BTreeMap::new(),
            ending: None,
            resumption: None,
            is_adopted: false,
        }
    }

    /// The step that the run is in, or was in when it is taken up.
    fn stage(&self) -> Step {
        self.resumption.as_ref().map_or(self.step, Resumption::step)
    }

    /// The lease under which the present trial is held.
    pub(super) fn epoch(&self) -> LeaseEpoch {
        self.trial.epoch
    }

    /// Ends the run before its plan is done. The first reason stands.
    pub(super) fn end_early(&mut self, state: RunState, reason: String) {
        if self.ending.is_none() {
            self.ending = Some(Ending { state, reason });
        }
    }

    /// An agent's own policy does not allow what it was to do: another attempt would meet the same answer.
    pub(super) fn refused_by(&mut self, agent: &AgentName, reason: &str) {
        let message = format!("agent {agent} refuses: {reason}");
        if self.has_only_profiles_left() {
            return self.leave_out_profiles(message);
        }
        self.end_refused(message);
    }

    /// Ends the run because of a policy, unless something else ended it before.
    fn end_refused(&mut self, reason: String) {
        self.record.was_refused |= self.ending.is_none();
        self.end_early(RunState::Failed, reason);
    }

    /// Somebody cancels the run. Intervals that are on their way are then waited for less long.
    pub(super) fn cancel(&mut self, now: Moment, reason: String) {
        self.end_early(RunState::Cancelled, reason);
        if self.step == Step::Collect {
            self.deadline = self.deadline.min(now.saturating_add(self.deadlines.collect_cancelled));
        }
    }

    /// An agent answered about what is under way.
    pub(super) fn hear(&mut self, agent: AgentId, answer: Answer, actions: &mut Vec<Action>) {
        if self.is_observed_by(agent) {
            return self.hear_observer(agent, answer);
        }
        match (self.stage(), answer) {
            (Step::ReservePort, Answer::PortReserved(Some(port))) => {
                if let Some(target) = self.targets.get_mut(&agent) {
                    target.port = Some(port);
                }
                self.answered(agent);
            }
            (Step::ReservePort, Answer::PortReserved(None)) => {
                self.break_trial(
                    FindingCode::TargetFailed,
                    Some(agent),
                    "no free port could be found for the target".to_owned(),
                );
            }
            (Step::StartTarget, Answer::TargetReady) => {
                if let Some(target) = self.targets.get_mut(&agent) {
                    target.is_running = true;
                }
                self.answered(agent);
            }
            (_, Answer::TargetFailed(reason)) => {
                self.note_target_down(agent);
                // One that ends between two trials was measured by neither; the next trial starts another.
                if self.has_open_trial() && self.is_target_used_on(agent) {
                    self.break_trial(FindingCode::TargetFailed, Some(agent), reason);
                }
                self.target_ended(agent);
            }
            (_, Answer::TargetStopped) => {
                self.note_target_down(agent);
                self.target_ended(agent);
            }
            (_, Answer::Profiled(problem)) => self.hear_profiled(agent, problem),
            (_, Answer::HookDone { hook, failure }) => self.hear_hook(agent, hook, failure, actions),
            (Step::Prepare, Answer::Ready) => {
                self.trial.are_ready.insert(agent);
                self.answered(agent);
            }
            (Step::Prepare, Answer::Done { intervals }) => {
                self.trial.was_started = true;
                self.report_intervals(agent, intervals);
                self.answered(agent);
            }
            (Step::Arm | Step::Run, Answer::Ready) if self.is_adopted => self.never_started(agent),
            (step, Answer::Armed { arming, skew_us }) => {
                self.hear_armed(step, agent, arming, skew_us);
            }
            (Step::Arm, Answer::StartTooLate { arming, late }) => self.refuse_start(agent, arming, late),
            (Step::Arm, Answer::Done { intervals }) if self.began_too_early(agent) => {
                self.report_intervals(agent, intervals);
                self.break_early_start(agent);
            }
            // The schedule of a quick agent may be over before a slow one has said that it is armed; and one whose
            // link broke meanwhile says only that it is done.
            (Step::Arm | Step::Run | Step::Collect, Answer::Done { intervals }) => {
                self.report_intervals(agent, intervals);
                self.answered(agent);
            }
            (Step::Prepare | Step::Arm | Step::Run | Step::Collect, Answer::Failed { reason, intervals }) => {
                self.report_intervals(agent, intervals);
                self.trial.deliverable.insert(agent, intervals);
                // An agent that was told to abort gives our own reason back: that is no failure of its own.
                if !self.trial.abort_reason.as_ref().is_some_and(|ours| reason.ends_with(ours.as_str())) {
                    self.break_trial(FindingCode::AgentFailed, Some(agent), reason);
                }
                self.answered(agent);
            }
            (_, Answer::Refused(failure)) => self.hear(agent, *failure, actions),
            // An answer that comes twice, after a reconnect, or too late, changes nothing.
            _ => {}
        }
    }

    /// Repeats to a returning agent what it may have missed.
    pub(super) fn resend(&mut self, agent: AgentId, actions: &mut Vec<Action>) {
        if self.awaited.contains(&agent)
            && let Some(command) = self.told.get(&agent)
        {
            actions.push(Action::Send(agent, command.clone()));
        }
        self.repeat_profiler(agent, actions);
    }

    pub(super) fn note_stored(&mut self, trial: TrialKey, agent: AgentId, next_sequence: u64) {
        if self.is_current(trial) {
            let stored = self.trial.stored.entry(agent).or_default();
            *stored = (*stored).max(next_sequence);
        }
    }

    pub(super) fn note_judged(
        &mut self,
        trial: TrialKey,
        is_valid: bool,
        findings: Vec<Finding>,
        actions: &mut Vec<Action>,
    ) {
        if self.step == Step::Judge && self.is_current(trial) {
            let (trial, attempt) = (self.trial.index, self.trial.attempt);
            self.settle(is_valid, &findings);
            actions.push(Action::Tell(
                self.record.id,
                RunEvent::TrialFinished { trial, attempt, is_valid, findings },
            ));
            self.awaited.clear();
        }
    }

    pub(super) fn generator_cpu_limit(&self) -> f64 {
        self.job.limits.generator_cpu
    }

    pub(super) fn operation_names(&self) -> Vec<String> {
        self.job.workload.operations.iter().map(|operation| operation.name.to_string()).collect()
    }

    pub(super) fn is_over(&self) -> bool {
        self.step == Step::Finished
    }

    pub(super) fn has_agent(&self, agent: AgentId) -> bool {
        self.agents.contains(&agent)
    }

    /// The job that the present trial runs: its variant's.
    fn present_job(&self) -> &Job {
        self.planned().map_or(&*self.job, |planned| self.job.of_variant(planned.variant))
    }

    fn is_current(&self, trial: TrialKey) -> bool {
        self.step != Step::Waiting && trial == self.key()
    }

    fn key(&self) -> TrialKey {
        TrialKey { run: self.record.id, trial: self.trial.index, attempt: self.trial.attempt }
    }

    /// The step waits no longer for this agent.
    fn answered(&mut self, agent: AgentId) {
        self.awaited.remove(&agent);
        self.told.remove(&agent);
    }

    /// Tells an agent something that it must answer.
    fn ask(&mut self, agent: AgentId, command: Command, actions: &mut Vec<Action>) {
        self.awaited.insert(agent);
        self.told.insert(agent, command.clone());
        actions.push(Action::Send(agent, command));
    }

    /// Whether a trial has been begun and is not yet to be judged.
    fn has_open_trial(&self) -> bool {
        self.stage() > Step::BeginTrial && self.stage() < Step::Judge
    }

    fn unix_ms(&self, now: Moment) -> u64 {
        self.unix_ms_at_zero.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}
