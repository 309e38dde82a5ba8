//! Frames of the server, one after another (RFC 9113, 6).

use std::rc::Rc;

use super::Connection;
use super::block::Block;
use crate::workload::http::http2::breach::Breach;
use crate::workload::http::http2::exchange::SharedExchange;
use crate::workload::http::http2::frame::{
    ACK, END_HEADERS, END_STREAM, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FrameHeader, Kind, StreamId,
    write_pong, write_reset, write_window_update,
};
use crate::workload::http::http2::head::HeadReading;
use crate::workload::http::http2::loss::Loss;
use crate::workload::http::http2::reason::Reason;
use crate::workload::http::http2::settings::{SettingsError, write_acknowledgement};

/// Most frames in a row that bring no answer on and follow no request of ours. A server that asks `are you there` every
/// second of an hour stays far below; one that sends nothing else would keep a thread busy for ever.
const IDLE_FRAMES_MAX: u32 = 10_000;

impl Connection {
    /// Takes whole frames from the front of `bytes`; says how much that was. What is left is the beginning of a frame.
    ///
    /// # Errors
    /// When the server breaks a rule that holds for the whole connection.
    pub(in crate::workload::http::http2) fn take_in(&mut self, bytes: &[u8]) -> Result<usize, Breach> {
        let mut at = 0;
        while let Some(header) = FrameHeader::read(&bytes[at..]) {
            if !self.has_begun {
                check_beginning(header, &bytes[at..])?;
            }
            if header.length > FRAME_BYTES_MAX {
                return Err(Breach::FrameTooLong(header.length));
            }
            let start = at + FRAME_HEADER_BYTES;
            let Some(payload) = bytes.get(start..start + header.length) else { break };
            if !self.has_begun {
                self.has_begun = true;
                self.theirs.begin();
            }
            self.take_frame(header, payload)?;
            at = start + header.length;
        }
        Ok(at)
    }

    #[inline]
    fn take_frame(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        if self.block.is_some() && header.kind != Kind::CONTINUATION {
            return Err(Breach::Interleaved(header.kind));
        }
        match header.kind {
            Kind::DATA => self.take_data(header, payload),
            Kind::HEADERS => self.take_headers(header, payload),
            Kind::CONTINUATION => self.take_continuation(header, payload),
            kind => {
                self.count_idle()?;
                match kind {
                    Kind::SETTINGS => self.take_settings(header, payload),
                    Kind::PING => self.take_ping(header, payload),
                    Kind::WINDOW_UPDATE => self.take_window_update(header, payload),
                    Kind::RST_STREAM => self.take_reset(header, payload),
                    Kind::GOAWAY => self.take_go_away(header, payload),
                    Kind::PUSH_PROMISE => Err(Breach::Misplaced(kind, header.stream)),
                    // Priorities are advice, and what nobody knows is ignored (RFC 9113, 5.3.2 and 5.5).
                    _ => Ok(()),
                }
            }
        }
    }

    #[inline]
    fn take_data(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        let window_bytes = payload.len() as u32;
        self.receive_window.receive(window_bytes).map_err(|_| Breach::WindowExceeded)?;
        if let Some(more) = self.receive_window.release(window_bytes) {
            write_window_update(StreamId::CONNECTION, more, &mut self.out);
        }
        let piece = header.content(payload).ok_or(Breach::Padding(header.kind))?;
        let ends_stream = header.has(END_STREAM);
        if piece.is_empty() && !ends_stream {
            self.count_idle()?;
        } else {
            self.idle_frames = 0;
        }
        let Some(exchange) = self.find(header)? else { return Ok(()) };
        let taken = exchange.borrow_mut().take_body(piece, window_bytes, ends_stream);
        self.go_on(header.stream, &exchange, taken, ends_stream);
        Ok(())
    }

    #[inline]
    fn take_headers(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        let piece = header.content(payload).ok_or(Breach::Padding(header.kind))?;
        let ends_stream = header.has(END_STREAM);
        if header.has(END_HEADERS) {
            return self.take_block(header, piece, ends_stream);
        }
        self.find(header)?;
        self.block = Some(Block::new(header.stream, ends_stream, piece));
        Ok(())
    }

