//! What goes out, and when.

use super::*;
use crate::workload::http::http2::flow::WINDOW_BYTES_DEFAULT;
use crate::workload::http::http2::frame::FRAME_BYTES_MAX;
use crate::workload::http::http2::hpack::encoder::TABLE_UNUSED;
use crate::workload::http::http2::reason::Reason;

/// How much of a body was sent, and whether its end was.
fn body_of(frames: &[Sent], stream: u32) -> (usize, bool) {
    let mut pieces = frames.iter().filter(|(kind, _, of, _)| (*kind, *of) == (Kind::DATA, stream));
    assert!(pieces.clone().all(|(_, _, _, piece)| piece.len() <= FRAME_BYTES_MAX));
    let bytes = pieces.clone().map(|(_, _, _, piece)| piece.len()).sum();
    (bytes, pieces.next_back().is_some_and(|(_, flags, ..)| flags & END_STREAM != 0))
}

#[test]
fn requests_of_one_turn_wait_for_one_write() {
    let mut talk = Talk { connection: Connection::new(1) };
    let exchanges = [talk.get(), talk.get(), talk.ask(GET, b"body")];
    let frames = talk.said();
    assert_eq!(
        kinds(&frames),
        [
            (Kind::SETTINGS, 0),
            (Kind::WINDOW_UPDATE, 0),
            (Kind::HEADERS, 1),
            (Kind::HEADERS, 3),
            (Kind::HEADERS, 5),
            (Kind::DATA, 5)
        ]
    );
    assert_eq!((frames[2].1, frames[4].1), (END_HEADERS | END_STREAM, END_HEADERS));
    assert_eq!((frames[5].1, &frames[5].3[..]), (END_STREAM, &b"body"[..]));
    assert!(exchanges.iter().all(|exchange| talk.look(exchange).is_sent));
}

#[test]
fn streams_wait_while_the_server_takes_no_more() {
    let mut talk = Talk::with(&[(3, 1)]);
    let (first, second, third) = (talk.get(), talk.get(), talk.ask(GET, b"b"));
    assert_eq!(kinds(&talk.said()), [(Kind::HEADERS, 1)]);
    assert!(!talk.look(&second).is_sent);
    talk.connection.abandon(&second);
    talk.hear(&[whole(1)]);
    assert!(talk.look(&first).is_whole());
    assert_eq!(kinds(&talk.said()), [(Kind::HEADERS, 3), (Kind::DATA, 3)], "the second was never sent");
    assert!(talk.look(&third).is_sent);
    talk.hear(&[settings(&[(3, 0)])]);
    talk.get();
    talk.hear(&[whole(3)]);
    assert_eq!(kinds(&talk.said()), [(Kind::SETTINGS, 0)]);
    talk.hear(&[settings(&[(3, 5)])]);
    assert_eq!(kinds(&talk.said()), [(Kind::SETTINGS, 0), (Kind::HEADERS, 5)]);
}

#[test]
fn a_body_goes_as_far_as_its_windows() {
    const LENGTH: usize = 200_000;
    let mut talk = Talk::with(&[(4, 20_000)]);
    let exchange = talk.ask(GET, &vec![b'x'; LENGTH]);
    assert_eq!(body_of(&talk.said(), 1), (20_000, false), "the window of the stream");
    talk.hear(&[more(1, 100_000)]);
    let rest = WINDOW_BYTES_DEFAULT as usize - 20_000;
    assert_eq!(body_of(&talk.said(), 1), (rest, false), "the window of the connection");
    talk.hear(&[more(0, 1_000_000)]);
    assert_eq!(body_of(&talk.said(), 1), (120_000 - 20_000 - rest, false));
    assert!(!talk.look(&exchange).is_sent);
    // RFC 9113, 6.9.2: the new window holds for the open stream as well.
    talk.hear(&[settings(&[(4, 20_001)])]);
    assert_eq!(body_of(&talk.said(), 1), (1, false));
    talk.hear(&[settings(&[(4, 1_000)]), more(1, 20_000)]);
    assert_eq!(body_of(&talk.said(), 1), (999, false));
    talk.hear(&[settings(&[(4, 1_000_000)])]);
    assert_eq!(body_of(&talk.said(), 1), (LENGTH - 121_000, true));
    assert!(talk.look(&exchange).is_sent);
}

