//! What no server may send, and what comes of it.

use super::*;
use crate::workload::http::http2::flow::{STREAM_WINDOW_BYTES, WINDOW_BYTES_MAX};
use crate::workload::http::http2::frame::{FRAME_BYTES_MAX, PADDED};
use crate::workload::http::http2::head::HeadError;
use crate::workload::http::http2::hpack::{HpackError, encoder};
use crate::workload::http::http2::reason::Reason;
use crate::workload::http::http2::settings::SettingsError;
use crate::workload::http::response::HEAD_BYTES_MAX;

/// What each does to a connection with the open streams 1 and 3.
#[test]
fn what_breaks_the_connection_takes_all_streams_along() {
    const PUSH: Kind = Kind::PUSH_PROMISE;
    for (name, bytes, breach, reason) in [
        (
            "a long frame",
            frame(Kind::DATA, 0, 1, &[0; FRAME_BYTES_MAX + 1]),
            Breach::FrameTooLong(FRAME_BYTES_MAX + 1),
            Reason::FRAME_SIZE_ERROR,
        ),
        (
            "data on no stream",
            data(0, b"x", 0),
            Breach::Misplaced(Kind::DATA, StreamId(0)),
            Reason::PROTOCOL_ERROR,
        ),
        (
            "an idle stream",
            data(5, b"x", 0),
            Breach::Misplaced(Kind::DATA, StreamId(5)),
            Reason::PROTOCOL_ERROR,
        ),
        (
            "a stream of its own",
            head(2),
            Breach::Misplaced(Kind::HEADERS, StreamId(2)),
            Reason::PROTOCOL_ERROR,
        ),
        ("a push", frame(PUSH, 0, 1, &[0; 8]), Breach::Misplaced(PUSH, StreamId(1)), Reason::PROTOCOL_ERROR),
        (
            "a lonely continuation",
            frame(Kind::CONTINUATION, END_HEADERS, 1, OK),
            Breach::Misplaced(Kind::CONTINUATION, StreamId(1)),
            Reason::PROTOCOL_ERROR,
        ),
        (
            "a block that is interrupted",
            [frame(Kind::HEADERS, 0, 1, OK), data(1, b"x", 0)].concat(),
            Breach::Interleaved(Kind::DATA),
            Reason::PROTOCOL_ERROR,
        ),
        (
            "a block of two streams",
            [frame(Kind::HEADERS, 0, 1, OK), frame(Kind::CONTINUATION, END_HEADERS, 3, OK)].concat(),
            Breach::Misplaced(Kind::CONTINUATION, StreamId(3)),
            Reason::PROTOCOL_ERROR,
        ),
        (
            "too much padding",
            data(1, b"\x05abc", PADDED),
            Breach::Padding(Kind::DATA),
            Reason::PROTOCOL_ERROR,
        ),
        (
            "a block that cannot be read",
            frame(Kind::HEADERS, END_HEADERS, 1, b"\xbe"),
            Breach::Compression(HpackError::Index(62)),
            Reason::COMPRESSION_ERROR,
        ),
        (
            "a short ping",
            frame(Kind::PING, 0, 0, b"1"),
            Breach::FrameLength(Kind::PING, 1),
            Reason::FRAME_SIZE_ERROR,
        ),
        (
            "a short reset",
            frame(Kind::RST_STREAM, 0, 1, b"1"),
            Breach::FrameLength(Kind::RST_STREAM, 1),
            Reason::FRAME_SIZE_ERROR,
        ),
        (
            "a short goodbye",
            frame(Kind::GOAWAY, 0, 0, b"1"),
            Breach::FrameLength(Kind::GOAWAY, 1),
            Reason::FRAME_SIZE_ERROR,
        ),
        (
            "settings that are an answer",
            frame(Kind::SETTINGS, 1, 0, &[0; 6]),
            SettingsError::Length(6).into(),
            Reason::FRAME_SIZE_ERROR,
        ),
        (
            "a window of 2^31",
            settings(&[(4, 1 << 31)]),
            SettingsError::Window(1 << 31).into(),
            Reason::FLOW_CONTROL_ERROR,
        ),
        (
            "a window opened too far",
            more(0, WINDOW_BYTES_MAX),
            Breach::WindowTooLarge,
            Reason::FLOW_CONTROL_ERROR,
        ),
        ("a window opened by nothing", more(0, 0), Breach::WindowUnchanged, Reason::PROTOCOL_ERROR),
    ] {
        let mut talk = Talk::new();
        let exchanges = [talk.get(), talk.get()];
        talk.said();
        let taken = talk.connection.take_in(&bytes);
        assert_eq!(taken, Err(breach), "{name}");
        talk.connection.condemn(breach);
        let goodbye = [0_u32.to_be_bytes(), reason.0.to_be_bytes()].concat();
        assert_eq!(talk.said().last(), Some(&(Kind::GOAWAY, 0, 0, goodbye)), "{name}");
        assert!(exchanges.iter().all(|exchange| talk.look(exchange).breach() == Some(breach)), "{name}");
        assert!(!breach.to_string().is_empty());
    }
}

