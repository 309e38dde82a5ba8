//! One worker: an operation at a time, within the operation's timeout.

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::command::Batch;
use super::readable;
use super::wire::{Request, Wire};
use super::{RedisOperation, RedisPlan};
use crate::engine::clock::now_ns;
use crate::values::{RenderError, Values};
use crate::workload::connection::progress::Progress;
use crate::workload::deadline::Deadline;
use crate::workload::{Outcome, Seat, Worker};

/// One closed loop.
pub(super) struct RedisWorker {
    plan: Arc<RedisPlan>,
    wire: Wire,
    values: Values,
    progress: Progress,
    deadline: Deadline,
    draft: Draft,
}

/// The commands of an operation as they were last filled in.
#[derive(Debug, Default)]
struct Draft {
    bytes: Vec<u8>,
    commands: Vec<Range<usize>>,
    word: Vec<u8>,
}

impl RedisWorker {
    /// A worker that is not connected yet.
    pub(super) fn new(plan: Arc<RedisPlan>, wire: Wire, seat: Seat) -> Self {
        let values = plan.names.values(seat);
        let (progress, deadline) = (Progress::new(), Deadline::new());
        Self { plan, wire, values, progress, deadline, draft: Draft::default() }
    }
}

impl Worker for RedisWorker {
    async fn ready(&mut self) {
        for (place, server) in self.plan.servers.iter().enumerate() {
            let operations = self.plan.operations.iter().filter(|operation| operation.server == place);
            let within = operations.map(|operation| operation.timeout).max().unwrap_or_default();
            self.wire.connect_ahead(server, place, within, &mut self.progress).await;
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let Self { plan, wire, values, progress, deadline, draft } = self;
        if !plan.is_scenario || operation.0 == 0 {
            values.begin_iteration();
        }
        let operation = &plan.operations[usize::from(operation.0)];
        let is_cluster = plan.servers[operation.server].route.is_cluster;
        let request = match operation.batch.as_static() {
            Some(bytes) if !is_cluster => Request { bytes, commands: &[] },
            _ => match draft.fill_in(&operation.batch, values, plan.is_scenario) {
                Ok(()) => {
                    // Filling in was the generator's own doing, and so comes before the operation begins.
                    outcome.sent_ns = now_ns();
                    Request { bytes: &draft.bytes, commands: &draft.commands }
                }
                Err(error) => {
                    outcome.ended_ns = now_ns();
                    outcome.fail(ErrorKind::Other, || format!("the command was not sent: {error}"));
                    return plan.secrets.hide_in(outcome);
                }
            },
        };
        let (begun_ns, limit) = (outcome.sent_ns, operation.timeout);
        let result = {
            let exchange = pin!(wire.exchange(plan, operation, request, outcome, progress));
            deadline.within(limit, begun_ns, exchange).await
        };
        outcome.ended_ns = now_ns();
        let failed = match &result {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.kind),
            Err(_overdue) => Some(ErrorKind::Timeout),
        };
        if let Some(kind) = failed.filter(|_| is_cluster) {
            wire.doubt_cluster(operation.server, kind, outcome.ended_ns);
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => outcome.fail(failure.kind, || failure.message),
            Err(_) => overdue(operation, progress, outcome),
        }
        plan.secrets.hide_in(outcome);
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let Self { plan, draft, .. } = self;
        let operation = &plan.operations[usize::from(operation.0)];
        let is_cluster = plan.servers[operation.server].route.is_cluster;
        let fixed = operation.batch.as_static().filter(|_| !is_cluster);
        Some(readable::commands(fixed.unwrap_or(&draft.bytes), &plan.secrets))
    }
}

impl Draft {
    /// Fills commands in. Each repetition draws values of its own, but for a scenario, whose pass has them in common.
    fn fill_in(&mut self, batch: &Batch, values: &mut Values, is_scenario: bool) -> Result<(), RenderError> {
        self.bytes.clear();
        self.commands.clear();
        for (place, command) in batch.in_order().enumerate() {
            if place > 0 && !is_scenario && batch.begins_anew(place) {
                values.begin_iteration();
            }
            let start = self.bytes.len();
            command.render(values, &mut self.word, &mut self.bytes)?;
            self.commands.push(start..self.bytes.len());
        }
        Ok(())
    }
}

fn overdue(operation: &RedisOperation, progress: &Progress, outcome: &mut Outcome) {
    let (stage, received) = (progress.stage, outcome.bytes_received);
    let limit = operation.timeout;
    outcome.fail(ErrorKind::Timeout, || {
        format!("no whole answer within {limit:?}: still {stage}, {received} bytes received")
    });
}
