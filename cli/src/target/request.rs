//! Requests taken off a byte stream: a state machine that knows no socket, so that any cut of the stream
//! into pieces gives the same requests.
//!
//! Rooms: [`head`] (the request line and headers), [`body`] (bodies, which are read and thrown away).

mod body;
mod head;

use body::Body;
use head::{Head, HeadProgress};

pub(super) use head::HEAD_BYTES_MAX;

/// All that an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// What its path names.
    pub(super) page: Page,
    /// Whether its method is HEAD, whose answers have no body.
    pub(super) is_head: bool,
    /// What becomes of the connection.
    pub(super) persistence: Persistence,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// `/health`: whether the server is there.
    Health,
    /// `/count`: how many requests there were for anything else.
    Count,
    /// Every other path.
    Work,
}

/// What becomes of a connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Persistence {
    /// It stays open, as HTTP/1.1 takes for granted.
    Implied,
    /// It stays open, and an HTTP/1.0 client must be told so.
    Announced,
    /// It is closed.
    Close,
}

/// What was found in the bytes read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A client that sends its body only once it is told to.
    AwaitsContinue,
    /// A request, read to its last byte.
    Request(Request),
}

/// Why a stream of bytes is given up: it is answered with a status, and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not HTTP, or contradicting itself.
    Malformed,
    /// A head above the bounds of [`head`].
    HeadTooLarge,
    /// A body above [`body::BODY_BYTES_MAX`].
    BodyTooLarge,
    /// HTTP, but neither 1.0 nor 1.1.
    Version,
}

/// Reads requests one after another.
///
/// ```text
///          ┌───────── no body: Found::Request ─────────┐
///          ▼                                           │
///  ──▶  Head ── complete, with a body ──▶  Body  ──────┤
///          ▲    (Found::AwaitsContinue     │           │
///          │     if the client waits)      │  any refusal ends it all
///          └── last byte: Found::Request ──┘
/// ```
#[derive(Debug, Default)]
pub(super) struct RequestReader {
    state: State,
    /// The beginning of a head whose end has not come yet; at most [`HEAD_BYTES_MAX`] bytes. Most heads
    /// come in one piece and are parsed where they lie.
    unfinished_head: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Body {
        request: Request,
        body: Body,
    },
}

impl RequestReader {
    /// Takes bytes from the front of `input` until something is found or nothing is left. `None`: all of
    /// `input` was taken and more is needed.
    ///
    /// # Errors
    /// When the stream must be given up. The reader must not be used any more then.
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Found>, Refusal> {
        match &mut self.state {
            State::Head => {
                let Some(head) = self.take_head(input)? else {
                    return Ok(None);
                };
                let Some(body) = head.body else {
                    return Ok(Some(Found::Request(head.request)));
                };
                self.state = State::Body { request: head.request, body };
                if head.awaits_continue {
                    return Ok(Some(Found::AwaitsContinue));
                }
                self.advance(input)
            }
            State::Body { request, body } => {
                if !body.advance(input)? {
                    return Ok(None);
                }
                let request = *request;
                self.state = State::Head;
                Ok(Some(Found::Request(request)))
            }
        }
    }

    /// Whether a request has begun and not ended.
    pub(super) fn is_inside_request(&self) -> bool {
        !self.unfinished_head.is_empty() || matches!(self.state, State::Body { .. })
    }

