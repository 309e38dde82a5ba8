//! What goes out: requests as streams become free, and their bodies as windows open.

use std::rc::Rc;

use bytes::Bytes;

use super::Connection;
use crate::workload::http::http2::exchange::{Exchange, SharedExchange};
use crate::workload::http::http2::frame::{FRAME_BYTES_MAX, StreamId, write_data, write_headers};
use crate::workload::http::http2::hpack::encoder::TABLE_UNUSED;
use crate::workload::http::http2::loss::Loss;
use crate::workload::http::http2::reason::Reason;

impl Connection {
    /// Lets go what may go now: waiting requests, and bodies in turn, one frame of each.
    #[inline]
    pub(in crate::workload::http::http2) fn pump(&mut self) {
        if !self.waiting.is_empty() {
            self.open_waiting();
        }
        while !self.is_congested() && self.send_window.room() > 0 {
            let Some(stream) = self.uploads.pop_front() else { return };
            let Some(exchange) = self.streams.find(stream).map(Rc::clone) else { continue };
            let mut sending = exchange.borrow_mut();
            if self.upload_piece(stream, &mut sending) {
                sending.wake();
            } else if sending.is_uploading() && sending.has_send_room() {
                self.uploads.push_back(stream);
            }
        }
    }

    /// Opens a stream, and sends the request as far as the windows let it.
    pub(super) fn open(
        &mut self,
        exchange: &SharedExchange,
        asking: &mut Exchange,
        block: &[u8],
        body: Bytes,
    ) {
        let stream = self.next_stream;
        self.next_stream = StreamId(stream.0 + 2);
        self.is_closing |= self.next_stream > StreamId::LAST;
        asking.open(stream, self.theirs.stream_window);
        self.streams.insert(stream, Rc::clone(exchange));
        if std::mem::take(&mut self.theirs.table_shrank) {
            let block = [&[TABLE_UNUSED], block].concat();
            write_headers(stream, &block, body.is_empty(), &mut self.out);
        } else {
            write_headers(stream, block, body.is_empty(), &mut self.out);
        }
        if body.is_empty() {
            return asking.sent();
        }
        asking.upload(body);
        if !self.upload_piece(stream, asking) {
            self.uploads.push_back(stream);
        }
    }

    /// Sends the next piece of a body, and says whether it was the last.
    fn upload_piece(&mut self, stream: StreamId, sending: &mut Exchange) -> bool {
        let room = self.send_window.room().min(FRAME_BYTES_MAX);
        let Some((piece, is_last)) = sending.next_piece(room) else { return false };
        self.send_window.take(piece.len());
        self.idle_frames = 0;
        write_data(stream, &piece, is_last, &mut self.out);
        if is_last {
            sending.sent();
        }
        is_last
    }

    fn open_waiting(&mut self) {
        while self.has_room() {
            let Some(exchange) = self.waiting.pop_front() else { return };
            let mut asking = exchange.borrow_mut();
            if self.next_stream > StreamId::LAST {
                // A connection has a last stream (RFC 9113, 5.1.1). What was not sent may go over another one.
                asking.end(Err(Loss::WentAway(Reason::NO_ERROR)));
                continue;
            }
            let (block, body) = asking.held();
            self.open(&exchange, &mut asking, &block, body);
            asking.keep_memory(block);
            asking.wake();
        }
    }
}
