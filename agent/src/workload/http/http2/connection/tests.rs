//! A connection fed with the frames of a server.
//!
//! Rooms: `requests` (what goes out, and when), `answers` (what they mean), `breaches` (what no server may send),
//! `odd_bytes` (whatever else comes), `independent_server` (one that others wrote).

mod answers;
mod breaches;
mod independent_server;
mod odd_bytes;
mod requests;

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::Connection;
use crate::workload::http::http2::breach::Breach;
use crate::workload::http::http2::exchange::{Exchange, Question, SharedExchange};
use crate::workload::http::http2::frame::{
    END_HEADERS, END_STREAM, FRAME_HEADER_BYTES, FrameHeader, Kind, StreamId,
};
use crate::workload::http::http2::loss::Loss;
use crate::workload::http::http2::request::Http2Request;

/// `:status: 200`, by its number in the static table.
const OK: &[u8] = b"\x88";
/// How long a client's first words are, before its first frame.
const PREFACE_BYTES: usize = 24;

const GET: Question = Question { place: 0, is_head: false, kept_bytes_max: usize::MAX };

/// A connection, its server's first settings taken and its own first words said.
struct Talk {
    connection: Connection,
}

/// What came of an exchange so far.
#[derive(Debug, Default)]
struct Heard {
    is_sent: bool,
    status: Option<u16>,
    body: Vec<u8>,
    end: Option<Result<(), Loss>>,
}

/// A frame that was sent: kind, flags, stream, payload.
type Sent = (Kind, u8, u32, Vec<u8>);

fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    FrameHeader { length: payload.len(), kind, flags, stream: StreamId(stream) }.write(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let bytes =
        |(identifier, value): &(u16, u32)| [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(Kind::SETTINGS, 0, 0, &settings.iter().flat_map(bytes).collect::<Vec<_>>())
}

fn head(stream: u32) -> Vec<u8> {
    frame(Kind::HEADERS, END_HEADERS, stream, OK)
}

fn whole(stream: u32) -> Vec<u8> {
    frame(Kind::HEADERS, END_HEADERS | END_STREAM, stream, OK)
}

fn data(stream: u32, piece: &[u8], flags: u8) -> Vec<u8> {
    frame(Kind::DATA, flags, stream, piece)
}

fn more(stream: u32, bytes: u32) -> Vec<u8> {
    frame(Kind::WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

fn request(body: &[u8]) -> Http2Request {
    let rendered = [b"POST / HTTP/1.1\r\nhost: a\r\n\r\n", body].concat();
    Http2Request::of_rendered(&rendered, false).unwrap()
}

impl Talk {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(asked: &[(u16, u32)]) -> Self {
        let mut talk = Self { connection: Connection::new(2) };
        talk.hear(&[settings(asked)]);
        talk.said();
        talk
    }

    fn ask(&mut self, question: Question, body: &[u8]) -> SharedExchange {
        let exchange = Rc::new(RefCell::new(Exchange::new()));
        self.connection.begin(&exchange, question, &request(body));
        exchange
    }

    fn get(&mut self) -> SharedExchange {
        self.ask(GET, b"")
    }

    fn hear(&mut self, frames: &[Vec<u8>]) {
        self.try_hear(frames).unwrap();
    }

    fn try_hear(&mut self, frames: &[Vec<u8>]) -> Result<(), Breach> {
        let bytes = frames.concat();
        assert_eq!(self.connection.take_in(&bytes)?, bytes.len());
        Ok(())
    }

    /// All frames that are ready to be sent, without the preface.
    fn said(&mut self) -> Vec<Sent> {
        let mut frames = Vec::new();
        self.connection.pump();
        while !self.connection.unsent().is_empty() {
            let unsent = self.connection.unsent();
            let (mut at, length) =
                (if unsent.starts_with(b"PRI ") { PREFACE_BYTES } else { 0 }, unsent.len());
            while let Some(header) = FrameHeader::read(&unsent[at..]) {
                let start = at + FRAME_HEADER_BYTES;
                at = start + header.length;
                frames.push((header.kind, header.flags, header.stream.0, unsent[start..at].to_vec()));
            }
            assert_eq!(at, length, "only whole frames are queued");
            self.connection.wrote(length);
            self.connection.pump();
        }
        frames
    }

    /// Looks at the news of an exchange, as its worker does.
    fn look(&mut self, exchange: &SharedExchange) -> Heard {
        let mut heard = Heard::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut looking = exchange.borrow_mut();
        while let Poll::Ready(news) = looking.poll_news(&mut context) {
            heard.is_sent |= news.is_sent;
            heard.status = heard.status.or(news.head.as_ref().map(|head| head.status));
            heard.body.extend_from_slice(&news.body);
            heard.end = heard.end.or(news.end.take());
            if let Some((stream, more)) = looking.looked() {
                self.connection.open_window(stream, more);
            }
        }
        heard
    }
}

impl Heard {
    fn is_whole(&self) -> bool {
        matches!(self.end, Some(Ok(())))
    }

    fn breach(&self) -> Option<Breach> {
        match self.end {
            Some(Err(Loss::Breach(breach))) => Some(breach),
            _ => None,
        }
    }
}

fn kinds(frames: &[Sent]) -> Vec<(Kind, u32)> {
    frames.iter().map(|(kind, _, stream, _)| (*kind, *stream)).collect()
}
