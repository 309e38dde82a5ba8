//! The http workload: HTTP/1.1 and HTTP/2 over TCP, TLS and Unix sockets, on connections that are kept.
//!
//! Rooms: `settings` (an operation's keys, read and checked), `url`, `target` (a place and how it is spoken to), `tls`,
//! `dial` (making a connection), `stream` (its bytes), `request` (an operation's bytes, rendered once), `response` (the head of an answer), `body` (its framing),
//! `expectation` (what counts as a success), `inspection` (an answer looked at in passing), `worker` (an operation
//! within its timeout), `line` and `wire` (connections over HTTP/1.1), `http2`, `progress` (stage and phases),
//! `failure`.
//!
//! A connection that the server closed while it lay idle is found out only by using it. An idempotent
//! request (RFC 9110, 9.2.2) that meets its end before any byte of an answer is therefore sent once more on a
//! fresh connection, within the same operation and the same timeout; the fresh one is counted in `connects`.

mod body;
mod dial;
mod expectation;
mod failure;
mod http2;
mod inspection;
mod line;
mod progress;
mod remembered;
mod request;
mod response;
mod settings;
mod stream;
mod target;
mod tls;
mod url;
mod wire;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use shared::job::OperationSpec;
use shared::job::schema::{Key, KindSchema, Shape};
use shared::plan::{Assignment, LoadShare};

use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use expectation::Expectation;
use http2::{Http2Request, HttpDesk};
use target::{Resolve, Route, Target};
use tls::{SystemRoots, Tls};
use url::Place;
use worker::HttpWorker;

/// The http workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "http",
        doc: "Sends HTTP/1.1 or HTTP/2 requests over TCP, TLS or a Unix socket and checks the answers.",
        workload_keys: WORKLOAD_KEYS,
        operation_keys: OPERATION_KEYS,
        measures: progress::MEASURES,
    },
    needs_permission: false,
    prepare,
};

const WORKLOAD_KEYS: &[Key] = &[
    Key::unsupported(
        "scenario",
        Shape::Tables(&[]),
        "Steps that one worker runs in order, with cookies, each an operation of its own; instead of operations.",
    ),
    Key::optional(
        "resolve",
        Shape::OneOf(&["start", "connect"]),
        "When hosts are looked up: once before the start, or anew for each connection; default start.",
    ),
];

const OPERATION_KEYS: &[Key] = &[
    Key::optional("method", Shape::Template, "The request's method; default GET."),
    Key::required(
        "url",
        Shape::Template,
        "Where the request goes: http://host[:port][/path][?query], https://… or unix:/run/app.sock:/path.",
    ),
    Key::optional(
        "headers",
        Shape::Map(&Shape::Template),
        "Further headers by name; they replace fleetmark's own host, user-agent and accept.",
    ),
    Key::optional("body", Shape::Template, "The request's body; default none."),
    Key::optional("body_file", Shape::File, "A file whose content is the request's body."),
    Key::optional(
        "timeout",
        Shape::Duration,
        "How long an operation may take, connecting included, before it counts as the error timeout; default 10s.",
    ),
    Key::optional(
        "expect",
        Shape::Table(EXPECT_KEYS),
        "What counts as a success; default any status 2xx or 3xx.",
    ),
    Key::optional(
        "version",
        Shape::OneOf(&["1.1", "2"]),
        "HTTP's version; default 1.1. Version 2 is agreed on by ALPN over TLS, and taken for granted without.",
    ),
    Key::optional("tls", Shape::Table(TLS_KEYS), "Certificates and names for https."),
    Key::optional(
        "phases",
        Shape::Boolean,
        "Whether dns, connect, tls, first_byte and body are measured as well; default false.",
    ),
    Key::unsupported(
        "redirects",
        Shape::Integer { min: 0, max: 100 },
        "How many redirects are followed; default 0.",
    ),
    Key::unsupported(
        "extract",
        Shape::Map(&Shape::Text),
        "Values taken from the answer, by name: json:/pointer, header:Name or regex:expression.",
    ),
    Key::unsupported("metrics", Shape::Map(&Shape::Free), "Further metrics taken from the answer, by name."),
];

const EXPECT_KEYS: &[Key] = &[
    Key::optional(
        "status",
        Shape::List(&Shape::Integer { min: 200, max: 599 }),
        "The statuses that count as a success; default any 2xx or 3xx.",
    ),
    Key::optional("body_contains", Shape::Template, "A text that the body must contain, up to 4096 bytes."),
];

const TLS_KEYS: &[Key] = &[
    Key::optional(
        "ca_file",
        Shape::File,
        "Certificate authorities to trust instead of the system's, in PEM.",
    ),
    Key::optional("cert_file", Shape::File, "The client's certificate with its chain, in PEM."),
    Key::optional("key_file", Shape::Text, "The client's key in PEM, a path on the agent."),
    Key::optional("insecure", Shape::Boolean, "Whether any certificate is taken; default false."),
    Key::optional("resume", Shape::Boolean, "Whether TLS sessions are resumed; default true."),
    Key::optional(
        "server_name",
        Shape::Text,
        "The name that the certificate must bear; default the URL's host.",
    ),
];

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
    /// Its place among the plan's targets.
    target: usize,
    /// The whole request.
    request: Vec<u8>,
    /// The same for HTTP/2, if that is spoken.
    http2: Option<Http2Request>,
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
}

fn prepare(assignment: &Assignment) -> Result<Arc<dyn Drive>, PrepareError> {
    Http::new(assignment).map(boxed)
}

impl Http {
    fn new(assignment: &Assignment) -> Result<Self, PrepareError> {
        settings::check_workload(&assignment.settings)?;
        let resolve = settings::resolve(&assignment.settings)?;
        let mut roots = SystemRoots::default();
        let mut targets: Vec<Target> = Vec::new();
        let mut operations = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let read = settings::read(spec, &assignment.files)?;
            let known = targets.iter().position(|target| target.route == read.route);
            let target = match known {
                Some(target) => target,
                None => {
                    targets.push(target(spec, read.route, resolve, &mut roots)?);
                    targets.len() - 1
                }
            };
            operations.push(HttpOperation { target, ..read.operation });
        }
        let connections = Connections::of(&assignment.load);
        Ok(Self { plan: Arc::new(HttpPlan { targets, operations, connections }) })
    }
}

/// Makes a target ready: its addresses and its TLS.
fn target(
    spec: &OperationSpec,
    route: Route,
    resolve: Resolve,
    roots: &mut SystemRoots,
) -> Result<Target, PrepareError> {
    let tls = match (&route.tls, &route.place) {
        (Some(tls), Place::Host { host, .. }) => {
            let tls = Tls::new(tls, host, route.version, roots);
            Some(tls.map_err(|error| settings::wrong(spec, "url", error))?)
        }
        _ => None,
    };
    Target::new(route, resolve, tls).map_err(|error| settings::wrong(spec, "url", error))
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
        HttpDesk::default()
    }

    fn worker(&self, desk: &HttpDesk, seat: Seat) -> HttpWorker {
        HttpWorker::new(Arc::clone(&self.plan), desk, seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
