//! One client's connection: bytes in, answers out, and when it is time to close.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustix::event::epoll::EventFlags;

use super::answers::{Answer, AnswerBytes, AnswerKind};
use super::behaviour::Behaviour;
use super::clock::Moment;
use super::outbox::{DueAnswer, Outbox};
use super::patience::{Patience, Standing};
use super::permits::Permit;
use super::request::{Found, Persistence, Refusal, RequestReader};

/// Bytes read at once. What is read is parsed at once, so that this also bounds how far a pipeline can
/// overshoot [`PIPELINE_DEPTH_MAX`]: the shortest request has 14 bytes.
pub(super) const READ_BYTES: usize = 16 * 1024;
/// Answers that may wait on one connection before it is read no further; the kernel's buffers then make
/// the client wait.
const PIPELINE_DEPTH_MAX: usize = 64;
/// Bytes written at one turn, so that one client with a large body does not delay all others' answers.
const SEND_BYTES_PER_TURN: usize = 256 * 1024;
/// Bytes thrown away behind a closing answer, before a client that goes on sending is cut off.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// A connection, from being accepted to being closed.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    reader: RequestReader,
    outbox: Outbox,
    phase: Phase,
    /// Whether an answer that is due waits until the client takes more bytes.
    is_blocked: bool,
    /// Whether the first answer's time is among the event loop's deadlines.
    has_deadline: bool,
    /// What the epoll set was last told to watch.
    watched: EventFlags,
    patience: Patience,
    _permit: Permit,
}

/// ```text
///  Reading ── closing answer queued ──▶ LastAnswers ── all sent ──▶ Lingering ──▶ Closed
///     │                                                            (own side closed; throws away
///     └─ client closed its side ──▶ ClientEnded ── all sent ─────── what still comes) ──▲
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Requests are read.
    Reading,
    /// An answer that closes the connection is queued; nothing more is read.
    LastAnswers,
    /// The client has closed its side and may still take answers.
    ClientEnded,
    /// Own side is closed. Closing all at once would reset the connection if bytes lay unread, and the client
    /// could lose its last answer.
    Lingering { discarded: usize },
    /// To be dropped.
    Closed,
}

impl Connection {
    /// A connection just accepted, whose stream does not block.
    pub(super) fn new(stream: TcpStream, permit: Permit) -> Self {
        Self {
            stream,
            reader: RequestReader::default(),
            outbox: Outbox::default(),
            phase: Phase::Reading,
            is_blocked: false,
            has_deadline: false,
            watched: EventFlags::IN,
            patience: Patience::default(),
            _permit: permit,
        }
    }

    /// Reads once what the client sent; `None`: nothing was there.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match (&self.stream).read(buffer) {
            Ok(count) => Ok(Some(&buffer[..count])),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes bytes that were read by `received` and queues the answers to the requests in them. No bytes:
    /// the client has closed its side.
    pub(super) fn take(&mut self, mut bytes: &[u8], received: Moment, behaviour: &mut Behaviour) {
        match self.phase {
            Phase::Lingering { discarded } if bytes.is_empty() || discarded > LINGER_BYTES_MAX => {
                self.phase = Phase::Closed;
            }
            Phase::Lingering { discarded } => {
                self.phase = Phase::Lingering { discarded: discarded + bytes.len() };
            }
            Phase::Reading if bytes.is_empty() => self.phase = Phase::ClientEnded,
            Phase::Reading => {
                let was_inside = self.reader.is_inside_request();
                while self.phase == Phase::Reading {
                    match self.reader.advance(&mut bytes) {
                        Ok(Some(found)) => self.queue_answer_to(found, received, behaviour),
                        Ok(None) => break,
                        Err(refusal) => self.queue_refusal(refusal, received),
                    }
                }
                if !was_inside {
                    self.patience.renew();
                }
            }
            Phase::LastAnswers | Phase::ClientEnded | Phase::Closed => {}
        }
    }

