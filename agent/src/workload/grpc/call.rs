//! One call: the head, the messages one way, the messages and the status the other way, both at once.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Request, StatusCode};
use shared::interval::ErrorKind;
use tokio::sync::Notify;

use super::channel::Sender;
use super::code::Code;
use super::frames::FrameReader;
use crate::engine::clock::now_ns;
use crate::workload::connection::failure::Failure;
use crate::workload::http::checks::cut;

/// Most moments of one call that are kept, of messages either way: those beyond are not told one by one.
const MOMENTS_MAX: usize = 65_536;
/// How much is handed to the connection at once, so that a large message does not take more memory twice.
const CHUNK_BYTES: usize = 256 * 1024;
/// Longest explanation of a status that is told, in bytes.
const EXPLANATION_BYTES_MAX: usize = 300;

/// How a call ended, by its trailers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// Its code.
    pub(super) code: Code,
    /// The server's words; may be empty.
    pub(super) explanation: String,
}

/// What one side did while the other one looks on.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Bytes handed over for sending.
    pub(super) bytes_sent: Cell<u64>,
    /// Bytes of the answer.
    pub(super) bytes_received: Cell<u64>,
    /// Messages of the answer.
    pub(super) answers: Cell<u64>,
    /// When messages were sent, ns.
    sent_ns: RefCell<Vec<u64>>,
    /// How long the server took for messages of its answer, ns, in their order.
    pub(super) took_ns: RefCell<Vec<u64>>,
    /// When the last one came, ns.
    last_ns: Cell<u64>,
    answered: Notify,
}

/// How messages go out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// How many.
    pub(super) messages: u32,
    /// Whether each waits for the answer to the one before.
    pub(super) is_in_turn: bool,
    /// Whether the answer is a stream, whose messages are timed.
    pub(super) is_timed: bool,
}

impl Ledger {
    /// Begins anew, and keeps its memory.
    pub(super) fn begin(&self, begun_ns: u64) {
        self.bytes_sent.set(0);
        self.bytes_received.set(0);
        self.answers.set(0);
        self.sent_ns.borrow_mut().clear();
        self.took_ns.borrow_mut().clear();
        self.last_ns.set(begun_ns);
    }

    fn note_sent(&self, course: Course) {
        let mut sent = self.sent_ns.borrow_mut();
        if course.is_timed && course.messages > 1 && sent.len() < MOMENTS_MAX {
            sent.push(now_ns());
        }
    }

    /// A message came: it answers the one sent in the same place, if there is one, or follows the one before.
    fn note_answer(&self, course: Course) {
        let place = self.answers.replace(self.answers.get() + 1);
        if course.is_timed {
            let now = now_ns();
            let sent =
                usize::try_from(place).ok().and_then(|place| self.sent_ns.borrow().get(place).copied());
            let since = sent.unwrap_or_else(|| self.last_ns.get());
            self.last_ns.set(now);
            let mut took = self.took_ns.borrow_mut();
            if took.len() < MOMENTS_MAX {
                took.push(now.saturating_sub(since));
            }
        }
        self.answered.notify_one();
    }
}

/// Does one call to its end. `next` makes the message of a place; `each` sees the answer's, if `reader` keeps them.
pub(super) async fn call(
    mut sender: Sender,
    request: Request<()>,
    course: Course,
    next: impl FnMut(u32) -> Result<Bytes, Failure>,
    reader: &mut FrameReader,
    ledger: &Ledger,
    each: impl FnMut(&[u8]),
) -> Result<Status, Failure> {
    let is_empty = course.messages == 0;
    let sent = sender.send_request(request, is_empty);
    let (response, stream) = sent.map_err(|error| broken("sending the call", &error))?;
    let receiving = async {
        let response = response.await.map_err(|error| broken("before any answer", &error))?;
        receive(response, course, reader, ledger, each).await
    };
    let mut receiving = pin!(receiving);
    if is_empty {
        return receiving.await;
    }
    let mut sending = pin!(send(stream, course, next, ledger));
    let mut is_sending = true;
    loop {
        tokio::select! {
            biased;
            sent = &mut sending, if is_sending => {
                is_sending = false;
                // A stream that takes no more was ended by the server, whose answer says why.
                sent?;
            }
            status = &mut receiving => return status,
        }
    }
}

