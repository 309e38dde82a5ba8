//! What counts as a success: the status, and a text in the body, searched for while it streams by.

use std::sync::Arc;

use super::answer::Wants;
use super::checks::cut;

/// Longest text that can be asked for in a body; its search table takes twice as much.
pub(in crate::workload) const BODY_CONTAINS_BYTES_MAX: usize = 4 * 1024;

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Expectation {
    /// Statuses that are a success; empty: any 2xx or 3xx.
    pub(super) statuses: Vec<u16>,
    /// What the body must contain.
    pub(super) text: Option<Arc<Needle>>,
    /// What must be kept of the answer to be looked into.
    pub(super) wants: Wants,
}

/// A text to search for, with Knuth, Morris and Pratt's table of its borders: one pass over the body, in pieces
/// of any size, keeping one number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::workload) struct Needle {
    bytes: Vec<u8>,
    /// For each length of a prefix: the length of its longest proper prefix that is also its suffix.
    borders: Vec<usize>,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::workload) struct Search {
    matched: usize,
    is_found: bool,
}

impl Expectation {
    /// Whether a status is a success.
    #[inline]
    pub(super) fn allows(&self, status: u16) -> bool {
        if self.statuses.is_empty() { (200..400).contains(&status) } else { self.statuses.contains(&status) }
    }
}

impl Needle {
    /// Prepares a text, in the memory of the one before. An empty one is found at once.
    pub(in crate::workload) fn set(&mut self, text: &[u8]) {
        let Self { bytes, borders } = self;
        bytes.clear();
        bytes.extend_from_slice(text);
        borders.clear();
        borders.resize(bytes.len() + 1, 0);
        let mut border = 0;
        for length in 1..bytes.len() {
            while border > 0 && bytes[length] != bytes[border] {
                border = borders[border];
            }
            border += usize::from(bytes[length] == bytes[border]);
            borders[length + 1] = border;
        }
    }

    /// The text, for messages.
    pub(in crate::workload) fn shown(&self) -> String {
        cut(&self.bytes)
    }
}

impl Search {
    /// Reads on.
    pub(in crate::workload) fn feed(&mut self, needle: &Needle, piece: &[u8]) {
        let _where_it_ends = self.find(needle, piece);
    }

    /// Reads on, up to the text's end: so many bytes of the piece belong to it or come before it. `None`: it is not there yet,
    /// or was found before.
    pub(in crate::workload) fn find(&mut self, needle: &Needle, piece: &[u8]) -> Option<usize> {
        if self.is_found(needle) {
            return None;
        }
        for (at, byte) in piece.iter().enumerate() {
            while self.matched > 0 && *byte != needle.bytes[self.matched] {
                self.matched = needle.borders[self.matched];
            }
            self.matched += usize::from(*byte == needle.bytes[self.matched]);
            if self.matched == needle.bytes.len() {
                self.is_found = true;
                return Some(at + 1);
            }
        }
        None
    }

    /// Whether the text was there.
    pub(in crate::workload) fn is_found(&self, needle: &Needle) -> bool {
        self.is_found || needle.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_search_in_pieces_finds_what_a_search_in_one_finds(needle in "[ab]{0,5}", body in "[ab]{0,40}", cut in 1..7_usize) {
            let (mut prepared, mut search) = (Needle::default(), Search::default());
            prepared.set(b"longer than those");
            prepared.set(needle.as_bytes());
            body.as_bytes().chunks(cut).for_each(|piece| search.feed(&prepared, piece));
            prop_assert_eq!(search.is_found(&prepared), body.contains(&needle));
        }
    }

    #[test]
    fn without_a_list_any_success_or_redirect_will_do() {
        let any = Expectation::default();
        assert_eq!(
            [199, 200, 302, 399, 400, 500].map(|status| any.allows(status)),
            [false, true, true, true, false, false]
        );
        let one = Expectation { statuses: vec![404], ..Expectation::default() };
        assert_eq!([200, 404].map(|status| one.allows(status)), [false, true]);
    }
}
