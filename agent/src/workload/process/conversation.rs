//! What a program was asked and has not answered yet, and what its answers mean. No pipes, no clocks but those passed in.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use shared::ids::OperationIndex;
use shared::interval::ErrorKind;
use tokio::sync::{Notify, oneshot, watch};

use super::protocol::{Begun, Heard, PROTOCOL, Said, Told, error_kind, line};
use crate::engine::clock::now_ns;

/// Most operations that a program may leave without any answer: those whose timeout passed are still awaited, since a late answer
/// is no breach. So many say that it answers nothing at all.
const UNANSWERED_MAX: usize = 100_000;
/// How much longer than was possible a duration may be, ns: programs read other clocks than we do.
const DURATION_TOLERANCE_NS: f64 = 1e6;

/// One program's conversation, shared by the workers of a load thread and the task that moves its lines.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The operations of the job, in its order.
    names: Vec<String>,
    state: watch::Sender<State>,
    asked: RefCell<HashMap<u64, Asked>>,
    due: RefCell<Vec<Due>>,
    next_id: Cell<u64>,
    /// Told when something is due.
    pub(super) wake: Notify,
}

/// How far it has come.
#[derive(Debug, Clone)]
enum State {
    /// The program has not said yet what it can do.
    Starting,
    /// Operations can begin.
    Ready,
    /// No more operations can.
    Ended(Rc<Ending>),
}

/// Why a program does nothing any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// How its operations fail.
    pub(super) kind: ErrorKind,
    /// What was seen.
    pub(super) message: String,
}

/// An operation that was asked for.
#[derive(Debug)]
struct Asked {
    asked_ns: u64,
    answer: oneshot::Sender<Answer>,
}

/// An operation that the program has not been told of yet.
#[derive(Debug)]
struct Due {
    id: u64,
    operation: OperationIndex,
    input: Option<String>,
}

/// What came of an operation.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// The program reported it.
    Done(Done),
    /// The program is gone, or has broken the protocol.
    Lost(Rc<Ending>),
}

/// One operation as it was reported.
#[derive(Debug, PartialEq)]
pub(super) struct Done {
    /// When the program began it, ns on the monotonic clock.
    pub(super) sent_ns: u64,
    /// When it ended, ns on the same clock.
    pub(super) ended_ns: u64,
    /// How it failed.
    pub(super) error: Option<(ErrorKind, String)>,
    /// Bytes written to the measured thing.
    pub(super) bytes_sent: u64,
    /// Bytes read from it.
    pub(super) bytes_received: u64,
}

impl Conversation {
    /// One that has not begun, about a job's operations.
    pub(super) fn new(names: Vec<String>) -> Self {
        Self {
            names,
            state: watch::Sender::new(State::Starting),
            asked: RefCell::default(),
            due: RefCell::default(),
            next_id: Cell::new(0),
            wake: Notify::new(),
        }
    }

    /// The first line.
    pub(super) fn hello(&self) -> Vec<u8> {
        line(&Said::Hello { protocol: PROTOCOL, operations: &self.names })
    }

    /// Whether the program has not said yet what it can do.
    pub(super) fn is_starting(&self) -> bool {
        matches!(*self.state.borrow(), State::Starting)
    }

