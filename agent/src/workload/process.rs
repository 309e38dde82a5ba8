//! The process workload: a program in any language does the operations, and talks with us by lines of JSON.
//!
//! Each load thread starts the program once, and its workers share it: an operation that is due is a line to the program, with
//! those that are due at the same moment; what it answers says how long each took. So the engine paces, and a program that does
//! one thing after another is enough. `docs/process-protocol.md` has every word of it.
//!
//! Under the open model the time between an operation's being due and the program's beginning it is send lag: pipes and the
//! program's own lateness are the generator's doing, not the target's.
//!
//! Rooms: [`protocol`] (the lines), [`conversation`] (what was asked and not answered yet), `program` (the running program and its
//! pipes), `settings` (the keys).

mod conversation;
mod program;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod protocol;
mod settings;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use shared::job::schema::{Key, KindSchema, Shape};
use shared::plan::Assignment;
use tokio::task::JoinHandle;

use super::deadline::Deadline;
use super::invocation::keys;
use super::readable::readable;
use super::{Outcome, PrepareError, Seat, Worker, Workload, WorkloadKind};
use crate::child::memory_floor::MemoryFloors;
use crate::engine::clock::now_ns;
use crate::engine::{self, Drive};
use crate::policy::Warden;
use crate::values::{Names, Secrets, Values};
use conversation::{Answer, Conversation};
use settings::Settings;

/// The process workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "process",
        doc: "Has a program of your own do the operations, which talks with fleetmark by lines of JSON.",
        workload_keys: &[keys::COMMAND, keys::ENV, keys::CWD],
        operation_keys: &[
            Key::optional(
                "input",
                Shape::Template,
                "Text that the program is given with each of them; default none.",
            ),
            Key::optional(
                "timeout",
                Shape::Duration,
                "How long an operation may take before it counts as the error timeout; default 10s.",
            ),
        ],
        measures: &[],
    },
    needs_permission: true,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Process::under(Arc::clone(warden), assignment).map(engine::boxed)
}

/// The process workload, ready for one trial.
#[derive(Debug)]
struct Process {
    settings: Arc<Settings>,
    names: Names,
    secrets: Arc<Secrets>,
    floors: MemoryFloors,
    warden: Arc<Warden>,
    is_scenario: bool,
}

impl Process {
    /// Reads the settings.
    ///
    /// # Errors
    /// What is wrong with the first key that makes no sense, or that the policy does not allow.
    fn under(warden: Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        let names = Names::of(assignment)?;
        let secrets = Arc::new(names.secrets());
        let settings = Settings::read(assignment, &names);
        let settings = settings.map_err(|error| PrepareError(secrets.mask(error.to_string())))?;
        settings.invocation.check_before(&warden)?;
        let floors = MemoryFloors::new()
            .map_err(|error| PrepareError(format!("cannot make a file in memory: {error}")))?;
        let settings = Arc::new(settings);
        Ok(Self { settings, names, secrets, floors, warden, is_scenario: assignment.is_scenario })
    }
}

impl Workload for Process {
    type Desk = ProcessDesk;
    type Worker = ProcessWorker;

    fn desk(&self) -> ProcessDesk {
        let names = self.settings.operations.iter().map(|operation| operation.name.clone()).collect();
        ProcessDesk { conversation: Rc::new(Conversation::new(names)), program: OnceCell::new() }
    }

    fn worker(&self, desk: &ProcessDesk, seat: Seat) -> ProcessWorker {
        let mut values = self.names.values(seat);
        desk.program.get_or_init(|| {
            let floor = self.floors.place_of(seat.worker);
            let conversation = Rc::clone(&desk.conversation);
            match self.settings.invocation.fill_in(&self.warden, floor, &mut values) {
                Ok(filled) => Some(tokio::task::spawn_local(program::run(filled, conversation))),
                Err(error) => {
                    conversation.end(ErrorKind::Spawn, format!("the program was not started: {error}"));
                    None
                }
            }
        });
        ProcessWorker {
            settings: Arc::clone(&self.settings),
            secrets: Arc::clone(&self.secrets),
            conversation: Rc::clone(&desk.conversation),
            deadline: Deadline::new(),
            values,
            is_scenario: self.is_scenario,
            input: Vec::new(),
        }
    }

    fn operation_timeout_max(&self) -> Duration {
        self.settings.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }
}

/// What the workers of one load thread share: the program. It ends with the desk.
#[derive(Debug)]
struct ProcessDesk {
    conversation: Rc<Conversation>,
    /// Started by the first worker; `None` inside: it could not be.
    program: OnceCell<Option<JoinHandle<()>>>,
}

impl Drop for ProcessDesk {
    fn drop(&mut self) {
        // What the task owns goes with it: the program's group is killed.
        self.program.get().into_iter().flatten().for_each(JoinHandle::abort);
    }
}

/// One operation at a time.
#[derive(Debug)]
struct ProcessWorker {
    settings: Arc<Settings>,
    secrets: Arc<Secrets>,
    conversation: Rc<Conversation>,
    deadline: Deadline,
    values: Values,
    /// Whether the operations are the steps of a scenario, which share what they draw.
    is_scenario: bool,
    input: Vec<u8>,
}

impl Worker for ProcessWorker {
    async fn ready(&mut self) {
        // How it failed to get ready is told to the first operation.
        let _told_then = self.conversation.ready().await;
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        if !self.is_scenario || operation.0 == 0 {
            self.values.begin_iteration();
        }
        self.ask(operation, outcome).await;
        self.secrets.hide_in(outcome);
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let spec = &self.settings.operations[usize::from(operation.0)];
        // Without an input the program is told nothing but the operation's name, which stands beside this.
        spec.input.as_ref().map(|_| readable(&self.input, &self.secrets))
    }
}

impl ProcessWorker {
    async fn ask(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let spec = &self.settings.operations[usize::from(operation.0)];
        self.input.clear();
        if let Some(input) = &spec.input
            && let Err(error) = input.render(&mut self.values, &mut self.input)
        {
            outcome.ended_ns = now_ns();
            return outcome.fail(ErrorKind::Other, || error.to_string());
        }
        let input = spec.input.is_some().then(|| String::from_utf8_lossy(&self.input).into_owned());
        let begun_ns = now_ns();
        outcome.sent_ns = begun_ns;
        let answer = async {
            self.conversation.ready().await?;
            Ok(self.conversation.ask(operation, input).await)
        };
        tokio::pin!(answer);
        match self.deadline.within(spec.timeout, begun_ns, answer).await {
            Ok(Ok(Answer::Done(done))) => {
                outcome.sent_ns = done.sent_ns;
                outcome.ended_ns = done.ended_ns;
                outcome.bytes_sent = done.bytes_sent;
                outcome.bytes_received = done.bytes_received;
                if let Some((kind, message)) = done.error {
                    outcome.fail(kind, || message);
                }
            }
            Ok(Ok(Answer::Lost(ending)) | Err(ending)) => {
                outcome.ended_ns = now_ns();
                outcome.fail(ending.kind, || ending.message.clone());
            }
            Err(_overdue) => {
                outcome.ended_ns = now_ns();
                outcome.fail(ErrorKind::Timeout, || {
                    format!("the program reported no end of it within {:?}", spec.timeout)
                });
            }
        }
    }
}
