//! The steps of a run, and when each must be done.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::job::template::render_text;
use shared::job::{Job, OperationSpec, Warmup, Window, WorkloadPart};

use super::deadlines::Deadlines;

/// Intervals of agents that only observe: nothing that counts is waited for.
pub(super) const OBSERVERS_WITHIN: Duration = Duration::from_secs(10);
/// The timeout of an operation that states none (the workloads' default).
const OPERATION_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// For agents.
    Waiting,
    /// The coordinator was restarted: until each agent has come back or is lost.
    Adopt,
    /// Hooks before the first trial.
    BeforeRun,
    /// Until lost agents are replaced, for a trial that is to be repeated.
    Regroup,
    /// Hooks before the first trial, on agents that joined later.
    Join,
    /// The next trial of the plan begins; waits for nobody.
    BeginTrial,
    /// A free port for the target.
    ReservePort,
    /// Until the target answers.
    StartTarget,
    /// Hooks before the trial.
    BeforeTrial,
    /// Until all agents are ready.
    Prepare,
    /// Until all agents are armed.
    Arm,
    /// Until all agents are done.
    Run,
    /// Until profilers have ended, and what they wrote is stored.
    Profile,
    /// Until all that they numbered is stored.
    Collect,
    /// Hooks after the trial.
    AfterTrial,
    /// Until the target is gone.
    StopTarget,
    /// Until the trial is judged.
    Judge,
    /// Until what is measured so far was looked at, to see whether more is needed.
    Look,
    /// Until a target that was to outlive the last trial is gone: the run may have been ended after `StopTarget`.
    StopLastTarget,
    /// Hooks after the last trial.
    AfterRun,
    /// Over.
    Finished,
}

impl Step {
    /// How long the step may take. `extra` is what the job itself allows it beside: the timeouts of its hooks, the
    /// time that opening connections takes at the job's rate, or that of a profiler.
    pub(super) fn within(
        self,
        deadlines: &Deadlines,
        job: &Job,
        extra: Duration,
        is_cancelled: bool,
    ) -> Duration {
        match self {
            // Waiting is bounded by `start_timeout`, where the run itself looks after it.
            // How long an agent may be gone bounds the other.
            Step::Waiting | Step::Adopt | Step::BeginTrial | Step::Finished => Duration::MAX,
            Step::Regroup => job.fleet.start_timeout,
            Step::BeforeRun | Step::Join | Step::BeforeTrial | Step::AfterTrial | Step::AfterRun => {
                extra.saturating_add(deadlines.link_margin)
            }
            Step::ReservePort => deadlines.reserve_port,
            Step::StartTarget => deadlines.start_target.saturating_add(deadlines.link_margin),
            Step::Prepare => extra.saturating_add(deadlines.prepare),
            Step::Arm => deadlines.arm,
            Step::Run => run_within(deadlines, job),
            Step::Profile => extra.saturating_add(deadlines.profile).saturating_add(deadlines.link_margin),
            Step::Collect if is_cancelled => deadlines.collect_cancelled,
            Step::Collect => deadlines.collect,
            Step::StopTarget | Step::StopLastTarget => deadlines.stop_target,
            Step::Judge | Step::Look => deadlines.judge,
        }
    }
}

/// Warm-up, window and drain, the longest operation's timeout, and a margin.
fn run_within(deadlines: &Deadlines, job: &Job) -> Duration {
    let warmup = match job.load.warmup {
        Warmup::For(length) => length,
        Warmup::Iterations(_) => deadlines.iterations,
    };
    let window = match job.load.window {
        Window::For(length) => length,
        Window::Iterations(_) => deadlines.iterations,
    };
    let timeout_of = |operation: &OperationSpec| {
        let written = operation.settings.get("timeout")?.as_str()?;
        let text = render_text(written, &|name| job.param(name)).ok()?;
        shared::units::parse_duration(&text).ok()
    };
    let longest_of = |part: &WorkloadPart<'_>| {
        let timeouts = part.operations.iter().map(|operation| {
            timeout_of(operation).unwrap_or(OPERATION_TIMEOUT_DEFAULT).max(OPERATION_TIMEOUT_DEFAULT)
        });
        // A pass of a scenario that is under way at the end may still take all its steps.
        match part.is_scenario {
            true => timeouts.fold(Duration::ZERO, Duration::saturating_add),
            false => timeouts.max().unwrap_or(OPERATION_TIMEOUT_DEFAULT),
        }
    };
    let parts = job.workload.parts();
    let longest = parts.iter().map(longest_of).max().unwrap_or(OPERATION_TIMEOUT_DEFAULT);
    warmup
        .saturating_add(window)
        .saturating_add(job.load.drain)
        .saturating_add(longest)
        .saturating_add(deadlines.link_margin.saturating_mul(2))
}
