//! The tcp workload: bytes over TCP, TLS or a Unix socket, sent and awaited as the job says, on connections that are kept.
//!
//! For protocols that nobody has written a workload for, and for echoes: connect, send, and read so many bytes, or up to a text, or
//! to the end. Connections are the http workload's own: `dial`, `stream`, `tls`, `line`.
//!
//! Rooms: `keys` and `settings` (an operation's keys, read and checked), [`answer`] (when an answer is whole), `worker` (an operation
//! within its timeout).

mod answer;
mod keys;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod settings;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::job::schema::KindSchema;
use shared::plan::Assignment;

use super::bytes::expectation::Expected;
use super::bytes::payload::Payload;
use super::connection::buffers::Buffers;
use super::connection::progress::CONNECTING_MEASURES;
use super::connection::target::Target;
use super::connection::targets::Targets;
use super::http::keys::WORKLOAD_KEYS;
use super::http::settings::resolve;
use super::settings::{check_workload, with_names};
use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use crate::policy::Warden;
use crate::values::{Names, Secrets};
use answer::Awaited;
use worker::TcpWorker;

/// The tcp workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "tcp",
        doc: "Sends bytes over TCP, TLS or a Unix socket, and awaits so many, or a text, or the end.",
        workload_keys: WORKLOAD_KEYS,
        operation_keys: keys::OPERATION_KEYS,
        measures: CONNECTING_MEASURES,
    },
    needs_permission: false,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Tcp::under(warden, assignment).map(boxed)
}

/// The tcp workload, made ready for one trial.
#[derive(Debug)]
struct Tcp {
    plan: Arc<TcpPlan>,
}

/// What every worker knows.
#[derive(Debug)]
struct TcpPlan {
    /// One for each route, and outside of scenarios one of their own for those that await nothing.
    targets: Vec<Target>,
    /// In the job's order.
    operations: Vec<TcpOperation>,
    /// How many connections a worker keeps to each target, used in turn.
    per_worker: u32,
    /// After how many operations one is closed; `u64::MAX`: never.
    new_every: u64,
    /// Whether the operations are the steps of a scenario.
    is_scenario: bool,
    names: Names,
    secrets: Secrets,
}

/// One operation, ready to be done.
#[derive(Debug)]
struct TcpOperation {
    /// Its place among the plan's targets.
    target: usize,
    payload: Option<Payload>,
    awaited: Awaited,
    expected: Expected,
    timeout: Duration,
}

impl TcpOperation {
    /// Whether the server has to say something.
    fn awaits(&self) -> bool {
        self.awaited != Awaited::Nothing
    }
}

/// What operations are read with.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    names: &'a Names,
}

impl Tcp {
    /// Made ready as far as a policy allows.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        with_names(assignment, |names| Self::with_names(warden, assignment, names))
    }

    fn with_names(warden: &Arc<Warden>, assignment: &Assignment, names: Names) -> Result<Self, PrepareError> {
        check_workload(&assignment.settings, WORKLOAD_KEYS)?;
        let resolve = resolve(&assignment.settings)?;
        let context = Context { files: &assignment.files, names: &names };
        let mut targets = Targets::new(warden, resolve);
        let mut operations: Vec<TcpOperation> = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let (route, operation) = settings::read(spec, &context)?;
            // A late answer to an operation that awaits none would be taken for that of one that does.
            // The steps of a scenario follow each other as its author knows the server, on one connection.
            let shares = |known: &&TcpOperation| {
                let is_alike = assignment.is_scenario || known.awaits() == operation.awaits();
                targets.at(known.target).route == route && is_alike
            };
            let known = operations.iter().find(shares).map(|known| known.target);
            let target = match known {
                Some(target) => target,
                None => targets.add(spec, route)?,
            };
            operations.push(TcpOperation { target, ..operation });
        }
        let (load, secrets) = (&assignment.load, names.secrets());
        Ok(Self {
            plan: Arc::new(TcpPlan {
                targets: targets.into_made(),
                operations,
                per_worker: load.connections_per_worker.max(1),
                new_every: load.new_connection_every.unwrap_or(u64::MAX),
                is_scenario: assignment.is_scenario,
                names,
                secrets,
            }),
        })
    }
}

impl Workload for Tcp {
    type Desk = Buffers;
    type Worker = TcpWorker;

    fn desk(&self) -> Buffers {
        Buffers::default()
    }

    fn worker(&self, desk: &Buffers, seat: Seat) -> TcpWorker {
        TcpWorker::new(Arc::clone(&self.plan), desk.clone(), seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }
}
