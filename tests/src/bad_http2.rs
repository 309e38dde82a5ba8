//! What servers do wrong over HTTP/2, each in one way, frame by frame (RFC 9113).

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// What every client begins with.
const PREFACE_BYTES: usize = 24;
/// Longest payload that a client must take.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// `:status: 200`.
const OK: &[u8] = b"\x88";

/// What a server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// Begins an answer, and then says that it never looked at the request.
    GoesAway,
    /// Begins an answer, and then gives it up.
    Resets,
    /// Begins an answer, and then closes the connection.
    ClosesWithin,
    /// Sends a header block for ever.
    NeverEndsItsHead,
    /// Sends a header block for ever, in frames with nothing in them.
    NeverEndsItsHeadInEmptyFrames,
    /// Lets no byte of a request's body come.
    NeverOpensItsWindow,
    /// Sends a frame of more than everybody must take.
    SendsTooLongFrame,
    /// Sends a header block of 16 KiB that means 64 MiB.
    SendsInflatingHead,
    /// Sends a header block that refers to nothing.
    SendsBrokenHead,
    /// Sends a body on a stream that nobody opened.
    AnswersAnotherStream,
    /// Answers without having said its settings.
    AnswersWithoutSettings,
    /// Takes the connection, and says nothing at all.
    SaysNothing,
    /// Sends half of a frame, and no more.
    SendsHalfFrame,
    /// Sends a body for ever.
    NeverEndsItsBody,
    /// Asks whether the client is there, again and again.
    FloodsWithPings,
    /// Says its settings, again and again.
    FloodsWithSettings,
    /// Sends pieces of a body that hold nothing.
    FloodsWithEmptyPieces,
}

impl Misdeed {
    /// What it says before anything is asked.
    fn greeting(self) -> Vec<u8> {
        match self {
            Self::AnswersWithoutSettings | Self::SaysNothing => Vec::new(),
            // INITIAL_WINDOW_SIZE 0
            Self::NeverOpensItsWindow => frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\x00\x00"),
            _ => frame(SETTINGS, 0, 0, b""),
        }
    }

    /// What it says to the request on a stream.
    fn answer(self, stream: u32) -> Vec<u8> {
        let head = frame(HEADERS, END_HEADERS, stream, OK);
        match self {
            Self::NeverOpensItsWindow | Self::SaysNothing => Vec::new(),
            Self::GoesAway => [head, frame(GOAWAY, 0, 0, &[0; 8])].concat(),
            // INTERNAL_ERROR
            Self::Resets => [head, frame(RST_STREAM, 0, stream, &[0, 0, 0, 2])].concat(),
            Self::ClosesWithin | Self::FloodsWithEmptyPieces | Self::NeverEndsItsBody => head,
            Self::NeverEndsItsHead | Self::NeverEndsItsHeadInEmptyFrames => frame(HEADERS, 0, stream, OK),
            Self::SendsTooLongFrame => frame(DATA, 0, stream, &[0; FRAME_BYTES_MAX + 1]),
            Self::SendsInflatingHead => inflating(stream),
            Self::SendsBrokenHead => frame(HEADERS, END_HEADERS, stream, b"\xff\x00"),
            Self::AnswersAnotherStream => frame(DATA, 0, 77_777, b"x"),
            Self::AnswersWithoutSettings => head,
            Self::SendsHalfFrame => head[..head.len() / 2].to_vec(),
            Self::FloodsWithPings | Self::FloodsWithSettings => Vec::new(),
        }
    }

    /// What it says after that, again and again until the other side has enough.
    fn refrain(self, stream: u32) -> Vec<u8> {
        match self {
            Self::NeverEndsItsHead => frame(CONTINUATION, 0, stream, &[0x88; 1024]),
            Self::NeverEndsItsHeadInEmptyFrames => frame(CONTINUATION, 0, stream, b""),
            Self::NeverEndsItsBody => frame(DATA, 0, stream, &[b'x'; FRAME_BYTES_MAX]),
            Self::FloodsWithPings => frame(PING, 0, 0, b"question"),
            Self::FloodsWithSettings => frame(SETTINGS, 0, 0, b""),
            Self::FloodsWithEmptyPieces => frame(DATA, 0, stream, b""),
            _ => Vec::new(),
        }
    }
}

/// Misbehaves towards one connection until it ends.
pub(crate) fn serve(stream: &TcpStream, misdeed: Misdeed) {
    // However the client ends it, that is its right.
    let _how_it_ended = talk(stream, misdeed);
}

fn talk(mut stream: &TcpStream, misdeed: Misdeed) -> io::Result<()> {
    stream.read_exact(&mut [0; PREFACE_BYTES])?;
    stream.write_all(&misdeed.greeting())?;
    loop {
        let (kind, id) = read_frame(stream)?;
        if kind != HEADERS {
            continue;
        }
        stream.write_all(&misdeed.answer(id))?;
        let refrain = misdeed.refrain(id);
        while !refrain.is_empty() {
            stream.write_all(&refrain)?;
        }
        match misdeed {
            Misdeed::ClosesWithin => return stream.shutdown(Shutdown::Both),
            Misdeed::SendsHalfFrame => return io::copy(&mut stream, &mut io::sink()).map(drop),
            _ => {}
        }
    }
}

/// Reads a frame, and says its kind and its stream.
fn read_frame(mut stream: &TcpStream) -> io::Result<(u8, u32)> {
    let mut header = [0; 9];
    stream.read_exact(&mut header)?;
    let [l2, l1, l0, kind, _, s3, s2, s1, s0] = header;
    let length = u32::from_be_bytes([0, l2, l1, l0]);
    io::copy(&mut stream.take(length.into()), &mut io::sink())?;
    Ok((kind, u32::from_be_bytes([s3, s2, s1, s0])))
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, l2, l1, l0] = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![l2, l1, l0, kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A field of 4,000 bytes that goes into the table, and then its number, over and over.
fn inflating(stream: u32) -> Vec<u8> {
    let field = [&b"\x88\x40\x01a\x7f\xa1\x1e"[..], &[b'x'; 4000]].concat();
    let numbers = [0xbe; FRAME_BYTES_MAX];
    [frame(HEADERS, 0, stream, &field), frame(CONTINUATION, END_HEADERS, stream, &numbers)].concat()
}
