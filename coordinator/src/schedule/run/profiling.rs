//! Trials with a profiler: they come after all others, nothing is measured by them, and what goes wrong in one says nothing about the
//! run's claims. The profiler runs where the target does; without a target on every agent that makes load.

use std::sync::Arc;
use std::time::Duration;

use shared::event::RunEvent;
use shared::finding::{Finding, FindingCode};
use shared::ids::{AgentId, AgentName, TrialKey};
use shared::job::{ProfileSpec, Warmup};
use shared::profile::{PROFILES_BYTES_MAX, PROFILES_MAX, ProfiledTrial, stored_path};
use shared::run_record::{AttachedFile, RunState, TrialRecord};

use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;

impl ActiveRun {
    /// Whether the present trial is one with a profiler.
    pub(super) fn is_profiling(&self) -> bool {
        self.record.plan.is_profiled(self.trial.index)
    }

    /// How long the profiler may take in the step in which it is waited for.
    pub(super) fn profiling_within(&self, step: Step) -> Duration {
        match &self.job.profile {
            Some(profile) if step == Step::Profile => self.delay_of(profile).saturating_add(profile.duration),
            _ => Duration::ZERO,
        }
    }

    /// Notes the attempt that begins, and says what it is for.
    pub(super) fn begin_profiled(&mut self, trial: TrialRecord, actions: &mut Vec<Action>) {
        let Some(variant) = self.planned().map(|planned| planned.variant) else { return };
        self.record.profiles.push(ProfiledTrial { variant, trial, outputs: Vec::new() });
        let message = "one more trial, which is not measured: the profiler runs beside it".to_owned();
        actions.push(Action::Tell(self.record.id, RunEvent::Waiting { message }));
    }

    /// The present attempt, if it is one with a profiler.
    pub(super) fn profiled(&mut self) -> Option<&mut ProfiledTrial> {
        let (index, attempt) = (self.trial.index, self.trial.attempt);
        let is_present = |it: &&mut ProfiledTrial| it.trial.trial == index && it.trial.attempt == attempt;
        self.record.profiles.iter_mut().rev().find(is_present)
    }

    /// Has profilers start, while the load begins. They are waited for once it has ended.
    pub(super) fn begin_profilers(&mut self, actions: &mut Vec<Action>) {
        self.profilers().into_iter().for_each(|agent| self.begin_profiler(agent, actions));
    }

    /// Tells a returning agent once more to start its profiler while the load runs: one that knows the order only answers it again.
    pub(super) fn repeat_profiler(&mut self, agent: AgentId, actions: &mut Vec<Action>) {
        if self.step == Step::Run && self.is_profiling() && self.profilers().contains(&agent) {
            self.begin_profiler(agent, actions);
        }
    }

    fn begin_profiler(&mut self, agent: AgentId, actions: &mut Vec<Action>) {
        if !self.trial.profiled.contains(&agent)
            && let Some(command) = self.profile_command(agent, false)
        {
            actions.push(Action::Send(agent, command));
        }
    }

    /// Waits for those profilers that have not ended. The load is over: an agent that does not know the order starts none any more.
    pub(super) fn await_profilers(&mut self, actions: &mut Vec<Action>) {
        for agent in self.profilers() {
            if !self.trial.profiled.contains(&agent)
                && let Some(command) = self.profile_command(agent, true)
            {
                self.ask(agent, command, actions);
            }
        }
    }

    /// A profiler ended.
    pub(super) fn hear_profiled(&mut self, agent: AgentId, problem: Option<String>) {
        // Said once more, and too late to change what is known of it.
        if !self.has_open_trial() {
            return;
        }
        self.trial.profiled.insert(agent);
        self.trial.profiles_reserved.remove(&agent);
        let has_file = self.output_of(agent).is_some_and(|output| output.file.is_some());
        let nothing = || (!has_file).then(|| "what the profiler wrote did not arrive".to_owned());
        self.note_problem(agent, problem.or_else(nothing));
        if self.step == Step::Profile {
            self.answered(agent);
        }
    }

