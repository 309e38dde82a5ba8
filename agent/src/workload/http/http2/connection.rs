//! One connection as a machine without a socket: bytes in, bytes out, and exchanges that come to their ends.
//!
//! Rooms: `incoming` (frames of the server), `outgoing` (what waits to be sent), `stream_map` (which stream is whose),
//! `block` (a header block in pieces), `remembered` (the last head of each operation).
//!
//! ```text
//! a worker asks ─▶ waiting ─▶ open ─▶ ended, which the worker is woken for
//!                     │         └─ given up by its worker: RST_STREAM, CANCEL
//!                     └─ only as long as there are too many streams, or too many bytes unsent
//! ```
//!
//! Workers of a thread write into one queue of bytes, and wake the task that drives the connection once. It comes up after all of
//! them, so that what they ask in one turn of the thread goes out in one piece.

mod block;
mod incoming;
mod outgoing;
mod remembered;
mod stream_map;

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use self::block::Block;
use self::remembered::RememberedHead;
use self::stream_map::StreamMap;
use super::breach::Breach;
use super::exchange::{Question, SharedExchange};
use super::flow::{CONNECTION_WINDOW_BYTES, ReceiveWindow, SendWindow, WINDOW_BYTES_DEFAULT};
use super::frame::{StreamId, write_go_away, write_reset, write_window_update};
use super::hpack::Decoder;
use super::loss::Loss;
use super::reason::Reason;
use super::request::Http2Request;
use super::settings::{self, TheirSettings};

/// Bytes that may wait to be written before nothing more is sent or read: two full frames, as every connection of a thread
/// may have as much. Beyond it come only the head of the one request that reached it, and what the frames of one read make us
/// answer, which are fewer bytes than they are themselves or twice as many at most.
const UNSENT_BYTES_MAX: usize = 32 * 1024;

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    streams: StreamMap,
    /// Requests that cannot go yet, in their order; at most one for each worker.
    waiting: VecDeque<SharedExchange>,
    /// Streams whose bodies can go on as far as their own windows are concerned.
    uploads: VecDeque<StreamId>,
    next_stream: StreamId,
    out: Vec<u8>,
    /// How much of `out` is written.
    written: usize,
    theirs: TheirSettings,
    /// Whether the server's first settings came.
    has_begun: bool,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    decoder: Decoder,
    /// A header block of which more is to come.
    block: Option<Block>,
    /// For each operation.
    remembered: Box<[RememberedHead]>,
    /// Frames in a row that brought no answer on.
    idle_frames: u32,
    /// Requests begun on it.
    operations: u64,
    /// Whether it takes no more requests.
    is_closing: bool,
    /// Whether it is over.
    is_over: bool,
    driver: Option<Waker>,
    is_driver_woken: bool,
}

impl Connection {
    /// A connection on which nothing was said, for a plan of so many operations.
    pub(super) fn new(operations: usize) -> Self {
        let mut out = Vec::new();
        settings::write_beginning(&mut out);
        Self {
            streams: StreamMap::default(),
            waiting: VecDeque::new(),
            uploads: VecDeque::new(),
            next_stream: StreamId(1),
            out,
            written: 0,
            theirs: TheirSettings::new(),
            has_begun: false,
            send_window: SendWindow::new(WINDOW_BYTES_DEFAULT),
            receive_window: ReceiveWindow::new(CONNECTION_WINDOW_BYTES),
            decoder: Decoder::new(),
            block: None,
            remembered: (0..operations).map(|_| RememberedHead::default()).collect(),
            idle_frames: 0,
            operations: 0,
            is_closing: false,
            is_over: false,
            driver: None,
            is_driver_woken: false,
        }
    }

    /// Asks for something; the exchange is told of the answer. The caller has seen that it [takes](Self::takes_requests)
    /// requests.
    #[inline]
    pub(super) fn begin(&mut self, exchange: &SharedExchange, question: Question, request: &Http2Request) {
        self.idle_frames = 0;
        let mut asking = exchange.borrow_mut();
        asking.ask(question);
        if self.waiting.is_empty() && self.has_room() {
            self.open(exchange, &mut asking, &request.block, request.body.clone());
        } else {
            asking.hold(&request.block, &request.body);
            self.waiting.push_back(Rc::clone(exchange));
        }
        self.wake_driver();
    }