    fn take_head(&mut self, input: &mut &[u8]) -> Result<Option<Head>, Refusal> {
        if input.is_empty() {
            return Ok(None);
        }
        let held = self.unfinished_head.len();
        let piece = &input[..input.len().min(HEAD_BYTES_MAX - held)];
        if held == 0 {
            match head::parse(piece)? {
                HeadProgress::Complete(head, length) => {
                    *input = &input[length..];
                    return Ok(Some(head));
                }
                HeadProgress::Partial => self.unfinished_head.extend_from_slice(piece),
            }
        } else {
            self.unfinished_head.extend_from_slice(piece);
            // A head ends in a line feed: without one there is no use in parsing all of it again.
            if piece.contains(&b'\n')
                && let HeadProgress::Complete(head, length) = head::parse(&self.unfinished_head)?
            {
                *input = &input[length - held..];
                self.unfinished_head.clear();
                return Ok(Some(head));
            }
        }
        if self.unfinished_head.len() == HEAD_BYTES_MAX {
            return Err(Refusal::HeadTooLarge);
        }
        *input = &[];
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a stream gives when it comes in pieces of these lengths (taken in turn).
    fn found_in(stream: &[u8], piece_lengths: &[usize]) -> (Vec<Found>, Option<Refusal>) {
        let (mut reader, mut found) = (RequestReader::default(), Vec::new());
        let mut lengths = piece_lengths.iter().cycle();
        let mut rest = stream;
        while !rest.is_empty() {
            let length = rest.len().min(*lengths.next().unwrap());
            let (mut piece, later) = rest.split_at(length);
            rest = later;
            loop {
                match reader.advance(&mut piece) {
                    Ok(Some(event)) => found.push(event),
                    Ok(None) => break,
                    Err(refusal) => return (found, Some(refusal)),
                }
            }
            assert!(piece.is_empty(), "a reader that found nothing more has taken all");
        }
        (found, None)
    }

    const PLAIN: Request = Request { page: Page::Work, is_head: false, persistence: Persistence::Implied };

    const MIXED_STREAM: &[u8] = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n\
        POST /b HTTP/1.1\r\ncontent-length: 11\r\nexpect: 100-continue\r\n\r\nhello world\
        PUT /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nt: u\r\n\r\n\
        \r\nHEAD /health?x=1 HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n\
        GET http://h/health HTTP/1.1\r\nconnection: te, close\r\n\r\n";

    #[test]
    fn a_stream_of_mixed_requests_is_read_in_order() {
        let (found, refusal) = found_in(MIXED_STREAM, &[MIXED_STREAM.len()]);
        let health =
            |is_head, persistence| Found::Request(Request { page: Page::Health, is_head, persistence });
        assert_eq!(refusal, None);
        assert_eq!(
            found,
            [
                Found::Request(PLAIN),
                Found::AwaitsContinue,
                Found::Request(PLAIN),
                Found::Request(PLAIN),
                health(true, Persistence::Announced),
                health(false, Persistence::Close),
            ]
        );
    }

    #[test]
    fn a_head_that_never_ends_is_refused_at_its_bound() {
        let mut stream = b"GET / HTTP/1.1\r\nx: ".to_vec();
        stream.resize(HEAD_BYTES_MAX + 1, b'x');
        for length in [1, 1_000, stream.len()] {
            assert_eq!(found_in(&stream, &[length]), (Vec::new(), Some(Refusal::HeadTooLarge)));
        }
    }

    #[test]
    fn a_request_has_begun_with_its_first_byte_and_ended_with_its_last() {
        let mut reader = RequestReader::default();
        for (mut piece, is_inside) in
            [(&b"POST / HTTP/1.1\r\ncontent-length: 1\r\n"[..], true), (b"\r\n", true), (b"x", false)]
        {
            reader.advance(&mut piece).unwrap();
            assert_eq!(reader.is_inside_request(), is_inside);
        }
    }

    proptest! {
        #[test]
        fn any_cut_of_a_stream_gives_the_same_requests(
            lengths in proptest::collection::vec(1_usize..60, 1..20),
        ) {
            prop_assert_eq!(found_in(MIXED_STREAM, &lengths), found_in(MIXED_STREAM, &[usize::MAX]));
        }

        #[test]
        fn hostile_bytes_are_refused_or_awaited_and_cuts_make_no_difference(
            position in 0..MIXED_STREAM.len(),
            bytes in proptest::collection::vec(any::<u8>(), 1..4),
            lengths in proptest::collection::vec(1_usize..60, 1..20),
        ) {
            let mut stream = MIXED_STREAM.to_vec();
            stream.splice(position..position, bytes);
            prop_assert_eq!(found_in(&stream, &lengths), found_in(&stream, &[usize::MAX]));
        }
    }
}
