//! A worker's end of HTTP/2: one stream at a time on a connection that the workers of a load thread share.
//!
//! Rooms: `connection` (opened by the first worker that needs it, driven by a task of its own), `desk` (who shares
//! which), `request` (a request's head and body).
//!
//! HTTP/2 packs headers by what went before on the connection, so that what one request took there is nobody's
//! to know: bytes sent and received are the names and values of the headers as they were before packing, and the
//! bodies. Frames are not counted. A request that the server says it has not acted on (GOAWAY, REFUSED_STREAM) is sent
//! once more if it is idempotent; a connection that ends takes its streams along as `closed`.

mod connection;
mod desk;
mod request;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use h2::{Reason, RecvStream};
use http::HeaderMap;
use shared::interval::ErrorKind;
use tokio::time::timeout;

use self::connection::{Lease, SharedConnection};
pub(super) use self::desk::HttpDesk;
pub(super) use self::request::Http2Request;
use super::failure::Failure;
use super::inspection::Inspection;
use super::progress::{Progress, Stage};
use super::{HttpOperation, HttpPlan};
use crate::workload::Outcome;

/// A worker's connections, shared with others of its thread.
#[derive(Debug)]
pub(super) struct Streams {
    /// For each target so many connections as a worker has, used in turn; empty when no target speaks HTTP/2.
    connections: Rc<[SharedConnection]>,
    turn: usize,
    inspection: Inspection,
}

impl Streams {
    /// A worker's part of connections that others may have as well.
    fn new(connections: Rc<[SharedConnection]>) -> Self {
        Self { connections, turn: 0, inspection: Inspection::new() }
    }

    /// Connects to a target ahead of time, unless another worker did.
    pub(super) async fn connect_ahead(
        &mut self,
        plan: &HttpPlan,
        target: usize,
        within: Duration,
        progress: &mut Progress,
    ) {
        for turn in 0..plan.connections.per_worker as usize {
            let connection = &self.connections[place(plan, target, turn)];
            let opening = connection.open_ahead(&plan.targets[target], within, progress);
            // What fails here fails again, and is counted, at the first operation.
            if !matches!(timeout(within, opening).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Does one operation on the connection whose turn it is.
    pub(super) async fn exchange(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        request: &Http2Request,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.turn = (self.turn + 1) % plan.connections.per_worker as usize;
        let connections = Rc::clone(&self.connections);
        let connection = &connections[place(plan, operation.target, self.turn)];
        match self.attempt(connection, plan, operation, request, outcome, progress).await {
            Err(failure) if failure.is_unanswered && operation.is_idempotent => {
                self.attempt(connection, plan, operation, request, outcome, progress).await
            }
            result => result,
        }
    }

    async fn attempt(
        &mut self,
        connection: &SharedConnection,
        plan: &HttpPlan,
        operation: &HttpOperation,
        request: &Http2Request,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let target = &plan.targets[operation.target];
        let every = plan.connections.new_every;
        let mut lease = connection.lease(target, operation.timeout, every, progress).await?;
        outcome.connects += u64::from(lease.is_fresh);
        let answer = self.answer(&mut lease, operation, request, outcome, progress).await;
        match answer {
            Ok(()) => self.inspection.verdict(&operation.expectation),
            Err(error) => {
                if error.is_go_away() || error.is_io() {
                    connection.retire(&lease);
                }
                Err(failure(&error, progress.stage))
            }
        }
    }

    /// Sends the request and reads the answer to its end. Dropped before that, the stream is reset.
    async fn answer(
        &mut self,
        lease: &mut Lease,
        operation: &HttpOperation,
        request: &Http2Request,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), h2::Error> {
        progress.stage = Stage::Sending;
        let has_body = !request.body.is_empty();
        let (answer, mut sender) = lease.sender.send_request(request.head.clone(), !has_body)?;
        if has_body {
            sender.send_data(request.body.clone(), true)?;
        }
        outcome.bytes_sent += request.bytes;
        progress.stage = Stage::Waiting;
        progress.sent();
        let (head, body) = answer.await?.into_parts();
        progress.received();
        progress.stage = Stage::ReadingBody;
        outcome.bytes_received += header_bytes(&head.headers);
        let line = || Cow::Owned(format!("HTTP/2 {}", head.status).into_bytes());
        self.inspection.begin(&operation.expectation, head.status.as_u16(), line);
        self.read_body(body, operation, outcome).await
    }

    /// Reads a body, and gives the room that it took back at once.
    async fn read_body(
        &mut self,
        mut body: RecvStream,
        operation: &HttpOperation,
        outcome: &mut Outcome,
    ) -> Result<(), h2::Error> {
        while let Some(piece) = body.data().await {
            let piece = piece?;
            outcome.bytes_received += piece.len() as u64;
            self.inspection.feed(&operation.expectation, &piece);
            body.flow_control().release_capacity(piece.len())?;
        }
        if !body.is_end_stream() {
            body.trailers().await?;
        }
        Ok(())
    }
}

/// Where a target's connection of a turn stands.
fn place(plan: &HttpPlan, target: usize, turn: usize) -> usize {
    target * plan.connections.per_worker as usize + turn
}

/// Names and values, as they were before they were packed.
fn header_bytes(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len()) as u64).sum()
}

/// What an error of a stream or its connection means.
fn failure(error: &h2::Error, stage: Stage) -> Failure {
    if let Some(error) = error.get_io() {
        let what = format!("the connection ended while {stage}");
        // By now only the kind tells whether TLS was the reason.
        return match error.kind() {
            std::io::ErrorKind::InvalidData => Failure::new(ErrorKind::Tls, format!("{what}: {error}")),
            _ => Failure::ended(what, error),
        };
    }
    if !error.is_remote() {
        return Failure::protocol(format!("not an HTTP/2 answer, while {stage}: {error}"));
    }
    let failure = Failure::new(ErrorKind::Closed, format!("the server gave up while {stage}: {error}"));
    let is_unacted = match error.reason() {
        Some(Reason::REFUSED_STREAM) => true,
        // Only streams that it has not acted on end by it.
        Some(Reason::NO_ERROR) => error.is_go_away(),
        _ => false,
    };
    if is_unacted { failure.unanswered() } else { failure }
}
