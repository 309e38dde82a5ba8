//! The task that moves a connection's bytes: all that is unsent in one write, all that is there in one read, each once in a
//! turn of the load thread.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::connection::Connection;
use super::loss::Loss;
use crate::workload::connection::failure::closed;
use crate::workload::connection::stream::Stream;

/// What one read takes at most: several whole frames, and what keeps other connections of the thread from waiting long.
const READ_BYTES_MAX: usize = 64 * 1024;
/// How long a server may take to read why its connection ends.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// A connection as workers and its driver share it.
pub(super) type SharedConnection = Rc<RefCell<Connection>>;

/// Where the connections of a load thread read into: the same memory for all, as each looks at it at once.
#[derive(Debug, Clone)]
pub(super) struct ReadBuffer(Rc<RefCell<Box<[u8]>>>);

impl ReadBuffer {
    /// A buffer for one thread.
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(vec![0; READ_BYTES_MAX].into_boxed_slice())))
    }
}

/// A connection's driver.
#[derive(Debug)]
struct Driver {
    stream: Stream,
    connection: SharedConnection,
    buffer: ReadBuffer,
    /// The beginning of a frame, of which the rest is still to come.
    rest: Vec<u8>,
    /// Whether something was written that the stream may still hold.
    is_unflushed: bool,
}

/// Moves a connection's bytes until it ends. How it ended, its exchanges are told.
pub(super) async fn drive(stream: Stream, connection: SharedConnection, buffer: ReadBuffer) {
    let mut driver = Driver { stream, connection, buffer, rest: Vec::new(), is_unflushed: false };
    let ended = std::future::poll_fn(|context| driver.poll_turn(context)).await;
    match ended {
        Err(error) => return driver.connection.borrow_mut().end(&Loss::ended(error)),
        Ok(Ended::Breached) => {}
        Ok(Ended::Unneeded) => driver.connection.borrow_mut().say_goodbye(),
    }
    let goodbye = std::future::poll_fn(|context| driver.poll_write(context));
    let _it_may_be_gone = timeout(GOODBYE_WITHIN, goodbye).await;
}

/// How a connection ended that was not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The server broke the rules; its exchanges were told.
    Breached,
    /// Nobody has a use for it.
    Unneeded,
}

impl Driver {
    /// One turn: writes, and then reads once.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Ended>> {
        self.connection.borrow_mut().turn(context.waker());
        let written = self.poll_write(context);
        if written.is_ready() && self.connection.borrow().is_done() {
            return Poll::Ready(Ok(Ended::Unneeded));
        }
        let is_congested = self.connection.borrow().is_congested();
        let read = if is_congested { Poll::Pending } else { self.poll_read(context) };
        match (written, read) {
            (_, Poll::Ready(Ok(Some(ended)))) => Poll::Ready(Ok(ended)),
            // A server that closes may have said why before that; only then is it known that writing is over.
            (Poll::Ready(Err(error)), Poll::Pending) => Poll::Ready(Err(error)),
            (_, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (_, Poll::Ready(Ok(None))) => {
                // Comes up again after all who were woken by what was read, writes what they ask for, and looks for more.
                self.connection.borrow_mut().wake_driver();
                Poll::Pending
            }
            (_, Poll::Pending) => Poll::Pending,
        }
    }

    /// Writes all that is unsent, and what becomes ready to be sent meanwhile.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut connection = self.connection.borrow_mut();
        loop {
            connection.pump();
            let unsent = connection.unsent();
            if unsent.is_empty() {
                break;
            }
            let wrote = ready!(Pin::new(&mut self.stream).poll_write(context, unsent))?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.is_unflushed = true;
            connection.wrote(wrote);
        }
        if self.is_unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is there, once, and hands it on.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Ended>>> {
        let mut buffer = self.buffer.0.borrow_mut();
        let before = self.rest.len();
        buffer[..before].copy_from_slice(&self.rest);
        let mut space = ReadBuf::new(&mut buffer[before..]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut space))?;
        let read = space.filled().len();
        if read == 0 {
            return Poll::Ready(Err(closed()));
        }
        let bytes = &buffer[..before + read];
        let mut connection = self.connection.borrow_mut();
        match connection.take_in(bytes) {
            Ok(taken) => {
                self.rest.clear();
                self.rest.extend_from_slice(&bytes[taken..]);
                Poll::Ready(Ok(None))
            }
            Err(breach) => {
                connection.condemn(breach);
                Poll::Ready(Ok(Some(Ended::Breached)))
            }
        }
    }
}
