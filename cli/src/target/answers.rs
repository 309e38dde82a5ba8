//! The answers there are, as bytes made once (all but a count), so that answering allocates nothing.

use super::options::BodySize;
use super::request::{Persistence, Refusal};
use super::tally::{COUNT_BYTES, CountText};

/// An answer, told by what it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// Which one.
    pub(super) kind: AnswerKind,
    /// Whether its body is left out, as for HEAD requests.
    pub(super) is_head_only: bool,
    /// What becomes of the connection after it.
    pub(super) persistence: Persistence,
}

/// Which answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// 100, to a client that waits before it sends its body. The request's own answer follows later.
    Continue,
    /// 200 to `/health`.
    Healthy,
    /// 200 to `/count`, and what it says.
    Counted(CountText),
    /// 200.
    Success,
    /// 500, with the same body as a success so that both cost the same.
    Failure,
    /// A 4xx or 505, after which the connection is closed.
    Refused(Refusal),
}

/// The bytes of all answers.
#[derive(Debug)]
pub(super) struct AnswerBytes {
    healthy: Heads,
    counted: Heads,
    success: Heads,
    failure: Heads,
    body: Box<[u8]>,
}

const SMALL_BODY: &[u8] = b"ok";
/// What longer bodies consist of.
const FILLER: u8 = b'x';

/// Heads of one status and body length, one for each way to go on with the connection.
#[derive(Debug)]
struct Heads {
    implied: Box<[u8]>,
    announced: Box<[u8]>,
    close: Box<[u8]>,
}

impl AnswerBytes {
    /// Answers with bodies of this length; `None`: with the body `ok`.
    pub(super) fn new(body: Option<BodySize>) -> Self {
        let body = body.map_or_else(|| SMALL_BODY.to_vec(), |size| vec![FILLER; size.bytes()]);
        Self {
            healthy: Heads::new("200 OK", SMALL_BODY.len()),
            counted: Heads::new("200 OK", COUNT_BYTES),
            success: Heads::new("200 OK", body.len()),
            failure: Heads::new("500 Internal Server Error", body.len()),
            body: body.into_boxed_slice(),
        }
    }

    /// Head and body of an answer; either may be empty.
    pub(super) fn parts<'a>(&'a self, answer: &'a Answer) -> [&'a [u8]; 2] {
        let (heads, body) = match &answer.kind {
            AnswerKind::Continue => return [b"HTTP/1.1 100 Continue\r\n\r\n", b""],
            AnswerKind::Refused(refusal) => return [refusal_bytes(*refusal), b""],
            AnswerKind::Healthy => (&self.healthy, SMALL_BODY),
            AnswerKind::Counted(text) => (&self.counted, text.as_bytes()),
            AnswerKind::Success => (&self.success, &*self.body),
            AnswerKind::Failure => (&self.failure, &*self.body),
        };
        let head = match answer.persistence {
            Persistence::Implied => &heads.implied,
            Persistence::Announced => &heads.announced,
            Persistence::Close => &heads.close,
        };
        [head, if answer.is_head_only { b"" } else { body }]
    }
}

impl Heads {
    fn new(status: &str, length: usize) -> Self {
        let head = |connection: &str| {
            let text = format!(
                "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n{connection}\r\n"
            );
            text.into_bytes().into_boxed_slice()
        };
        Self {
            implied: head(""),
            announced: head("connection: keep-alive\r\n"),
            close: head("connection: close\r\n"),
        }
    }
}

fn refusal_bytes(refusal: Refusal) -> &'static [u8] {
    match refusal {
        Refusal::Malformed => b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        Refusal::HeadTooLarge => {
            b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
        Refusal::BodyTooLarge => {
            b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
        Refusal::Version => {
            b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(
        bytes: &AnswerBytes,
        kind: AnswerKind,
        is_head_only: bool,
        persistence: Persistence,
    ) -> String {
        let answer = Answer { kind, is_head_only, persistence };
        String::from_utf8(bytes.parts(&answer).concat()).unwrap()
    }

    #[test]
    fn answers_say_their_status_length_and_connection() {
        let bytes = AnswerBytes::new(Some("5".parse().unwrap()));
        assert_eq!(
            text_of(&bytes, AnswerKind::Success, false, Persistence::Implied),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nxxxxx"
        );
        assert_eq!(
            text_of(&bytes, AnswerKind::Failure, true, Persistence::Close),
            "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\
             connection: close\r\n\r\n"
        );
        assert_eq!(
            text_of(&bytes, AnswerKind::Healthy, false, Persistence::Announced),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\
             connection: keep-alive\r\n\r\nok"
        );
    }

    #[test]
    fn refusals_announce_that_the_connection_closes() {
        let bytes = AnswerBytes::new(None);
        for (refusal, status) in [
            (Refusal::Malformed, "400"),
            (Refusal::HeadTooLarge, "431"),
            (Refusal::BodyTooLarge, "413"),
            (Refusal::Version, "505"),
        ] {
            let text = text_of(&bytes, AnswerKind::Refused(refusal), false, Persistence::Close);
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")) && text.contains("connection: close"));
        }
    }
}
