//! A workload in memory that knows what it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use crate::engine::clock;
use crate::workload::{Outcome, Seat, Worker, Workload};

/// What a fake workload does at each operation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Waits that long; every fifth operation fails.
    Wait(Duration),
    /// Ends after a turn of the thread's other tasks, always as a success.
    Succeed,
    /// Ends at once, without ever giving the thread back.
    Spin,
    /// Never ends, whatever its timeout.
    Hang,
    /// Panics.
    Panic,
}

pub(super) struct Fake {
    pub(super) act: Act,
    pub(super) did: Arc<Did>,
}

#[derive(Debug, Default)]
pub(super) struct Did {
    pub(super) begun: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) failed: AtomicU64,
}

pub(super) struct FakeWorker {
    act: Act,
    did: Arc<Did>,
}

impl Workload for Fake {
    type Desk = ();
    type Worker = FakeWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), _seat: Seat) -> FakeWorker {
        FakeWorker { act: self.act, did: Arc::clone(&self.did) }
    }

    fn operation_timeout_max(&self) -> Duration {
        Duration::from_millis(10)
    }
}

impl Worker for FakeWorker {
    async fn ready(&mut self) {}

    async fn run(&mut self, _operation: OperationIndex, outcome: &mut Outcome) {
        outcome.sent_ns = clock::now_ns();
        let number = self.did.begun.fetch_add(1, Ordering::SeqCst);
        match self.act {
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::Succeed => tokio::task::yield_now().await,
            Act::Spin => {}
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("the workload broke"),
        }
        if number % 5 == 4 && !matches!(self.act, Act::Succeed) {
            self.did.failed.fetch_add(1, Ordering::SeqCst);
            outcome.fail(ErrorKind::Status, || "500".to_owned());
        }
        outcome.bytes_sent = 10;
        self.did.ended.fetch_add(1, Ordering::SeqCst);
        outcome.ended_ns = clock::now_ns();
    }
}
