//! A worker's end of HTTP/1.1: its connections, one request and answer at a time.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::timeout;

use super::body::Body;
use super::inspection::{Inspection, SHOWN_BYTES_MAX};
use super::line::{Kept, Line};
use super::remembered::Remembered;
use super::response::{self, Framing, Head, HeadError};
use super::sending::{send, send_at_once, send_waiting, sent};
use super::{HttpOperation, HttpPlan};
use crate::workload::Outcome;
use crate::workload::connection::buffers::{Buffers, Intake};
use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::{Failure, closed};
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::stream::Stream;
use crate::workload::connection::target::Target;

/// How many interim answers (1xx) may come before the answer: a server sends one or two.
pub(super) const INTERIM_ANSWERS_MAX: usize = 8;
/// How long a server is given to ask for a body that was announced with `expect: 100-continue`, before it is
/// sent all the same (RFC 9110, 10.1.1): as long as curl waits.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// Which head is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// That of the answer itself.
    Final,
    /// The next, be it of an interim answer.
    Any,
}

/// A worker's connections, and what it reads from them.
#[derive(Debug)]
pub(super) struct Wire {
    /// For each target.
    lines: Vec<Line>,
    /// What was read and not looked at yet.
    intake: Intake,
    /// How many interim answers the answer at hand had.
    interim_answers: usize,
    /// For each operation, the last head that answered it on this thread.
    remembered: Rc<[RefCell<Remembered>]>,
    /// What is known of the answer at hand.
    pub(super) inspection: Inspection,
}

impl Wire {
    /// Not connected yet. Workers begin at different addresses of a host.
    pub(super) fn new(
        plan: &HttpPlan,
        remembered: Rc<[RefCell<Remembered>]>,
        buffers: Buffers,
        worker: u32,
    ) -> Self {
        let connections = plan.connections.per_worker;
        let first = worker as usize * connections as usize;
        let line = |addresses: usize| Line::new(connections, first % addresses.max(1));
        Self {
            lines: plan.targets.iter().map(|target| line(target.addresses.len())).collect(),
            intake: Intake::new(buffers),
            interim_answers: 0,
            remembered,
            inspection: Inspection::new(),
        }
    }

    /// Connects to a target ahead of time, for the first operations to find.
    pub(super) async fn connect_ahead(
        &mut self,
        plan: &HttpPlan,
        target: usize,
        within: Duration,
        progress: &mut Progress,
    ) {
        let line = &mut self.lines[target];
        for _ in 0..line.len() {
            let dialled = dial(&plan.targets[target], &mut line.address, within, progress);
            // What fails here fails again, and is counted, at the first operation.
            let Ok(Ok(stream)) = timeout(within, dialled).await else { return };
            line.keep(Kept::fresh(stream));
            line.turn();
        }
    }

    /// Does one operation, over the kept connection if there is one.
    pub(super) async fn exchange(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.lines[operation.target].turn();
        if let Some(kept) = self.kept(operation.target)? {
            let every = plan.connections.new_every;
            match self.attempt(kept, operation, every, outcome, progress).await {
                Err(failure) if failure.is_unanswered && operation.is_idempotent => {}
                result => return result,
            }
        }
        // Boxed, so that what only connecting needs weighs on no other operation.
        Box::pin(self.exchange_anew(plan, operation, outcome, progress)).await
    }

    /// Does one operation over a new connection.
    async fn exchange_anew(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let address = &mut self.lines[operation.target].address;
        let stream = dial(&plan.targets[operation.target], address, operation.timeout, progress).await?;
        outcome.connects += 1;
        let every = plan.connections.new_every;
        self.attempt(Kept::fresh(stream), operation, every, outcome, progress).await
    }

    /// Does one operation over a connection to a target that is not the operation's own; it is not kept.
    pub(super) async fn exchange_once(
        &mut self,
        target: &Target,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let stream = dial(target, &mut 0, operation.timeout, progress).await?;
        outcome.connects += 1;
        self.attempt(Kept::fresh(stream), operation, 0, outcome, progress).await
    }

