//! Which connection is to be served next: a heap of deadlines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::clock::Moment;
use super::connections::Token;

/// Entries of closed connections that are tolerated before they are swept out: enough that sweeping is rare,
/// few enough that clients who come and go during a long delay cost no memory.
const STALE_ENTRIES_MAX: usize = 1024;

/// Deadlines, earliest first; equal ones in any order.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Moment, Token)>>,
}

impl Deadlines {
    /// Adds a deadline.
    pub(super) fn push(&mut self, due: Moment, token: Token) {
        self.heap.push(Reverse((due, token)));
    }

    /// Takes out one deadline that is due at `now`; `None`: nothing is.
    pub(super) fn pop_due(&mut self, now: Moment) -> Option<Token> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, token))| token)
    }

    /// Forgets deadlines of closed connections once they could outnumber the live ones. A live connection
    /// has at most one deadline here, so the heap stays below twice `live_count` plus a constant.
    pub(super) fn forget_stale(&mut self, live_count: usize, is_live: impl Fn(Token) -> bool) {
        if self.heap.len() > 2 * live_count + STALE_ENTRIES_MAX {
            self.heap.retain(|Reverse((_, token))| is_live(*token));
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn deadlines_come_out_in_order_and_never_early(mut dues in proptest::collection::vec(0_u64..1_000, 0..200)) {
            let mut deadlines = Deadlines::default();
            for due in &dues {
                deadlines.push(Moment(*due), Token(*due));
            }
            dues.sort_unstable();
            let mut released = Vec::new();
            for now in 0..1_000 {
                while let Some(token) = deadlines.pop_due(Moment(now)) {
                    prop_assert_eq!(token.0, now, "released in the very nanosecond in which it was due");
                    released.push(token.0);
                }
            }
            prop_assert_eq!(released, dues);
            prop_assert_eq!(deadlines.next(), None);
        }
    }

    #[test]
    fn clients_that_come_and_go_leave_no_deadlines_behind() {
        let mut deadlines = Deadlines::default();
        let is_live = |token: Token| token.0.is_multiple_of(1_000);
        for number in 0..100_000 {
            deadlines.push(Moment(u64::MAX), Token(number));
            deadlines.forget_stale(100, is_live);
        }
        assert!(deadlines.heap.len() <= 200 + STALE_ENTRIES_MAX + 100);
        assert!(deadlines.heap.iter().any(|Reverse((_, token))| *token == Token(99_000)));
    }
}
