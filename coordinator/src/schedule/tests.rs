//! Facts about the schedule, told over a small model world.
//!
//! Rooms: `world` (links, virtual time, and what must hold at every moment), `simulated_agent` (an agent as its own
//! machine answers), and the facts: `ways` (the straight way and where runs wait), `failures` (each step's own),
//! `placements` (agents that stand apart), `observers` (agents that make no load), `starts` (one moment for all), `targets`, `variants`, `looks`, `searches`, `profiles` (trials that are not measured),
//! `absence` (agents that go away and come back), `losses` (agents that do not), `restarts` (of the coordinator),
//! `overridden_deadlines`, `invariants` (any schedule of faults).

mod absence;
mod failures;
mod invariants;
mod looks;
mod losses;
mod observers;
mod overridden_deadlines;
mod placements;
mod profiles;
mod restarts;
mod searches;
mod simulated_agent;
mod starts;
mod targets;
mod variants;
mod ways;
mod world;

use std::sync::Arc;
use std::time::Duration;

use shared::finding::FindingCode;
use shared::ids::{AgentId, AgentName, RunId};
use shared::job::{Job, Kinds};
use shared::plan::Plan;
use shared::plan::placement::rounds;
use shared::run_record::{RunRecord, TrialRecord};

use super::step::Step;
use super::{Command, Deadlines, Submission};
use world::World;

/// Most agents of any world here.
const AGENTS_MAX: u8 = 6;

type IsMeant = fn(&Command) -> bool;

/// Every kind of command, at whose sending something can be made to happen.
const COMMANDS: [IsMeant; 7] = [
    |command| matches!(command, Command::RunHook { .. }),
    |command| matches!(command, Command::ReservePort(_)),
    |command| matches!(command, Command::StartTarget { .. }),
    |command| matches!(command, Command::Prepare(_)),
    |command| matches!(command, Command::Start { .. }),
    |command| matches!(command, Command::StopTarget(_)),
    |command| matches!(command, Command::Release(_)),
];

/// A job for every agent that matches, unless `more` says otherwise.
fn job(more: &str) -> Arc<Job> {
    let text = format!("name = \"job\"\nworkload = {{ kind = \"http\" }}\nload.duration = \"3s\"\n{more}");
    Arc::new(shared::job::parse(&text, Kinds::Unchecked).unwrap_or_else(|errors| panic!("{text}\n{errors}")))
}

fn run_id(number: u8) -> RunId {
    RunId::new(u64::from(number), [number; 10])
}

fn agent_id(number: u8) -> AgentId {
    AgentId::new([number; 16])
}

fn submission(number: u8, job: &Arc<Job>) -> Submission {
    let record = RunRecord::submitted(run_id(number), job.name.clone(), String::new(), Plan::of(job, 7), 0);
    Submission { record, job: job.clone(), files: Arc::default(), confidential: Arc::default() }
}

/// A world with this one run, over two agents on hosts of their own, brought to its end.
fn ended(more: &str, disturb: impl FnOnce(&mut World)) -> (World, RunRecord) {
    let job = job(more);
    let mut world = World::new(&[(1, "h1"), (2, "h2")]);
    disturb(&mut world);
    world.submit(1, &job);
    world.settle(bound(&job));
    let record = world.finished[&run_id(1)].clone();
    (world, record)
}

/// The longest that a run can take once it has its agents: every step up to its deadline.
fn bound(job: &Job) -> Duration {
    /// Each step may notice its deadline a tick late.
    const TICKS: Duration = Duration::from_secs(2);
    let hooks = &job.hooks;
    let variants = job.each_variant().count() as u32;
    let within = |step: Step| {
        let hooks = match step {
            Step::BeforeRun | Step::Join => &hooks.before_run,
            Step::BeforeTrial => &hooks.before_trial,
            Step::AfterTrial => &hooks.after_trial,
            _ => &hooks.after_run,
        };
        let profiling = match (&job.profile, step) {
            (Some(profile), Step::Profile) => profile.delay + profile.duration,
            _ => Duration::ZERO,
        };
        let hooks: Duration = hooks.iter().map(|hook| hook.timeout).sum();
        let of_variant = |job| step.within(&Deadlines::default(), job, hooks + profiling, false);
        job.each_variant().map(of_variant).max().unwrap_or_default() + TICKS
    };
    let of_trial = [
        Step::Regroup,
        Step::Join,
        Step::ReservePort,
        Step::StartTarget,
        Step::BeforeTrial,
        Step::Prepare,
        Step::Arm,
        Step::Run,
        Step::Profile,
        Step::Collect,
        Step::AfterTrial,
        Step::StopTarget,
        Step::Judge,
        Step::Look,
    ];
    let of_run = [Step::BeforeRun, Step::StopLastTarget, Step::AfterRun];
    let trial: Duration = of_trial.into_iter().map(within).sum();
    let agents: Vec<AgentName> =
        (0..AGENTS_MAX).map(|number| AgentName::new(number.to_string()).expect("a name")).collect();
    let rounds = rounds(job, &agents).len().max(1) as u32;
    let profiled = u32::from(job.profile.is_some());
    trial * rounds * variants * (job.load.trials + profiled) * (job.fleet.retries + 1)
        + of_run.into_iter().map(within).sum::<Duration>()
}

fn codes(trial: &TrialRecord) -> Vec<FindingCode> {
    trial.findings.iter().map(|finding| finding.code).collect()
}
