//! The http workload: HTTP/1.1 and HTTP/2 over TCP, TLS and Unix sockets, on connections that are kept.
//!
//! Rooms, for what is asked: `keys` and `settings` (an operation's keys, read and checked), `url` and `address` (where
//! it goes), `request` (its bytes, rendered once or for each operation), `script` (what else it does).
//!
//! For connections, beside those that all kinds share: `line` and `wire` (connections over HTTP/1.1), `http2`, `link` (a
//! worker's ways to the servers).
//!
//! For answers: `response` (the head), `body` (its framing), `expectation` (what counts as a success), `inspection` (an
//! answer looked at in passing), `answer` (what is kept of it), `checks`, `selection` and `readings` (what is looked into),
//! `redirect`, `cookies`.
//!
//! For a worker: `worker` (an operation within its timeout), `conversation` (from the request to what was taken out of
//! the answer), `pass` (what is known from one operation to the next), `readable` (a request for people).
//!
//! A connection that the server closed while it lay idle is found out only by using it. An idempotent
//! request (RFC 9110, 9.2.2) that meets its end before any byte of an answer is therefore sent once more on a
//! fresh connection, within the same operation and the same timeout; the fresh one is counted in `connects`.

mod address;
mod answer;
mod body;
pub(super) mod checks;
mod conversation;
mod cookies;
pub(super) mod expectation;
mod http2;
mod inspection;
pub(super) mod keys;
pub(super) mod line;
mod link;
mod pass;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod readable;
mod readings;
mod redirect;
mod remembered;
mod request;
mod response;
mod script;
mod selection;
mod sending;
pub(super) mod settings;
pub(super) mod url;
mod wire;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::job::schema::KindSchema;
use shared::metric::MetricSpec;
use shared::plan::{Assignment, LoadShare};

use super::connection::target::Target;
use super::connection::targets::Targets;
use super::settings::{check_workload, with_names};
use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use crate::policy::Warden;
use crate::values::{Names, Secrets};
use expectation::Expectation;
use http2::{Http2Request, HttpDesk};
use script::SharedScript;
use worker::HttpWorker;

/// The http workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "http",
        doc: "Sends HTTP/1.1 or HTTP/2 requests over TCP, TLS or a Unix socket and checks the answers.",
        workload_keys: keys::WORKLOAD_KEYS,
        operation_keys: keys::OPERATION_KEYS,
        measures: super::connection::progress::MEASURES,
    },
    needs_permission: false,
    prepare,
};

/// The http workload, made ready for one trial.
#[derive(Debug)]
struct Http {
    plan: Arc<HttpPlan>,
}

/// What every worker knows: the targets, and the operations in the job's order.
#[derive(Debug)]
struct HttpPlan {
    targets: Vec<Target>,
    operations: Vec<HttpOperation>,
    connections: Connections,
    /// Whether the operations are the steps of a scenario.
    is_scenario: bool,
    /// Where values come from.
    names: Names,
    /// What no sample may tell.
    secrets: Secrets,
}

/// What operations are read with.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    names: &'a Names,
    is_scenario: bool,
}

/// How connections are kept and shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Connections {
    /// How many a worker keeps to each target, used in turn.
    per_worker: u32,
    /// How many workers of a load thread share one, over HTTP/2.
    streams: u32,
    /// After how many operations one is closed; `u64::MAX`: never.
    new_every: u64,
}

/// One operation, ready to be sent.
#[derive(Debug, Clone)]
struct HttpOperation {
    /// Its own place among the plan's operations.
    place: usize,
    /// Its place among the plan's targets.
    target: usize,
    /// The whole request; empty until it is filled in, if it differs from one operation to the next.
    request: Vec<u8>,
    /// The same for HTTP/2, if that is spoken.
    http2: Option<Http2Request>,
    /// Where its body begins.
    body_at: usize,
    /// Whether the server is to ask for a body before that is sent.
    asks_first: bool,
    /// Where its body begins, if the server is to ask for that first (`expect: 100-continue`).
    continue_after: Option<usize>,
    /// Whether the answer has no body whatever its headers say.
    is_head: bool,
    /// Whether it may be sent a second time when a kept connection turns out to be closed.
    is_idempotent: bool,
    /// Whether its own headers ask for the connection to be closed.
    closes: bool,
    /// Whether its phases are measured.
    has_phases: bool,
    timeout: Duration,
    expectation: Expectation,
    /// What it does beside sending the same bytes.
    script: SharedScript,
}

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Http::under(warden, assignment).map(boxed)
}

impl Http {
    /// Made ready as far as a policy allows.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        with_names(assignment, |names| Self::with_names(warden, assignment, names))
    }

    fn with_names(warden: &Arc<Warden>, assignment: &Assignment, names: Names) -> Result<Self, PrepareError> {
        check_workload(&assignment.settings, keys::WORKLOAD_KEYS)?;
        let resolve = settings::resolve(&assignment.settings)?;
        let is_scenario = assignment.is_scenario;
        let context = Context { files: &assignment.files, names: &names, is_scenario };
        let mut targets = Targets::new(warden, resolve);
        let mut operations = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let read = settings::read(spec, &context)?;
            let target = targets.place_of(spec, read.route)?;
            operations.push(HttpOperation { place: operations.len(), target, ..read.operation });
        }
        let connections = Connections::of(&assignment.load);
        let (targets, secrets) = (targets.into_made(), names.secrets());
        Ok(Self {
            plan: Arc::new(HttpPlan { targets, operations, connections, is_scenario, names, secrets }),
        })
    }
}

impl Connections {
    fn of(load: &LoadShare) -> Self {
        Self {
            per_worker: load.connections_per_worker.max(1),
            streams: load.streams_per_connection.max(1),
            new_every: load.new_connection_every.unwrap_or(u64::MAX),
        }
    }
}

impl Workload for Http {
    type Desk = HttpDesk;
    type Worker = HttpWorker;

    fn desk(&self) -> HttpDesk {
        HttpDesk::new(self.plan.operations.len())
    }

    fn worker(&self, desk: &HttpDesk, seat: Seat) -> HttpWorker {
        HttpWorker::new(Arc::clone(&self.plan), desk, seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        &self.plan.operations[usize::from(operation.0)].script.metrics
    }
}

#[cfg(test)]
mod tests;
