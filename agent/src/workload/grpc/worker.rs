//! One worker: a call at a time, within its deadline.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::call::{Ledger, Status, call};
use super::channel::{Channels, GrpcDesk};
use super::code::Code;
use super::frames::FrameReader;
use super::{GrpcOperation, GrpcPlan, MESSAGE_LATENCY, MESSAGES};
use crate::engine::clock::now_ns;
use crate::values::Values;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::deadline::Deadline;
use crate::workload::{Outcome, Seat, Worker};

/// One closed loop of calls.
#[derive(Debug)]
pub(super) struct GrpcWorker {
    plan: Arc<GrpcPlan>,
    caller: Caller,
    deadline: Deadline,
}

/// What a call needs while it is under way.
#[derive(Debug)]
struct Caller {
    channels: Rc<Channels>,
    values: Values,
    buffer: Vec<u8>,
    reader: FrameReader,
    ledger: Ledger,
    progress: Progress,
}

impl GrpcWorker {
    /// A worker that is not connected yet.
    pub(super) fn new(plan: Arc<GrpcPlan>, desk: &GrpcDesk, seat: Seat) -> Self {
        let caller = Caller {
            channels: desk.seat(plan.targets.len(), plan.keeping),
            values: plan.names.values(seat),
            buffer: Vec::new(),
            reader: FrameReader::default(),
            ledger: Ledger::default(),
            progress: Progress::new(),
        };
        Self { plan, caller, deadline: Deadline::new() }
    }

    async fn converse(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let Self { plan, caller, deadline } = self;
        let operation = &plan.operations[usize::from(operation.0)];
        let begun_ns = outcome.sent_ns;
        caller.progress.begin(true);
        caller.ledger.begin(begun_ns);
        let result = {
            let exchange = pin!(caller.exchange(plan, operation, outcome));
            deadline.within(operation.timeout, begun_ns, exchange).await
        };
        outcome.ended_ns = now_ns();
        caller.tell(operation, outcome);
        // A server that was told the deadline may give up first, by a hair: what it calls that (CANCELLED, by some) is no matter then.
        let is_overdue = Duration::from_nanos(outcome.ended_ns.saturating_sub(begun_ns)) >= operation.timeout;
        let verdict = match result {
            Ok(Ok(status)) => match operation.verdict(&status, caller.ledger.answers.get()) {
                Err(failure) if is_overdue && failure.kind == ErrorKind::Status => {
                    Err(caller.overdue(operation))
                }
                verdict => verdict,
            },
            Ok(Err(failure)) => Err(failure),
            Err(_overdue) => Err(caller.overdue(operation)),
        };
        if let Err(failure) = verdict {
            outcome.fail(failure.kind, || failure.message);
        }
    }
}

impl Worker for GrpcWorker {
    async fn ready(&mut self) {
        let Self { plan, caller, .. } = self;
        for (place, target) in plan.targets.iter().enumerate() {
            let operations = plan.operations.iter().filter(|operation| operation.target == place);
            let within = operations.map(|operation| operation.timeout).max().unwrap_or_default();
            caller.channels.open_ahead((place, target), within, &mut caller.progress).await;
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        if !self.plan.is_scenario || operation.0 == 0 {
            self.caller.values.begin_iteration();
        }
        self.converse(operation, outcome).await;
        self.plan.secrets.hide_in(outcome);
    }
}

impl Caller {
    async fn exchange(
        &mut self,
        plan: &GrpcPlan,
        operation: &GrpcOperation,
        outcome: &mut Outcome,
    ) -> Result<Status, Failure> {
        let Self { channels, values, buffer, reader, ledger, progress } = self;
        let unsent = |error: &dyn std::fmt::Display| {
            Failure::new(ErrorKind::Other, format!("the call was not sent: {error}"))
        };
        let mut request = operation.request.clone();
        for metadatum in &operation.metadata {
            let put = metadatum.put(values, buffer, request.headers_mut());
            put.map_err(|error| unsent(&error))?;
        }
        let fill_in = |values: &mut Values| -> Result<Bytes, Failure> {
            operation.message.fill_in(values).map_err(|error| {
                Failure::new(ErrorKind::Other, format!("a message was not sent: it {error}"))
            })
        };
        // The first message is made before the operation begins: that is the generator's own doing.
        let mut first = Some(fill_in(values)?);
        if operation.changes() {
            outcome.sent_ns = now_ns();
            ledger.begin(outcome.sent_ns);
        }
        let target = (operation.target, &plan.targets[operation.target]);
        let taken = channels.take(target, plan.keeping.new_every, operation.timeout, progress).await?;
        outcome.connects += u64::from(taken.is_fresh);
        progress.stage = Stage::Waiting;
        reader.begin(false);
        let next = |_| match first.take() {
            Some(first) => Ok(first),
            None => fill_in(values),
        };
        call(taken.sender, request, operation.course, next, reader, ledger, |_| {}).await
    }

    /// Tells what was counted and timed.
    fn tell(&self, operation: &GrpcOperation, outcome: &mut Outcome) {
        let ledger = &self.ledger;
        outcome.bytes_sent += ledger.bytes_sent.get();
        outcome.bytes_received += ledger.bytes_received.get();
        self.progress.tell_connecting(outcome);
        if operation.course.is_timed {
            let took = ledger.took_ns.borrow();
            outcome.metrics.extend(took.iter().map(|took| (MESSAGE_LATENCY, *took as f64)));
            outcome.metrics.push((MESSAGES, ledger.answers.get() as f64));
        }
    }

    fn overdue(&self, operation: &GrpcOperation) -> Failure {
        let ledger = &self.ledger;
        let stage = match (self.progress.stage, ledger.answers.get()) {
            (Stage::Waiting, 0) => "waiting for the answer".to_owned(),
            (Stage::Waiting, answers) => format!("waiting for the end, after {answers} messages"),
            (stage, _) => stage.to_string(),
        };
        let message = format!("the deadline of {:?} passed: still {stage}", operation.timeout);
        Failure::new(ErrorKind::Timeout, message)
    }
}

impl GrpcOperation {
    /// Whether a call that ended so is what was expected.
    fn verdict(&self, status: &Status, answers: u64) -> Result<(), Failure> {
        if status.code != self.expected.code {
            let kind = match status.code {
                Code::DEADLINE_EXCEEDED => ErrorKind::Timeout,
                _ => ErrorKind::Status,
            };
            return Err(Failure::new(kind, status.to_string()));
        }
        match self.expected.messages {
            Some(expected) if expected != answers => Err(Failure::new(
                ErrorKind::Body,
                format!("the answer has {answers} messages, not {expected}"),
            )),
            _ => Ok(()),
        }
    }

    /// Whether calls differ from one time to the next.
    fn changes(&self) -> bool {
        self.message.changes() || !self.metadata.is_empty()
    }
}
