//! Whatever speaks HTTP/2 may be broken: a run then ends soon, says how, takes no memory for it, and never passes.

use fleetmark_tests::bad_http2::Misdeed;
use fleetmark_tests::bad_server::{BadServer, Manner};
use fleetmark_tests::broken_run::{check_all_failed, run_bounded};

/// Long enough for any server that means to answer.
const TIMEOUT: &str = "version = \"2\"\ntimeout = \"400ms\"";

/// Two workers send twenty requests to a server that misbehaves; all of them fail so.
fn check(manner: Manner, more: &str, kind: &str, words: &str) {
    let server = BadServer::start(manner);
    let (said, report) = run_bounded(&server.url(), &format!("{TIMEOUT}\n{more}"));
    let messages = check_all_failed(&said, &report, kind);
    assert!(messages.contains(words), "{manner:?}: {words:?} is expected: {messages}");
}

fn check_http2(misdeed: Misdeed, kind: &str, words: &str) {
    check(Manner::Http2(misdeed), "", kind, words);
}

#[test]
fn a_server_that_goes_away_within_an_answer_is_a_closed_error() {
    check_http2(Misdeed::GoesAway, "closed", "it takes no more requests, NO_ERROR");
}

#[test]
fn a_server_that_resets_a_stream_is_a_closed_error() {
    check_http2(Misdeed::Resets, "closed", "stream reset, INTERNAL_ERROR");
}

#[test]
fn a_connection_that_ends_within_an_answer_is_a_closed_error() {
    check_http2(Misdeed::ClosesWithin, "closed", "while reading the answer's body");
    check(Manner::ClosesAtOnce, "", "closed", "the connection ended");
}

#[test]
fn a_head_without_end_is_a_protocol_error() {
    check_http2(Misdeed::NeverEndsItsHead, "protocol", "a header block without end");
    check_http2(Misdeed::NeverEndsItsHeadInEmptyFrames, "protocol", "a header block without end: 1 bytes");
}

#[test]
fn a_window_that_never_opens_is_a_timeout() {
    let body = "method = \"POST\"\nbody = \"much\"";
    check(Manner::Http2(Misdeed::NeverOpensItsWindow), body, "timeout", "still sending the request");
}

#[test]
fn a_frame_that_is_too_long_is_a_protocol_error() {
    check_http2(Misdeed::SendsTooLongFrame, "protocol", "a frame of 16385 bytes");
}

#[test]
fn a_head_that_inflates_is_a_protocol_error() {
    check_http2(Misdeed::SendsInflatingHead, "protocol", "a head of more than 16384 bytes");
}

#[test]
fn a_head_that_cannot_be_read_is_a_protocol_error() {
    check_http2(Misdeed::SendsBrokenHead, "protocol", "which no table has");
}

#[test]
fn a_body_on_a_stream_that_nobody_opened_is_a_protocol_error() {
    check_http2(Misdeed::AnswersAnotherStream, "protocol", "a DATA frame on stream 77777");
}

#[test]
fn a_server_that_does_not_begin_with_settings_is_a_protocol_error() {
    check_http2(Misdeed::AnswersWithoutSettings, "protocol", "does not begin with settings");
    check(Manner::SaysSomethingElse, "", "protocol", "\"HTTP/1.1 \"");
    check(Manner::GreetsInPlainText, "", "protocol", "\"220 ready");
}

#[test]
fn a_server_that_falls_silent_is_a_timeout() {
    check_http2(Misdeed::SaysNothing, "timeout", "still waiting for the first byte");
    check_http2(Misdeed::SendsHalfFrame, "timeout", "still waiting for the first byte");
}

#[test]
fn a_body_without_end_is_a_timeout_and_is_never_kept() {
    check_http2(Misdeed::NeverEndsItsBody, "timeout", "still reading the answer's body");
}

#[test]
fn a_flood_of_frames_that_bring_nothing_is_a_protocol_error() {
    check_http2(Misdeed::FloodsWithPings, "protocol", "frames in a row that bring no answer");
    check_http2(Misdeed::FloodsWithSettings, "protocol", "frames in a row that bring no answer");
    check_http2(Misdeed::FloodsWithEmptyPieces, "protocol", "frames in a row that bring no answer");
}
