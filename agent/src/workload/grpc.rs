//! The grpc workload: calls of every kind, with methods and messages that are known at run time only.
//!
//! What a method looks like comes from the job's files or from the server's reflection; messages are encoded once where they are the
//! same each time. Connections are made as the http workload makes them (`dial`, `tls`), and their frames are the h2 library's.
//!
//! Rooms, for what is called: `keys` and `settings` (an operation's keys), `descriptors` and `reflection` (methods and messages),
//! `message` (JSON's form of one, filled in), `examination` (what a job's check can tell). For calls: `channel` (connections),
//! `call` (one call, both ways at once), [`frames`] (messages on the wire), `code` (how calls end), `worker` (a call within its
//! deadline).

mod call;
mod channel;
mod code;
mod descriptors;
mod examination;
mod frames;
mod keys;
mod message;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod reflection;
mod settings;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::Request;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use shared::ids::OperationIndex;
use shared::job::OperationSpec;
use shared::job::schema::KindSchema;
use shared::metric::{MetricKind, MetricSpec};
use shared::plan::Assignment;

use super::connection::progress::CONNECTING_MEASURES;
use super::connection::target::Target;
use super::connection::targets::Targets;
use super::http::keys::WORKLOAD_KEYS;
use super::http::settings::resolve;
use super::settings::{check_workload, with_names, wrong};
use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use crate::policy::Warden;
use crate::values::{Names, Secrets};
use call::Course;
use channel::{GrpcDesk, Keeping};
use message::MessageTemplate;
use settings::{Expected, Metadatum, ReadCall};
use worker::GrpcWorker;

pub(super) use examination::examine;

/// The grpc workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "grpc",
        doc: "Calls methods of gRPC, with messages one by one or streamed either way, and checks how they end.",
        workload_keys: WORKLOAD_KEYS,
        operation_keys: keys::OPERATION_KEYS,
        measures: CONNECTING_MEASURES,
    },
    needs_permission: false,
    prepare,
};

/// Places of the metrics of an answer that is a stream.
const MESSAGE_LATENCY: u16 = 0;
const MESSAGES: u16 = 1;
static METRICS: LazyLock<[MetricSpec; 2]> = LazyLock::new(|| {
    let spec =
        |name: &str, unit: &str, kind| MetricSpec { name: name.to_owned(), unit: unit.to_owned(), kind };
    [spec("message_latency", "ns", MetricKind::Histogram), spec("messages", "", MetricKind::Gauge)]
});

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Grpc::under(warden, assignment).map(boxed)
}

/// The grpc workload, made ready for one trial.
#[derive(Debug)]
struct Grpc {
    plan: Arc<GrpcPlan>,
}

/// What every worker knows.
#[derive(Debug)]
struct GrpcPlan {
    targets: Vec<Target>,
    /// In the job's order.
    operations: Vec<GrpcOperation>,
    keeping: Keeping,
    /// Whether the operations are the steps of a scenario.
    is_scenario: bool,
    names: Names,
    secrets: Secrets,
}

/// One operation, ready to be called.
#[derive(Debug)]
struct GrpcOperation {
    /// Its place among the plan's targets.
    target: usize,
    /// The head of its calls, without metadata that changes.
    request: Request<()>,
    /// Metadata that changes.
    metadata: Vec<Metadatum>,
    message: MessageTemplate,
    course: Course,
    expected: Expected,
    timeout: Duration,
}

impl Grpc {
    /// Made ready as far as a policy allows.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        with_names(assignment, |names| Self::with_names(warden, assignment, names))
    }

    fn with_names(warden: &Arc<Warden>, assignment: &Assignment, names: Names) -> Result<Self, PrepareError> {
        check_workload(&assignment.settings, WORKLOAD_KEYS)?;
        let resolve = resolve(&assignment.settings)?;
        let mut targets = Targets::new(warden, resolve);
        let mut reflected = BTreeMap::new();
        let mut operations = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let read = settings::read(spec, &assignment.files, &names)?;
            let target = targets.place_of(spec, read.route.clone())?;
            let pool = examination::given(&spec.settings, &assignment.files);
            let pool = match pool.map_err(|(key, what)| wrong(spec, key, what))? {
                Some(pool) => pool,
                None => self::reflected(&mut reflected, (target, targets.at(target)), spec, &read)?,
            };
            let (method, written) =
                examination::call(&spec.settings, &pool).map_err(|(key, what)| wrong(spec, key, what))?;
            let message = MessageTemplate::new(written, method.input(), &names)
                .map_err(|error| wrong(spec, "message", error))?;
            operations.push(GrpcOperation::new(target, read, &method, message));
        }
        let (load, secrets) = (&assignment.load, names.secrets());
        let keeping = Keeping {
            per_worker: load.connections_per_worker.max(1),
            streams: load.streams_per_connection.max(1),
            new_every: load.new_connection_every.unwrap_or(u64::MAX),
        };
        let (targets, is_scenario) = (targets.into_made(), assignment.is_scenario);
        Ok(Self { plan: Arc::new(GrpcPlan { targets, operations, keeping, is_scenario, names, secrets }) })
    }
}

impl GrpcOperation {
    fn new(target: usize, read: ReadCall, method: &MethodDescriptor, message: MessageTemplate) -> Self {
        let course = Course {
            messages: read.messages.unwrap_or(1),
            is_in_turn: read.is_in_turn,
            is_timed: method.is_server_streaming(),
        };
        let ReadCall { request, changing, timeout, expected, .. } = read;
        Self { target, request, metadata: changing, message, course, expected, timeout }
    }
}

/// What a target's reflection tells of an operation's service, asked once.
fn reflected(
    known: &mut BTreeMap<(usize, String), DescriptorPool>,
    (place, target): (usize, &Target),
    spec: &OperationSpec,
    read: &ReadCall,
) -> Result<DescriptorPool, PrepareError> {
    let (service, _) =
        descriptors::split(read.request.uri().path()).map_err(|error| wrong(spec, "method", error))?;
    let key = (place, service.to_owned());
    if let Some(pool) = known.get(&key) {
        return Ok(pool.clone());
    }
    let pool =
        reflection::ask(target, service, &read.request).map_err(|error| wrong(spec, "method", error))?;
    known.insert(key, pool.clone());
    Ok(pool)
}

impl Workload for Grpc {
    type Desk = GrpcDesk;
    type Worker = GrpcWorker;

    fn desk(&self) -> GrpcDesk {
        GrpcDesk::default()
    }

    fn worker(&self, desk: &GrpcDesk, seat: Seat) -> GrpcWorker {
        GrpcWorker::new(Arc::clone(&self.plan), desk, seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        let is_timed = self.plan.operations[usize::from(operation.0)].course.is_timed;
        if is_timed { &*METRICS } else { &[] }
    }
}
