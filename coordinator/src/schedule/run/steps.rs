//! Entering each step, and what follows it.

use std::time::Duration;

use shared::event::RunEvent;
use shared::finding::{Finding, FindingCode, Severity};
use shared::ids::{AgentId, LeaseEpoch};
use shared::job::{Warmup, Window};
use shared::run_record::{RunState, TrialRecord};

use super::super::step::{OBSERVERS_WITHIN, Step};
use super::super::{Action, Command};
use super::keeping::parts;
use super::loss::Group;
use super::{ActiveRun, CurrentTrial};
use crate::fleet::{Fleet, Moment, Unmet};

impl ActiveRun {
    /// Goes as far as possible without waiting.
    pub(in super::super) fn advance(
        &mut self,
        now: Moment,
        fleet: &mut Fleet,
        epoch: &mut LeaseEpoch,
        actions: &mut Vec<Action>,
    ) {
        loop {
            let before = (self.step, self.trial.index, self.trial.attempt);
            self.advance_once(now, fleet, epoch, actions);
            if before == (self.step, self.trial.index, self.trial.attempt) {
                return;
            }
        }
    }

    fn advance_once(
        &mut self,
        now: Moment,
        fleet: &mut Fleet,
        epoch: &mut LeaseEpoch,
        actions: &mut Vec<Action>,
    ) {
        match self.step {
            Step::Finished => {}
            Step::Waiting => self.look_for_agents(now, fleet, epoch, actions),
            Step::Adopt if self.awaited.is_empty() || self.ending.is_some() => {
                self.go_on(now, fleet, epoch, actions)
            }
            Step::Adopt => {}
            _ => {
                match self.step {
                    Step::Collect => self.await_intervals(now, fleet),
                    Step::Regroup => self.regroup(fleet, actions),
                    Step::Prepare if self.awaited.is_empty() => self.check_start(),
                    Step::Arm => self.arm_again_if_late(now, fleet, actions),
                    _ => {}
                }
                if now >= self.deadline && !self.awaited.is_empty() {
                    self.give_up_waiting(fleet);
                }
                self.drop_broken_cells(actions);
                if let Some(step) = self.detour() {
                    self.enter(step, now, fleet, epoch, actions);
                } else if self.awaited.is_empty() {
                    self.enter(self.next_step(), now, fleet, epoch, actions);
                }
            }
        }
    }

    fn look_for_agents(
        &mut self,
        now: Moment,
        fleet: &mut Fleet,
        epoch: &mut LeaseEpoch,
        actions: &mut Vec<Action>,
    ) {
        if self.ending.is_some() {
            return self.enter(Step::Finished, now, fleet, epoch, actions);
        }
        match fleet.candidates(&self.needs()) {
            Ok(agents) => {
                self.note_names(&agents, fleet);
                let names: Vec<_> = agents.iter().filter_map(|id| self.names.get(id).cloned()).collect();
                if let Err(problem) = self.record.plan.place(&self.job, &names) {
                    self.end_early(RunState::Failed, problem.to_string());
                    return self.enter(Step::Finished, now, fleet, epoch, actions);
                }
                fleet.lease(self.record.id, &agents);
                self.group = Group::of(&agents);
                self.agents = agents;
                self.missing_since = None;
                self.record.state = RunState::Running;
                self.enter(Step::BeforeRun, now, fleet, epoch, actions);
            }
            Err(Unmet::Refused(message)) => {
                self.end_refused(message);
                self.enter(Step::Finished, now, fleet, epoch, actions);
            }
            Err(unmet) => {
                let since = match &unmet {
                    Unmet::Missing(_) | Unmet::Refused(_) => *self.missing_since.get_or_insert(now),
                    Unmet::Busy(_) => {
                        fleet.claim(&self.needs());
                        self.missing_since = None;
                        now
                    }
                };
                if now.saturating_sub(since) >= self.job.fleet.start_timeout && self.missing_since.is_some() {
                    self.record.found_no_agents = true;
                    self.end_early(RunState::Failed, format!("no agents in time: {}", unmet.message()));
                    self.enter(Step::Finished, now, fleet, epoch, actions);
                } else {
                    self.tell_waiting(unmet.message(), actions);
                }
            }
        }
    }

    /// Remembers by which names agents go.
    pub(super) fn note_names(&mut self, agents: &[AgentId], fleet: &Fleet) {
        let name = |id: &AgentId| Some((*id, fleet.agent(*id)?.name.clone()));
        self.names.extend(agents.iter().filter_map(name));
    }