    /// How many operations of a trial ended so far, and how many of them as errors.
    pub(in super::super) fn note_ended(&mut self, trial: TrialKey, ended: (u64, u64)) {
        if self.is_current(trial) {
            self.trial.ended = ended;
        }
    }

    /// Nobody judges the trial: that its operations failed is said of what was seen meanwhile.
    pub(super) fn tell_errors(&mut self) {
        let (operations, errors) = self.trial.ended;
        if errors == 0 {
            return;
        }
        let message = format!("of the {operations} operations beside it {errors} failed");
        let outputs = self.profiled().into_iter().flat_map(|profiled| &mut profiled.outputs);
        for output in outputs.filter(|output| output.file.is_some()) {
            output.problem = Some(match output.problem.take() {
                Some(problem) => format!("{problem}; {message}"),
                None => message.clone(),
            });
        }
    }

    /// Profilers that have not ended in time.
    pub(super) fn give_up_profilers(&mut self, silent: &[(AgentId, String)]) {
        for (agent, _) in silent {
            self.note_problem(*agent, Some("the profiler did not end in time".to_owned()));
        }
    }

    /// Whether what a profiler of the present trial wrote may be stored.
    ///
    /// # Errors
    /// Why not, for the agent.
    fn check_profile(&self, agent: AgentId, trial: TrialKey, size_bytes: u64) -> Result<(), String> {
        let profile = self.job.profile.as_ref().filter(|_| self.is_current(trial) && self.is_profiling());
        let profile = profile.filter(|_| self.profilers().contains(&agent) && self.stage() < Step::Judge);
        let profile = profile.ok_or_else(|| "no profile of this trial is waited for".to_owned())?;
        if size_bytes > profile.size_bytes_max {
            return Err(format!(
                "it has {size_bytes} bytes, and the job allows {} (profile.size)",
                profile.size_bytes_max
            ));
        }
        // What the same agent has sent before, or was about to, this takes the place of.
        let own = stored_path(trial.trial.0, trial.attempt, agent);
        let files = self.record.profiles.iter().flat_map(ProfiledTrial::files);
        let others = files.filter(|(path, _)| *path != own).map(|(_, file)| file.size_bytes);
        let reserved = self.trial.profiles_reserved.iter().filter(|(other, _)| **other != agent);
        let sizes: Vec<u64> = others.chain(reserved.map(|(_, size_bytes)| *size_bytes)).collect();
        let stored = sizes.iter().copied().fold(0, u64::saturating_add);
        if stored.saturating_add(size_bytes) > PROFILES_BYTES_MAX || sizes.len() >= PROFILES_MAX {
            return Err(format!(
                "the run has {stored} bytes of profiles already, and keeps {PROFILES_BYTES_MAX} in at most {PROFILES_MAX} files: profile fewer variants"
            ));
        }
        Ok(())
    }

    /// Keeps room for what a profiler of the present trial wrote, until it is stored or the profiler is said to have ended.
    ///
    /// # Errors
    /// Why it may not be stored, as [`ActiveRun::check_profile`].
    pub(in super::super) fn reserve_profile(
        &mut self,
        agent: AgentId,
        trial: TrialKey,
        size_bytes: u64,
    ) -> Result<(), String> {
        self.check_profile(agent, trial, size_bytes)?;
        self.trial.profiles_reserved.insert(agent, size_bytes);
        Ok(())
    }

    /// What a profiler wrote is stored.
    ///
    /// # Errors
    /// Why it does not belong to the run, as [`ActiveRun::check_profile`].
    pub(in super::super) fn note_profile(
        &mut self,
        agent: AgentId,
        trial: TrialKey,
        file: AttachedFile,
        actions: &mut Vec<Action>,
    ) -> Result<(), String> {
        self.check_profile(agent, trial, file.size_bytes)?;
        let output = self.output_of(agent).ok_or_else(|| "the agent is not known".to_owned())?;
        output.file = Some(file);
        self.trial.profiles_reserved.remove(&agent);
        actions.push(Action::Save(Box::new(self.record.clone())));
        Ok(())
    }

