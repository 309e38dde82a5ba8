//! The http workload: HTTP/1.1 over plain TCP, one connection per worker and target, kept alive.
//!
//! Rooms: `settings` (an operation's keys, read and checked), `target` (URLs and addresses), `request` (its
//! bytes, rendered once), `response` (the head of an answer), `body` (its framing), `expectation` (what counts as
//! a success), `worker` (an operation within its timeout), `wire` (request and answer on a connection), `failure`.
//!
//! A connection that the server closed while it lay idle is found out only by using it. An idempotent
//! request (RFC 9110, 9.2.2) that meets its end before any byte of an answer is therefore sent once more on a
//! fresh connection, within the same operation and the same timeout; the fresh one is counted in `connects`.

mod body;
mod expectation;
mod failure;
mod request;
mod response;
mod settings;
mod target;
mod wire;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use shared::job::schema::{Key, KindSchema, Shape};
use shared::plan::Assignment;

use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use expectation::Expectation;
use target::Target;
use worker::HttpWorker;

/// The http workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "http",
        doc: "Sends HTTP/1.1 requests over TCP and checks the answers.",
        workload_keys: WORKLOAD_KEYS,
        operation_keys: OPERATION_KEYS,
        measures: &[],
    },
    needs_permission: false,
    prepare,
};

const WORKLOAD_KEYS: &[Key] = &[Key::unsupported(
    "scenario",
    Shape::Tables(&[]),
    "Steps that one worker runs in order, with cookies, each an operation of its own; instead of operations.",
)];

const OPERATION_KEYS: &[Key] = &[
    Key::optional("method", Shape::Template, "The request's method; default GET."),
    Key::required("url", Shape::Template, "Where the request goes, as http://host[:port][/path][?query]."),
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
        "HTTP's version; default 1.1. Version 2 is not supported by this version of fleetmark.",
    ),
    Key::unsupported("tls", Shape::Table(TLS_KEYS), "Certificates for https."),
    Key::unsupported(
        "phases",
        Shape::Boolean,
        "Whether connecting and waiting are told apart; default false.",
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
    Key::unsupported("ca_file", Shape::File, "Certificate authorities to trust instead of the system's."),
    Key::unsupported("cert_file", Shape::File, "The client's certificate."),
    Key::unsupported("key_file", Shape::Text, "The client's key, a path on the agent."),
    Key::unsupported("insecure", Shape::Boolean, "Whether any certificate is taken; default false."),
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
}

/// One operation, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HttpOperation {
    /// Its place among the plan's targets.
    target: usize,
    /// The whole request.
    request: Vec<u8>,
    /// Whether the answer has no body whatever its headers say.
    is_head: bool,
    /// Whether it may be sent a second time when a kept connection turns out to be closed.
    is_idempotent: bool,
    /// Whether its own headers ask for the connection to be closed.
    closes: bool,
    timeout: Duration,
    expectation: Expectation,
}

fn prepare(assignment: &Assignment) -> Result<Arc<dyn Drive>, PrepareError> {
    Http::new(assignment).map(boxed)
}

impl Http {
    fn new(assignment: &Assignment) -> Result<Self, PrepareError> {
        settings::check_workload(&assignment.settings)?;
        let mut targets: Vec<Target> = Vec::new();
        let mut operations = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let read = settings::read(spec, &assignment.files)?;
            let known = targets.iter().position(|target| target.is(&read.url));
            let target = match known {
                Some(target) => target,
                None => {
                    targets.push(
                        Target::resolve(&read.url).map_err(|error| settings::wrong(spec, "url", error))?,
                    );
                    targets.len() - 1
                }
            };
            operations.push(HttpOperation { target, ..read.operation });
        }
        Ok(Self { plan: Arc::new(HttpPlan { targets, operations }) })
    }
}

impl Workload for Http {
    type Desk = ();
    type Worker = HttpWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), seat: Seat) -> HttpWorker {
        HttpWorker::new(Arc::clone(&self.plan), seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
