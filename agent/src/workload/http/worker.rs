//! One worker: an operation at a time, within the operation's timeout.

use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::HttpPlan;
use super::wire::Wire;
use crate::engine::clock::now_ns;
use crate::workload::deadline::Deadline;
use crate::workload::{Outcome, Seat, Worker};

/// One closed loop over HTTP.
pub(super) struct HttpWorker {
    plan: Arc<HttpPlan>,
    wire: Wire,
    deadline: Deadline,
}

impl HttpWorker {
    /// A worker that is not connected yet.
    pub(super) fn new(plan: Arc<HttpPlan>, seat: Seat) -> Self {
        let wire = Wire::new(&plan.targets, seat.worker);
        Self { plan, wire, deadline: Deadline::new() }
    }
}

impl Worker for HttpWorker {
    async fn ready(&mut self) {
        for (place, target) in self.plan.targets.iter().enumerate() {
            let operations = self.plan.operations.iter().filter(|operation| operation.target == place);
            let within = operations.map(|operation| operation.timeout).max().unwrap_or_default();
            self.wire.connect_ahead(target, place, within).await;
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let begun_ns = now_ns();
        outcome.sent_ns = begun_ns;
        let operation = &self.plan.operations[usize::from(operation.0)];
        let exchange = self.wire.exchange(&self.plan, operation, outcome);
        let result = self.deadline.within(operation.timeout, begun_ns, exchange).await;
        outcome.ended_ns = now_ns();
        match result {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => outcome.fail(failure.kind, || failure.message),
            Err(_) => {
                let (stage, received) = (self.wire.stage(), outcome.bytes_received);
                outcome.fail(ErrorKind::Timeout, || {
                    format!(
                        "no whole answer within {:?}: still {stage}, {received} bytes received",
                        operation.timeout
                    )
                });
            }
        }
    }
}