    /// Goes on without the profiles that are left: what was measured stands.
    pub(super) fn leave_out_profiles(&mut self, message: String) {
        self.tell_left_out(message);
        let done = (self.trial.index.0 as usize).saturating_sub(self.record.plan.trials.len());
        self.record.plan.profiled.truncate(done + 1);
        self.trial.is_last = true;
    }

    /// Why profiles are left out: said of the attempt that is under way, or of one that is not begun any more.
    fn tell_left_out(&mut self, message: String) {
        if self.has_open_trial() && !self.trial.is_broken {
            return self.break_trial(FindingCode::TrialNotRun, None, message);
        }
        let findings = self.trial_record().map(|attempt| attempt.findings.as_slice()).unwrap_or_default();
        if findings.iter().any(|finding| finding.message == message) {
            return;
        }
        let finding = Finding::of_trial(FindingCode::TrialNotRun, message);
        match self.trial_record() {
            Some(attempt) => attempt.findings.push(finding),
            None => self.note_left_out(finding),
        }
    }

    /// Notes an attempt that comes to nothing before it begins.
    fn note_left_out(&mut self, finding: Finding) {
        let Some(variant) = self.planned().map(|planned| planned.variant) else { return };
        let trial = TrialRecord {
            trial: self.trial.index,
            attempt: self.trial.attempt,
            agents: Vec::new(),
            cells: Vec::new(),
            observers: Vec::new(),
            agents_planned: None,
            started_at_ms: None,
            is_complete: false,
            start_skew_us: None,
            start_skew_error_us: None,
            findings: vec![finding],
        };
        self.record.profiles.push(ProfiledTrial { variant, trial, outputs: Vec::new() });
    }

    /// Whether nothing but profiles is left to do. A target that does not stop at the run's end is no matter of a profile, nor are
    /// the hooks after it.
    pub(super) fn has_only_profiles_left(&self) -> bool {
        self.is_profiling() && self.stage() < Step::StopLastTarget
    }

    /// Ends the run because of what went wrong, unless only profiles are left: those are left out.
    pub(super) fn fail_unless_profiling(&mut self, message: String) {
        if self.has_only_profiles_left() {
            self.leave_out_profiles(message);
        } else {
            self.end_early(RunState::Failed, message);
        }
    }

    /// On whose hosts the profiler runs.
    fn profilers(&self) -> Vec<AgentId> {
        if self.present_job().target.is_none() {
            return self.measuring();
        }
        self.targets.keys().copied().filter(|agent| self.is_target_used_on(*agent)).collect()
    }

    fn profile_command(&mut self, agent: AgentId, is_load_over: bool) -> Option<Command> {
        let resolved = match self.resolved(agent) {
            Ok(resolved) => resolved,
            Err(problem) => {
                self.note_problem(agent, Some(problem));
                return None;
            }
        };
        let ProfileSpec { command, output, delay: _, duration, size_bytes_max } = resolved.profile?;
        let delay = self.job.profile.as_ref().map(|profile| self.delay_of(profile)).unwrap_or_default();
        Some(Command::Profile {
            trial: self.key(),
            command,
            confidential: Arc::clone(&self.confidential),
            delay,
            duration,
            size_bytes_max,
            output,
            is_load_over,
        })
    }

    /// From the start of the load to that of the profiler.
    fn delay_of(&self, profile: &ProfileSpec) -> Duration {
        let warmup = match self.present_job().load.warmup {
            Warmup::For(length) => length,
            Warmup::Iterations(_) => Duration::ZERO,
        };
        warmup.saturating_add(profile.delay)
    }

    fn note_problem(&mut self, agent: AgentId, problem: Option<String>) {
        if let Some(output) = self.output_of(agent) {
            output.problem = problem;
        }
    }

    fn output_of(&mut self, agent: AgentId) -> Option<&mut shared::profile::ProfileOutput> {
        let name: AgentName = self.names.get(&agent)?.clone();
        Some(self.profiled()?.output_of(agent, &name))
    }
}
