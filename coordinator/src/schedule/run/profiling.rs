//! Trials with a profiler: they come after all others, nothing is measured by them, and what goes wrong in one says nothing about the
//! run's claims. The profiler runs where the target does; without a target on every agent that makes load.

use std::sync::Arc;
use std::time::Duration;

use shared::event::RunEvent;
use shared::finding::FindingCode;
use shared::ids::{AgentId, AgentName, TrialKey};
use shared::job::{ProfileSpec, Warmup};
use shared::profile::{PROFILES_BYTES_MAX, PROFILES_MAX, ProfiledTrial};
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
        for agent in self.profilers() {
            if let Some(command) = self.profile_command(agent) {
                actions.push(Action::Send(agent, command));
            }
        }
    }

    /// Waits for those profilers that have not ended. An agent that knows the order only answers it again.
    pub(super) fn await_profilers(&mut self, actions: &mut Vec<Action>) {
        for agent in self.profilers() {
            if !self.trial.profiled.contains(&agent)
                && let Some(command) = self.profile_command(agent)
            {
                self.ask(agent, command, actions);
            }
        }
    }

    /// A profiler ended.
    pub(super) fn hear_profiled(&mut self, agent: AgentId, problem: Option<String>) {
        self.trial.profiled.insert(agent);
        let has_file = self.output_of(agent).is_some_and(|output| output.file.is_some());
        let nothing = || (!has_file).then(|| "what the profiler wrote did not arrive".to_owned());
        self.note_problem(agent, problem.or_else(nothing));
        if self.step == Step::Profile {
            self.answered(agent);
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
    pub(in super::super) fn check_profile(
        &self,
        agent: AgentId,
        trial: TrialKey,
        size_bytes: u64,
    ) -> Result<(), String> {
        let profile = self.job.profile.as_ref().filter(|_| self.is_current(trial) && self.is_profiling());
        let profile = profile.filter(|_| self.profilers().contains(&agent) && self.stage() < Step::Judge);
        let profile = profile.ok_or_else(|| "no profile of this trial is waited for".to_owned())?;
        if size_bytes > profile.size_bytes_max {
            return Err(format!(
                "it has {size_bytes} bytes, and the job allows {} (profile.size)",
                profile.size_bytes_max
            ));
        }
        let files = || self.record.profiles.iter().flat_map(ProfiledTrial::files);
        let stored: u64 = files().map(|(_, file)| file.size_bytes).sum();
        if stored.saturating_add(size_bytes) > PROFILES_BYTES_MAX || files().count() >= PROFILES_MAX {
            return Err(format!(
                "the run has {stored} bytes of profiles already, and keeps {PROFILES_BYTES_MAX} in at most {PROFILES_MAX} files: profile fewer variants"
            ));
        }
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
        actions.push(Action::Save(Box::new(self.record.clone())));
        Ok(())
    }

    /// Goes on without the profiles that are left: what was measured stands.
    pub(super) fn leave_out_profiles(&mut self, message: String) {
        if self.has_open_trial() && !self.trial.is_broken {
            self.break_trial(FindingCode::TrialNotRun, None, message);
        }
        let done = (self.trial.index.0 as usize).saturating_sub(self.record.plan.trials.len());
        self.record.plan.profiled.truncate(done + 1);
        self.trial.is_last = true;
    }

    /// Ends the run because of what went wrong, unless only profiles are left: those are left out.
    pub(super) fn fail_unless_profiling(&mut self, message: String) {
        if self.is_profiling() {
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

    fn profile_command(&mut self, agent: AgentId) -> Option<Command> {
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
