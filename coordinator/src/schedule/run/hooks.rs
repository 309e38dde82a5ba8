//! Hooks: programs that every leased agent runs, one after the other, around the run and the trials that it takes part in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::finding::FindingCode;
use shared::ids::AgentId;
use shared::job::{HookSpec, Hooks, Job};

use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;

/// The key of a workload's settings that says how what it did is undone.
const TEARDOWN: &str = "teardown";
/// How long an agent may take to undo all that a run left: each piece has ten seconds of its own.
const SETTLE_WITHIN: Duration = Duration::from_secs(60);

/// A job whose workloads leave something to be undone, with a hook for that after its own: one without a command, which agents know.
pub(super) fn with_settlement(job: Arc<Job>) -> Arc<Job> {
    let leaves_something = job
        .each_variant()
        .any(|variant| variant.workload.parts().iter().any(|part| part.settings.contains_key(TEARDOWN)));
    if !leaves_something {
        return job;
    }
    let mut job = Arc::unwrap_or_clone(job);
    job.hooks.after_run.push(HookSpec { command: Vec::new(), timeout: SETTLE_WITHIN });
    Arc::new(job)
}

impl ActiveRun {
    /// The hooks of the present step, templates not yet resolved.
    pub(super) fn hooks(&self, step: Step) -> &[HookSpec] {
        match step {
            Step::BeforeRun | Step::Join => &self.job.hooks.before_run,
            Step::BeforeTrial => &self.present_job().hooks.before_trial,
            Step::AfterTrial => &self.present_job().hooks.after_trial,
            Step::AfterRun => &self.job.hooks.after_run,
            _ => &[],
        }
    }

    /// How long the hooks of a step may take in all.
    pub(super) fn hooks_within(&self, step: Step) -> Duration {
        self.hooks(step).iter().map(|hook| hook.timeout).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Starts the first hook of the step on every agent, around a trial on every one that takes part in it.
    pub(super) fn begin_hooks(&mut self, actions: &mut Vec<Action>) {
        let is_around_a_trial = matches!(self.step, Step::BeforeTrial | Step::AfterTrial);
        let agents = if is_around_a_trial { self.taking_part() } else { self.agents.clone() };
        self.begin_hooks_on(agents, actions);
    }

    /// The same on some.
    pub(super) fn begin_hooks_on(&mut self, agents: Vec<AgentId>, actions: &mut Vec<Action>) {
        self.next_hook.clear();
        if self.hooks(self.step).is_empty() {
            return;
        }
        for agent in agents {
            self.next_hook.insert(agent, 0);
            self.run_hook(agent, 0, actions);
        }
    }

    pub(super) fn hear_hook(
        &mut self,
        agent: AgentId,
        hook: u32,
        failure: Option<String>,
        actions: &mut Vec<Action>,
    ) {
        let Some(hook) = hook.checked_sub(first_number(self.step)).map(|hook| hook as usize) else { return };
        if self.next_hook.get(&agent) != Some(&hook) || hook >= self.hooks(self.step).len() {
            return;
        }
        if let Some(failure) = failure {
            self.next_hook.remove(&agent);
            let command = self.hooks(self.step)[hook].command.join(" ");
            let message = match command.is_empty() {
                true => format!("the workload's teardown failed: {failure}"),
                false => format!("hook {command:?} failed: {failure}"),
            };
            self.fail_hook(Some(agent), message);
            self.answered(agent);
        } else if hook + 1 < self.hooks(self.step).len() {
            self.next_hook.insert(agent, hook + 1);
            self.run_hook(agent, hook + 1, actions);
        } else {
            self.next_hook.remove(&agent);
            self.answered(agent);
        }
    }

    /// A hook around a trial makes that trial invalid; one around the run fails the run, unless only profiles are left.
    pub(super) fn fail_hook(&mut self, agent: Option<AgentId>, message: String) {
        if matches!(self.step, Step::BeforeRun | Step::Join | Step::AfterRun) {
            self.fail_unless_profiling(message);
        } else {
            self.break_trial(FindingCode::HookFailed, agent, message);
        }
    }

    fn run_hook(&mut self, agent: AgentId, hook: usize, actions: &mut Vec<Action>) {
        let resolved = self.resolved_hooks(agent);
        match resolved {
            Ok(hooks) => {
                let HookSpec { command, timeout } = hooks[hook].clone();
                let trial = self.key();
                let number = first_number(self.step).saturating_add(u32::try_from(hook).unwrap_or(u32::MAX));
                let confidential = Arc::clone(&self.confidential);
                let run = Command::RunHook { trial, hook: number, command, confidential, timeout };
                self.ask(agent, run, actions);
            }
            Err(problem) => self.fail_hook(Some(agent), problem),
        }
    }

    /// The hooks of the present step with their templates resolved. Around the run no target is known, and nothing
    /// else of the job is looked at.
    fn resolved_hooks(&self, agent: AgentId) -> Result<Vec<HookSpec>, String> {
        let hooks = match self.step {
            Step::BeforeTrial => return self.resolved(agent).map(|resolved| resolved.hooks.before_trial),
            Step::AfterTrial => return self.resolved(agent).map(|resolved| resolved.hooks.after_trial),
            step => self.hooks(step).to_vec(),
        };
        let mut job = (*self.job).clone();
        job.workload.settings.clear();
        job.workload.operations.clear();
        job.workload.mix.clear();
        job.target = None;
        job.hooks = Hooks { before_run: hooks, ..Hooks::default() };
        job.resolved(&BTreeMap::new())
            .map(|resolved| resolved.hooks.before_run)
            .map_err(|error| error.to_string())
    }
}

/// The number of a step's first hook: numbers are unique within a trial, since an agent answers a number that it
/// knows without running anything again.
fn first_number(step: Step) -> u32 {
    /// More hooks than a job of 1 MiB can name.
    const HOOKS_OF_A_STEP_MAX: u32 = 1_000_000;
    match step {
        Step::BeforeRun | Step::Join => 0,
        Step::BeforeTrial => HOOKS_OF_A_STEP_MAX,
        Step::AfterTrial => 2 * HOOKS_OF_A_STEP_MAX,
        _ => 3 * HOOKS_OF_A_STEP_MAX,
    }
}
