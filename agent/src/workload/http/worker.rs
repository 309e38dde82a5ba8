//! One worker: an operation at a time, within the operation's timeout.

use std::pin::pin;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::HttpPlan;
use super::http2::{HttpDesk, Streams};
use super::progress::Progress;
use super::target::Version;
use super::wire::Wire;
use crate::engine::clock::now_ns;
use crate::workload::deadline::Deadline;
use crate::workload::{Outcome, Seat, Worker};

/// One closed loop over HTTP.
pub(super) struct HttpWorker {
    plan: Arc<HttpPlan>,
    progress: Progress,
    wire: Wire,
    deadline: Deadline,
    streams: Streams,
}

impl HttpWorker {
    /// A worker that is not connected yet.
    pub(super) fn new(plan: Arc<HttpPlan>, desk: &HttpDesk, seat: Seat) -> Self {
        let wire = Wire::new(&plan, seat.worker);
        let streams = desk.seat(&plan);
        Self { plan, progress: Progress::new(), wire, streams, deadline: Deadline::new() }
    }
}

impl Worker for HttpWorker {
    async fn ready(&mut self) {
        for (place, target) in self.plan.targets.iter().enumerate() {
            let operations = self.plan.operations.iter().filter(|operation| operation.target == place);
            let within = operations.map(|operation| operation.timeout).max().unwrap_or_default();
            let (plan, progress) = (&self.plan, &mut self.progress);
            match target.route.version {
                Version::One => self.wire.connect_ahead(plan, place, within, progress).await,
                Version::Two => self.streams.connect_ahead(plan, place, within, progress).await,
            }
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let begun_ns = outcome.sent_ns;
        let operation = &self.plan.operations[usize::from(operation.0)];
        let (plan, progress) = (&self.plan, &mut self.progress);
        progress.begin(operation.has_phases);
        let (limit, deadline) = (operation.timeout, &mut self.deadline);
        let result = match &operation.http2 {
            None => {
                let exchange = pin!(self.wire.exchange(plan, operation, outcome, progress));
                deadline.within(limit, begun_ns, exchange).await
            }
            Some(request) => {
                let exchange = pin!(self.streams.exchange(plan, operation, request, outcome, progress));
                deadline.within(limit, begun_ns, exchange).await
            }
        };
        outcome.ended_ns = now_ns();
        match result {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => outcome.fail(failure.kind, || failure.message),
            Err(_) => {
                let (stage, received) = (self.progress.stage, outcome.bytes_received);
                outcome.fail(ErrorKind::Timeout, || {
                    format!(
                        "no whole answer within {:?}: still {stage}, {received} bytes received",
                        operation.timeout
                    )
                });
            }
        }
        self.progress.tell(outcome);
    }
}
