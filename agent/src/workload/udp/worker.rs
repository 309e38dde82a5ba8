//! One worker over datagrams: sends one, and awaits those that answer it.

use std::pin::pin;
use std::sync::Arc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;

use super::socket::{DATAGRAM_BYTES_MAX, Socket, Tray};
use super::{LOST, UdpOperation, UdpPlan};
use crate::engine::clock::now_ns;
use crate::values::Values;
use crate::workload::bytes::expectation::{Lookout, unfilled};
use crate::workload::connection::failure::Failure;
use crate::workload::deadline::Deadline;
use crate::workload::http::expectation::Needle;
use crate::workload::{Outcome, Seat, Worker};

/// One closed loop over datagrams.
#[derive(Debug)]
pub(super) struct UdpWorker {
    plan: Arc<UdpPlan>,
    asker: Asker,
    deadline: Deadline,
}

/// What an operation needs while it is under way.
#[derive(Debug)]
struct Asker {
    /// For each target.
    sockets: Vec<Option<Socket>>,
    tray: Tray,
    values: Values,
    payload: Vec<u8>,
    matching: Vec<u8>,
    needle: Needle,
    lookout: Lookout,
    /// Which of a host's addresses is used; workers differ.
    turn: usize,
    /// Datagrams of the operation at hand that answered nothing.
    strays: u64,
    /// Whether the request at hand is on its way without all of its answers (1), or has them (0); `None`: it was not sent.
    lost: Option<f64>,
}

impl UdpWorker {
    /// A worker without a socket yet.
    pub(super) fn new(plan: Arc<UdpPlan>, tray: Tray, seat: Seat) -> Self {
        let asker = Asker {
            sockets: plan.targets.iter().map(|_| None).collect(),
            tray,
            values: plan.names.values(seat),
            payload: Vec::new(),
            matching: Vec::new(),
            needle: Needle::default(),
            lookout: Lookout::default(),
            turn: seat.worker as usize,
            strays: 0,
            lost: None,
        };
        Self { plan, asker, deadline: Deadline::new() }
    }

    async fn converse(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        let Self { plan, asker, deadline } = self;
        let operation = &plan.operations[usize::from(operation.0)];
        if let Err(failure) = asker.fill_in(operation) {
            outcome.ended_ns = now_ns();
            return outcome.fail(failure.kind, || failure.message);
        }
        if operation.changes() {
            // Filling in was the generator's own doing, and so comes before the operation begins.
            outcome.sent_ns = now_ns();
        }
        let begun_ns = outcome.sent_ns;
        let result = {
            let exchange = pin!(asker.exchange(plan, operation, outcome));
            deadline.within(operation.timeout, begun_ns, exchange).await
        };
        outcome.ended_ns = now_ns();
        if let Some(lost) = asker.lost.filter(|_| operation.awaits()) {
            outcome.metrics.push((LOST, lost));
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => outcome.fail(failure.kind, || failure.message),
            Err(_overdue) => outcome.fail(ErrorKind::Timeout, || operation.overdue(asker.strays)),
        }
    }
}

impl Worker for UdpWorker {
    async fn ready(&mut self) {
        let Asker { sockets, turn, .. } = &mut self.asker;
        for (socket, target) in sockets.iter_mut().zip(&self.plan.targets) {
            // What fails here fails again, and is counted, at the first operation.
            *socket = Socket::open(target, *turn).await.ok();
        }
    }

    async fn run(&mut self, operation: OperationIndex, outcome: &mut Outcome) {
        if !self.plan.is_scenario || operation.0 == 0 {
            self.asker.values.begin_iteration();
        }
        self.converse(operation, outcome).await;
        self.plan.secrets.hide_in(outcome);
    }

    fn describe(&self, operation: OperationIndex) -> Option<String> {
        let payload = self.plan.operations[usize::from(operation.0)].payload.as_ref()?;
        Some(payload.readable(&self.asker.payload, &self.plan.secrets))
    }
}

impl UdpOperation {
    /// Whether it differs from one time to the next.
    fn changes(&self) -> bool {
        [&self.payload, &self.matching].into_iter().flatten().any(|payload| payload.as_static().is_none())
    }

    fn overdue(&self, strays: u64) -> String {
        let (timeout, datagrams) = (self.timeout, self.datagrams);
        let awaited =
            if datagrams == 1 { "no answer".to_owned() } else { format!("fewer than {datagrams} answers") };
        let beside = match strays {
            0 => String::new(),
            strays => format!(": {strays} datagrams came that do not hold what await.matching says"),
        };
        format!("{awaited} within {timeout:?}{beside}")
    }
}

impl Asker {
    /// Fills in what is sent, and what tells the answers.
    fn fill_in(&mut self, operation: &UdpOperation) -> Result<(), Failure> {
        let Self { values, payload, matching, needle, .. } = self;
        let unsent = |what: String| Failure::new(ErrorKind::Other, format!("nothing was sent: {what}"));
        let filled = operation.payload.as_ref().map(|given| given.fill_in(values, payload)).transpose();
        let length = filled.map_err(|error| unsent(error.to_string()))?.map_or(0, <[u8]>::len);
        if length > DATAGRAM_BYTES_MAX {
            return Err(unsent(format!(
                "it has {length} bytes, and a datagram carries at most {DATAGRAM_BYTES_MAX}"
            )));
        }
        if let Some(given) = &operation.matching {
            needle.set(given.fill_in(values, matching).map_err(|error| unfilled(&error))?);
        }
        Ok(())
    }

    /// Sends, and takes in what answers. A socket whose operation fails is closed, so that an answer that comes late finds nobody.
    async fn exchange(
        &mut self,
        plan: &UdpPlan,
        operation: &UdpOperation,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        (self.strays, self.lost) = (0, None);
        let mut socket = match self.sockets[operation.target].take() {
            Some(socket) => socket,
            None => {
                outcome.connects += 1;
                Socket::open(&plan.targets[operation.target], self.turn).await?
            }
        };
        socket.operations += 1;
        if operation.awaits() {
            socket.pass_over_stale(&self.tray);
        }
        let payload = operation.payload.as_ref();
        let payload = payload.map_or(&[][..], |given| given.as_static().unwrap_or(&self.payload));
        socket.send(payload).await?;
        self.lost = Some(1.0);
        outcome.bytes_sent += payload.len() as u64;
        let mut verdict = Ok(());
        let mut left = operation.datagrams;
        while left > 0 {
            let Self { values, needle, lookout, tray, strays, .. } = self;
            socket
                .receive(tray, |datagram| {
                    if operation.matching.is_some() && !needle.stands_in(datagram) {
                        *strays += 1;
                        return;
                    }
                    outcome.bytes_received += datagram.len() as u64;
                    left -= 1;
                    if verdict.is_ok() {
                        verdict =
                            operation.expected.verdict(datagram, datagram.len() as u64, values, lookout);
                    }
                })
                .await?;
        }
        self.lost = Some(0.0);
        if socket.operations < plan.new_every {
            self.sockets[operation.target] = Some(socket);
        }
        verdict
    }
}