#[test]
fn bodies_share_the_connections_window() {
    let mut talk = Talk::with(&[(4, 1_000_000)]);
    talk.hear(&[more(0, 1_000_000)]);
    talk.ask(GET, &vec![b'x'; 100_000]);
    talk.ask(GET, &vec![b'y'; 100_000]);
    let frames = talk.said();
    assert_eq!((body_of(&frames, 1), body_of(&frames, 3)), ((100_000, true), (100_000, true)));
    let order: Vec<u32> =
        kinds(&frames).iter().filter(|(kind, _)| *kind == Kind::DATA).map(|(_, of)| *of).collect();
    assert_eq!(order[2..6], [1, 3, 1, 3], "they take turns");
}

#[test]
fn a_request_that_is_given_up_is_cancelled() {
    let mut talk = Talk::new();
    let exchange = talk.get();
    talk.said();
    talk.connection.abandon(&exchange);
    let cancel = Reason::CANCEL.0.to_be_bytes().to_vec();
    assert_eq!(talk.said(), [(Kind::RST_STREAM, 0, 1, cancel)]);
    // What was under way is passed over.
    talk.hear(&[head(1), data(1, b"late", END_STREAM)]);
    assert!(talk.look(&exchange).end.is_none());
}

#[test]
fn a_server_that_reads_slowly_makes_nothing_pile_up() {
    const LENGTH: usize = 1_000_000;
    const TAKEN_AT_ONCE: usize = 1_000;
    let mut talk = Talk::with(&[(4, 2_000_000)]);
    talk.hear(&[more(0, 2_000_000)]);
    talk.said();
    let exchange = talk.ask(GET, &vec![b'x'; LENGTH]);
    let mut taken = 0;
    while !talk.connection.unsent().is_empty() {
        let bytes = talk.connection.unsent().len().min(TAKEN_AT_ONCE);
        talk.connection.wrote(bytes);
        taken += bytes;
        talk.connection.pump();
        assert!(talk.connection.out.len() < 100_000, "written and unsent together");
    }
    assert!(taken > LENGTH && talk.look(&exchange).is_sent);
}

#[test]
fn bodies_that_are_given_up_leave_nothing_behind() {
    let mut talk = Talk::with(&[(4, 1_000_000)]);
    for _ in 0..20 {
        let exchange = talk.ask(GET, &[b'x'; 100_000]);
        talk.said();
        talk.connection.abandon(&exchange);
    }
    assert!(talk.connection.uploads.is_empty() && talk.connection.streams.is_empty());
}

#[test]
fn an_answer_before_the_end_of_the_body_ends_the_stream() {
    let mut talk = Talk::with(&[(4, 1)]);
    let exchange = talk.ask(GET, b"long");
    talk.said();
    talk.hear(&[whole(1)]);
    assert!(talk.look(&exchange).is_whole());
    assert_eq!(kinds(&talk.said()), [(Kind::RST_STREAM, 1)]);
}

#[test]
fn a_server_that_shrinks_its_table_is_told_that_we_use_none() {
    let mut talk = Talk::with(&[(1, 0)]);
    talk.get();
    talk.get();
    let frames = talk.said();
    assert_eq!(frames[0].3, [&[TABLE_UNUSED], &frames[1].3[..]].concat());
}

#[test]
fn pings_are_answered_and_settings_acknowledged() {
    let mut talk = Talk::new();
    talk.hear(&[frame(Kind::PING, 0, 0, b"12345678"), frame(Kind::PING, 1, 0, b"12345678"), settings(&[])]);
    assert_eq!(talk.said(), [(Kind::PING, 1, 0, b"12345678".to_vec()), (Kind::SETTINGS, 1, 0, Vec::new())]);
}

#[test]
fn after_the_last_stream_a_connection_takes_no_more() {
    let mut talk = Talk::with(&[(3, 1)]);
    talk.connection.next_stream = StreamId::LAST;
    let (last, beyond) = (talk.get(), talk.get());
    assert!(!talk.connection.takes_requests(u64::MAX));
    assert_eq!(kinds(&talk.said()), [(Kind::HEADERS, StreamId::LAST.0)]);
    talk.hear(&[whole(StreamId::LAST.0)]);
    talk.said();
    assert!(talk.look(&last).is_whole());
    assert!(matches!(talk.look(&beyond).end, Some(Err(Loss::WentAway(Reason::NO_ERROR)))));
    assert!(talk.connection.is_done());
}

#[test]
fn a_closed_connection_waits_for_its_streams() {
    let mut talk = Talk::new();
    let exchange = talk.get();
    talk.connection.close();
    assert!(!talk.connection.takes_requests(u64::MAX) && !talk.connection.is_done());
    talk.hear(&[whole(1)]);
    assert!(talk.look(&exchange).is_whole() && talk.connection.is_done());
    talk.said();
    talk.connection.say_goodbye();
    assert_eq!(talk.said(), [(Kind::GOAWAY, 0, 0, vec![0; 8])]);
}
