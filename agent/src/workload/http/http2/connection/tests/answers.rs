//! What answers mean.

use super::*;
use crate::workload::http::http2::flow::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};
use crate::workload::http::http2::frame::{FRAME_BYTES_MAX, PADDED};
use crate::workload::http::http2::reason::Reason;

#[test]
fn every_form_of_answer_is_read_to_its_end() {
    const PRIORITY: u8 = 0x20;
    let trailers = frame(Kind::HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x01a\x01b");
    for (name, frames) in [
        ("in two frames", vec![head(1), data(1, b"hello", END_STREAM)]),
        ("in pieces", vec![head(1), data(1, b"he", 0), data(1, b"llo", 0), data(1, b"", END_STREAM)]),
        ("padded", vec![head(1), data(1, b"\x02helloPP", PADDED | END_STREAM)]),
        (
            "a head in pieces",
            vec![
                frame(Kind::HEADERS, 0, 1, b""),
                frame(Kind::CONTINUATION, 0, 1, b"\x88\x00\x01"),
                frame(Kind::CONTINUATION, END_HEADERS, 1, b"a\x01b"),
                data(1, b"hello", END_STREAM),
            ],
        ),
        (
            "padding and priority",
            vec![
                frame(Kind::HEADERS, END_HEADERS | PADDED | PRIORITY, 1, b"\x01\x00\x00\x00\x00\x10\x88P"),
                data(1, b"hello", END_STREAM),
            ],
        ),
        ("trailers", vec![head(1), data(1, b"hello", 0), trailers]),
        (
            "interim answers",
            vec![
                frame(Kind::HEADERS, END_HEADERS, 1, b"\x08\x03103"),
                frame(Kind::HEADERS, END_HEADERS, 1, b"\x08\x03100"),
                head(1),
                data(1, b"hello", END_STREAM),
            ],
        ),
        (
            "others in between",
            vec![
                head(1),
                frame(Kind(2), 0, 1, b"\x00\x00\x00\x03\x10"),
                frame(Kind(0xbe), 0xff, 77, b"unknown"),
                frame(Kind::PING, 0, 0, b"12345678"),
                data(1, b"hello", END_STREAM),
            ],
        ),
    ] {
        let mut talk = Talk::new();
        let exchange = talk.get();
        talk.hear(&frames);
        let heard = talk.look(&exchange);
        assert!(heard.is_whole(), "{name}: {:?}", heard.end);
        assert_eq!((heard.status, &heard.body[..]), (Some(200), &b"hello"[..]), "{name}");
        assert!(talk.connection.streams.is_empty());
    }
}

#[test]
fn answers_without_a_body_may_tell_its_length() {
    const LENGTH: &[u8] = b"\x0f\x0d\x015";
    for (question, status) in [
        (Question { is_head: true, ..GET }, OK),
        (GET, b"\x8b"), // 304
        (GET, b"\x89"), // 204
    ] {
        let mut talk = Talk::new();
        let exchange = talk.ask(question, b"");
        talk.hear(&[frame(Kind::HEADERS, END_HEADERS | END_STREAM, 1, &[status, LENGTH].concat())]);
        let heard = talk.look(&exchange);
        assert!(heard.is_whole(), "{status:x?}: {:?}", heard.end);
    }
}

#[test]
fn an_answer_that_comes_byte_by_byte_is_the_same() {
    let bytes = [head(1), data(1, b"hello", END_STREAM)].concat();
    let mut talk = Talk::new();
    let exchange = talk.get();
    let mut rest = Vec::new();
    for byte in bytes {
        rest.push(byte);
        let taken = talk.connection.take_in(&rest).unwrap();
        rest.drain(..taken);
    }
    let heard = talk.look(&exchange);
    assert!(heard.is_whole() && heard.body == b"hello");
}

#[test]
fn answers_of_many_streams_are_told_apart() {
    let mut talk = Talk::new();
    let exchanges = [talk.get(), talk.get(), talk.get()];
    talk.hear(&[head(5), head(1), data(1, b"one", 0), head(3), data(5, b"three", END_STREAM)]);
    talk.hear(&[data(3, b"two", END_STREAM), data(1, b"", END_STREAM)]);
    for (exchange, body) in exchanges.iter().zip(["one", "two", "three"]) {
        let heard = talk.look(exchange);
        assert!(heard.is_whole() && heard.body == body.as_bytes(), "{body}: {heard:?}");
    }
}

#[test]
fn what_nobody_looks_into_is_counted_and_not_kept() {
    let mut talk = Talk::new();
    let exchange = talk.ask(Question { kept_bytes_max: 5, ..GET }, b"");
    talk.hear(&[head(1), data(1, b"abc", 0), data(1, b"defgh", 0)]);
    let mut looking = exchange.borrow_mut();
    let Poll::Ready(news) = looking.poll_news(&mut Context::from_waker(Waker::noop())) else {
        panic!("no news")
    };
    assert_eq!((&news.body[..], news.body_bytes), (&b"abcde"[..], 8));
}

#[test]
fn windows_are_opened_in_few_frames() {
    const BYTES: u32 = 3 * CONNECTION_WINDOW_BYTES;
    let piece = vec![b'x'; FRAME_BYTES_MAX];
    let mut talk = Talk::new();
    let exchange = talk.ask(Question { kept_bytes_max: 0, ..GET }, b"");
    talk.said();
    talk.hear(&[head(1)]);
    let mut opened = [0, 0];
    for _ in 0..BYTES / piece.len() as u32 {
        talk.hear(&[data(1, &piece, 0)]);
        talk.look(&exchange);
        for (_, _, stream, payload) in talk.said() {
            assert_eq!(payload.len(), 4);
            opened[stream as usize] += 1;
        }
    }
    assert_eq!(opened, [BYTES * 2 / CONNECTION_WINDOW_BYTES, BYTES * 2 / STREAM_WINDOW_BYTES]);
}

#[test]
fn a_server_that_goes_away_ends_what_it_will_not_act_on() {
    let mut talk = Talk::with(&[(3, 2)]);
    let exchanges = [talk.get(), talk.get(), talk.get()];
    talk.hear(&[frame(Kind::GOAWAY, 0, 0, b"\x00\x00\x00\x01\x00\x00\x00\x00and a reason")]);
    assert!(!talk.connection.takes_requests(u64::MAX));
    for lost in &exchanges[1..] {
        assert!(matches!(talk.look(lost).end, Some(Err(Loss::WentAway(Reason::NO_ERROR)))));
    }
    talk.hear(&[whole(1)]);
    assert!(talk.look(&exchanges[0]).is_whole() && talk.connection.is_done());
}

#[test]
fn a_reset_ends_one_stream() {
    let mut talk = Talk::new();
    let (first, second) = (talk.get(), talk.get());
    talk.hear(&[head(1), frame(Kind::RST_STREAM, 0, 1, &7_u32.to_be_bytes()), whole(3)]);
    assert!(matches!(talk.look(&first).end, Some(Err(Loss::Reset(Reason::REFUSED_STREAM)))));
    assert!(talk.look(&second).is_whole());
}

#[test]
fn a_lost_connection_takes_all_along() {
    let mut talk = Talk::with(&[(3, 1)]);
    let exchanges = [talk.get(), talk.get()];
    talk.connection.end(&Loss::ended(std::io::ErrorKind::ConnectionReset.into()));
    assert!(exchanges.iter().all(|exchange| matches!(talk.look(exchange).end, Some(Err(Loss::Ended(_))))));
    assert!(!talk.connection.takes_requests(u64::MAX));
}
