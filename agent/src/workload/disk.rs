//! The disk workload: how fast the disk behind a directory of an agent's host reads and writes, and how long it takes to make an
//! appended record durable.
//!
//! One operation is one access, done by a thread that waits for it: `load.workers` is how many are under way at once. What each kernel
//! does is defined in `docs/workloads.md`. Rooms: `settings` (the keys), `place` (the directory, and files that nobody else sees),
//! `area` (the file that is read and written), `log` (the file that is appended to), `aligned` (memory that the disk can reach directly).

mod aligned;
mod area;
mod log;
mod place;
mod settings;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use shared::ids::OperationIndex;
use shared::interval::{ErrorKind, Remark, RemarkKind};
use shared::job::schema::{Key, KindSchema, Shape};
use shared::plan::Assignment;

use self::area::{Accessor, Area};
use self::log::Log;
use self::settings::{Access, Settings};
use super::{Outcome, PrepareError, Seat, Worker, Workload, WorkloadKind, hardware};
use crate::engine::{self, Drive};
use crate::policy::Warden;

/// The disk workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "disk",
        doc: "Reads, writes and appends to a file of its own in a directory of the agent's host.",
        workload_keys: &[
            Key::required(
                "directory",
                Shape::Text,
                "Where on the agent's host, as an absolute path: the disk behind it is measured. Nothing is left there.",
            ),
            Key::optional(
                "size",
                Shape::Size,
                "How large the file is that is read and written; default 1GiB.",
            ),
            Key::optional(
                "direct",
                Shape::Boolean,
                "Whether the page cache is passed by (O_DIRECT); default true. Without it, memory is measured as much as the disk, and each trial says so.",
            ),
        ],
        operation_keys: &[Key::required(
            "kernel",
            Shape::OneOf(&[
                "read-sequential/1",
                "read-random/1",
                "write-sequential/1",
                "write-random/1",
                "fsync/1",
            ]),
            "What is done, with the version of its definition.",
        )],
        measures: &[],
    },
    // It fills gigabytes of its owner's disk.
    needs_permission: true,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    let threads = hardware::threads(None, &assignment.load, warden)?;
    let settings = Settings::read(assignment, threads).map_err(|error| PrepareError(error.to_string()))?;
    Ok(engine::boxed(Disk { settings: Arc::new(settings), threads, area: Arc::default() }))
}

/// The disk workload, ready for one trial.
#[derive(Debug)]
struct Disk {
    settings: Arc<Settings>,
    threads: NonZeroU32,
    /// What all workers read and write, filled by the first of them that gets ready.
    area: Arc<OnceLock<Result<Area, String>>>,
}

impl Workload for Disk {
    type Desk = ();
    type Worker = DiskWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), seat: Seat) -> DiskWorker {
        DiskWorker {
            settings: Arc::clone(&self.settings),
            shared_area: Arc::clone(&self.area),
            seat,
            tools: Err("they were never made ready".to_owned()),
            is_labelled: false,
        }
    }

    fn own_threads(&self) -> Option<NonZeroU32> {
        Some(self.threads)
    }
}

/// One thread that waits for the disk.
#[derive(Debug)]
struct DiskWorker {
    settings: Arc<Settings>,
    shared_area: Arc<OnceLock<Result<Area, String>>>,
    seat: Seat,
    /// What it works with, once it is there; an error says why it is not.
    tools: Result<Tools, String>,
    /// Whether this worker has said that the page cache is part of what it measures.
    is_labelled: bool,
}

/// What one worker works with.
#[derive(Debug)]
struct Tools {
    accessor: Option<Accessor>,
    log: Option<Log>,
}

impl Worker for DiskWorker {
    async fn ready(&mut self) {
        self.tools = self.made_ready();
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let access = self.settings.operations[usize::from(operation.0)];
        let tools = match &mut self.tools {
            Ok(tools) => tools,
            Err(problem) => {
                return outcome.fail(ErrorKind::Other, || format!("the files cannot be used: {problem}"));
            }
        };
        let done = match (access, &mut tools.accessor, &mut tools.log) {
            (Access::Fsync, _, Some(log)) => match log.make_room() {
                Ok(()) => hardware::batch(outcome, || log.append()).await,
                Err(error) => Err(error),
            },
            (Access::Read(order), Some(accessor), _) => {
                let place = accessor.place(order);
                hardware::batch(outcome, || accessor.read(place)).await
            }
            (Access::Write(order), Some(accessor), _) => {
                let place = accessor.place(order);
                accessor.stamp(place);
                hardware::batch(outcome, || accessor.write(place)).await
            }
            (Access::Fsync, _, None) | (_, None, _) => Err("it was not made ready".to_owned()),
        };
        match done {
            Ok(bytes) if matches!(access, Access::Read(_)) => outcome.bytes_received = bytes,
            Ok(bytes) => outcome.bytes_sent = bytes,
            Err(problem) => {
                let directory = self.settings.directory.display();
                outcome.fail(ErrorKind::Other, || format!("the file in {directory}: {problem}"));
            }
        }
        if !std::mem::replace(&mut self.is_labelled, true)
            && let Some(label) = &self.settings.label
        {
            outcome.remarks.push(Remark::new(RemarkKind::PageCache, label.clone()));
        }
    }
}

impl DiskWorker {
    fn made_ready(&self) -> Result<Tools, String> {
        let wants = |wanted: fn(&Access) -> bool| self.settings.operations.iter().any(wanted);
        let accessor = if wants(|access| *access != Access::Fsync) {
            let area = self.shared_area.get_or_init(|| Area::filled(&self.settings));
            let area = area.as_ref().map_err(Clone::clone)?;
            Some(Accessor::of(area, self.seat.seed))
        } else {
            None
        };
        let log =
            if wants(|access| *access == Access::Fsync) { Some(Log::new(&self.settings)?) } else { None };
        Ok(Tools { accessor, log })
    }
}
