//! A worker's end of the wire: a connection per target, one read buffer, one request and answer at a time.

use std::fmt;
use std::io;
use std::time::Duration;

use shared::interval::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::Body;
use super::expectation::Search;
use super::failure::{Failure, Stage};
use super::response::{self, HEAD_BYTES_MAX, Head, HeadError};
use super::target::Target;
use super::{HttpOperation, HttpPlan};
use crate::workload::Outcome;

/// How many interim answers (1xx) may come before the answer: a server sends one or two.
const INTERIM_ANSWERS_MAX: usize = 8;
/// How much of an answer a sample shows: enough for a status line and the first words of an error page.
const SHOWN_BYTES_MAX: usize = 200;

/// A worker's connections, and what it reads from them.
#[derive(Debug)]
pub(super) struct Wire {
    /// For each target.
    lines: Vec<Line>,
    /// What was read and not looked at yet; never grows.
    buffer: Box<[u8]>,
    /// The first bytes of the answer, for samples.
    shown: Vec<u8>,
    stage: Stage,
}

/// The connection to one target that is kept, and which of its addresses comes first.
#[derive(Debug)]
struct Line {
    kept: Option<TcpStream>,
    address: usize,
}

impl Wire {
    /// Not connected yet. Workers begin at different addresses of a host.
    pub(super) fn new(targets: &[Target], worker: u32) -> Self {
        let line = |target: &Target| Line { kept: None, address: worker as usize % target.addresses.len() };
        Self {
            lines: targets.iter().map(line).collect(),
            buffer: vec![0; HEAD_BYTES_MAX].into_boxed_slice(),
            shown: Vec::with_capacity(SHOWN_BYTES_MAX),
            stage: Stage::Connecting,
        }
    }

    /// Connects ahead of time, for the first operation to find.
    pub(super) async fn connect_ahead(&mut self, target: &Target, place: usize, within: Duration) {
        // What fails here fails again, and is counted, at the first operation.
        self.lines[place].kept = self.connect(target, place, within).await.ok();
    }

    /// Does one operation, over the kept connection if there is one.
    pub(super) async fn exchange(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        if let Some(stream) = self.kept(operation.target)? {
            match self.attempt(stream, operation, outcome).await {
                Err(failure) if failure.is_unanswered && operation.is_idempotent => {}
                result => return result,
            }
        }
        let stream =
            self.connect(&plan.targets[operation.target], operation.target, operation.timeout).await?;
        outcome.connects += 1;
        self.attempt(stream, operation, outcome).await
    }