    /// Waits until operations can begin.
    pub(super) async fn ready(&self) -> Result<(), Rc<Ending>> {
        if matches!(*self.state.borrow(), State::Ready) {
            return Ok(());
        }
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, State::Starting)).await;
        match settled.as_deref() {
            Ok(State::Ended(ending)) => Err(Rc::clone(ending)),
            // The sender is our own, so that waiting cannot fail.
            _ => Ok(()),
        }
    }

    /// Asks for an operation, and waits for its answer.
    pub(super) async fn ask(&self, operation: OperationIndex, input: Option<String>) -> Answer {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let (answer, answered) = oneshot::channel();
        if self.asked.borrow().len() >= UNANSWERED_MAX {
            let message = format!("the program left {UNANSWERED_MAX} operations without any answer");
            self.end(ErrorKind::Protocol, message);
        }
        if let State::Ended(ending) = &*self.state.borrow() {
            return Answer::Lost(Rc::clone(ending));
        }
        self.asked.borrow_mut().insert(id, Asked { asked_ns: now_ns(), answer });
        self.due.borrow_mut().push(Due { id, operation, input });
        self.wake.notify_one();
        answered.await.unwrap_or_else(|_| Answer::Lost(self.ending()))
    }

    /// The line that begins all that is due; `None`: nothing is.
    pub(super) fn take_due(&self) -> Option<Vec<u8>> {
        let due = std::mem::take(&mut *self.due.borrow_mut());
        let begun = due.iter().map(|due| Begun {
            id: due.id,
            name: &self.names[usize::from(due.operation.0)],
            input: due.input.as_deref(),
        });
        let begun: Vec<Begun<'_>> = begun.collect();
        (!begun.is_empty()).then(|| line(&Said::Begin { operations: &begun }))
    }

    /// Takes in what the program said, which came at a moment on the monotonic clock. An error says how it broke the protocol.
    pub(super) fn hear(&self, heard: Heard, at_ns: u64) -> Result<(), String> {
        match heard {
            Heard::Ready { .. } if !self.is_starting() => {
                Err("the program said twice that it is ready".to_owned())
            }
            Heard::Ready { protocol, operations } => self.begin(protocol, &operations),
            Heard::Done { .. } if self.is_starting() => {
                Err("the program reports operations before it said that it is ready".to_owned())
            }
            Heard::Done { results } => results.into_iter().try_for_each(|told| self.answer(told, at_ns)),
        }
    }

    /// Ends it: whatever is asked or will be is lost. The first ending stands.
    pub(super) fn end(&self, kind: ErrorKind, message: String) {
        self.state.send_if_modified(|state| {
            let is_first = !matches!(state, State::Ended(_));
            if is_first {
                *state = State::Ended(Rc::new(Ending { kind, message }));
            }
            is_first
        });
        let asked = std::mem::take(&mut *self.asked.borrow_mut());
        for asked in asked.into_values() {
            // Whoever asked may have given up.
            let _nobody_waits = asked.answer.send(Answer::Lost(self.ending()));
        }
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        matches!(*self.state.borrow(), State::Ended(_))
    }

    fn begin(&self, protocol: u32, operations: &[String]) -> Result<(), String> {
        if protocol != PROTOCOL {
            return Err(format!("the program speaks version {protocol} of the protocol, not {PROTOCOL}"));
        }
        if let Some(missing) = self.names.iter().find(|name| !operations.contains(name)) {
            let known: Vec<&str> = operations.iter().take(20).map(String::as_str).collect();
            return Err(format!(
                "the program does not know the operation {missing:?}; it announces {known:?}"
            ));
        }
        self.state.send_replace(State::Ready);
        Ok(())
    }

    fn answer(&self, told: Told, at_ns: u64) -> Result<(), String> {
        let asked = self.asked.borrow_mut().remove(&told.id).ok_or_else(|| {
            format!(
                "the program reports operation {}, which it was not asked for, or reported before",
                told.id
            )
        })?;
        let done = done(told, asked.asked_ns, at_ns)?;
        // Whoever asked may have given up.
        let _nobody_waits = asked.answer.send(Answer::Done(done));
        Ok(())
    }

    fn ending(&self) -> Rc<Ending> {
        match &*self.state.borrow() {
            State::Ended(ending) => Rc::clone(ending),
            State::Starting | State::Ready => Rc::new(Ending {
                kind: ErrorKind::Other,
                message: "the program was left before it answered".to_owned(),
            }),
        }
    }
}

