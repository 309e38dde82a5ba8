//! The udp workload: datagrams, and those that answer them; what is not answered in time is lost, and counted.
//!
//! An answer that comes late must not be taken for that of a later request. So a socket whose operation failed is closed, and the
//! next operation has another port; operations that await nothing have sockets of their own; what a socket holds before a request is sent is passed over; and `await.matching` tells answers
//! apart where a server may send one twice.
//!
//! Rooms: `keys` and `settings` (an operation's keys, read and checked), `socket` (the kernel's end), `worker` (an operation within
//! its timeout).

mod keys;
mod settings;
mod socket;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::job::schema::KindSchema;
use shared::metric::{MetricKind, MetricSpec};
use shared::plan::Assignment;

use super::bytes::expectation::Expected;
use super::bytes::payload::Payload;
use super::connection::target::Target;
use super::connection::targets::Targets;
use super::http::keys::WORKLOAD_KEYS;
use super::http::settings::resolve;
use super::settings::{check_workload, with_names};
use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use crate::policy::Warden;
use crate::values::{Names, Secrets};
use socket::Tray;
use worker::UdpWorker;

/// The udp workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "udp",
        doc: "Sends datagrams and awaits those that answer them; counts what is lost.",
        workload_keys: WORKLOAD_KEYS,
        operation_keys: keys::OPERATION_KEYS,
        measures: &[],
    },
    needs_permission: false,
    prepare,
};

/// The place of the only metric: which share of the requests were not answered in time.
const LOST: u16 = 0;
static METRICS: LazyLock<[MetricSpec; 1]> =
    LazyLock::new(|| [MetricSpec { name: "lost".to_owned(), unit: String::new(), kind: MetricKind::Ratio }]);

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Udp::under(warden, assignment).map(boxed)
}

/// The udp workload, made ready for one trial.
#[derive(Debug)]
struct Udp {
    plan: Arc<UdpPlan>,
}

/// What every worker knows.
#[derive(Debug)]
struct UdpPlan {
    /// One for each route, and outside of scenarios one of their own for those that await nothing.
    targets: Vec<Target>,
    /// In the job's order.
    operations: Vec<UdpOperation>,
    /// After how many operations a socket is closed; `u64::MAX`: never.
    new_every: u64,
    /// Whether the operations are the steps of a scenario.
    is_scenario: bool,
    names: Names,
    secrets: Secrets,
}

/// One operation, ready to be done.
#[derive(Debug)]
struct UdpOperation {
    /// Its place among the plan's targets.
    target: usize,
    payload: Option<Payload>,
    /// How many datagrams answer it.
    datagrams: u32,
    /// What an answer holds; `None`: every datagram is one.
    matching: Option<Payload>,
    expected: Expected,
    timeout: Duration,
}

impl UdpOperation {
    /// Whether the server has to say something.
    fn awaits(&self) -> bool {
        self.datagrams > 0
    }
}

impl Udp {
    /// Made ready as far as a policy allows.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        with_names(assignment, |names| Self::with_names(warden, assignment, names))
    }

    fn with_names(warden: &Arc<Warden>, assignment: &Assignment, names: Names) -> Result<Self, PrepareError> {
        check_workload(&assignment.settings, WORKLOAD_KEYS)?;
        let resolve = resolve(&assignment.settings)?;
        let mut targets = Targets::new(warden, resolve);
        let mut operations: Vec<UdpOperation> = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let (route, operation) = settings::read(spec, &names)?;
            // The steps of a scenario follow each other as its author knows the server, on one connection.
            let shares = |known: &&UdpOperation| {
                let is_alike = assignment.is_scenario || known.awaits() == operation.awaits();
                targets.at(known.target).route == route && is_alike
            };
            let known = operations.iter().find(shares).map(|known| known.target);
            let target = match known {
                Some(target) => target,
                None => targets.add(spec, route)?,
            };
            operations.push(UdpOperation { target, ..operation });
        }
        let (new_every, secrets) =
            (assignment.load.new_connection_every.unwrap_or(u64::MAX), names.secrets());
        let (targets, is_scenario) = (targets.into_made(), assignment.is_scenario);
        Ok(Self { plan: Arc::new(UdpPlan { targets, operations, new_every, is_scenario, names, secrets }) })
    }
}

impl Workload for Udp {
    type Desk = Tray;
    type Worker = UdpWorker;

    fn desk(&self) -> Tray {
        Tray::new()
    }

    fn worker(&self, desk: &Tray, seat: Seat) -> UdpWorker {
        UdpWorker::new(Arc::clone(&self.plan), desk.clone(), seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        let awaits = self.plan.operations[usize::from(operation.0)].awaits();
        if awaits { &*METRICS } else { &[] }
    }
}