    /// The kept connection, unless the server is known to have closed it. Looks without asking the kernel
    /// when nothing has happened on it.
    #[inline]
    fn kept(&mut self, target: usize) -> Result<Option<Kept>, Failure> {
        let Some(mut kept) = self.lines[target].take() else {
            return Ok(None);
        };
        self.intake.clear();
        let found = match self.intake.try_read(&mut kept.stream) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(kept)),
            Ok(0) | Err(_) => Ok(None),
            Ok(read) => {
                let first = excerpt(self.intake.bytes());
                Err(Failure::protocol(format!("{read} bytes came that no request had asked for: {first}")))
            }
        };
        self.intake.release();
        found
    }

    /// Sends the request and reads the answer; keeps the connection if the server does.
    #[inline]
    async fn attempt(
        &mut self,
        kept: Kept,
        operation: &HttpOperation,
        every: u64,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let result = self.send_and_read(kept, operation, every, outcome, progress).await;
        self.intake.release();
        result
    }

    #[inline]
    async fn send_and_read(
        &mut self,
        mut kept: Kept,
        operation: &HttpOperation,
        every: u64,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        kept.operations += 1;
        self.intake.clear();
        self.interim_answers = 0;
        let stream = &mut kept.stream;
        let (head, is_all_sent) = match operation.continue_after {
            None => {
                let rest = send_at_once(stream, &operation.request, outcome, progress)?;
                if !rest.is_empty() {
                    send_waiting(stream, rest, outcome).await?;
                }
                sent(progress);
                (self.read_head(stream, operation, Wanted::Final, outcome, progress).await?, true)
            }
            Some(at) => Box::pin(self.ask_and_send(stream, operation, at, outcome, progress)).await?,
        };
        let read = self.intake.bytes();
        self.inspection.begin(&operation.expectation, head.status, || first_line(read));
        if self.inspection.wants_headers() {
            let inspection = &mut self.inspection;
            response::each_header(&read[..head.length], |name, value| inspection.header(name, value));
        }
        let mut body = Body::new(head.framing);
        let looked_at = self.feed(&mut body, head.length, operation)?;
        if body.is_whole() {
            self.expect_no_more(looked_at)?;
        } else {
            self.read_body(stream, operation, (head, body), outcome, progress).await?;
        }
        if head.keeps_alive && !operation.closes && is_all_sent && kept.operations < every {
            self.lines[operation.target].keep(kept);
        }
        Ok(())
    }

    /// Sends the head, waits until the server asks for the body, and sends that unless the answer came first.
    /// Says whether it was sent.
    async fn ask_and_send(
        &mut self,
        stream: &mut Stream,
        operation: &HttpOperation,
        body_at: usize,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(Head, bool), Failure> {
        let (head, body) = operation.request.split_at(body_at);
        send(stream, head, outcome, progress).await?;
        progress.stage = Stage::AwaitingContinue;
        let asking = self.read_head(stream, operation, Wanted::Any, outcome, progress);
        if let Ok(answer) = timeout(CONTINUE_WAIT, asking).await {
            let answer = answer?;
            if answer.status >= 200 {
                return Ok((answer, false));
            }
            self.skip_interim(answer)?;
        }
        send(stream, body, outcome, progress).await?;
        Ok((self.read_head(stream, operation, Wanted::Final, outcome, progress).await?, true))
    }

    /// Reads up to the end of the answer's head, past interim answers unless the first is wanted whatever it is. Goes on where it
    /// was given up before.
    #[inline]
    async fn read_head(
        &mut self,
        stream: &mut Stream,
        operation: &HttpOperation,
        wanted: Wanted,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<Head, Failure> {
        // What is left behind an interim answer may hold the next one.
        let mut is_worth_parsing = !self.intake.bytes().is_empty();
        loop {
            if is_worth_parsing || self.intake.is_full() {
                let parsed = {
                    let mut remembered = self.remembered[operation.place].borrow_mut();
                    remembered.read(self.intake.bytes(), operation.is_head)
                };
                match parsed.map_err(|error| self.no_head(error))? {
                    Some(head) if head.status >= 200 || wanted == Wanted::Any => return Ok(head),
                    Some(interim) => {
                        self.skip_interim(interim)?;
                        is_worth_parsing = !self.intake.bytes().is_empty();
                        continue;
                    }
                    None => {}
                }
            }
            let before = self.intake.bytes().len();
            let read = match self.intake.read(stream).await {
                Ok(0) => return Err(self.ended(&closed())),
                Ok(read) => read,
                Err(error) => return Err(self.ended(&error)),
            };
            progress.received();
            progress.stage = Stage::ReadingHead;
            outcome.bytes_received += read as u64;
            // A head that comes byte by byte is not parsed again before a line of it ended.
            is_worth_parsing = before == 0 || self.intake.bytes()[before..].contains(&b'\n');
        }
    }

    /// Leaves an interim answer behind.
    fn skip_interim(&mut self, head: Head) -> Result<(), Failure> {
        self.interim_answers += 1;
        if self.interim_answers > INTERIM_ANSWERS_MAX {
            return Err(Failure::protocol(format!("more than {INTERIM_ANSWERS_MAX} interim answers")));
        }
        self.intake.skip(head.length);
        Ok(())
    }

    /// Looks at what was read of the body, from its place in the intake; gives the place up to which it belongs to the answer.
    #[inline]
    fn feed(&mut self, body: &mut Body, start: usize, operation: &HttpOperation) -> Result<usize, Failure> {
        let inspection = &mut self.inspection;
        let fed = body.feed(&self.intake.bytes()[start..], |piece| {
            inspection.feed(&operation.expectation, piece);
        });
        fed.map(|fed| start + fed).map_err(|error| Failure::protocol(format!("the body has {error}")))
    }

    /// Reads the rest of the body, looking for what it must contain; keeps nothing of it but what a sample may show.
    async fn read_body(
        &mut self,
        stream: &mut Stream,
        operation: &HttpOperation,
        (head, mut body): (Head, Body),
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        loop {
            progress.stage = Stage::ReadingBody;
            self.intake.clear();
            let read = match self.intake.read(stream).await {
                Ok(0) if body.ends_with_connection() => return Ok(()),
                Ok(0) => return Err(cut(head, &closed())),
                Ok(read) => read,
                Err(error) => return Err(cut(head, &error)),
            };
            outcome.bytes_received += read as u64;
            let looked_at = self.feed(&mut body, 0, operation)?;
            if body.is_whole() {
                return self.expect_no_more(looked_at);
            }
        }
    }

    /// Refuses what came after the end of an answer.
    #[inline]
    fn expect_no_more(&self, looked_at: usize) -> Result<(), Failure> {
        let surplus = &self.intake.bytes()[looked_at..];
        if surplus.is_empty() {
            return Ok(());
        }
        let (surplus, first) = (surplus.len(), excerpt(surplus));
        Err(Failure::protocol(format!("{surplus} bytes came after the end of the answer: {first}")))
    }

    fn ended(&self, error: &io::Error) -> Failure {
        let read = self.intake.bytes();
        if read.is_empty() && self.interim_answers == 0 {
            return Failure::ended("the connection ended before any answer", error).unanswered();
        }
        let failure = Failure::ended("the connection ended within the answer's head", error);
        Failure { message: format!("{}: {}", failure.message, excerpt(read)), ..failure }
    }

    fn no_head(&self, error: HeadError) -> Failure {
        Failure::protocol(format!("the answer has {error}: {}", excerpt(self.intake.bytes())))
    }
}

/// The connection ended within the body.
fn cut(head: Head, error: &io::Error) -> Failure {
    let expected = match head.framing {
        Framing::Length(length) => format!(" of {length} bytes"),
        _ => String::new(),
    };
    Failure::ended(format_args!("the connection ended within the body{expected} of a {}", head.status), error)
}

/// The beginning of what was read, for a message.
fn excerpt(read: &[u8]) -> impl fmt::Display {
    read[..read.len().min(SHOWN_BYTES_MAX)].escape_ascii()
}

fn first_line(answer: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(answer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default())
}
