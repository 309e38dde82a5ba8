//! One worker over streams of bytes: connects, sends, and reads until the answer is whole.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use tokio::time::timeout;

use super::answer::{Awaited, Gathering};
use super::{TcpOperation, TcpPlan};
use crate::engine::clock::now_ns;
use crate::values::Values;
use crate::workload::bytes::expectation::Lookout;
use crate::workload::connection::buffers::{Buffers, Intake};
use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::{Failure, closed};
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::deadline::Deadline;
use crate::workload::http::checks::cut;
use crate::workload::http::line::{Kept, Line};
use crate::workload::{Outcome, Seat, Worker};

/// How often what the server said unasked is read and left behind before a connection is given up: so often that a server which
/// never stops holds nobody, and that together (8 MiB) more is read than the kernel keeps of what came before (6 MiB by default).
const STALE_READS_MAX: usize = 512;

/// One closed loop over streams of bytes.
#[derive(Debug)]
pub(super) struct TcpWorker {
    plan: Arc<TcpPlan>,
    ends: Ends,
    values: Values,
    payload: Vec<u8>,
    lookout: Lookout,
    deadline: Deadline,
}

/// A worker's connections, and what it reads from them.
#[derive(Debug)]
struct Ends {
    /// For each target.
    lines: Vec<Line>,
    intake: Intake,
    gathering: Gathering,
    progress: Progress,
}

impl TcpWorker {
    /// A worker that is not connected yet. Workers begin at different addresses of a host.
    pub(super) fn new(plan: Arc<TcpPlan>, buffers: Buffers, seat: Seat) -> Self {
        let first = seat.worker as usize * plan.per_worker as usize;
        let line = |addresses: usize| Line::new(plan.per_worker, first % addresses.max(1));
        let ends = Ends {
            lines: plan.targets.iter().map(|target| line(target.addresses.len())).collect(),
            intake: Intake::new(buffers),
            gathering: Gathering::default(),
            progress: Progress::new(),
        };
        let values = plan.names.values(seat);
        Self {
            plan,
            ends,
            values,
            payload: Vec::new(),
            lookout: Lookout::default(),
            deadline: Deadline::new(),
        }
    }

    /// Does one operation, up to its verdict.
    async fn converse(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let Self { plan, ends, values, payload, lookout, deadline } = self;
        let operation = &plan.operations[usize::from(operation.0)];
        let filled = operation.payload.as_ref().map(|given| given.fill_in(values, payload)).transpose();
        let payload = match filled {
            Ok(payload) => payload.unwrap_or_default(),
            Err(error) => {
                outcome.ended_ns = now_ns();
                return outcome.fail(ErrorKind::Other, || format!("nothing was sent: {error}"));
            }
        };
        if operation.payload.as_ref().is_some_and(|payload| payload.as_static().is_none()) {
            // Filling in was the generator's own doing, and so comes before the operation begins.
            outcome.sent_ns = now_ns();
        }
        ends.progress.begin(true);
        let begun_ns = outcome.sent_ns;
        let result = {
            let exchange = pin!(ends.exchange(plan, operation, payload, outcome));
            deadline.within(operation.timeout, begun_ns, exchange).await
        };
        outcome.ended_ns = now_ns();
        ends.progress.tell_connecting(outcome);
        let gathering = &ends.gathering;
        let verdict = match result {
            Ok(Ok(())) => operation.expected.verdict(gathering.kept(), gathering.received(), values, lookout),
            Ok(Err(failure)) => Err(failure),
            Err(_overdue) => Err(Failure::new(
                ErrorKind::Timeout,
                format!(
                    "no whole answer within {:?}: still {}, {} bytes received",
                    operation.timeout, ends.progress.stage, outcome.bytes_received
                ),
            )),
        };
        if let Err(failure) = verdict {
            outcome.fail(failure.kind, || failure.message);
        }
    }
}