    /// Gives up what a worker waits for no longer.
    pub(super) fn abandon(&mut self, exchange: &SharedExchange) {
        let stream = exchange.borrow().stream();
        match stream.filter(|stream| self.forget(*stream).is_some()) {
            Some(stream) => write_reset(stream, Reason::CANCEL, &mut self.out),
            None => self.waiting.retain(|waiting| !Rc::ptr_eq(waiting, exchange)),
        }
        self.wake_driver();
    }

    /// The worker has looked at the news of its exchange.
    #[inline]
    pub(super) fn open_window(&mut self, stream: StreamId, more: u32) {
        write_window_update(stream, more, &mut self.out);
        self.wake_driver();
    }

    /// Counts a request that is about to begin.
    #[inline]
    pub(super) fn count_operation(&mut self) {
        self.operations += 1;
    }

    /// Takes no more requests; once the last stream has ended, so does the connection.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
        self.wake_driver();
    }

    /// The driver comes up: it is woken from now on by this.
    #[inline]
    pub(super) fn turn(&mut self, driver: &Waker) {
        self.is_driver_woken = false;
        match &self.driver {
            Some(known) if known.will_wake(driver) => {}
            _ => self.driver = Some(driver.clone()),
        }
    }

    /// Has the driver come up again, after all who were woken before.
    #[inline]
    pub(super) fn wake_driver(&mut self) {
        if !self.is_driver_woken
            && let Some(driver) = &self.driver
        {
            self.is_driver_woken = true;
            driver.wake_by_ref();
        }
    }

    /// So much of what is unsent was written.
    #[inline]
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        // While a server takes less than there is to send, what is written must not pile up either.
        if self.written == self.out.len() || self.written >= UNSENT_BYTES_MAX {
            self.out.drain(..self.written);
            self.written = 0;
        }
    }

    /// The server broke the rules: it is told how, and all streams end by it.
    pub(super) fn condemn(&mut self, breach: Breach) {
        write_go_away(breach.reason(), &mut self.out);
        self.end(&Loss::Breach(breach));
    }

    /// Nobody needs it any more.
    pub(super) fn say_goodbye(&mut self) {
        write_go_away(Reason::NO_ERROR, &mut self.out);
        self.is_over = true;
    }

    /// It is over, and all that was asked ends so.
    pub(super) fn end(&mut self, loss: &Loss) {
        self.is_over = true;
        let open = self.streams.drain();
        for exchange in open.chain(self.waiting.drain(..)) {
            exchange.borrow_mut().end(Err(loss.clone()));
        }
    }

    /// What is to be written.
    #[inline]
    pub(super) fn unsent(&self) -> &[u8] {
        &self.out[self.written..]
    }

    /// Whether so much is unsent that nothing more is sent or read: the server leaves unread what was said before.
    #[inline]
    pub(super) fn is_congested(&self) -> bool {
        self.unsent().len() >= UNSENT_BYTES_MAX
    }

    /// Whether a request may begin on it, of `every` that may in its life.
    #[inline]
    pub(super) fn takes_requests(&self, every: u64) -> bool {
        !self.is_over && !self.is_closing && self.operations < every
    }

    /// Whether it was given up and its last stream has ended.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.is_closing && self.streams.is_empty() && self.waiting.is_empty()
    }

    /// A stream is over, and with it what was still to be sent on it. Says whose it was.
    #[inline]
    fn forget(&mut self, stream: StreamId) -> Option<SharedExchange> {
        if !self.uploads.is_empty() {
            self.uploads.retain(|uploading| *uploading != stream);
        }
        self.streams.remove(stream)
    }

    /// Whether a request may go now.
    #[inline]
    fn has_room(&self) -> bool {
        self.streams.len() < self.theirs.streams_max as usize && !self.is_congested()
    }
}

#[cfg(test)]
mod tests;
