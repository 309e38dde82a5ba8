//! One request and its answer: what the worker that awaits it and the connection that carries it share.
//!
//! A worker has one exchange and uses it again and again, its memory and its waker included.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};

use super::breach::Breach;
use super::flow::{ReceiveWindow, STREAM_WINDOW_BYTES, SendWindow, WINDOW_BYTES_DEFAULT};
use super::frame::StreamId;
use super::head::Head;
use super::loss::Loss;
use crate::workload::http::wire::INTERIM_ANSWERS_MAX;

/// An exchange as the two sides hold it.
pub(super) type SharedExchange = Rc<RefCell<Exchange>>;

/// What a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    /// The operation's place among the plan's.
    pub(super) place: usize,
    /// Whether the answer has no body whatever its headers say.
    pub(super) is_head: bool,
    /// How much of the body is wanted, of what comes between two looks of the worker.
    pub(super) kept_bytes_max: usize,
}

/// One request and its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    question: Question,
    /// Its stream, from when the request goes until the stream ends.
    stream: Option<StreamId>,
    /// The request, until it goes.
    block: Vec<u8>,
    /// What is left of the request's body.
    upload: Bytes,
    send_window: SendWindow,
    receive_window: ReceiveWindow,
    answer: Reception,
    news: News,
    waker: Option<Waker>,
    /// Whether the worker was woken and has not looked yet.
    is_woken: bool,
}

/// How far the answer has come.
#[derive(Debug, Clone, Copy, Default)]
struct Reception {
    has_head: bool,
    /// How long the body must be.
    length: Option<u64>,
    came: u64,
    interim: usize,
}

/// What happened since the worker looked last.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Whether the last of the request was written.
    pub(super) is_sent: bool,
    /// The head, once.
    pub(super) head: Option<Rc<Head>>,
    /// Of the body: as much as is wanted.
    pub(super) body: Vec<u8>,
    /// How much of the body came.
    pub(super) body_bytes: u64,
    /// What that took of the stream's window, padding included.
    window_bytes: u32,
    /// How it ended.
    pub(super) end: Option<Result<(), Loss>>,
}

impl Exchange {
    /// Nothing asked yet.
    pub(super) fn new() -> Self {
        Self {
            question: Question { place: 0, is_head: false, kept_bytes_max: 0 },
            stream: None,
            block: Vec::new(),
            upload: Bytes::new(),
            send_window: SendWindow::new(WINDOW_BYTES_DEFAULT),
            receive_window: ReceiveWindow::new(STREAM_WINDOW_BYTES),
            answer: Reception::default(),
            news: News::default(),
            waker: None,
            is_woken: false,
        }
    }

    /// Begins anew.
    #[inline]
    pub(super) fn ask(&mut self, question: Question) {
        self.question = question;
        self.stream = None;
        self.receive_window = ReceiveWindow::new(STREAM_WINDOW_BYTES);
        self.answer = Reception::default();
        self.news.clear();
        self.is_woken = false;
    }

    /// Keeps a request that cannot go yet.
    pub(super) fn hold(&mut self, block: &[u8], body: &Bytes) {
        self.block.clear();
        self.block.extend_from_slice(block);
        self.upload = body.clone();
    }

    /// The request goes out on a stream whose window is so large.
    #[inline]
    pub(super) fn open(&mut self, stream: StreamId, send_window: u32) {
        self.stream = Some(stream);
        self.send_window = SendWindow::new(send_window);
    }

    /// The request that was kept, with its body.
    pub(super) fn held(&mut self) -> (Vec<u8>, Bytes) {
        (std::mem::take(&mut self.block), std::mem::take(&mut self.upload))
    }

    /// Takes the memory of a request back that was kept.
    pub(super) fn keep_memory(&mut self, block: Vec<u8>) {
        self.block = block;
    }

    /// A body is to go out as far as the windows let it.
    pub(super) fn upload(&mut self, body: Bytes) {
        self.upload = body;
    }

    /// Takes the next piece of the body, no longer than `room`, and says whether it is the last; `None`: nothing can go.
    pub(super) fn next_piece(&mut self, room: usize) -> Option<(Bytes, bool)> {
        let length = self.upload.remaining().min(self.send_window.room()).min(room);
        if length == 0 {
            return None;
        }
        self.send_window.take(length);
        let piece = self.upload.split_to(length);
        let is_last = self.upload.is_empty();
        Some((piece, is_last))
    }

    /// The last of the request is written.
    #[inline]
    pub(super) fn sent(&mut self) {
        self.news.is_sent = true;
    }

    /// The server lets more of the body come, or less.
    pub(super) fn change_send_window(&mut self, by: i64) -> Result<(), Breach> {
        self.send_window.change(by).map_err(|_| Breach::WindowTooLarge)
    }

