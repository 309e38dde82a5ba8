//! The memory workload: how fast an agent's host moves large arrays, and how long one load from memory takes.
//!
//! One operation is one batch of a kernel's work, done on the load thread itself: one pass over arrays, or a row of loads each of
//! which depends on the one before. What each kernel does is defined in `docs/workloads.md`. Rooms: `pass` (the passes over arrays),
//! `chase` (the loads), `settings` (the keys, and sizes that follow from the host).

mod chase;
mod pass;
mod settings;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use shared::job::schema::{Key, KindSchema, Shape};
use shared::metric::MetricSpec;
use shared::plan::Assignment;

use self::chase::Chase;
use self::pass::Arrays;
use self::settings::{Operation, Settings, Task};
use super::{Outcome, PrepareError, Seat, Worker, Workload, WorkloadKind, hardware};
use crate::engine::{self, Drive};
use crate::policy::Warden;

/// The memory workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "memory",
        doc: "Moves large arrays through the host's memory, and chases pointers through it.",
        workload_keys: &[hardware::THREADS],
        operation_keys: &[
            Key::required(
                "kernel",
                Shape::OneOf(&["copy/1", "scale/1", "add/1", "triad/1", "chase/1"]),
                "What is done, with the version of its definition.",
            ),
            Key::optional(
                "size",
                Shape::Size,
                "Of copy, scale, add and triad: each array, over all threads of an agent; default four times the last-level caches. Of chase: what each thread's loads are spread over; default every doubling from 4 KiB to four times the last-level caches, in turn.",
            ),
        ],
        measures: &[],
    },
    needs_permission: false,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    let threads = Settings::threads(assignment, warden)?;
    let operations = Settings::read(assignment, threads).map_err(|error| PrepareError(error.to_string()))?;
    Ok(engine::boxed(Memory { operations: operations.into(), threads }))
}

/// The memory workload, ready for one trial.
#[derive(Debug)]
struct Memory {
    operations: Arc<[Operation]>,
    threads: NonZeroU32,
}

impl Workload for Memory {
    type Desk = ();
    type Worker = MemoryWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), _seat: Seat) -> MemoryWorker {
        MemoryWorker {
            operations: Arc::clone(&self.operations),
            filled: Err("it was never filled".to_owned()),
        }
    }

    fn own_threads(&self) -> Option<NonZeroU32> {
        Some(self.threads)
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        &self.operations[usize::from(operation.0)].metrics
    }
}

/// One thread's memory.
#[derive(Debug)]
struct MemoryWorker {
    operations: Arc<[Operation]>,
    /// What is worked on, once it is there; an error says why it is not.
    filled: Result<Filled, String>,
}

/// A thread's own memory, which it alone touches, and touched first.
#[derive(Debug)]
struct Filled {
    arrays: Arrays,
    /// Of each operation; empty where it chases nothing.
    chases: Vec<Chase>,
}

impl Filled {
    fn of(operations: &[Operation]) -> Result<Self, String> {
        let numbers = operations.iter().map(|operation| operation.task.array_numbers()).max();
        let arrays = Arrays::filled(numbers.unwrap_or(0))?;
        let chases = operations
            .iter()
            .map(|operation| Chase::over(operation.task.chased()))
            .collect::<Result<_, _>>()?;
        Ok(Self { arrays, chases })
    }
}

impl Worker for MemoryWorker {
    async fn ready(&mut self) {
        self.filled = Filled::of(&self.operations);
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let place = usize::from(operation.0);
        let filled = match &mut self.filled {
            Ok(filled) => filled,
            Err(problem) => {
                return outcome.fail(ErrorKind::Other, || format!("the memory cannot be used: {problem}"));
            }
        };
        match &self.operations[place].task {
            Task::Pass { pass, numbers } => {
                let mut marked = filled.arrays.marked(*pass, *numbers);
                hardware::batch(outcome, || marked.run()).await;
                if let Err(wrong) = marked.check() {
                    return outcome.fail(ErrorKind::Other, || format!("the host's memory is wrong: {wrong}"));
                }
                let [read, written] = pass.bytes(*numbers);
                (outcome.bytes_received, outcome.bytes_sent) = (read, written);
                outcome.metrics.push((0, (read + written) as f64 / 1e6 / hardware::seconds(outcome)));
            }
            Task::Chase { .. } => {
                let chase = &mut filled.chases[place];
                chase.turn();
                hardware::batch(outcome, || chase.run()).await;
                outcome.metrics.push((chase.place(), hardware::seconds(outcome) * 1e9 / chase::LOADS as f64));
            }
        }
    }
}
