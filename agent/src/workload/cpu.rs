//! The cpu workload: how fast the cores of an agent's host are, at five kinds of work.
//!
//! One operation is one batch of a kernel's work, done on the load thread itself; what comes out is checked each time. What each
//! kernel does is defined in `docs/workloads.md`. Rooms: `integer`, `hash`, `compress`, `float`, `branch` (a kernel each), `settings`
//! (the keys).

mod branch;
mod compress;
mod float;
mod hash;
mod integer;
mod settings;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use shared::job::schema::{Key, KindSchema, Shape};
use shared::metric::{MetricKind, MetricSpec};
use shared::plan::Assignment;

use self::settings::{KernelEntry, Settings};
use super::{Outcome, PrepareError, Seat, Worker, Workload, WorkloadKind, hardware};
use crate::engine::{self, Drive};
use crate::policy::Warden;

/// The cpu workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "cpu",
        doc: "Has the host's cores work: divisions, hashing, compression, floating point, sorting.",
        workload_keys: &[hardware::THREADS],
        operation_keys: &[Key::required(
            "kernel",
            Shape::OneOf(&["integer/1", "hash/1", "compress/1", "float/1", "branch/1"]),
            "What is done, with the version of its definition.",
        )],
        measures: &[],
    },
    needs_permission: false,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Cpu::under(warden, assignment).map(engine::boxed)
}

/// One kind of work. Its data is a worker's own.
trait Kernel: std::fmt::Debug {
    /// Gets the next batch ready; not measured.
    fn renew(&mut self) {}

    /// Does one batch.
    fn run(&mut self);

    /// Looks at what came out, not measured. An error says what is wrong with it.
    fn check(&self) -> Result<(), String>;
}

/// The cpu workload, ready for one trial.
#[derive(Debug)]
struct Cpu {
    /// The kernel of each operation.
    kernels: Vec<KernelEntry>,
    threads: NonZeroU32,
    rate: [MetricSpec; 1],
}

impl Cpu {
    /// Reads the settings.
    ///
    /// # Errors
    /// What is wrong with the first key that makes no sense, or that the policy does not allow.
    fn under(warden: &Warden, assignment: &Assignment) -> Result<Self, PrepareError> {
        let settings = Settings::read(assignment).map_err(|error| PrepareError(error.to_string()))?;
        let threads = hardware::threads(settings.threads.as_deref(), &assignment.load, warden)?;
        let rate = MetricSpec { name: "rate".to_owned(), unit: "per_s".to_owned(), kind: MetricKind::Gauge };
        Ok(Self { kernels: settings.kernels, threads, rate: [rate] })
    }
}

impl Workload for Cpu {
    type Desk = ();
    type Worker = CpuWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), _seat: Seat) -> CpuWorker {
        // The same on every worker and every host: nobody's data is easier.
        CpuWorker { kernels: self.kernels.iter().map(|kernel| (kernel.make)()).collect() }
    }

    fn own_threads(&self) -> Option<NonZeroU32> {
        Some(self.threads)
    }

    fn metrics(&self, _operation: OperationIndex) -> &[MetricSpec] {
        &self.rate
    }
}

/// One thread's kernels, by operation.
#[derive(Debug)]
struct CpuWorker {
    kernels: Vec<Box<dyn Kernel>>,
}

impl Worker for CpuWorker {
    async fn ready(&mut self) {
        for kernel in &mut self.kernels {
            // Code and data are in the caches before anything counts.
            kernel.renew();
            kernel.run();
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let kernel = &mut self.kernels[usize::from(operation.0)];
        kernel.renew();
        hardware::batch(outcome, || kernel.run()).await;
        match kernel.check() {
            Ok(()) => outcome.metrics.push((0, 1.0 / hardware::seconds(outcome))),
            Err(wrong) => outcome.fail(ErrorKind::Other, || format!("the host reckons wrongly: {wrong}")),
        }
    }
}
