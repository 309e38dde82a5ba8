//! An answer looked at while it streams by: is it what was expected, and how does it begin, for samples.

use shared::interval::ErrorKind;

use super::answer::Answer;
use super::expectation::{Expectation, Search};
use crate::workload::connection::failure::Failure;

/// How much of an answer a sample shows: enough for a status line and the first words of an error page.
pub(super) const SHOWN_BYTES_MAX: usize = 200;

/// What is known of the answer at hand. Keeps its first bytes when they may be shown, and otherwise what the operation
/// looks into.
#[derive(Debug)]
pub(super) struct Inspection {
    status: u16,
    is_allowed: bool,
    search: Search,
    shown: Vec<u8>,
    answer: Answer,
}

impl Inspection {
    /// Nothing seen yet.
    pub(super) fn new() -> Self {
        Self {
            status: 0,
            is_allowed: true,
            search: Search::default(),
            shown: Vec::with_capacity(SHOWN_BYTES_MAX),
            answer: Answer::default(),
        }
    }

    /// Begins with an answer's status; `line` gives its first line if that may be shown.
    #[inline]
    pub(super) fn begin<'a>(
        &mut self,
        expectation: &Expectation,
        status: u16,
        line: impl FnOnce() -> std::borrow::Cow<'a, [u8]>,
    ) {
        self.status = status;
        self.is_allowed = expectation.allows(status);
        self.search = Search::default();
        self.shown.clear();
        self.answer.begin(expectation.wants);
        if !self.is_allowed || expectation.text.is_some() {
            let line = line();
            self.shown.extend_from_slice(&line[..line.len().min(SHOWN_BYTES_MAX / 2)]);
            self.shown.push(b'\n');
        }
    }

    /// Whether [`Inspection::header`] must be told the headers.
    #[inline]
    pub(super) fn wants_headers(&self) -> bool {
        self.answer.wants_headers()
    }

    /// Takes note of a header.
    pub(super) fn header(&mut self, name: &[u8], value: &[u8]) {
        self.answer.header(name, value);
    }

    /// Reads on in the body.
    #[inline]
    pub(super) fn feed(&mut self, expectation: &Expectation, piece: &[u8]) {
        if let Some(needle) = &expectation.text {
            self.search.feed(needle, piece);
        }
        if !self.shown.is_empty() {
            let room = SHOWN_BYTES_MAX.saturating_sub(self.shown.len());
            self.shown.extend_from_slice(&piece[..room.min(piece.len())]);
        }
        if self.answer.wants_body() {
            self.answer.feed(piece);
        }
    }

    /// The answer's status.
    #[inline]
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// What was kept of the answer.
    #[inline]
    pub(super) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Whether the answer has the status and the text that were expected, once it is whole.
    #[inline]
    pub(super) fn verdict(&self, expectation: &Expectation) -> Result<(), Failure> {
        if !self.is_allowed {
            let message = format!("status {} was not expected: {}", self.status, self.shown.escape_ascii());
            return Err(Failure::new(ErrorKind::Status, message));
        }
        match &expectation.text {
            Some(needle) if !self.search.is_found(needle) => {
                let message = format!("the body lacks {}: {}", needle.shown(), self.shown.escape_ascii());
                Err(Failure::new(ErrorKind::Body, message))
            }
            _ => Ok(()),
        }
    }
}
