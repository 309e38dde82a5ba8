//! The command workload: one operation starts a program and waits for its end.
//!
//! Its measures are what the kernel accounts to the program and to those of its children that it awaited. A
//! peak of memory below what the agent itself held when it forked cannot be told, and is left out. Starting a
//! program occupies its load thread for the fork and the exec, within the operation's own time.
//!
//! Rooms: `settings` (the keys of an operation, read and checked), `run` (one program from start to end), [`parse`] (what tools
//! report, each in its own words), `report` (such a report, from where it is awaited to metrics).

mod parse;
mod report;
mod run;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use shared::job::schema::{Key, KindSchema, Shape};
use shared::plan::Assignment;

use super::invocation::{FillError, Filled, keys};
use super::readable::readable;
use super::{Outcome, PrepareError, Seat, Worker, Workload, WorkloadKind};
use crate::child::memory_floor::{MemoryFloor, MemoryFloors};
use crate::engine::clock::now_ns;
use crate::engine::{self, Drive};
use crate::policy::Warden;
use crate::values::{Names, RenderError, Secrets, Values};
#[cfg(any(test, fuzzing))]
pub use parse::properties;
use run::Capture;
use settings::Settings;

/// The command workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "command",
        doc: "Runs a program to its end; latency is its wall time.",
        workload_keys: &[],
        operation_keys: OPERATION_KEYS,
        measures: &[("cpu_time", "ns"), ("max_memory", "bytes")],
    },
    needs_permission: true,
    prepare,
};

/// Places of the measures in an outcome, in the order of the schema.
const CPU_TIME: usize = 0;
const MAX_MEMORY: usize = 1;

const EXIT_STATUS: Shape = Shape::Integer { min: 0, max: 255 };

const OPERATION_KEYS: &[Key] = &[
    keys::COMMAND,
    keys::ENV,
    keys::CWD,
    Key::optional("stdin", Shape::Template, "Text given to its standard input; default none."),
    Key::optional(
        "expect",
        Shape::Table(&[Key::optional(
            "exit",
            Shape::Any(&[EXIT_STATUS, Shape::List(&EXIT_STATUS)]),
            "The exit status of a success, or a list of them; default 0.",
        )]),
        "What makes it a success.",
    ),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long it may take before it is killed with all of its process group; default 10s.",
    ),
    Key::optional(
        "parse",
        Shape::OneOf(parse::NAMES),
        "How further metrics are read from what it reports: metric.<name> in claims. A report that is missing, cut or empty fails the operation.",
    ),
    Key::optional(
        "output",
        Shape::Template,
        "The file that it writes its report to, relative to `cwd`; for criterion the folder; default its standard output. At most 128 MiB are read, 16 MiB by json and regex.",
    )
    .beside(parse::companion(&[], &[])),
    Key::optional(
        "full_names",
        Shape::Boolean,
        "Whether metrics bear the tool's full names, with file, class or package; default false.",
    )
    .beside(parse::companion(&[], &[])),
    Key::optional(
        "metrics",
        Shape::Map(&Shape::Table(METRIC_KEYS)),
        "What parse = \"json\" reads, by the metrics' names; of parse = \"regex\", units of its groups.",
    )
    .beside(parse::companion(&["json", "regex"], &["json"])),
    Key::optional(
        "pattern",
        Shape::Template,
        "The regular expression of parse = \"regex\": each named group is a metric, each match a value.",
    )
    .beside(parse::companion(&["regex"], &["regex"])),
    Key::optional("unit", Shape::Text, "The unit of the values of parse = \"hdr-log\"; default ns.")
        .beside(parse::companion(&["hdr-log"], &[])),
];

const METRIC_KEYS: &[Key] = &[
    Key::optional("from", Shape::Text, "Where it stands, as a JSON pointer: a number, or a list of them."),
    Key::optional(
        "unit",
        Shape::Text,
        "The unit that it is written in: ns, us, ms, s, B, KiB, MiB, GiB, /s or a word; default none.",
    ),
    Key::optional(
        "kind",
        Shape::OneOf(&["gauge", "histogram"]),
        "Any number, or whole ones with quantiles; default gauge.",
    ),
    Key::optional(
        "better",
        Shape::OneOf(&["lower", "higher"]),
        "Which way it is better, for claims that do not say.",
    ),
];

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    CommandWorkload::under(Arc::clone(warden), assignment).map(engine::boxed)
}

/// The command workload, ready for one trial.
#[derive(Debug)]
pub struct CommandWorkload {
    operations: Arc<[Settings]>,
    names: Names,
    secrets: Arc<Secrets>,
    floors: MemoryFloors,
    warden: Arc<Warden>,
    is_scenario: bool,
}

