//! Workloads: how one operation of each kind is done. One file and one line of [`TABLE`] each.
//!
//! What they share: `connection` (connections, TLS included), `bytes` (what is sent where no protocol is spoken), `settings` (reading keys), [`deadline`] (the time limit of an
//! operation), `invocation` (what is started, by the kinds that start programs), `hardware` (what the kinds share that measure
//! the host itself), `mixed` (several at once, of any kinds), `measures` and [`reported`] (what an operation tells beside its
//! latency: the kind's own measures, and metrics that a program names itself).

mod bytes;
pub mod command;
mod connection;
pub mod cpu;
pub(crate) mod deadline;
pub mod disk;
#[cfg(test)]
#[path = "../../fuzz/properties/driver.rs"]
mod driver;
pub mod grpc;
mod hardware;
pub mod http;
mod invocation;
mod measures;
pub mod memory;
mod mixed;
pub mod network;
pub mod process;
mod readable;
pub mod redis;
pub mod reported;
mod settings;
pub mod sql;
pub mod tcp;
pub mod udp;

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use shared::histogram::HIGHEST_TRACKABLE;
use shared::ids::OperationIndex;
use shared::interval::{ErrorKind, ErrorSample, Remark};
use shared::job::OperationSpec;
use shared::job::schema::KindSchema;
use shared::metric::MetricSpec;
use shared::plan::Assignment;

use crate::engine::Drive;
use crate::policy::{Refusal, Warden};

pub use self::measures::{Measures, OUTCOME_MEASURES_MAX};
pub use self::reported::ReportedMetric;

/// How a kind is made ready for one trial of an assignment, as far as the warden's policy allows.
pub type Prepare = fn(&Assignment, &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError>;

/// One line of the table: a kind, how its keys read, and how it is made ready for a trial.
#[derive(Clone, Copy)]
pub struct WorkloadKind {
    /// How its keys read; advertised when the agent attaches.
    pub schema: KindSchema,
    /// Whether it runs programs or fills disks, so that an agent must allow it (`--allow`).
    pub needs_permission: bool,
    /// Makes it ready for one trial: reads the settings, resolves names, refuses what it cannot do or the policy does
    /// not allow.
    pub prepare: Prepare,
}

/// Every kind this agent can run.
pub const TABLE: &[WorkloadKind] = &[
    http::KIND,
    command::KIND,
    process::KIND,
    redis::KIND,
    sql::KIND,
    grpc::KIND,
    tcp::KIND,
    udp::KIND,
    cpu::KIND,
    memory::KIND,
    disk::KIND,
    network::KIND,
];

/// How operations of a kind are looked at before a job runs, as far as its own files tell; says what is wrong with the first.
pub type Examine = fn(&[OperationSpec], &BTreeMap<String, Vec<u8>>) -> Result<(), PrepareError>;

/// The kinds whose files tell more than their keys do.
const EXAMINED: &[(&str, Examine)] = &[("grpc", grpc::examine)];

/// Looks at a kind's operations as far as the job's own files tell, before anything runs.
///
/// # Errors
/// What is wrong with the first operation that cannot be done.
pub fn examine(
    kind: &str,
    operations: &[OperationSpec],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), PrepareError> {
    let examined = EXAMINED.iter().find(|(examined, _)| *examined == kind);
    examined.map_or(Ok(()), |(_, examine)| examine(operations, files))
}

/// Why a workload cannot be made ready. Reads after "failed to prepare the trial: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PrepareError(pub String);

/// The warden remembers it as the refusal that it is.
impl From<Refusal> for PrepareError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

/// Makes an assignment's workload ready: of its kind, or a mix.
///
/// # Errors
/// What the kind cannot do or the policy does not allow, or that the agent does not know it.
pub fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    if !assignment.mixed().is_empty() {
        return mixed::prepare(assignment, warden);
    }
    let kind = TABLE.iter().find(|line| line.schema.kind == assignment.kind);
    let unknown = || PrepareError(format!("this agent does not know {:?} workloads", assignment.kind));
    (kind.ok_or_else(unknown)?.prepare)(assignment, warden)
}