#[test]
fn what_breaks_one_answer_leaves_the_others() {
    let mut long = Vec::new();
    encoder::put(b"a", &[b'x'; HEAD_BYTES_MAX - 60], &mut long);
    let length = |said: u64, came, is_whole| Breach::BodyLength { said, came, is_whole };
    for (name, frames, breach) in [
        (
            "no status",
            vec![frame(Kind::HEADERS, END_HEADERS, 1, b"\x00\x01a\x01b")],
            Breach::Head(HeadError::Status),
        ),
        (
            "a long head",
            vec![frame(Kind::HEADERS, 0, 1, OK), frame(Kind::CONTINUATION, END_HEADERS, 1, &long)],
            Breach::Head(HeadError::TooLong),
        ),
        ("a body first", vec![data(1, b"x", 0)], Breach::BodyBeforeHead),
        (
            "a short body",
            vec![frame(Kind::HEADERS, END_HEADERS, 1, b"\x88\x0f\x0d\x013"), data(1, b"ab", END_STREAM)],
            length(3, 2, true),
        ),
        (
            "a long body",
            vec![frame(Kind::HEADERS, END_HEADERS, 1, b"\x88\x0f\x0d\x013"), data(1, b"abcd", 0)],
            length(3, 4, false),
        ),
        (
            "a body of a 204",
            vec![frame(Kind::HEADERS, END_HEADERS, 1, b"\x89"), data(1, b"a", 0)],
            length(0, 1, false),
        ),
        ("trailers that go on", vec![head(1), head(1)], Breach::Head(HeadError::Pseudo)),
        (
            "trailers that do not end",
            vec![head(1), frame(Kind::HEADERS, END_HEADERS, 1, b"\x00\x01a\x01b")],
            Breach::TrailersGoOn,
        ),
        (
            "an interim end",
            vec![frame(Kind::HEADERS, END_HEADERS | END_STREAM, 1, b"\x08\x03100")],
            Breach::InterimEnds,
        ),
        (
            "endless interim answers",
            vec![frame(Kind::HEADERS, END_HEADERS, 1, b"\x08\x03100"); 9],
            Breach::TooManyInterim(8),
        ),
        ("a window opened too far", vec![more(1, WINDOW_BYTES_MAX)], Breach::WindowTooLarge),
        ("a window opened by nothing", vec![more(1, 0)], Breach::WindowUnchanged),
    ] {
        let mut talk = Talk::new();
        let (broken, other) = (talk.get(), talk.get());
        talk.said();
        talk.hear(&frames);
        assert_eq!(talk.look(&broken).breach(), Some(breach), "{name}");
        let reason = breach.reason().0.to_be_bytes().to_vec();
        assert_eq!(talk.said(), [(Kind::RST_STREAM, 0, 1, reason)], "{name}");
        talk.hear(&[whole(3)]);
        assert!(talk.look(&other).is_whole(), "{name}");
    }
}

