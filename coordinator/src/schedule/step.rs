//! The steps of a run and their deadlines. Each deadline is a named constant, so that every run ends.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::job::template::render_text;
use shared::job::{Job, OperationSpec, Warmup, Window};

use crate::fleet::Moment;

/// An agent finds a free port at once; this is for the link.
const PORT_WITHIN: Duration = Duration::from_secs(10);
/// How long a target may take until it answers.
pub(super) const TARGET_READY_WITHIN: Duration = Duration::from_secs(60);
/// What a link and a busy agent may add to any stated time.
const LINK_MARGIN: Duration = Duration::from_secs(10);
/// Connecting all workers, resolving names, starting threads.
const PREPARE_WITHIN: Duration = Duration::from_secs(60);
/// An agent arms a timer at once; this is for the link, and for a start that is moved, each time with twice the room.
const ARM_WITHIN: Duration = Duration::from_secs(30);
/// SIGTERM, 5 s, SIGKILL, and the link.
const STOP_TARGET_WITHIN: Duration = Duration::from_secs(20);
/// Intervals that are still on their way when an agent is done, with room for a store that is slow.
const COLLECT_WITHIN: Duration = Duration::from_secs(90);
/// The same of agents that only observe: nothing that counts is waited for.
pub(super) const OBSERVERS_WITHIN: Duration = Duration::from_secs(10);
/// The same after a cancellation, when somebody waits for the end.
const COLLECT_CANCELLED_WITHIN: Duration = Duration::from_secs(10);
/// Reading what was stored of one trial.
const JUDGE_WITHIN: Duration = Duration::from_secs(120);
/// A window that is counted in iterations has no stated length; no benchmark that ends takes longer.
const ITERATIONS_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
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
    /// Until all that they numbered is stored.
    Collect,
    /// Hooks after the trial.
    AfterTrial,
    /// Until the target is gone.
    StopTarget,
    /// Until the trial is judged.
    Judge,
    /// Until a target that was to outlive the last trial is gone: the run may have been ended after `StopTarget`.
    StopLastTarget,
    /// Hooks after the last trial.
    AfterRun,
    /// Over.
    Finished,
}

impl Step {
    /// When the step must be done. `extra` is what the job itself allows it beside: the timeouts of its hooks, or the
    /// time that opening connections takes at the job's rate.
    pub(super) fn deadline(self, now: Moment, job: &Job, extra: Duration, is_cancelled: bool) -> Moment {
        let within = match self {
            // Waiting is bounded by `start_timeout`, where the run itself looks after it.
            // How long an agent may be gone bounds the other.
            Step::Waiting | Step::Adopt | Step::BeginTrial | Step::Finished => Duration::MAX,
            Step::Regroup => job.fleet.start_timeout,
            Step::BeforeRun | Step::Join | Step::BeforeTrial | Step::AfterTrial | Step::AfterRun => {
                extra.saturating_add(LINK_MARGIN)
            }
            Step::ReservePort => PORT_WITHIN,
            Step::StartTarget => TARGET_READY_WITHIN + LINK_MARGIN,
            Step::Prepare => extra.saturating_add(PREPARE_WITHIN),
            Step::Arm => ARM_WITHIN,
            Step::Run => run_within(job),
            Step::Collect if is_cancelled => COLLECT_CANCELLED_WITHIN,
            Step::Collect => COLLECT_WITHIN,
            Step::StopTarget | Step::StopLastTarget => STOP_TARGET_WITHIN,
            Step::Judge => JUDGE_WITHIN,
        };
        now.saturating_add(within)
    }
}

/// Warm-up, window and drain, the longest operation's timeout, and a margin.
fn run_within(job: &Job) -> Duration {
    let warmup = match job.load.warmup {
        Warmup::For(length) => length,
        Warmup::Iterations(_) => ITERATIONS_WITHIN,
    };
    let window = match job.load.window {
        Window::For(length) => length,
        Window::Iterations(_) => ITERATIONS_WITHIN,
    };
    let timeout_of = |operation: &OperationSpec| {
        let written = operation.settings.get("timeout")?.as_str()?;
        let text = render_text(written, &|name| job.param(name)).ok()?;
        shared::units::parse_duration(&text).ok()
    };
    let timeouts = job.workload.operations.iter().map(|operation| {
        timeout_of(operation).unwrap_or(OPERATION_TIMEOUT_DEFAULT).max(OPERATION_TIMEOUT_DEFAULT)
    });
    // A pass of a scenario that is under way at the end may still take all its steps.
    let longest = match job.workload.is_scenario {
        true => timeouts.fold(Duration::ZERO, Duration::saturating_add),
        false => timeouts.max().unwrap_or(OPERATION_TIMEOUT_DEFAULT),
    };
    warmup
        .saturating_add(window)
        .saturating_add(job.load.drain)
        .saturating_add(longest)
        .saturating_add(2 * LINK_MARGIN)
}
