//! A worker's end of HTTP/2: one stream at a time on a connection that the workers of a load thread share.
//!
//! Rooms, for a worker: `desk` (who shares which connection), `lease` (opened by the first worker that needs it, replaced
//! when it is lost), `request` (a request's header block and body), `exchange` (a request and its answer).
//!
//! For a connection: `connection` (a machine of bytes and exchanges), `driver` (the task that moves the bytes), `frame`,
//! `settings`, `flow` (windows), `hpack` and `head` (headers), `breach`, `loss` and `reason` (how it goes wrong).
//!
//! HTTP/2 packs headers by what went before on the connection, so that what one request took there is nobody's
//! to know: bytes sent and received are the names and values of the headers as they were before packing, and the
//! bodies. Frames are not counted. A request that the server says it has not acted on (GOAWAY, REFUSED_STREAM) is sent
//! once more if it is idempotent; a connection that ends takes its streams along as `closed`.

mod breach;
mod connection;
mod desk;
mod driver;
mod exchange;
mod flow;
mod frame;
mod head;
mod hpack;
mod lease;
mod loss;
#[cfg(any(test, fuzzing))]
pub(super) mod properties;
mod reason;
mod request;
mod settings;

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;

pub(super) use self::desk::HttpDesk;
use self::driver::SharedConnection;
use self::exchange::{Exchange, Question, SharedExchange};
use self::lease::Berth;
use self::loss::Loss;
pub(super) use self::request::{Http2Request, Http2RequestError};
use super::inspection::{Inspection, SHOWN_BYTES_MAX};
use super::{HttpOperation, HttpPlan};
use crate::workload::Outcome;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};

/// A worker's connections, shared with others of its thread.
#[derive(Debug)]
pub(super) struct Streams {
    /// For each target so many connections as a worker has, used in turn; empty when no target speaks HTTP/2.
    berths: Rc<[Berth]>,
    turn: usize,
    exchange: SharedExchange,
    /// What is known of the answer at hand.
    pub(super) inspection: Inspection,
}

/// A request that was begun; dropped before its end, it is given up.
struct Asked<'a> {
    connection: &'a SharedConnection,
    exchange: &'a SharedExchange,
    is_over: bool,
}

impl Streams {
    /// A worker's part of connections that others may have as well.
    fn new(berths: Rc<[Berth]>) -> Self {
        let exchange = Rc::new(RefCell::new(Exchange::new()));
        Self { berths, turn: 0, exchange, inspection: Inspection::new() }
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
            let berth = &self.berths[place(plan, target, turn)];
            let opening = berth.open_ahead(&plan.targets[target], within, progress);
            // What fails here fails again, and is counted, at the first operation.
            if !matches!(timeout(within, opening).await, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Does one operation on the connection whose turn it is.
    #[inline]
    pub(super) async fn exchange(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        request: &Http2Request,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.turn += 1;
        if self.turn >= plan.connections.per_worker as usize {
            self.turn = 0;
        }
        let mut has_failed = false;
        loop {
            match self.attempt(plan, operation, request, outcome, progress).await {
                Err(failure) if failure.is_unanswered && operation.is_idempotent && !has_failed => {
                    has_failed = true;
                }
                result => return result,
            }
        }
    }

    #[inline]
    async fn attempt(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        request: &Http2Request,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let target = &plan.targets[operation.target];
        let every = plan.connections.new_every;
        let berth = &self.berths[place(plan, operation.target, self.turn)];
        let lease = berth.lease(target, operation.timeout, every, progress).await?;
        outcome.connects += u64::from(lease.is_fresh);
        progress.stage = Stage::Sending;
        outcome.bytes_sent += request.bytes;
        let (exchange, inspection) = (&self.exchange, &mut self.inspection);
        let mut asked = Asked::begin(&lease.connection, exchange, operation, request);
        let answered =
            poll_fn(|context| asked.poll_answer(context, operation, inspection, outcome, progress)).await;
        answered.map_err(|loss| loss.failure(progress.stage))
    }
}

impl<'a> Asked<'a> {
    #[inline]
    fn begin(
        connection: &'a SharedConnection,
        exchange: &'a SharedExchange,
        operation: &HttpOperation,
        request: &Http2Request,
    ) -> Self {
        let expectation = &operation.expectation;
        let looks_into_body =
            expectation.text.is_some() || expectation.wants.body || expectation.wants.length;
        let question = Question {
            place: operation.place,
            is_head: operation.is_head,
            // What nobody looks into is shown at most.
            kept_bytes_max: if looks_into_body { usize::MAX } else { SHOWN_BYTES_MAX },
        };
        connection.borrow_mut().begin(exchange, question, request);
        Self { connection, exchange, is_over: false }
    }

    /// Looks at what came, until the end of the answer.
    #[inline]
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        operation: &HttpOperation,
        inspection: &mut Inspection,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Poll<Result<(), Loss>> {
        let mut exchange = self.exchange.borrow_mut();
        loop {
            let news = ready!(exchange.poll_news(context));
            if news.is_sent {
                progress.stage = Stage::Waiting;
                progress.sent();
            }
            if let Some(head) = news.head.take() {
                progress.received();
                progress.stage = Stage::ReadingBody;
                outcome.bytes_received += head.size_bytes();
                inspection.begin(&operation.expectation, head.status, || first_line(head.status));
                if inspection.wants_headers() {
                    head.each(|name, value| inspection.header(name, value));
                }
            }
            outcome.bytes_received += news.body_bytes;
            inspection.feed(&operation.expectation, &news.body);
            if let Some(end) = news.end.take() {
                self.is_over = true;
                return Poll::Ready(end);
            }
            if let Some((stream, more)) = exchange.looked() {
                self.connection.borrow_mut().open_window(stream, more);
            }
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.borrow_mut().abandon(self.exchange);
        }
    }
}

/// Where a target's connection of a turn stands.
fn place(plan: &HttpPlan, target: usize, turn: usize) -> usize {
    target * plan.connections.per_worker as usize + turn
}

/// What a sample shows for the first line of an answer, which HTTP/2 does not have.
fn first_line(status: u16) -> Cow<'static, [u8]> {
    let meaning = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    Cow::Owned(format!("HTTP/2 {status} {}", meaning.unwrap_or("<unknown status code>")).into_bytes())
}