async fn send(
    mut stream: SendStream<Bytes>,
    course: Course,
    mut next: impl FnMut(u32) -> Result<Bytes, Failure>,
    ledger: &Ledger,
) -> Result<(), Failure> {
    for place in 0..course.messages {
        while course.is_in_turn && ledger.answers.get() < u64::from(place) {
            ledger.answered.notified().await;
        }
        let message = next(place)?;
        let is_last = place + 1 == course.messages;
        ledger.note_sent(course);
        ledger.bytes_sent.set(ledger.bytes_sent.get() + message.len() as u64);
        // One message alone goes at once: the connection keeps what the server does not take yet.
        let is_taken = if course.messages == 1 && message.len() <= CHUNK_BYTES {
            stream.send_data(message, true).is_ok()
        } else {
            send_all(&mut stream, message, is_last).await
        };
        if !is_taken {
            return Ok(());
        }
    }
    Ok(())
}

/// Sends as fast as the server takes it; false: it takes no more.
async fn send_all(stream: &mut SendStream<Bytes>, mut rest: Bytes, is_last: bool) -> bool {
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len().min(CHUNK_BYTES));
        let capacity = match poll_fn(|context| stream.poll_capacity(context)).await {
            Some(Ok(capacity)) => capacity.min(rest.len()),
            _ => return false,
        };
        let chunk = rest.split_to(capacity);
        if !chunk.is_empty() && stream.send_data(chunk, is_last && rest.is_empty()).is_err() {
            return false;
        }
    }
    true
}

async fn receive(
    response: http::Response<RecvStream>,
    course: Course,
    reader: &mut FrameReader,
    ledger: &Ledger,
    mut each: impl FnMut(&[u8]),
) -> Result<Status, Failure> {
    let (head, mut body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(Failure::protocol(format!(
            "the server answered with the HTTP status {}: it speaks no gRPC there",
            head.status.as_u16()
        )));
    }
    let kind = head.headers.get(CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    if !kind.starts_with(b"application/grpc") {
        return Err(Failure::protocol(format!("the answer is {}, not application/grpc", cut(kind))));
    }
    // An answer without messages may have its status at once.
    let early = status(&head.headers)?;
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| broken("within the answer", &error))?;
        let _gone_with_the_stream = body.flow_control().release_capacity(chunk.len());
        ledger.bytes_received.set(ledger.bytes_received.get() + chunk.len() as u64);
        let fed = reader.feed(&chunk, |message| {
            ledger.note_answer(course);
            each(message);
        });
        fed.map_err(|error| Failure::protocol(error.to_string()))?;
    }
    let trailers = body.trailers().await.map_err(|error| broken("within the answer's trailers", &error))?;
    let late = trailers.as_ref().map(status).transpose()?.flatten();
    let status =
        late.or(early).ok_or_else(|| Failure::protocol("the answer ended without grpc-status".to_owned()))?;
    if status.code == Code::OK {
        reader.end().map_err(|error| Failure::protocol(error.to_string()))?;
    }
    Ok(status)
}

/// The status among headers, if they have one.
fn status(headers: &HeaderMap) -> Result<Option<Status>, Failure> {
    let Some(digits) = headers.get("grpc-status") else { return Ok(None) };
    let code = Code::of_digits(digits.as_bytes())
        .ok_or_else(|| Failure::protocol(format!("grpc-status is {}, no number", cut(digits.as_bytes()))))?;
    let explanation =
        headers.get("grpc-message").map(|value| unescaped(value.as_bytes())).unwrap_or_default();
    Ok(Some(Status { code, explanation }))
}

/// The words of a status, without their percent-encoding.
pub(super) fn unescaped(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len().min(EXPLANATION_BYTES_MAX));
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        if plain.len() >= EXPLANATION_BYTES_MAX {
            plain.extend_from_slice("…".as_bytes());
            break;
        }
        let digits =
            after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &after[2..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// What the HTTP/2 library says of a call that broke.
pub(super) fn broken(when: &str, error: &h2::Error) -> Failure {
    if let Some(io) = error.get_io() {
        return Failure::ended(format_args!("the connection ended, {when}"), io);
    }
    let kind = if error.is_remote() { ErrorKind::Closed } else { ErrorKind::Protocol };
    let what = match (error.is_remote(), error.is_go_away()) {
        (true, true) => "the server closed the connection",
        (true, false) => "the server broke the call off",
        (false, _) => "the server speaks no HTTP/2 as it should",
    };
    Failure::new(kind, format!("{what}, {when}: {error}"))
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.explanation.as_str() {
            "" => write!(formatter, "{}", self.code),
            words => write!(formatter, "{}: {words}", self.code),
        }
    }
}
