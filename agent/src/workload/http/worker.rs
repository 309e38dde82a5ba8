//! One worker: an operation at a time, within the operation's timeout.

use std::pin::pin;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::conversation::converse;
use super::http2::HttpDesk;
use super::link::Link;
use super::pass::Pass;
use super::readable::readable;
use super::wire::Wire;
use super::{HttpOperation, HttpPlan};
use crate::engine::clock::now_ns;
use crate::workload::connection::progress::Progress;
use crate::workload::connection::target::Protocol;
use crate::workload::deadline::Deadline;
use crate::workload::{Outcome, Seat, Worker};

/// One closed loop over HTTP.
pub(super) struct HttpWorker {
    plan: Arc<HttpPlan>,
    progress: Progress,
    link: Link,
    pass: Pass,
    /// For each operation: its request as it was last filled in, if it needs that.
    drafts: Box<[Option<Box<HttpOperation>>]>,
    deadline: Deadline,
}

impl HttpWorker {
    /// A worker that is not connected yet.
    pub(super) fn new(plan: Arc<HttpPlan>, desk: &HttpDesk, seat: Seat) -> Self {
        let wire = Wire::new(&plan, desk.remembered(), desk.buffers(), seat.worker);
        let link = Link::new(wire, desk.seat(&plan));
        let pass = Pass::new(plan.names.values(seat), plan.is_scenario);
        let drafts = plan.operations.iter().map(|_| None).collect();
        Self { plan, progress: Progress::new(), link, pass, drafts, deadline: Deadline::new() }
    }
}

impl Worker for HttpWorker {
    async fn ready(&mut self) {
        for (place, target) in self.plan.targets.iter().enumerate() {
            let operations = self.plan.operations.iter().filter(|operation| operation.target == place);
            let within = operations.map(|operation| operation.timeout).max().unwrap_or_default();
            let (plan, progress) = (&self.plan, &mut self.progress);
            match target.route.protocol {
                Protocol::Http1 | Protocol::Other => {
                    self.link.wire.connect_ahead(plan, place, within, progress).await
                }
                Protocol::Http2 => self.link.streams.connect_ahead(plan, place, within, progress).await,
            }
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let Self { plan, progress, link, pass, drafts, deadline } = self;
        let place = usize::from(operation.0);
        pass.begin(place);
        let planned = &plan.operations[place];
        let filled = pass.fill_in(planned, &mut drafts[place]);
        let operation = match filled {
            Ok(operation) => operation,
            Err(error) => {
                outcome.ended_ns = now_ns();
                outcome.fail(ErrorKind::Other, || format!("the request was not sent: {error}"));
                return plan.secrets.hide_in(outcome);
            }
        };
        if !std::ptr::eq(operation, planned) {
            // Filling in was the generator's own doing, and so comes before the operation begins.
            outcome.sent_ns = now_ns();
        }
        progress.begin(operation.has_phases);
        let (begun_ns, limit) = (outcome.sent_ns, operation.timeout);
        let result = {
            let exchange = pin!(converse(plan, operation, link, pass, outcome, progress));
            deadline.within(limit, begun_ns, exchange).await
        };
        outcome.ended_ns = now_ns();
        match result {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => outcome.fail(failure.kind, || failure.message),
            Err(_) => {
                let (stage, received) = (progress.stage, outcome.bytes_received);
                outcome.fail(ErrorKind::Timeout, || {
                    format!(
                        "no whole answer within {:?}: still {stage}, {received} bytes received",
                        operation.timeout
                    )
                });
            }
        }
        progress.tell(outcome);
        plan.secrets.hide_in(outcome);
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let place = usize::from(operation.0);
        let sent = self.drafts[place].as_deref().unwrap_or(&self.plan.operations[place]);
        Some(self.pass.values.hide_extracted(readable(&sent.request, &self.plan.secrets)))
    }
}
