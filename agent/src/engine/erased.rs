//! A workload of any kind behind one face: for the engine, which drives it with its kind's own code, and for a mix of several.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::Remark;
use shared::metric::MetricSpec;

use super::threads::ThreadTask;
use super::worker;
use crate::workload::{Outcome, Seat, Worker, Workload};

/// A workload of any kind, boxed once per trial; the hot loop inside stays generic.
///
/// What stands below [`Drive::conclude`] is asked by a mix only, whose workers go through boxes at every operation.
pub trait Drive: Send + Sync {
    /// Runs this thread's share of the trial to its end, on the thread's own single-threaded runtime.
    fn drive(self: Arc<Self>, thread: ThreadTask) -> Pin<Box<dyn Future<Output = ()>>>;

    /// How many workers it has, each on a thread of its own: [`Workload::own_threads`].
    fn own_threads(&self) -> Option<NonZeroU32>;

    /// What it takes out of the responses to an operation: [`Workload::metrics`].
    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec];

    /// [`Workload::conclude`].
    fn conclude(&self) -> Vec<(OperationIndex, Remark)>;

    /// What its workers on one load thread share ([`Workload::desk`]), which makes them.
    fn desk(self: Arc<Self>) -> Box<dyn AnyDesk>;

    /// [`Workload::operation_timeout_max`].
    fn operation_timeout_max(&self) -> Duration;
}

/// A desk of any kind, with the workload whose it is.
pub trait AnyDesk {
    /// [`Workload::worker`].
    fn worker(&self, seat: Seat) -> Box<dyn AnyWorker>;
}

/// A worker of any kind.
pub trait AnyWorker {
    /// [`Worker::ready`].
    fn ready(&mut self) -> Pin<Box<dyn Future<Output = ()> + '_>>;

    /// [`Worker::run`].
    fn run<'a>(
        &'a mut self,
        operation: OperationIndex,
        outcome: &'a mut Outcome,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

    /// [`Worker::describe`].
    fn describe(&self, operation: OperationIndex) -> Option<String>;
}

/// Boxes a workload for the engine.
pub fn boxed<W: Workload>(workload: W) -> Arc<dyn Drive> {
    Arc::new(Driver { workload })
}

struct Driver<W> {
    workload: W,
}

impl<W: Workload> Drive for Driver<W> {
    fn drive(self: Arc<Self>, thread: ThreadTask) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move { worker::drive(&self.workload, thread).await })
    }

    fn own_threads(&self) -> Option<NonZeroU32> {
        self.workload.own_threads()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        self.workload.metrics(operation)
    }

    fn conclude(&self) -> Vec<(OperationIndex, Remark)> {
        self.workload.conclude()
    }

    fn desk(self: Arc<Self>) -> Box<dyn AnyDesk> {
        let desk = self.workload.desk();
        Box::new(DriverDesk { driver: self, desk })
    }

    fn operation_timeout_max(&self) -> Duration {
        self.workload.operation_timeout_max()
    }
}

struct DriverDesk<W: Workload> {
    driver: Arc<Driver<W>>,
    desk: W::Desk,
}

impl<W: Workload> AnyDesk for DriverDesk<W> {
    fn worker(&self, seat: Seat) -> Box<dyn AnyWorker> {
        Box::new(Boxed(self.driver.workload.worker(&self.desk, seat)))
    }
}

struct Boxed<W>(W);

impl<W: Worker> AnyWorker for Boxed<W> {
    fn ready(&mut self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(self.0.ready())
    }

    fn run<'a>(
        &'a mut self,
        operation: OperationIndex,
        outcome: &'a mut Outcome,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(self.0.run(operation, outcome))
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        self.0.describe(operation)
    }
}
