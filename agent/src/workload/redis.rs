//! The redis workload: commands to Redis, Valkey and whatever else speaks RESP, on connections of our own.
//!
//! One operation is one command, or a pipeline: several commands written at once, whose replies are all awaited. It is a
//! success when none of them is answered by an error.
//!
//! Rooms: `keys` and `settings` (what the job says), `command` (commands made ready to be sent), `key` (which word of them is the
//! key), `reply` (reading what is answered), `refusal` (what a server's errors mean), `greeting` (who we are, on a fresh connection), `wire` (a worker's connections), `cluster`
//! (which server of a cluster has a key), `worker` (an operation within its timeout).

mod cluster;
mod command;
mod greeting;
mod key;
mod keys;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod readable;
mod refusal;
mod reply;
mod settings;
mod wire;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::job::schema::KindSchema;
use shared::metric::MetricSpec;
use shared::plan::Assignment;

use self::command::Batch;
use self::greeting::Greeting;
use self::settings::Route;
use self::wire::{Wire, WireDesk};
use self::worker::RedisWorker;
use super::connection::target::Target;
use super::connection::tls::SystemRoots;
use super::settings::{check_workload, with_names, wrong};
use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use crate::policy::Warden;
use crate::values::{Names, Secrets};

/// The redis workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "redis",
        doc: "Sends commands to Redis, Valkey or a cluster of them, and checks the replies.",
        workload_keys: keys::WORKLOAD_KEYS,
        operation_keys: keys::OPERATION_KEYS,
        measures: &[],
    },
    needs_permission: false,
    prepare,
};

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Redis::under(warden, assignment).map(boxed)
}

/// The redis workload, made ready for one trial.
#[derive(Debug)]
struct Redis {
    plan: Arc<RedisPlan>,
}

/// What every worker knows.
#[derive(Debug)]
struct RedisPlan {
    servers: Vec<Server>,
    operations: Vec<RedisOperation>,
    /// After how many operations a connection is closed; `u64::MAX`: never.
    new_every: u64,
    is_scenario: bool,
    names: Names,
    secrets: Secrets,
}

/// A server, or a cluster by one of its servers. Operations with equal routes share it.
#[derive(Debug)]
struct Server {
    route: Route,
    target: Target,
    greeting: Greeting,
}

/// One operation, ready to be sent.
#[derive(Debug)]
struct RedisOperation {
    /// The place of its server among the plan's.
    server: usize,
    batch: Batch,
    metrics: Vec<MetricSpec>,
    timeout: Duration,
}

impl Redis {
    /// Made ready as far as a policy allows.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        with_names(assignment, |names| Self::with_names(warden, assignment, names))
    }

    fn with_names(warden: &Arc<Warden>, assignment: &Assignment, names: Names) -> Result<Self, PrepareError> {
        check_workload(&assignment.settings, keys::WORKLOAD_KEYS)?;
        let mut roots = SystemRoots::default();
        let mut servers: Vec<Server> = Vec::new();
        let mut operations = Vec::with_capacity(assignment.operations.len());
        for spec in &assignment.operations {
            let read = settings::read(spec, assignment, &names)?;
            let known = servers.iter().position(|server| server.route == read.route);
            let server = match known {
                Some(server) => server,
                None => {
                    let made = Server::new(read.route, &mut roots, warden);
                    servers.push(made.map_err(|error| wrong(spec, "url", error))?);
                    servers.len() - 1
                }
            };
            operations.push(RedisOperation { server, ..read.operation });
        }
        let new_every = assignment.load.new_connection_every.unwrap_or(u64::MAX);
        let secrets = names.secrets();
        let is_scenario = assignment.is_scenario;
        let plan = RedisPlan { servers, operations, new_every, is_scenario, names, secrets };
        Ok(Self { plan: Arc::new(plan) })
    }
}

impl Workload for Redis {
    type Desk = WireDesk;
    type Worker = RedisWorker;

    fn desk(&self) -> WireDesk {
        WireDesk::new(self.plan.servers.len())
    }

    fn worker(&self, desk: &WireDesk, seat: Seat) -> RedisWorker {
        RedisWorker::new(Arc::clone(&self.plan), Wire::new(&self.plan, desk, seat.worker), seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        &self.plan.operations[usize::from(operation.0)].metrics
    }
}

#[cfg(test)]
mod tests;