/// A workload made ready for one trial, shared by the load threads.
///
/// The engine is generic over it, so that the hot loop has no dynamic call; it is boxed once per trial
/// as [`Drive`].
pub trait Workload: Send + Sync + 'static {
    /// What the workers of one load thread share, without locks: connections, buffers. `()` if nothing.
    type Desk: 'static;
    /// One closed loop of it: a connection, a process slot.
    type Worker: Worker;

    /// Makes what the workers of a load thread share; called once on that thread, before its first worker.
    fn desk(&self) -> Self::Desk;

    /// Makes a worker; called on the load thread that will own it.
    fn worker(&self, desk: &Self::Desk, seat: Seat) -> Self::Worker;

    /// The longest timeout of any of its operations. The engine gives an operation up that runs more than
    /// twice as long, so that a trial ends whatever a workload does. Default: one hour, the longest that can
    /// be told.
    fn operation_timeout_max(&self) -> Duration {
        Duration::from_nanos(HIGHEST_TRACKABLE)
    }

    /// How many workers it has, when it does its work itself on the load threads: each is then alone on a thread of its own, and
    /// what a thread uses of a core is not told, since that is no generator's limit. Default: `None`, it waits for something
    /// else, and workers share threads.
    fn own_threads(&self) -> Option<NonZeroU32> {
        None
    }

    /// What it takes out of the responses to an operation, at most [`shared::interval::METRICS_MAX`]. An outcome
    /// names them by their place in this list. Asked once, before the trial. Default: nothing.
    fn metrics(&self, _operation: OperationIndex) -> &[MetricSpec] {
        &[]
    }

    /// Ends what was done for the trial beside its operations, once all of them are over; says what a person should read of
    /// which operation. May block, for seconds at most: nothing is measured any more. Default: there is nothing.
    fn conclude(&self) -> Vec<(OperationIndex, Remark)> {
        Vec::new()
    }
}

/// Which worker this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Its number among the workers of this agent, from 0.
    pub worker: u32,
    /// A seed of its own, mixed from the trial's seed, the agent's index and the worker's number.
    pub seed: u64,
}

/// One closed loop of a workload. Lives on one thread and never leaves it.
pub trait Worker: 'static {
    /// Gets ready before the start, for instance by connecting. What fails here fails again, and is
    /// counted, at the first operation.
    fn ready(&mut self) -> impl Future<Output = ()>;

    /// Does one operation to its end, within the operation's own timeout, and writes into `outcome` how it
    /// went. `outcome` was cleared before the call. Must not panic, whatever the other side answers.
    fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) -> impl Future<Output = ()>;

    /// The request of the operation that ended last, as a person reads it, with everything confidential masked. Asked for a few of the
    /// slowest only. Default: there is none to show.
    fn describe(&self, _operation: OperationIndex) -> Option<String> {
        None
    }
}

/// How one operation went. Kept by the worker's loop and cleared between operations: no allocation on the way.
#[derive(Debug, Default)]
pub struct Outcome {
    /// When it was sent, ns on the monotonic clock ([`crate::engine::clock::now_ns`]): the moment the
    /// worker began, before it connected if it had to. Set before the call; later only by a workload that had to get
    /// something ready first.
    pub sent_ns: u64,
    /// When it ended, ns on the same clock.
    pub ended_ns: u64,
    /// How it failed; `None`: a success.
    pub error: Option<ErrorKind>,
    /// What was seen when it failed. Workloads build it only when [`Outcome::wants_sample`] says so.
    pub sample: Option<ErrorSample>,
    /// Whether the engine still keeps samples for this operation and interval; set before the call.
    pub wants_sample: bool,
    /// Bytes written to the measured thing.
    pub bytes_sent: u64,
    /// Bytes read from it.
    pub bytes_received: u64,
    /// Connections opened.
    pub connects: u64,
    /// Further measures.
    pub measures: Measures,
    /// Values of metrics: the place in the operation's [`Workload::metrics`] and the value, in the metric's unit. What
    /// is not finite, or no value of the metric's kind, counts nowhere.
    pub metrics: Vec<(u16, f64)>,
    /// Metrics that the measured program named itself, whether the operation failed or not: what a suite reported before it broke
    /// says which parts are missing.
    pub reported: Vec<ReportedMetric>,
    /// What the measured program said beside them.
    pub remarks: Vec<Remark>,
}

impl Outcome {
    /// Makes it ready for the next operation, which begins at a moment.
    pub fn clear(&mut self, sent_ns: u64, wants_sample: bool) {
        // Field by field: building a new one and moving it here takes twice the time.
        let Self {
            sent_ns: sent,
            ended_ns,
            error,
            sample,
            wants_sample: wants,
            bytes_sent,
            bytes_received,
            connects,
            measures,
            metrics,
            reported,
            remarks,
        } = self;
        (*sent, *ended_ns, *wants, *error) = (sent_ns, 0, wants_sample, None);
        (*bytes_sent, *bytes_received, *connects) = (0, 0, 0);
        *sample = None;
        measures.clear();
        metrics.clear();
        reported.clear();
        remarks.clear();
    }

    /// Notes a failure, with a sample if one is still wanted.
    pub fn fail(&mut self, kind: ErrorKind, message: impl FnOnce() -> String) {
        self.error = Some(kind);
        if self.wants_sample {
            self.sample = Some(ErrorSample::new(kind, message()));
        }
    }
}
