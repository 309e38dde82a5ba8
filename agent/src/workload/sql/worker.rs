//! One worker: an operation at a time, within the operation's timeout.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use tokio::time::timeout;

use super::database::{Elsewhere, Performed, Session};
use super::errand::ends_connection;
use super::pool::{Place, Pool};
use super::settings::{SqlOperation, Work};
use super::statement::Filled;
use super::{POOL_WAIT, ROWS, SqlPlan};
use crate::engine::clock::now_ns;
use crate::values::Values;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::deadline::Deadline;
use crate::workload::{Outcome, Seat, Worker};

/// How long the database is given to hear that a statement is to be given up: a round trip, with room for a busy host.
const CANCEL_WITHIN: Duration = Duration::from_secs(1);

/// One closed loop.
pub(super) struct SqlWorker {
    plan: Arc<SqlPlan>,
    line: Line,
    values: Values,
    filled: Filled,
    progress: Progress,
    deadline: Deadline,
}

/// A worker's way to the database: a connection of its own, or one of the pool while it is used.
struct Line {
    session: Option<Session>,
    pool: Option<Rc<Pool>>,
    place: Option<Place>,
}

impl SqlWorker {
    /// A worker that is not connected yet.
    pub(super) fn new(plan: Arc<SqlPlan>, pool: Option<Rc<Pool>>, seat: Seat) -> Self {
        let values = plan.names.values(seat);
        let line = Line { session: None, pool, place: None };
        let (progress, deadline) = (Progress::new(), Deadline::new());
        Self { plan, line, values, filled: Filled::default(), progress, deadline }
    }
}

impl Worker for SqlWorker {
    async fn ready(&mut self) {
        let Self { plan, line, progress, .. } = self;
        let only_connects = plan.operations.iter().all(|operation| operation.work == Work::Connect);
        // A pool's connections are opened as they are needed.
        if line.pool.is_some() || only_connects {
            return;
        }
        let within = plan.operations.iter().map(|operation| operation.timeout).max().unwrap_or_default();
        let getting_ready = async {
            let mut session = plan.database.open(&plan.operations, within, progress).await?;
            session.prepare(&plan.operations).await?;
            Ok::<_, Failure>(session)
        };
        // What fails here fails again, and is counted, at the first operation.
        line.session = timeout(within, getting_ready).await.ok().and_then(Result::ok);
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let Self { plan, line, values, filled, progress, deadline } = self;
        let place = usize::from(operation.0);
        if !plan.is_scenario || place == 0 {
            values.begin_iteration();
        }
        let operation = &plan.operations[place];
        if let Work::Statements { statements, .. } = &operation.work {
            if let Err(error) = filled.fill_in(statements, values) {
                outcome.ended_ns = now_ns();
                outcome.fail(ErrorKind::Other, || format!("the statement was not sent: {error}"));
                return plan.secrets.hide_in(outcome);
            }
            // Filling in was the generator's own doing, and so comes before the operation begins.
            outcome.sent_ns = now_ns();
        }
        let (begun_ns, limit) = (outcome.sent_ns, operation.timeout);
        let result = {
            let exchange = pin!(line.exchange(plan, place, filled, outcome, progress));
            deadline.within(limit, begun_ns, exchange).await
        };
        // A database that did it on a thread of its own has said when.
        if outcome.ended_ns == 0 || result.is_err() {
            outcome.ended_ns = now_ns();
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => outcome.fail(failure.kind, || failure.message),
            Err(_) => {
                let stage = progress.stage;
                outcome.fail(ErrorKind::Timeout, || {
                    format!("no end within {limit:?}: still {stage}; it was given up")
                });
                line.give_up(plan).await;
            }
        }
        line.leave();
        plan.secrets.hide_in(outcome);
    }
}

impl Line {
    /// Does one operation.
    async fn exchange(
        &mut self,
        plan: &SqlPlan,
        place: usize,
        filled: &mut Filled,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let operation = &plan.operations[place];
        if operation.work == Work::Connect {
            return connect(plan, operation, outcome, progress).await;
        }
        progress.stage = Stage::AwaitingConnection;
        self.enter(outcome).await;
        let within = operation.timeout;
        let mut kept = self.session.take();
        if let Some(session) = &mut kept
            && !session.is_open().await
        {
            kept = None;
        }
        let mut session = match kept {
            Some(session) => session,
            None => {
                outcome.connects += 1;
                plan.database.open(&plan.operations, within, progress).await?
            }
        };
        let before = session.traffic();
        session.operations += 1;
        let is_last = session.operations >= plan.new_every;
        // Where a timeout finds it.
        let session = self.session.insert(session);
        progress.stage = Stage::Waiting;
        let Performed { rows, elsewhere } = session.perform(&plan.operations, place, filled).await;
        let after = session.traffic();
        outcome.bytes_sent += after.0 - before.0;
        outcome.bytes_received += after.1 - before.1;
        if let Some(Elsewhere { waking_ns, ended_ns }) = elsewhere {
            outcome.sent_ns += waking_ns;
            outcome.ended_ns = ended_ns;
        }
        let is_broken = matches!(&rows, Err(failure) if ends_connection(failure.kind));
        if is_last || is_broken {
            self.session = None;
        }
        let rows = rows?;
        outcome.metrics.push((ROWS, rows as f64));
        match operation.rows {
            Some(expected) if expected != rows => Err(Failure::new(
                ErrorKind::Body,
                format!("{rows} rows were read, and {expected} are expected"),
            )),
            _ => Ok(()),
        }
    }

    /// Waits for a place in the pool, if there is one.
    async fn enter(&mut self, outcome: &mut Outcome) {
        let Some(pool) = &self.pool else { return };
        let begun_ns = now_ns();
        let place = pool.place().await;
        outcome.measures.note(POOL_WAIT, Some(now_ns().saturating_sub(begun_ns)));
        self.session = place.take();
        self.place = Some(place);
    }

    /// Gives the place in the pool back, with the connection.
    fn leave(&mut self) {
        if let Some(place) = self.place.take()
            && let Some(session) = self.session.take()
        {
            place.keep(session);
        }
    }

    /// Has the database give up what it does, and closes the connection: what it would say later belongs to nothing.
    async fn give_up(&mut self, plan: &SqlPlan) {
        let Some(session) = self.session.take() else { return };
        let giving_up = async {
            plan.database.cancel(&session, CANCEL_WITHIN).await;
            session.close().await;
        };
        // A database that hears nothing is left alone.
        let _heard = timeout(CANCEL_WITHIN, giving_up).await;
    }
}

/// Opens a connection, and closes it.
async fn connect(
    plan: &SqlPlan,
    operation: &SqlOperation,
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<(), Failure> {
    outcome.connects += 1;
    let session = plan.database.open(&plan.operations, operation.timeout, progress).await?;
    let (sent, received) = session.traffic();
    outcome.bytes_sent += sent;
    outcome.bytes_received += received;
    session.close().await;
    Ok(())
}