    /// The step that follows the present one when nothing went wrong in it.
    fn next_step(&self) -> Step {
        match self.step {
            Step::Waiting | Step::Adopt => Step::BeforeRun,
            Step::Regroup | Step::Join if self.ending.is_some() => Step::StopLastTarget,
            Step::Regroup => Step::Join,
            Step::BeforeRun | Step::Join if self.can_run_present() || self.onward().is_some() => {
                Step::BeginTrial
            }
            Step::BeforeRun | Step::Join => Step::StopLastTarget,
            Step::BeginTrial if self.lacks_target() => Step::ReservePort,
            Step::BeginTrial => Step::BeforeTrial,
            Step::ReservePort => Step::StartTarget,
            Step::StartTarget => Step::BeforeTrial,
            Step::BeforeTrial => Step::Prepare,
            Step::Prepare if self.trial.was_started => Step::Run,
            Step::Prepare => Step::Arm,
            Step::Arm => Step::Run,
            Step::Run if self.is_profiling() => Step::Profile,
            Step::Run | Step::Profile => Step::Collect,
            Step::Collect => Step::AfterTrial,
            Step::AfterTrial => Step::StopTarget,
            Step::StopTarget => Step::Judge,
            Step::Judge if self.look_due().is_some() => Step::Look,
            Step::Judge | Step::Look if self.goes_on() && self.group.is_short => Step::Regroup,
            Step::Judge | Step::Look if self.goes_on() => Step::BeginTrial,
            Step::Judge | Step::Look => Step::StopLastTarget,
            Step::StopLastTarget => Step::AfterRun,
            Step::AfterRun | Step::Finished => Step::Finished,
        }
    }

    pub(super) fn enter(
        &mut self,
        step: Step,
        now: Moment,
        fleet: &Fleet,
        epoch: &mut LeaseEpoch,
        actions: &mut Vec<Action>,
    ) {
        let previous = std::mem::replace(&mut self.step, step);
        if previous == Step::Judge && step != Step::Judge {
            self.release_trial(actions);
        }
        self.awaited.clear();
        self.told.clear();
        let extra =
            self.hooks_within(step).max(self.connecting_within(step)).max(self.profiling_within(step));
        self.deadline = self.deadline_of(step, now, extra);
        match step {
            Step::Waiting | Step::Adopt => {}
            Step::BeforeRun => {
                self.record.started_at_ms = Some(self.unix_ms(now));
                self.begin_hooks(actions);
            }
            Step::AfterRun => self.begin_hooks(actions),
            Step::Regroup => {
                self.turn_over();
                self.await_regrouping(now);
            }
            Step::Join => {
                let newcomers = std::mem::take(&mut self.newcomers);
                self.begin_hooks_on(newcomers, actions);
            }
            Step::BeginTrial => {
                // Whoever was to measure may have been lost since.
                if matches!(previous, Step::Judge | Step::Look) || !self.can_run_present() {
                    self.turn_over();
                }
                self.begin_trial(fleet, epoch, actions);
            }
            Step::BeforeTrial => {
                self.trial.has_hooks = true;
                self.begin_hooks(actions);
            }
            Step::AfterTrial => {
                if self.trial.has_hooks {
                    self.begin_hooks(actions);
                }
            }
            Step::ReservePort => self.reserve_port(fleet, actions),
            Step::StartTarget => self.start_target(fleet, actions),
            Step::Prepare => self.prepare(fleet, actions),
            Step::Arm => self.arm(now, fleet, actions),
            Step::Run => {
                self.run(actions);
                if self.is_profiling() {
                    self.begin_profilers(actions);
                }
            }
            Step::Profile => self.await_profilers(actions),
            Step::Collect => {
                self.trial.observers_until = now + OBSERVERS_WITHIN;
                self.await_intervals(now, fleet);
                if self.trial.is_broken {
                    self.abort(actions);
                } else {
                    self.repeat_stops(actions);
                }
                self.stop_observers(fleet, actions);
            }
            Step::StopTarget | Step::StopLastTarget => self.stop_target(actions),
            Step::Judge => self.close_trial(actions),
            Step::Look => self.look(actions),
            Step::Finished => self.finish(now, actions),
        }
        self.keep_bookmark(fleet, actions);
        if step == Step::Judge {
            self.judge(actions);
        }
    }

    fn begin_trial(&mut self, fleet: &Fleet, epoch: &mut LeaseEpoch, actions: &mut Vec<Action>) {
        epoch.0 += 1;
        self.forget_stopped_targets();
        let note = self.group.note.take().map(|message| {
            let (code, severity) = (FindingCode::AgentLost, Severity::Note);
            Finding { code, severity, agent: None, message }
        });
        self.trial = CurrentTrial {
            index: self.trial.index,
            attempt: self.trial.attempt,
            epoch: *epoch,
            cells: self.lined_up(fleet),
            settled: std::mem::take(&mut self.trial.settled),
            ..CurrentTrial::default()
        };
        let (observers, lost) = self.observers_of_trial(fleet);
        self.trial.observers = observers.iter().map(|part| part.id).collect();
        let measuring = self.measuring();
        let attempt = TrialRecord {
            trial: self.trial.index,
            attempt: self.trial.attempt,
            agents: parts(&measuring, fleet),
            cells: self.trial.cells.iter().map(|cell| cell.part.clone()).collect(),
            observers,
            agents_planned: self.trial.cells.is_empty().then(|| self.group.size()),
            started_at_ms: None,
            is_complete: false,
            start_skew_us: None,
            start_skew_error_us: None,
            findings: note.into_iter().chain(lost).collect(),
        };
        if self.is_profiling() {
            self.begin_profiled(attempt, actions);
        } else {
            self.record.trials.push(attempt);
        }
        let agents =
            measuring.iter().filter_map(|id| fleet.agent(*id).map(|agent| agent.name.clone())).collect();
        let told = measuring.iter().chain(&self.trial.observers).map(|agent| (*agent, 0));
        actions.push(Action::OpenTrial(self.key(), self.trial.epoch, told.collect()));
        actions.push(Action::Tell(
            self.record.id,
            RunEvent::TrialPreparing { trial: self.trial.index, attempt: self.trial.attempt, agents },
        ));
    }