    /// The kept connection, unless the server is known to have closed it. Looks without asking the kernel
    /// when nothing has happened on it.
    fn kept(&mut self, target: usize) -> Result<Option<TcpStream>, Failure> {
        let Some(stream) = self.lines[target].kept.take() else {
            return Ok(None);
        };
        match stream.try_read(&mut self.buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(stream)),
            Ok(0) | Err(_) => Ok(None),
            Ok(read) => {
                let first = self.excerpt(0, read);
                Err(Failure::protocol(format!("{read} bytes came that no request had asked for: {first}")))
            }
        }
    }

    /// Connects to the first address that answers. Each has its share of the time.
    async fn connect(
        &mut self,
        target: &Target,
        place: usize,
        within: Duration,
    ) -> Result<TcpStream, Failure> {
        self.stage = Stage::Connecting;
        let addresses = &target.addresses;
        let share = within / addresses.len() as u32;
        let line = &mut self.lines[place];
        let mut message = String::new();
        for _ in 0..addresses.len() {
            let address = addresses[line.address];
            let error = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => match stream.set_nodelay(true) {
                    Ok(()) => return Ok(stream),
                    Err(error) => error.to_string(),
                },
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {share:?}"),
            };
            line.address = (line.address + 1) % addresses.len();
            let separator = if message.is_empty() { "" } else { "; " };
            message.push_str(&format!("{separator}connecting to {address}: {error}"));
        }
        Err(Failure::new(ErrorKind::Connect, message))
    }

    /// Sends the request and reads the answer; keeps the connection if the server does.
    async fn attempt(
        &mut self,
        mut stream: TcpStream,
        operation: &HttpOperation,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        self.stage = Stage::Sending;
        self.shown.clear();
        send(&mut stream, &operation.request, outcome).await?;
        self.stage = Stage::Waiting;
        let (head, filled) = self.read_head(&mut stream, operation, outcome).await?;
        let is_allowed = operation.expectation.allows(head.status);
        if !is_allowed || operation.expectation.text.is_some() {
            self.show_status_line();
        }
        let search = self.read_body(&mut stream, operation, head, filled, outcome).await?;
        if head.keeps_alive && !operation.closes {
            self.lines[operation.target].kept = Some(stream);
        }
        if !is_allowed {
            let message = format!("status {} was not expected: {}", head.status, self.shown.escape_ascii());
            return Err(Failure::new(ErrorKind::Status, message));
        }
        match &operation.expectation.text {
            Some(needle) if !search.is_found(needle) => {
                let message =
                    format!("the body lacks \"{}\": {}", needle.escaped(), self.shown.escape_ascii());
                Err(Failure::new(ErrorKind::Body, message))
            }
            _ => Ok(()),
        }
    }

    /// Reads up to the end of the head, past interim answers. Says how much of the buffer is filled.
    async fn read_head(
        &mut self,
        stream: &mut TcpStream,
        operation: &HttpOperation,
        outcome: &mut Outcome,
    ) -> Result<(Head, usize), Failure> {
        let (mut filled, mut interim) = (0, 0);
        loop {
            let read = match stream.read(&mut self.buffer[filled..]).await {
                Ok(0) => return Err(self.ended(filled, "closed")),
                Ok(read) => read,
                Err(error) => return Err(self.ended(filled, error)),
            };
            outcome.bytes_received += read as u64;
            self.stage = Stage::ReadingHead;
            // A head that comes byte by byte is not parsed again before a line of it ended.
            let is_worth_parsing = filled == 0 || self.buffer[filled..filled + read].contains(&b'\n');
            filled += read;
            while is_worth_parsing || filled == self.buffer.len() {
                let parsed = response::parse(&self.buffer[..filled], operation.is_head);
                match parsed.map_err(|error| self.no_head(error, filled))? {
                    None => break,
                    Some(head) if head.status >= 200 => return Ok((head, filled)),
                    Some(head) => {
                        interim += 1;
                        if interim > INTERIM_ANSWERS_MAX {
                            return Err(Failure::protocol(format!(
                                "more than {INTERIM_ANSWERS_MAX} interim answers"
                            )));
                        }
                        self.buffer.copy_within(head.length..filled, 0);
                        filled -= head.length;
                        if filled == 0 {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Reads the body, looking for what it must contain; keeps nothing but the first bytes, when they may be shown.
    async fn read_body(
        &mut self,
        stream: &mut TcpStream,
        operation: &HttpOperation,
        head: Head,
        mut filled: usize,
        outcome: &mut Outcome,
    ) -> Result<Search, Failure> {
        let (mut body, mut search, mut start) = (Body::new(head.framing), Search::default(), head.length);
        let needle = operation.expectation.text.as_deref();
        let is_shown = !self.shown.is_empty();
        loop {
            let shown = &mut self.shown;
            let fed = body.feed(&self.buffer[start..filled], |piece| {
                if let Some(needle) = needle {
                    search.feed(needle, piece);
                }
                if is_shown {
                    let room = SHOWN_BYTES_MAX.saturating_sub(shown.len());
                    shown.extend_from_slice(&piece[..room.min(piece.len())]);
                }
            });
            start += fed.map_err(|error| Failure::protocol(format!("the body has {error}")))?;
            if body.is_whole() {
                break;
            }
            self.stage = Stage::ReadingBody;
            filled = match stream.read(&mut self.buffer).await {
                Ok(0) if body.ends_with_connection() => break,
                Ok(0) => return Err(Failure::cut(head, "closed")),
                Ok(read) => read,
                Err(error) => return Err(Failure::cut(head, error)),
            };
            start = 0;
            outcome.bytes_received += filled as u64;
        }
        if start < filled {
            let (surplus, first) = (filled - start, self.excerpt(start, filled));
            return Err(Failure::protocol(format!(
                "{surplus} bytes came after the end of the answer: {first}"
            )));
        }
        Ok(search)
    }

    /// Keeps the status line, which is still at the buffer's start, for samples.
    fn show_status_line(&mut self) {
        let line = self.buffer.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        self.shown.extend_from_slice(&line[..line.len().min(SHOWN_BYTES_MAX / 2)]);
        self.shown.push(b'\n');
    }

    fn ended(&self, filled: usize, how: impl fmt::Display) -> Failure {
        if self.stage == Stage::Waiting {
            let message = format!("the connection ended before any answer: {how}");
            return Failure { is_unanswered: true, ..Failure::new(ErrorKind::Closed, message) };
        }
        let first = self.excerpt(0, filled);
        Failure::new(
            ErrorKind::Closed,
            format!("the connection ended within the answer's head: {how}: {first}"),
        )
    }

    fn no_head(&self, error: HeadError, filled: usize) -> Failure {
        Failure::protocol(format!("the answer has {error}: {}", self.excerpt(0, filled)))
    }

    fn excerpt(&self, start: usize, end: usize) -> impl fmt::Display {
        self.buffer[start..end.min(start + SHOWN_BYTES_MAX)].escape_ascii()
    }

    /// How far the last operation came.
    pub(super) fn stage(&self) -> Stage {
        self.stage
    }
}

/// Writes a request, at once as far as the socket takes it.
async fn send(stream: &mut TcpStream, request: &[u8], outcome: &mut Outcome) -> Result<(), Failure> {
    let sent = match stream.try_write(request) {
        Ok(sent) => sent,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(Failure::unsent(&error)),
    };
    outcome.bytes_sent += sent as u64;
    let mut rest = &request[sent..];
    while !rest.is_empty() {
        let sent = stream.write(rest).await.map_err(|error| Failure::unsent(&error))?;
        outcome.bytes_sent += sent as u64;
        rest = &rest[sent..];
    }
    Ok(())
}
