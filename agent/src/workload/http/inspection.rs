//! An answer looked at while it streams by: is it what was expected, and how does it begin, for samples.

use shared::interval::ErrorKind;

use super::expectation::{Expectation, Search};
use super::failure::Failure;

/// How much of an answer a sample shows: enough for a status line and the first words of an error page.
pub(super) const SHOWN_BYTES_MAX: usize = 200;

/// What is known of the answer at hand. Keeps nothing but its first bytes, and those only when they may be shown.
#[derive(Debug)]
pub(super) struct Inspection {
    status: u16,
    is_allowed: bool,
    search: Search,
    shown: Vec<u8>,
}

impl Inspection {
    /// Nothing seen yet.
    pub(super) fn new() -> Self {
        Self {
            status: 0,
            is_allowed: true,
            search: Search::default(),
            shown: Vec::with_capacity(SHOWN_BYTES_MAX),
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
        if !self.is_allowed || expectation.text.is_some() {
            let line = line();
            self.shown.extend_from_slice(&line[..line.len().min(SHOWN_BYTES_MAX / 2)]);
            self.shown.push(b'\n');
        }
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
    }

    /// Whether the answer is what was expected, once it is whole.
    #[inline]
    pub(super) fn verdict(&self, expectation: &Expectation) -> Result<(), Failure> {
        if !self.is_allowed {
            let message = format!("status {} was not expected: {}", self.status, self.shown.escape_ascii());
            return Err(Failure::new(ErrorKind::Status, message));
        }
        match &expectation.text {
            Some(needle) if !self.search.is_found(needle) => {
                let message =
                    format!("the body lacks \"{}\": {}", needle.escaped(), self.shown.escape_ascii());
                Err(Failure::new(ErrorKind::Body, message))
            }
            _ => Ok(()),
        }
    }
}
