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
        let every = plan.connections.new_every;
        self.lines[operation.target].turn();
        if let Some(kept) = self.kept(operation.target)? {
            match self.attempt(kept, operation, every, outcome, progress).await {
                Err(failure) if failure.is_unanswered && operation.is_idempotent => {}
                result => return result,
            }
        }
        let address = &mut self.lines[operation.target].address;
        let stream = dial(&plan.targets[operation.target], address, operation.timeout, progress).await?;
        outcome.connects += 1;
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
                send(stream, &operation.request, outcome, progress).await?;
                (self.read_head(stream, operation, outcome, progress).await?, true)
            }
            Some(at) => self.ask_and_send(stream, operation, at, outcome, progress).await?,
        };
        let read = self.intake.bytes();
        self.inspection.begin(&operation.expectation, head.status, || first_line(read));
        if self.inspection.wants_headers() {
            let inspection = &mut self.inspection;
            response::each_header(&read[..head.length], |name, value| inspection.header(name, value));
        }
        self.read_body(stream, operation, head, outcome, progress).await?;
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
        let asking = self.read_any_head(stream, operation, outcome, progress);
        if let Ok(answer) = timeout(CONTINUE_WAIT, asking).await {
            let answer = answer?;
            if answer.status >= 200 {
                return Ok((answer, false));
            }
            self.skip_interim(answer)?;
        }
        send(stream, body, outcome, progress).await?;
        Ok((self.read_head(stream, operation, outcome, progress).await?, true))
    }

    /// Reads up to the end of the answer's head, past interim answers.
    #[inline]
    async fn read_head(
        &mut self,
        stream: &mut Stream,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<Head, Failure> {
        loop {
            let head = self.read_any_head(stream, operation, outcome, progress).await?;
            if head.status >= 200 {
                return Ok(head);
            }
            self.skip_interim(head)?;
        }
    }

    /// Reads up to the end of a head, interim or not. Goes on where it was given up before.
    #[inline]
    async fn read_any_head(
        &mut self,
        stream: &mut Stream,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<Head, Failure> {
        // What is left behind an interim answer may hold the next one.
        let mut is_worth_parsing = !self.intake.bytes().is_empty();
        loop {
            if is_worth_parsing || self.intake.is_full() {
                let mut remembered = self.remembered[operation.place].borrow_mut();
                let parsed = remembered.read(self.intake.bytes(), operation.is_head);
                if let Some(head) = parsed.map_err(|error| self.no_head(error))? {
                    return Ok(head);
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

    /// Reads the body, looking for what it must contain; keeps nothing of it but what a sample may show.
    #[inline]
    async fn read_body(
        &mut self,
        stream: &mut Stream,
        operation: &HttpOperation,
        head: Head,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (mut body, mut start) = (Body::new(head.framing), head.length);
        loop {
            let inspection = &mut self.inspection;
            let fed = body.feed(&self.intake.bytes()[start..], |piece| {
                inspection.feed(&operation.expectation, piece);
            });
            start += fed.map_err(|error| Failure::protocol(format!("the body has {error}")))?;
            if body.is_whole() {
                break;
            }
            progress.stage = Stage::ReadingBody;
            self.intake.clear();
            let read = match self.intake.read(stream).await {
                Ok(0) if body.ends_with_connection() => return Ok(()),
                Ok(0) => return Err(cut(head, &closed())),
                Ok(read) => read,
                Err(error) => return Err(cut(head, &error)),
            };
            start = 0;
            outcome.bytes_received += read as u64;
        }
        let surplus = &self.intake.bytes()[start..];
        if !surplus.is_empty() {
            let (surplus, first) = (surplus.len(), excerpt(surplus));
            return Err(Failure::protocol(format!(
                "{surplus} bytes came after the end of the answer: {first}"
            )));
        }
        Ok(())
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

/// Writes a part of the request, at once as far as the socket takes it.
#[inline]
async fn send(
    stream: &mut Stream,
    bytes: &[u8],
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<(), Failure> {
    progress.stage = Stage::Sending;
    let sent = stream.send(bytes, &mut outcome.bytes_sent).await;
    sent.map_err(|error| {
        Failure::ended("the connection ended before the request was sent", &error).unanswered()
    })?;
    progress.stage = Stage::Waiting;
    progress.sent();
    Ok(())
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
