//! The connections that one worker keeps to one target over HTTP/1.1, and whose turn it is.

use crate::workload::connection::stream::Stream;

/// A worker's connections to one target.
#[derive(Debug)]
pub(in crate::workload) struct Line {
    places: Box<[Option<Kept>]>,
    turn: usize,
    /// Which of the target's addresses the next connection tries first.
    pub(in crate::workload) address: usize,
}

/// A connection, and how many operations it was used for.
#[derive(Debug)]
pub(in crate::workload) struct Kept {
    /// The connection.
    pub(in crate::workload) stream: Stream,
    /// Operations that were begun on it.
    pub(in crate::workload) operations: u64,
}

impl Line {
    /// Room for so many connections, none of which is open.
    pub(in crate::workload) fn new(connections: u32, address: usize) -> Self {
        let places = (0..connections.max(1)).map(|_| None).collect();
        Self { places, turn: 0, address }
    }

    /// Room for how many connections there is.
    pub(in crate::workload) fn len(&self) -> usize {
        self.places.len()
    }

    /// Goes on to the next connection in turn.
    #[inline]
    pub(in crate::workload) fn turn(&mut self) {
        self.turn += 1;
        if self.turn >= self.places.len() {
            self.turn = 0;
        }
    }

    /// Takes the connection whose turn it is, if it is open.
    #[inline]
    pub(in crate::workload) fn take(&mut self) -> Option<Kept> {
        self.places[self.turn].take()
    }

    /// Keeps a connection for its next turn.
    #[inline]
    pub(in crate::workload) fn keep(&mut self, kept: Kept) {
        self.places[self.turn] = Some(kept);
    }
}

impl Kept {
    /// A connection that nothing was sent on.
    pub(in crate::workload) fn fresh(stream: Stream) -> Self {
        Self { stream, operations: 0 }
    }
}
