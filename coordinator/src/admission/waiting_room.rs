//! Connections of which nobody knows yet whose they are: so many, and the one that has waited longest goes first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Connections that may be unknown at once. A stranger who opens more pushes out his own; a handshake takes milliseconds,
/// so that those who mean it are through long before their turn comes.
const WAITING_MAX: usize = 1_024;

/// The room.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaitingRoom(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    seats: BTreeMap<u64, CancellationToken>,
}

/// A place in the room; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    room: WaitingRoom,
    /// Cancelled when somebody else needs the place.
    pub(crate) is_needed: CancellationToken,
}

impl WaitingRoom {
    /// Takes a place; whoever has waited longest gives theirs up when there is none.
    pub(crate) fn enter(&self) -> Seat {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.seats.len() >= WAITING_MAX
            && let Some((_, oldest)) = waiting.seats.pop_first()
        {
            oldest.cancel();
        }
        waiting.last += 1;
        let (number, is_needed) = (waiting.last, CancellationToken::new());
        waiting.seats.insert(number, is_needed.clone());
        Seat { number, room: self.clone(), is_needed }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.0.lock().unwrap_or_else(PoisonError::into_inner).seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waited_longest_gives_the_place_up() {
        let room = WaitingRoom::default();
        let mut seats: Vec<Seat> = (0..WAITING_MAX).map(|_| room.enter()).collect();
        assert!(seats.iter().all(|seat| !seat.is_needed.is_cancelled()));
        let newest = room.enter();
        assert!(seats[0].is_needed.is_cancelled() && !seats[1].is_needed.is_cancelled());
        // A place that was left is nobody's.
        seats.remove(1);
        let _next = room.enter();
        assert!(!seats[1].is_needed.is_cancelled() && !newest.is_needed.is_cancelled());
        assert_eq!(room.0.lock().unwrap().seats.len(), WAITING_MAX);
    }
}
