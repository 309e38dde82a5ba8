//! What happened in a world, line by line, for people: written only when it is asked for.

use agent::rpc::link::FromCoordinator;
use agent::session::{Order, Statement};
use shared::ids::TrialKey;

use super::dice::MS;

/// Lines that are kept, the newest: a world that does not end would fill memory.
const LINES_MAX: usize = 4_000;

/// The lines of one world.
#[derive(Debug, Default)]
pub struct Trace {
    lines: Option<std::collections::VecDeque<String>>,
}

impl Trace {
    /// One that keeps what it is told.
    pub fn kept() -> Self {
        Self { lines: Some(std::collections::VecDeque::new()) }
    }

    /// Notes something, if anybody wants to know.
    pub fn note(&mut self, now_ns: u64, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push_back(format!("{:>9}.{:03} s  {}", now_ns / (1_000 * MS), now_ns / MS % 1_000, what()));
            if lines.len() > LINES_MAX {
                lines.pop_front();
            }
        }
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().flatten()
    }
}

/// A trial in few characters: run, trial and attempt.
pub fn place(trial: TrialKey) -> String {
    let run = trial.run.as_bytes()[15];
    format!("run {run} trial {}.{}", trial.trial, trial.attempt)
}

/// What an agent says, in few words.
pub fn said(statement: &Statement) -> String {
    match statement {
        Statement::PortReserved(trial, _) => format!("{}: port reserved", place(*trial)),
        Statement::TargetReady(trial) => format!("{}: target ready", place(*trial)),
        Statement::TargetFailed(trial, reason) => format!("{}: target failed: {reason}", place(*trial)),
        Statement::TargetStopped(trial) => format!("{}: target stopped", place(*trial)),
        Statement::HookDone(trial, hook, failure) => {
            format!("{}: hook {hook} done{}", place(*trial), failure.as_ref().map_or("", |_| " and failed"))
        }
        Statement::Profiled(trial, problem) => {
            format!("{}: profiled{}", place(*trial), problem.as_ref().map_or("", |_| ", with a problem"))
        }
        Statement::Ready(trial) => format!("{}: ready", place(*trial)),
        Statement::Armed { trial, arming, .. } => format!("{}: armed by start {arming}", place(*trial)),
        Statement::StartTooLate { trial, arming, .. } => {
            format!("{}: start {arming} came too late", place(*trial))
        }
        Statement::Done(trial, intervals) => format!("{}: done, {intervals} intervals", place(*trial)),
        Statement::Failed(trial, reason, intervals) => {
            format!("{}: failed after {intervals} intervals: {reason}", place(*trial))
        }
        Statement::Refused(failure) => format!("{}, by its policy", said(failure)),
    }
}

/// What an agent is told, in few words.
pub fn told(message: &FromCoordinator) -> String {
    match message {
        FromCoordinator::Order(order) => ordered(order),
        FromCoordinator::Credit(credit) => format!("{credit} intervals may be under way"),
        FromCoordinator::Acknowledged(trial, through) => {
            format!("{}: stored through {through}", place(*trial))
        }
        FromCoordinator::Rejected(trial, reason) => format!("{}: not wanted: {reason}", place(*trial)),
        FromCoordinator::Broken(reason) => format!("the connection broke: {reason}"),
    }
}

fn ordered(order: &Order) -> String {
    match order {
        Order::ReservePort(trial) => format!("{}: reserve a port", place(*trial)),
        Order::StartTarget { trial, .. } => format!("{}: start the target", place(*trial)),
        Order::StopTarget(trial) => format!("{}: stop the target", place(*trial)),
        Order::RunHook { trial, hook, .. } => format!("{}: run hook {hook}", place(*trial)),
        Order::Profile { trial, .. } => format!("{}: run the profiler", place(*trial)),
        Order::Prepare(assignment) => {
            format!("{}: prepare under lease {}", place(assignment.trial), assignment.epoch)
        }
        Order::Start { trial, epoch, arming, .. } => {
            format!("{}: start {arming} under lease {epoch}", place(*trial))
        }
        Order::Abort { trial, reason } => format!("{}: abort: {reason}", place(*trial)),
        Order::Release(trial) => format!("{}: release", place(*trial)),
    }
}