    fn run(&mut self, actions: &mut Vec<Action>) {
        self.awaited =
            self.measuring().into_iter().filter(|agent| !self.trial.reported.contains_key(agent)).collect();
        let load = &self.present_job().load;
        let variant =
            self.planned().and_then(|planned| self.record.plan.variants.get(planned.variant.0 as usize));
        let started = RunEvent::TrialStarted {
            trial: self.trial.index,
            trials_planned: match self.job.search {
                Some(_) => 0,
                None => {
                    let profiled = if self.is_profiling() { self.record.plan.profiled.len() } else { 0 };
                    u32::try_from(self.record.plan.trials.len() + profiled).unwrap_or(u32::MAX)
                }
            },
            variant: variant.map(|variant| variant.name.clone()).unwrap_or_default(),
            warmup: match load.warmup {
                Warmup::For(length) => Some(length),
                Warmup::Iterations(_) => None,
            },
            duration: match load.window {
                Window::For(length) => Some(length),
                Window::Iterations(_) => None,
            },
            iterations: match load.window {
                Window::Iterations(iterations) => Some(iterations),
                Window::For(_) => None,
            },
        };
        actions.push(Action::Tell(self.record.id, started));
    }

    fn close_trial(&mut self, actions: &mut Vec<Action>) {
        if self.is_profiling() {
            self.tell_errors();
        }
        let is_complete = !self.trial.is_broken;
        if let Some(record) = self.trial_record() {
            record.is_complete = is_complete;
        }
        actions.push(Action::CloseTrial(self.key()));
        self.await_nobody();
    }

    /// Has the closed trial judged. It is asked for behind the save of its end, and what is asked of the store is done in turn: so
    /// its end is on disk when the answer comes. One with a profiler is judged by nobody.
    fn judge(&mut self, actions: &mut Vec<Action>) {
        // Nothing is measured by it.
        if self.is_profiling() {
            let may_repeat = self.trial.attempt < self.job.fleet.retries && !self.trial.is_last;
            self.trial.is_repeated = self.trial.is_broken && may_repeat;
            return self.awaited.clear();
        }
        actions.push(Action::Judge(self.key(), Box::new(self.record.clone())));
    }

    /// Has agents let the trial go. Not before it is judged, for its end is on disk by then: a coordinator that ends sooner finds
    /// them holding it, and comes to its end once more.
    fn release_trial(&self, actions: &mut Vec<Action>) {
        if self.trial.is_prepared {
            let key = self.key();
            actions.extend(self.loads().into_iter().map(|agent| Action::Send(agent, Command::Release(key))));
            self.release_observers(key, actions);
        }
    }

    /// Nobody of the fleet is asked: a judgement or a look is awaited, under a name that no agent has.
    pub(super) fn await_nobody(&mut self) {
        self.awaited = [nobody()].into();
    }

    /// Nobody of the fleet is asked: whoever comes is awaited, under a name that no agent has.
    pub(super) fn await_regrouping(&mut self, now: Moment) {
        self.waiting_message.clear();
        self.awaited = [nobody()].into();
        self.deadline = self.deadline_of(Step::Regroup, now, Duration::ZERO);
    }

    /// When a step that is entered now must be done; `extra` is what the job itself allows it beside.
    pub(super) fn deadline_of(&self, step: Step, now: Moment, extra: Duration) -> Moment {
        let is_cancelled = self.ending.as_ref().is_some_and(|ending| ending.state == RunState::Cancelled);
        now.saturating_add(step.within(&self.deadlines, self.present_job(), extra, is_cancelled))
    }

    /// Whether another trial follows, or another attempt at this one.
    fn goes_on(&self) -> bool {
        self.ending.is_none() && self.onward().is_some()
    }

    fn finish(&mut self, now: Moment, actions: &mut Vec<Action>) {
        self.record.finished_at_ms = Some(self.unix_ms(now));
        self.record.bookmark = None;
        self.record.state = self.ending.as_ref().map_or(RunState::Finished, |ending| ending.state);
        self.record.reason = self.ending.as_ref().map(|ending| ending.reason.clone());
        actions.push(Action::Finish(Box::new(self.record.clone())));
    }
}

/// A name that no agent has, for steps that wait for something else.
fn nobody() -> AgentId {
    AgentId::new([0; 16])
}