/// What a program told of an operation, held against when it was asked for and when the line came.
fn done(told: Told, asked_ns: u64, at_ns: u64) -> Result<Done, String> {
    let id = told.id;
    let possible_ns = at_ns.saturating_sub(asked_ns) as f64;
    let amount = |what: &str, ns: f64| {
        if !(0.0..=possible_ns + DURATION_TOLERANCE_NS).contains(&ns) {
            return Err(format!(
                "the program says of operation {id} that it {what} {ns} ns, of the {possible_ns} ns since it was asked for"
            ));
        }
        // Within what passed, so the cast keeps it.
        Ok(ns.min(possible_ns) as u64)
    };
    let ago_ns = told.ago_ns.map_or(Ok(0), |ns| amount("ended before its line by", ns))?;
    let ended_ns = at_ns - ago_ns;
    let sent_ns = match told.duration_ns {
        None => asked_ns,
        Some(ns) => {
            let took_ns = amount("took", ns)?;
            // It began when it was asked for at the earliest: each may be possible alone, and both together not.
            amount("took, with what went by before its line,", ns + told.ago_ns.unwrap_or(0.0))?;
            ended_ns.saturating_sub(took_ns).max(asked_ns)
        }
    };
    let error = told.error.map(|word| {
        let kind = error_kind(&word);
        (kind, told.message.unwrap_or_else(|| format!("the program says {word:?}")))
    });
    Ok(Done {
        sent_ns,
        ended_ns: ended_ns.max(sent_ns),
        error,
        bytes_sent: told.bytes_sent,
        bytes_received: told.bytes_received,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(duration_ns: Option<f64>, ago_ns: Option<f64>) -> Told {
        Told { id: 1, duration_ns, ago_ns, error: None, message: None, bytes_sent: 0, bytes_received: 0 }
    }

    fn span(duration_ns: Option<f64>, ago_ns: Option<f64>) -> Result<(u64, u64), String> {
        done(told(duration_ns, ago_ns), 1_000, 9_000).map(|done| (done.sent_ns, done.ended_ns))
    }

    #[test]
    fn an_operation_lies_between_its_asking_and_its_line() {
        assert_eq!(span(None, None), Ok((1_000, 9_000)));
        assert_eq!(span(Some(2_000.0), None), Ok((7_000, 9_000)));
        assert_eq!(span(Some(2_000.0), Some(3_000.0)), Ok((4_000, 6_000)));
        assert_eq!(span(Some(8_500.0), None), Ok((1_000, 9_000)), "clocks differ a little");
    }

    #[test]
    fn what_is_possible_alone_may_not_be_together() {
        let ten_ms = Some(10e6);
        let both = done(told(ten_ms, ten_ms), 0, 10_000_000).map(|done| (done.sent_ns, done.ended_ns));
        assert!(
            both.is_err_and(|reason| reason.contains("20000000 ns")),
            "it would have taken no time at all"
        );
    }

    #[test]
    fn a_time_that_cannot_be_is_a_breach() {
        for (duration_ns, ago_ns) in [
            (Some(-1.0), None),
            (Some(3.6e18), None),
            (None, Some(-5.0)),
            (None, Some(1e9)),
            (Some(f64::MAX), None),
        ] {
            let error = span(duration_ns, ago_ns).unwrap_err();
            assert!(error.contains("since it was asked for"), "{error}");
        }
    }

    #[test]
    fn what_was_not_asked_for_is_a_breach() {
        let conversation = Conversation::new(vec!["read".to_owned()]);
        let ready = |operations: &[&str]| Heard::Ready {
            protocol: 1,
            operations: operations.iter().map(|name| (*name).to_owned()).collect(),
        };
        let early = conversation.hear(Heard::Done { results: vec![told(None, None)] }, 5);
        assert!(early.is_err_and(|error| error.contains("before it said that it is ready")));
        let other = conversation.hear(ready(&["write"]), 5).unwrap_err();
        assert_eq!(other, "the program does not know the operation \"read\"; it announces [\"write\"]");
        assert_eq!(conversation.hear(ready(&["read", "more"]), 5), Ok(()));
        let unasked = conversation.hear(Heard::Done { results: vec![told(None, None)] }, 5);
        assert!(unasked.is_err_and(|error| error.contains("was not asked for")));
        let newer =
            Conversation::new(Vec::new()).hear(Heard::Ready { protocol: 2, operations: Vec::new() }, 5);
        assert!(newer.is_err_and(|error| error.contains("version 2")));
    }
}