    fn take_continuation(&mut self, header: FrameHeader, piece: &[u8]) -> Result<(), Breach> {
        let block = self.block.as_mut().filter(|block| block.stream == header.stream);
        block.ok_or(Breach::Misplaced(header.kind, header.stream))?.add(piece)?;
        if !header.has(END_HEADERS) {
            return Ok(());
        }
        let Some(block) = self.block.take() else { return Ok(()) };
        self.take_block(header, &block.bytes, block.ends_stream)
    }

    /// A whole header block. Even that of a stream that nobody waits for must be decoded, as later ones may refer to it.
    #[inline]
    fn take_block(&mut self, header: FrameHeader, block: &[u8], ends_stream: bool) -> Result<(), Breach> {
        let Some(exchange) = self.find(header)? else {
            self.count_idle()?;
            return self.decoder.decode(block, |_, _| {}).map_err(Breach::Compression);
        };
        self.idle_frames = 0;
        let mut receiving = exchange.borrow_mut();
        let taken = if receiving.has_head() {
            let mut trailers = HeadReading::trailers();
            let decoded = self.decoder.decode(block, |name, value| trailers.field(name, value));
            decoded.map_err(Breach::Compression)?;
            let trailers = trailers.finish_trailers().map_err(Breach::Head);
            trailers.and_then(|()| receiving.take_trailers(ends_stream))
        } else {
            let remembered = &mut self.remembered[receiving.question().place];
            let head = remembered.read(block, &mut self.decoder).map_err(Breach::Compression)?;
            head.map_err(Breach::Head).and_then(|head| receiving.take_head(&head, ends_stream))
        };
        drop(receiving);
        self.go_on(header.stream, &exchange, taken, ends_stream);
        Ok(())
    }

    fn take_settings(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        if header.stream != StreamId::CONNECTION {
            return Err(Breach::Misplaced(header.kind, header.stream));
        }
        if header.has(ACK) {
            return if payload.is_empty() {
                Ok(())
            } else {
                Err(SettingsError::Length(payload.len()).into())
            };
        }
        let before = i64::from(self.theirs.stream_window);
        self.theirs.take(payload)?;
        let change = i64::from(self.theirs.stream_window) - before;
        if change != 0 {
            // RFC 9113, 6.9.2: a new window holds for streams that are open as well.
            for (stream, exchange) in self.streams.iter() {
                let mut sending = exchange.borrow_mut();
                sending.change_send_window(change)?;
                if sending.is_uploading() && !self.uploads.contains(&stream) {
                    self.uploads.push_back(stream);
                }
            }
        }
        write_acknowledgement(&mut self.out);
        Ok(())
    }

    fn take_ping(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        const PING_BYTES: usize = 8;
        if payload.len() != PING_BYTES {
            return Err(Breach::FrameLength(header.kind, payload.len()));
        }
        if header.stream != StreamId::CONNECTION {
            return Err(Breach::Misplaced(header.kind, header.stream));
        }
        if !header.has(ACK) {
            write_pong(payload, &mut self.out);
        }
        Ok(())
    }

    fn take_window_update(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        let more = read_number(header, payload)? & StreamId::LAST.0;
        if header.stream == StreamId::CONNECTION {
            if more == 0 {
                return Err(Breach::WindowUnchanged);
            }
            return self.send_window.change(i64::from(more)).map_err(|_| Breach::WindowTooLarge);
        }
        let Some(exchange) = self.find(header)? else { return Ok(()) };
        let mut sending = exchange.borrow_mut();
        let taken = match more {
            0 => Err(Breach::WindowUnchanged),
            more => sending.change_send_window(i64::from(more)),
        };
        if sending.is_uploading() && !self.uploads.contains(&header.stream) {
            self.uploads.push_back(header.stream);
        }
        drop(sending);
        if let Err(breach) = taken {
            self.give_up(header.stream, &exchange, breach);
        }
        Ok(())
    }

    fn take_reset(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        let reason = Reason(read_number(header, payload)?);
        if let Some(exchange) = self.find(header)? {
            self.forget(header.stream);
            exchange.borrow_mut().end(Err(Loss::Reset(reason)));
        }
        Ok(())
    }

