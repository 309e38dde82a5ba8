//! The sql workload: statements and transactions in PostgreSQL, MySQL, MariaDB or SQLite, chosen by the URL.
//!
//! One operation is one statement, several in one transaction, or the opening of a connection. Statements are prepared once on
//! each connection; their values travel as text, which the server turns into the types that the statement wants.
//!
//! Rooms: `keys` and `settings` (what the job says), `statement` (a statement with its values), `database` (the databases behind one face),
//! `postgres`, `mysql` and `sqlite` (talking to each), `counted` (a connection's bytes), `errand` (what an operation does over a connection), `setup` (what is run around a
//! trial or a run), `plans` (how the database means to do it), `pool` (connections that workers share), `worker` (an operation within its timeout).

mod counted;
mod database;
mod errand;
mod keys;
mod mysql;
mod plans;
mod pool;
mod postgres;
mod settings;
mod setup;
mod sqlite;
mod statement;
mod worker;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::{Remark, RemarkKind};
use shared::job::schema::KindSchema;
use shared::metric::MetricSpec;
use shared::plan::Assignment;

use self::database::{Database, Dialect};
use self::pool::Pool;
use self::settings::{SqlOperation, WorkloadSettings};
use self::setup::Left;
use self::worker::SqlWorker;
use super::{PrepareError, Seat, Workload, WorkloadKind};
use crate::engine::{Drive, boxed};
use crate::policy::Warden;
use crate::values::{Names, Secrets};

/// The sql workload's line of the table.
pub const KIND: WorkloadKind = WorkloadKind {
    schema: KindSchema {
        kind: "sql",
        doc: "Runs statements and transactions in a database: PostgreSQL, MySQL, MariaDB or SQLite.",
        workload_keys: keys::WORKLOAD_KEYS,
        operation_keys: keys::OPERATION_KEYS,
        measures: &[("pool_wait", "ns")],
    },
    needs_permission: false,
    prepare,
};

/// The place of the measure `pool_wait`.
const POOL_WAIT: usize = 0;
/// The place of the metric `rows` among an operation's.
const ROWS: u16 = 0;

fn prepare(assignment: &Assignment, warden: &Arc<Warden>) -> Result<Arc<dyn Drive>, PrepareError> {
    Sql::under(warden, assignment).map(boxed)
}

/// The sql workload, made ready for one trial.
#[derive(Debug)]
struct Sql {
    plan: Arc<SqlPlan>,
    left: Left,
    /// What a trial before this one left and could not be undone.
    leftover: Option<String>,
    /// How the database means to do the statements, if this trial was the first to ask.
    plans: Vec<(OperationIndex, Remark)>,
}

/// What every worker knows.
#[derive(Debug)]
struct SqlPlan {
    database: Arc<Database>,
    operations: Arc<[SqlOperation]>,
    /// How many connections the workers of a load thread share; `None`: each has its own.
    pool_size: Option<usize>,
    /// After how many operations a connection is closed; `u64::MAX`: never.
    new_every: u64,
    is_scenario: bool,
    names: Names,
    secrets: Secrets,
}

impl Sql {
    /// Made ready as far as a policy allows.
    fn under(warden: &Arc<Warden>, assignment: &Assignment) -> Result<Self, PrepareError> {
        let names = Names::of(assignment)?;
        let secrets = names.secrets();
        Self::with_names(warden, assignment, names)
            .map_err(|PrepareError(message)| PrepareError(secrets.mask(message)))
    }

    fn with_names(warden: &Arc<Warden>, assignment: &Assignment, names: Names) -> Result<Self, PrepareError> {
        let WorkloadSettings { url, tls, pool_size, explains, surroundings } =
            settings::workload(assignment, &names)?;
        let wrong_url = |error: String| PrepareError(format!("workload.url: {error}"));
        let dialect = Dialect::of(&url.scheme).map_err(wrong_url)?;
        let read = assignment.operations.iter().map(|spec| settings::operation(spec, &names, dialect));
        let operations = read.collect::<Result<_, _>>()?;
        let database = Arc::new(Database::new(&url, tls, warden).map_err(wrong_url)?);
        let secrets = names.secrets();
        let left = Left { trial: assignment.trial, undertakings: Arc::clone(warden.undertakings()) };
        let leftover = left.settle_others().err().map(|problem| secrets.mask(problem));
        let done = surroundings.begin(&left, &url.to_string(), &database, &secrets);
        done.map_err(|error| PrepareError(format!("workload.setup: {error}")))?;
        let new_every = assignment.load.new_connection_every.unwrap_or(u64::MAX);
        let is_scenario = assignment.is_scenario;
        let plan = SqlPlan { database, operations, pool_size, new_every, is_scenario, names, secrets };
        let mut plans = Vec::new();
        if explains && assignment.agent_index == 0 {
            let settings: Vec<_> = assignment.operations.iter().map(|spec| &spec.settings).collect();
            let seat = Seat { worker: 0, seed: assignment.load.seed };
            left.once(format!("explain {url} {settings:?}"), || plans = plans::of(&plan, seat));
        }
        Ok(Self { plan: Arc::new(plan), left, leftover, plans })
    }
}

impl Workload for Sql {
    type Desk = Option<Rc<Pool>>;
    type Worker = SqlWorker;

    fn desk(&self) -> Option<Rc<Pool>> {
        self.plan.pool_size.map(|size| Rc::new(Pool::new(size)))
    }

    fn worker(&self, desk: &Option<Rc<Pool>>, seat: Seat) -> SqlWorker {
        SqlWorker::new(Arc::clone(&self.plan), desk.clone(), seat)
    }

    fn operation_timeout_max(&self) -> Duration {
        self.plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default()
    }

    fn metrics(&self, operation: OperationIndex) -> &[MetricSpec] {
        &self.plan.operations[usize::from(operation.0)].metrics
    }

    fn conclude(&self) -> Vec<(OperationIndex, Remark)> {
        let told = self.leftover.clone().into_iter().chain(self.left.settle().err());
        let told = told.map(|problem| (OperationIndex(0), Remark::new(RemarkKind::TeardownFailed, problem)));
        self.plans.iter().cloned().chain(told).collect()
    }
}

#[cfg(test)]
mod tests;