    /// Writes what is due at `now`, as far as the client takes it, and closes after a last answer.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(super) fn send(&mut self, now: Moment, bytes: &AnswerBytes) -> io::Result<()> {
        self.is_blocked = false;
        let mut left = SEND_BYTES_PER_TURN;
        while let Some(parts) = self.outbox.unwritten(now, bytes, left) {
            // The rest waits for the next turn, which comes as soon as the others had theirs.
            self.is_blocked = left == 0;
            if self.is_blocked {
                return Ok(());
            }
            match (&self.stream).write_vectored(&parts) {
                Ok(count) => {
                    self.outbox.wrote(count, bytes);
                    self.patience.renew();
                    left -= count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.outbox.is_empty() {
            self.close_after_last_answer()?;
        }
        Ok(())
    }

    /// The time of the first answer, if the event loop does not know it yet; it does from now on.
    pub(super) fn take_new_deadline(&mut self) -> Option<Moment> {
        if self.has_deadline || self.is_blocked {
            return None;
        }
        let due = self.outbox.next_due()?;
        self.has_deadline = true;
        Some(due)
    }

    /// Notes that the deadline is reached.
    pub(super) fn reached_deadline(&mut self) {
        self.has_deadline = false;
    }

    /// What the epoll set should watch, if it watches something else; it is taken to do so from now on.
    pub(super) fn take_new_watch(&mut self) -> Option<EventFlags> {
        let is_read = match self.phase {
            Phase::Reading => self.outbox.len() < PIPELINE_DEPTH_MAX,
            Phase::Lingering { .. } => true,
            Phase::LastAnswers | Phase::ClientEnded | Phase::Closed => false,
        };
        let mut watch = EventFlags::empty();
        watch.set(EventFlags::IN, is_read);
        watch.set(EventFlags::OUT, self.is_blocked);
        (watch != std::mem::replace(&mut self.watched, watch)).then_some(watch)
    }

    /// Counts a sweep; whether the client may stay.
    pub(super) fn lasts_through_sweep(&mut self) -> bool {
        let standing = match self.phase {
            Phase::Lingering { .. } => Standing::Leaving,
            _ if self.is_blocked || self.reader.is_inside_request() => Standing::MidExchange,
            _ if !self.outbox.is_empty() => Standing::AwaitsAnswer,
            _ => Standing::Idle,
        };
        self.patience.lasts_through_sweep(standing)
    }

    /// Whether it is to be dropped.
    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// The socket.
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn queue_answer_to(&mut self, found: Found, received: Moment, behaviour: &mut Behaviour) {
        self.patience.renew();
        match found {
            Found::AwaitsContinue => self.queue_now(AnswerKind::Continue, Persistence::Implied, received),
            Found::Request(request) => {
                self.outbox.push(behaviour.answer_to(request, received));
                if request.persistence == Persistence::Close {
                    self.phase = Phase::LastAnswers;
                }
            }
        }
    }

    fn queue_refusal(&mut self, refusal: Refusal, received: Moment) {
        self.queue_now(AnswerKind::Refused(refusal), Persistence::Close, received);
        self.phase = Phase::LastAnswers;
    }

    fn queue_now(&mut self, kind: AnswerKind, persistence: Persistence, received: Moment) {
        let answer = Answer { kind, is_head_only: false, persistence };
        self.outbox.push(DueAnswer { due: received, answer });
    }

    fn close_after_last_answer(&mut self) -> io::Result<()> {
        match self.phase {
            Phase::ClientEnded => self.phase = Phase::Closed,
            Phase::LastAnswers => {
                self.stream.shutdown(Shutdown::Write)?;
                self.phase = Phase::Lingering { discarded: 0 };
                self.patience.renew();
            }
            Phase::Reading | Phase::Lingering { .. } | Phase::Closed => {}
        }
        Ok(())
    }
}