impl Worker for TcpWorker {
    async fn ready(&mut self) {
        for (place, target) in self.plan.targets.iter().enumerate() {
            let operations = self.plan.operations.iter().filter(|operation| operation.target == place);
            let within = operations.map(|operation| operation.timeout).max().unwrap_or_default();
            let Ends { lines, progress, .. } = &mut self.ends;
            let line = &mut lines[place];
            for _ in 0..line.len() {
                // What fails here fails again, and is counted, at the first operation.
                let dialled = timeout(within, dial(target, &mut line.address, within, progress)).await;
                let Ok(Ok(stream)) = dialled else { break };
                line.keep(Kept::fresh(stream));
                line.turn();
            }
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        if !self.plan.is_scenario || operation.0 == 0 {
            self.values.begin_iteration();
        }
        self.converse(operation, outcome).await;
        self.plan.secrets.hide_in(outcome);
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let payload = self.plan.operations[usize::from(operation.0)].payload.as_ref()?;
        Some(payload.readable(&self.payload, &self.plan.secrets))
    }
}

impl Ends {
    /// Sends, and reads until the answer is whole, over the kept connection if there is one. A connection whose operation is given
    /// up on the way is closed: a late answer is nobody's.
    async fn exchange(
        &mut self,
        plan: &TcpPlan,
        operation: &TcpOperation,
        payload: &[u8],
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        self.intake.clear();
        self.gathering.begin(operation.expected.looks_into_answers());
        self.lines[operation.target].turn();
        let mut kept = match self.kept(operation)? {
            Some(kept) => kept,
            None => {
                let address = &mut self.lines[operation.target].address;
                let target = &plan.targets[operation.target];
                let stream = dial(target, address, operation.timeout, &mut self.progress).await?;
                outcome.connects += 1;
                Kept::fresh(stream)
            }
        };
        kept.operations += 1;
        if !payload.is_empty() {
            self.progress.stage = Stage::Sending;
            let sent = kept.stream.send(payload, &mut outcome.bytes_sent).await;
            sent.map_err(|error| Failure::ended("the connection ended before all was sent", &error))?;
        }
        self.progress.stage = Stage::Waiting;
        let gathered = self.gather(&mut kept, &operation.awaited, outcome).await;
        self.intake.release();
        gathered?;
        if operation.awaited.leaves_open() && kept.operations < plan.new_every {
            self.lines[operation.target].keep(kept);
        }
        Ok(())
    }

    /// The kept connection, unless the server is known to have closed it, or never stops sending. Looks without asking the kernel
    /// when nothing has happened on it.
    fn kept(&mut self, operation: &TcpOperation) -> Result<Option<Kept>, Failure> {
        let Some(mut kept) = self.lines[operation.target].take() else { return Ok(None) };
        let mut found = Ok(None);
        for _ in 0..STALE_READS_MAX {
            self.intake.clear();
            match self.intake.try_read(&mut kept.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    found = Ok(Some(kept));
                    break;
                }
                Ok(0) | Err(_) => break,
                // Who awaits nothing lets the server say what it likes.
                Ok(_) if !operation.awaits() => {}
                Ok(read) => {
                    let first = cut(self.intake.bytes());
                    found = Err(Failure::protocol(format!(
                        "{read} bytes came that nothing had asked for: {first}"
                    )));
                    break;
                }
            }
        }
        self.intake.release();
        found
    }

    async fn gather(
        &mut self,
        kept: &mut Kept,
        awaited: &Awaited,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        if *awaited == Awaited::Nothing {
            return Ok(());
        }
        loop {
            self.intake.clear();
            match self.intake.read(&mut kept.stream).await {
                Ok(0) => return self.gathering.end(awaited, &closed()),
                Err(error) => return self.gathering.end(awaited, &error),
                Ok(read) => outcome.bytes_received += read as u64,
            }
            self.progress.stage = Stage::ReadingBody;
            if self.gathering.feed(awaited, self.intake.bytes())? {
                return Ok(());
            }
        }
    }
}
