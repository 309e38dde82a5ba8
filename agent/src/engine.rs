//! The load engine: drives a workload on OS threads of its own and reports numbered intervals.

pub mod clock;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::workload::Workload;

/// A workload of any kind, boxed once per trial; the hot loop inside stays generic.
pub trait Drive: Send + Sync {
    /// Runs this thread's share of the trial to its end, on the thread's own single-threaded runtime.
    fn drive(self: Arc<Self>, thread: ThreadTask) -> Pin<Box<dyn Future<Output = ()>>>;
}

/// Boxes a workload for the engine.
pub fn boxed<W: Workload>(workload: W) -> Arc<dyn Drive> {
    Arc::new(Driver { workload })
}

struct Driver<W> {
    workload: W,
}

impl<W: Workload> Drive for Driver<W> {
    fn drive(self: Arc<Self>, _thread: ThreadTask) -> Pin<Box<dyn Future<Output = ()>>> {
        let _workload = &self.workload;
        Box::pin(async {})
    }
}

/// What one load thread has to do.
#[derive(Debug)]
pub struct ThreadTask {}