impl CommandWorkload {
    /// Reads the settings of every operation.
    ///
    /// # Errors
    /// What is wrong with the first operation that cannot be run, by its name, or that the policy does not allow. A
    /// program that does not exist is found out when it is run: an earlier operation may make it.
    pub fn under(warden: Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        let names = Names::of(assignment)?;
        let secrets = Arc::new(names.secrets());
        let read = |operation| {
            let settings = Settings::read(operation, &names, &secrets);
            settings.map_err(|error| PrepareError(secrets.mask(error.to_string())))
        };
        let operations = assignment.operations.iter().map(read).collect::<Result<Arc<[Settings]>, _>>()?;
        operations.iter().try_for_each(|settings| settings.invocation.check_before(&warden))?;
        let floors = MemoryFloors::new().map_err(|error| {
            PrepareError(format!("cannot make a file in memory to measure memory with: {error}"))
        })?;
        Ok(Self { operations, names, secrets, floors, warden, is_scenario: assignment.is_scenario })
    }
}

impl Workload for CommandWorkload {
    type Desk = ();
    type Worker = CommandWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), seat: Seat) -> CommandWorker {
        let floor = self.floors.place_of(seat.worker);
        let mut values = self.names.values(seat);
        let mut keep = |settings: &Settings| {
            let is_static = settings.invocation.is_static();
            is_static
                .then(|| settings.invocation.fill_in(&self.warden, floor.clone(), &mut values).ok())
                .flatten()
        };
        CommandWorker {
            kept: self.operations.iter().map(&mut keep).collect(),
            latest: None,
            operations: Arc::clone(&self.operations),
            secrets: Arc::clone(&self.secrets),
            values,
            is_scenario: self.is_scenario,
            warden: Arc::clone(&self.warden),
            floor,
            input: Vec::new(),
            capture: Capture::new(),
        }
    }

    fn operation_timeout_max(&self) -> Duration {
        self.operations.iter().map(|settings| settings.timeout).max().unwrap_or_default()
    }
}

/// One slot in which a program runs after another.
#[derive(Debug)]
pub struct CommandWorker {
    operations: Arc<[Settings]>,
    secrets: Arc<Secrets>,
    values: Values,
    /// Whether the operations are the steps of a scenario, which share what they draw.
    is_scenario: bool,
    warden: Arc<Warden>,
    floor: MemoryFloor,
    /// Made ready once for each operation that starts the same each time; the others are made ready each time.
    kept: Vec<Option<Filled>>,
    /// The last one that was made ready anew.
    latest: Option<Filled>,
    input: Vec<u8>,
    capture: Capture,
}

impl Worker for CommandWorker {
    async fn ready(&mut self) {}

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let place = usize::from(operation.0);
        if !self.is_scenario || place == 0 {
            self.values.begin_iteration();
        }
        self.start(place, outcome).await;
        self.secrets.hide_in(outcome);
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let filled = self.kept[usize::from(operation.0)].as_ref().or(self.latest.as_ref())?;
        Some(readable(&filled.words(), &self.secrets))
    }
}

impl CommandWorker {
    async fn start(&mut self, place: usize, outcome: &mut Outcome) {
        let settings = &self.operations[place];
        let latest = &mut self.latest;
        let filled = match &mut self.kept[place] {
            Some(kept) => Ok(kept),
            None => settings
                .invocation
                .fill_in(&self.warden, self.floor.clone(), &mut self.values)
                .map(|filled| latest.insert(filled)),
        };
        let prepared = filled.map_err(NotStarted::from).and_then(|filled| {
            let parsing = settings.parsing.as_ref();
            let awaited =
                parsing.map(|it| it.awaited(filled.directory.as_deref(), &mut self.values)).transpose()?;
            let input = settings.invocation.input(&mut self.values, &mut self.input)?;
            Ok((filled, awaited, input))
        });
        match prepared {
            Ok((filled, awaited, input)) => {
                run::run(settings, filled, (input, awaited), &mut self.capture, outcome).await;
            }
            Err(error) => not_started(&error, outcome),
        }
    }
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
enum NotStarted {
    #[error(transparent)]
    Fill(#[from] FillError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

fn not_started(error: &NotStarted, outcome: &mut Outcome) {
    outcome.sent_ns = now_ns();
    outcome.ended_ns = outcome.sent_ns;
    outcome.fail(ErrorKind::Other, || format!("the program was not started: {error}"));
}