    /// Takes a head, with the end of the stream or without.
    ///
    /// # Errors
    /// When none may come now, or not this one.
    #[inline]
    pub(super) fn take_head(&mut self, head: &Rc<Head>, ends_stream: bool) -> Result<(), Breach> {
        if head.status < 200 {
            return self.take_interim(ends_stream);
        }
        let has_body = !(self.question.is_head || matches!(head.status, 204 | 304));
        self.answer.has_head = true;
        // RFC 9110, 6.4.1: such answers have no content, whatever length they tell.
        self.answer.length = if has_body { head.length } else { Some(0) };
        self.news.head = Some(Rc::clone(head));
        self.check_length(ends_stream)
    }

    /// Takes a piece of the body, and what it took of the window.
    ///
    /// # Errors
    /// When none may come now, or not so much.
    #[inline]
    pub(super) fn take_body(
        &mut self,
        piece: &[u8],
        window_bytes: u32,
        ends_stream: bool,
    ) -> Result<(), Breach> {
        self.receive_window.receive(window_bytes).map_err(|_| Breach::WindowExceeded)?;
        if !self.answer.has_head {
            return Err(Breach::BodyBeforeHead);
        }
        let news = &mut self.news;
        let room = self.question.kept_bytes_max.saturating_sub(news.body.len());
        news.body.extend_from_slice(&piece[..room.min(piece.len())]);
        news.body_bytes += piece.len() as u64;
        news.window_bytes += window_bytes;
        self.answer.came += piece.len() as u64;
        self.check_length(ends_stream)
    }

    /// Takes trailers, which say that this was all.
    pub(super) fn take_trailers(&mut self, ends_stream: bool) -> Result<(), Breach> {
        if ends_stream { self.check_length(true) } else { Err(Breach::TrailersGoOn) }
    }

    /// The stream is over; the worker is told how.
    #[inline]
    pub(super) fn end(&mut self, end: Result<(), Loss>) {
        self.stream = None;
        self.upload = Bytes::new();
        self.news.end = Some(end);
        self.wake();
    }

    /// Wakes the worker to look, unless it was woken already.
    #[inline]
    pub(super) fn wake(&mut self) {
        if !self.is_woken
            && let Some(waker) = &self.waker
        {
            self.is_woken = true;
            waker.wake_by_ref();
        }
    }

    /// Waits until there is news.
    #[inline]
    pub(super) fn poll_news(&mut self, context: &mut Context<'_>) -> Poll<&mut News> {
        self.is_woken = false;
        if self.news.is_any() {
            return Poll::Ready(&mut self.news);
        }
        match &self.waker {
            Some(waker) if waker.will_wake(context.waker()) => {}
            _ => self.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// The worker has looked at all news. Says by how much the stream's window is to be opened, if it is.
    #[inline]
    pub(super) fn looked(&mut self) -> Option<(StreamId, u32)> {
        let more = self.receive_window.release(self.news.window_bytes);
        self.news.clear();
        self.stream.zip(more)
    }

    /// What the worker asked for.
    #[inline]
    pub(super) fn question(&self) -> Question {
        self.question
    }

    /// Its stream, as long as that is open.
    #[inline]
    pub(super) fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// Whether the answer's head is there, so that the next one is trailers.
    #[inline]
    pub(super) fn has_head(&self) -> bool {
        self.answer.has_head
    }

    /// Whether some of the request's body has yet to go.
    #[inline]
    pub(super) fn is_uploading(&self) -> bool {
        !self.upload.is_empty()
    }

    /// Whether the stream's own window lets some of it go.
    #[inline]
    pub(super) fn has_send_room(&self) -> bool {
        self.send_window.room() > 0
    }

    fn take_interim(&mut self, ends_stream: bool) -> Result<(), Breach> {
        self.answer.interim += 1;
        if ends_stream {
            return Err(Breach::InterimEnds);
        }
        if self.answer.interim > INTERIM_ANSWERS_MAX {
            return Err(Breach::TooManyInterim(INTERIM_ANSWERS_MAX));
        }
        Ok(())
    }

    /// The pieces of a body must add up to the length that the head says (RFC 9113, 8.1.1).
    #[inline]
    fn check_length(&self, is_whole: bool) -> Result<(), Breach> {
        let came = self.answer.came;
        match self.answer.length {
            Some(said) if came > said || (is_whole && came < said) => {
                Err(Breach::BodyLength { said, came, is_whole })
            }
            _ => Ok(()),
        }
    }
}

impl News {
    #[inline]
    fn is_any(&self) -> bool {
        self.end.is_some() || self.head.is_some() || self.window_bytes > 0 || self.is_sent
    }

    /// Field by field, so that the memory stays.
    #[inline]
    fn clear(&mut self) {
        let Self { is_sent, head, body, body_bytes, window_bytes, end } = self;
        (*is_sent, *head, *body_bytes, *window_bytes, *end) = (false, None, 0, 0, None);
        body.clear();
    }
}