#[test]
fn a_server_that_does_not_speak_http2_is_quoted() {
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n"[..], &head(1), &frame(Kind::SETTINGS, 1, 0, b"")] {
        let breach = Connection::new(1).take_in(bytes).unwrap_err();
        assert!(matches!(breach, Breach::Beginning(_)), "{breach}");
    }
    let breach = Connection::new(1).take_in(b"HTTP/1.1 400 Bad Request\r\n").unwrap_err();
    assert!(breach.to_string().ends_with("\"HTTP/1.1 \""), "{breach}");
}

#[test]
fn a_server_must_not_send_beyond_a_stream_window() {
    let piece = vec![b'x'; FRAME_BYTES_MAX];
    let mut talk = Talk::new();
    let exchange = talk.ask(Question { kept_bytes_max: 0, ..GET }, b"");
    talk.hear(&[head(1)]);
    for _ in 0..STREAM_WINDOW_BYTES as usize / piece.len() {
        talk.hear(&[data(1, &piece, 0)]);
    }
    talk.hear(&[data(1, b"x", 0)]);
    assert_eq!(talk.look(&exchange).breach(), Some(Breach::WindowExceeded));
}

#[test]
fn a_block_without_end_is_cut_off() {
    for piece in [&vec![0; FRAME_BYTES_MAX][..], b""] {
        let mut talk = Talk::new();
        talk.get();
        talk.hear(&[frame(Kind::HEADERS, 0, 1, OK)]);
        let goes_on = || talk.try_hear(&[frame(Kind::CONTINUATION, 0, 1, piece)]);
        let ended = std::iter::repeat_with(goes_on).take(100).find_map(Result::err);
        assert!(matches!(ended, Some(Breach::BlockTooLong { .. })), "{ended:?}");
    }
}

#[test]
fn a_block_that_inflates_costs_no_memory() {
    // An entry of 4,000 bytes, named again and again by one byte each.
    let entry = [&b"\x88\x40\x01a\x7f\xa1\x1e"[..], &[b'x'; 4000]].concat();
    let inflating = vec![0xbe; FRAME_BYTES_MAX];
    let mut talk = Talk::new();
    let (first, second) = (talk.get(), talk.get());
    talk.hear(&[frame(Kind::HEADERS, END_HEADERS | END_STREAM, 1, &entry)]);
    assert!(talk.look(&first).is_whole());
    talk.hear(&[frame(Kind::HEADERS, 0, 3, OK), frame(Kind::CONTINUATION, END_HEADERS, 3, &inflating)]);
    assert_eq!(talk.look(&second).breach(), Some(Breach::Head(HeadError::TooLong)));
}

#[test]
fn a_flood_of_frames_that_bring_nothing_ends() {
    for (name, bytes) in [
        ("pings", frame(Kind::PING, 0, 0, b"12345678")),
        ("settings", settings(&[])),
        ("empty pieces", data(1, b"", 0)),
        ("unknown frames", frame(Kind(0x77), 0, 0, b"")),
        ("frames of a stream that is over", data(3, b"", 0)),
    ] {
        let mut talk = Talk::new();
        let (_silent, over) = (talk.get(), talk.get());
        talk.hear(&[head(1), whole(3)]);
        talk.look(&over);
        let goes_on = || {
            talk.said();
            talk.connection.take_in(&bytes)
        };
        let ended = std::iter::repeat_with(goes_on).take(20_000).find_map(Result::err);
        assert!(matches!(ended, Some(Breach::Flood(_))), "{name}: {ended:?}");
    }
}

#[test]
fn a_server_that_reads_nothing_is_not_read_either() {
    let mut talk = Talk::new();
    let ping = frame(Kind::PING, 0, 0, b"12345678");
    let read = std::iter::repeat_with(|| {
        (!talk.connection.is_congested()).then(|| talk.hear(std::slice::from_ref(&ping)))
    });
    assert!(read.take(9_000).any(|heard| heard.is_none()));
    assert!(talk.connection.unsent().len() < 100_000);
}