    /// No more streams; those beyond the last that the server will act on end at once (RFC 9113, 6.8).
    fn take_go_away(&mut self, header: FrameHeader, payload: &[u8]) -> Result<(), Breach> {
        if header.stream != StreamId::CONNECTION {
            return Err(Breach::Misplaced(header.kind, header.stream));
        }
        let Some([l3, l2, l1, l0, r3, r2, r1, r0]) = payload.first_chunk() else {
            return Err(Breach::FrameLength(header.kind, payload.len()));
        };
        let last = StreamId(u32::from_be_bytes([*l3, *l2, *l1, *l0]) & StreamId::LAST.0);
        let loss = Loss::WentAway(Reason(u32::from_be_bytes([*r3, *r2, *r1, *r0])));
        self.is_closing = true;
        let beyond = self.streams.iter().map(|(stream, _)| stream).filter(|stream| *stream > last);
        let beyond: Vec<StreamId> = beyond.collect();
        let mut lost: Vec<SharedExchange> =
            beyond.into_iter().filter_map(|stream| self.forget(stream)).collect();
        lost.extend(self.waiting.drain(..));
        for exchange in lost {
            exchange.borrow_mut().end(Err(loss.clone()));
        }
        Ok(())
    }

    /// Whose stream a frame is on; `None`: that of a stream that is over, of which frames may still be on their way.
    ///
    /// # Errors
    /// When there never was such a stream.
    #[inline]
    fn find(&self, header: FrameHeader) -> Result<Option<SharedExchange>, Breach> {
        if let Some(exchange) = self.streams.find(header.stream) {
            return Ok(Some(Rc::clone(exchange)));
        }
        let is_ours = header.stream.0 % 2 == 1 && header.stream < self.next_stream;
        if is_ours { Ok(None) } else { Err(Breach::Misplaced(header.kind, header.stream)) }
    }

    /// What was taken may be wrong, or the end.
    #[inline]
    fn go_on(
        &mut self,
        stream: StreamId,
        exchange: &SharedExchange,
        taken: Result<(), Breach>,
        ends_stream: bool,
    ) {
        match taken {
            Err(breach) => self.give_up(stream, exchange, breach),
            Ok(()) if ends_stream => {
                self.forget(stream);
                let mut receiving = exchange.borrow_mut();
                if receiving.is_uploading() {
                    // The server answered without wanting the rest (RFC 9113, 8.1).
                    write_reset(stream, Reason::CANCEL, &mut self.out);
                }
                receiving.end(Ok(()));
            }
            Ok(()) => exchange.borrow_mut().wake(),
        }
    }

    /// An answer breaks the rules, and ends without taking the connection along.
    fn give_up(&mut self, stream: StreamId, exchange: &SharedExchange, breach: Breach) {
        self.forget(stream);
        write_reset(stream, breach.reason(), &mut self.out);
        exchange.borrow_mut().end(Err(Loss::Breach(breach)));
    }

    #[inline]
    fn count_idle(&mut self) -> Result<(), Breach> {
        self.idle_frames += 1;
        if self.idle_frames > IDLE_FRAMES_MAX { Err(Breach::Flood(IDLE_FRAMES_MAX)) } else { Ok(()) }
    }
}

/// A server begins with settings (RFC 9113, 3.4).
fn check_beginning(header: FrameHeader, bytes: &[u8]) -> Result<(), Breach> {
    let is_plausible = header.kind == Kind::SETTINGS
        && !header.has(ACK)
        && header.stream == StreamId::CONNECTION
        && header.length <= FRAME_BYTES_MAX;
    let first = bytes.first_chunk().copied().unwrap_or_default();
    if is_plausible { Ok(()) } else { Err(Breach::Beginning(first)) }
}

/// The one number that some frames consist of.
fn read_number(header: FrameHeader, payload: &[u8]) -> Result<u32, Breach> {
    match payload.try_into() {
        Ok(bytes) => Ok(u32::from_be_bytes(bytes)),
        Err(_) => Err(Breach::FrameLength(header.kind, payload.len())),
    }
}
