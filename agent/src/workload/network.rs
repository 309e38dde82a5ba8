//! The network workload: how fast bytes go from one agent's host to another's, how long a message and its answer take, and how many
//! connections can be opened.
//!
//! The other side is `fleetmark target --network`, started by the other agent. Each worker is a thread that waits for its own
//! connection. What each kernel does is defined in `docs/workloads.md`. Rooms: `settings` (the keys), `link` (a worker's connection), `stream` (what
//! keeps it to its deadline).

mod link;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::ids::OperationIndex;
use shared::job::schema::{Key, KindSchema, Shape};
use shared::plan::Assignment;

use self::link::Link;
use self::settings::{Exchange, Settings};
use super::{Outcome, PrepareError, Seat, Worker, Workload, WorkloadKind, hardware};
use crate::engine::{self, Drive};
use crate::policy::Warden;

/// How long one operation may take: so long is no network silent that works.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The network workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "network",
        doc: "Sends bytes to another agent's host, over TCP: streams, messages that come back, and connections.",
        workload_keys: &[Key::required(
            "address",
            Shape::Template,
            "Where `fleetmark target --network` listens, as host:port: \"{{peer.host}}:{{target.port}}\".",
        )],
        operation_keys: &[
            Key::required(
                "kernel",
                Shape::OneOf(&["stream/1", "round-trip/1", "connect/1"]),
                "What is done, with the version of its definition.",
            ),
            Key::optional(
                "size",
                Shape::Size,
                "Of round-trip: how long the message is, and its answer; default 1 byte, at most 1MiB.",
            ),
        ],
        measures: &[],
    },
    needs_permission: false,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Network::under(warden, assignment).map(engine::boxed)
}

/// The network workload, ready for one trial.
#[derive(Debug)]
struct Network {
    settings: Arc<Settings>,
    warden: Arc<Warden>,
    threads: NonZeroU32,
}

impl Network {
    /// Reads the settings.
    ///
    /// # Errors
    /// What is wrong with the first key that makes no sense.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        let threads = hardware::threads(None, &assignment.load, warden)?;
        let settings = Settings::read(assignment).map_err(|error| PrepareError(error.to_string()))?;
        Ok(Self { settings: Arc::new(settings), warden: Arc::clone(warden), threads })
    }
}

impl Workload for Network {
    type Desk = ();
    type Worker = NetworkWorker;

    fn desk(&self) {}

    fn worker(&self, (): &(), _seat: Seat) -> NetworkWorker {
        let links = self.settings.operations.iter().map(|_| None).collect();
        NetworkWorker { settings: Arc::clone(&self.settings), warden: Arc::clone(&self.warden), links }
    }

    fn own_threads(&self) -> Option<NonZeroU32> {
        Some(self.threads)
    }

    fn operation_timeout_max(&self) -> Duration {
        TIMEOUT
    }
}

/// One thread that waits for the network.
#[derive(Debug)]
struct NetworkWorker {
    settings: Arc<Settings>,
    warden: Arc<Warden>,
    /// The connection of each operation; `None`: not open.
    links: Vec<Option<Link>>,
}

impl Worker for NetworkWorker {
    async fn ready(&mut self) {
        for place in 0..self.links.len() {
            let exchange = self.settings.operations[place];
            if exchange != Exchange::Connect {
                // What fails here fails again, and is counted, at the first operation.
                let deadline = Instant::now() + TIMEOUT;
                self.links[place] = Link::open(&self.settings.address, exchange, deadline, &self.warden).ok();
            }
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let place = usize::from(operation.0);
        let exchange = self.settings.operations[place];
        let (address, warden, link) = (&self.settings.address, &self.warden, &mut self.links[place]);
        let mut connects = 0;
        let done = hardware::batch(outcome, || {
            let deadline = Instant::now() + TIMEOUT;
            let open = match link.take() {
                Some(open) => Ok(open),
                None => {
                    connects = 1;
                    Link::open(address, exchange, deadline, warden)
                }
            };
            let mut open = open?;
            let moved = open.exchange(deadline)?;
            if exchange != Exchange::Connect {
                *link = Some(open);
            }
            Ok(moved)
        });
        let done: Result<[u64; 2], link::LinkError> = done.await;
        outcome.connects = connects;
        match done {
            Ok([sent, received]) => (outcome.bytes_sent, outcome.bytes_received) = (sent, received),
            Err(error) => outcome.fail(error.kind(), || error.to_string()),
        }
    }
}
