//! Room for what agents sent and the store has not written yet: bounded over all of them, and told to each as credit.
//!
//! Credit is a share of what is free, so it shrinks while the store is slow and grows as it catches up. An agent that has
//! spent its credit keeps what it measures; its load goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fleet::ATTACHED_MAX;

/// Bytes of intervals that may wait for the store or for the director, over all agents; decoded, and copied for the store,
/// they take about three times that. As many again may wait undecoded before the door: a single interval of each of ten
/// thousand agents. What finds no place there either is dropped, and sent again once there is room.
pub const WAITING_BYTES_MAX: u32 = 64 * 1024 * 1024;
/// What an agent may send before it was acknowledged anything: so that many that come back at once find room.
pub const CREDIT_AT_FIRST: u32 = 1;
/// Most intervals that one agent may have under way: a minute of them, so that one slow fsync does not hold it up.
const CREDIT_MAX: u32 = 64;
/// Intervals count as at least so large: less than this is not worth counting.
const INTERVAL_BYTES_MIN: usize = 1024;
/// Streams of intervals at once: one for each agent, and the last one of each that has just come back.
const STREAMS_MAX: usize = 2 * ATTACHED_MAX;

/// Room over all agents.
#[derive(Debug)]
pub struct Room {
    free_bytes: Arc<Semaphore>,
    /// The same before the door.
    free_outside_bytes: Semaphore,
    bytes_max: u32,
    streams: AtomicUsize,
}

/// One stream's share; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    room: Arc<Room>,
}

/// Room that one batch takes, until this is dropped.
#[derive(Debug)]
pub struct Taken {
    _bytes: OwnedSemaphorePermit,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes_max: u32) -> Arc<Self> {
        let semaphore = || Semaphore::new(bytes_max as usize);
        let (free_bytes, free_outside_bytes) = (Arc::new(semaphore()), semaphore());
        Arc::new(Self { free_bytes, free_outside_bytes, bytes_max, streams: AtomicUsize::new(0) })
    }

    /// A place for one more stream; `None`: there are too many.
    pub fn enter(self: &Arc<Self>) -> Option<Seat> {
        let seat = Seat { room: Arc::clone(self) };
        // The seat gives its place back on every way out of here.
        let is_free = self.streams.fetch_add(1, Ordering::Relaxed) < STREAMS_MAX;
        is_free.then_some(seat)
    }

    /// What is free now, bytes.
    pub fn free_bytes(&self) -> usize {
        self.free_bytes.available_permits()
    }

    /// What is free before the door, bytes.
    pub fn free_outside_bytes(&self) -> usize {
        self.free_outside_bytes.available_permits()
    }
}

impl Seat {
    /// Takes room for a batch; waits before the door, in turn, until there is some. `None`: there is no place before the
    /// door either, and the batch is to be dropped. A batch larger than all room takes all of it.
    pub async fn take(&self, size_bytes: usize) -> Option<Taken> {
        let bytes = self.bounded(size_bytes);
        if let Ok(taken) = Arc::clone(&self.room.free_bytes).try_acquire_many_owned(bytes) {
            return Some(Taken { _bytes: taken });
        }
        let _place_before_the_door = self.room.free_outside_bytes.try_acquire_many(bytes).ok()?;
        Some(self.wait(bytes).await)
    }

    /// Waits, in turn, until there is room for a batch of this size.
    pub async fn wait_for_room(&self, size_bytes: usize) {
        drop(self.wait(self.bounded(size_bytes)).await);
    }

    async fn wait(&self, bytes: u32) -> Taken {
        let taken = Arc::clone(&self.room.free_bytes).acquire_many_owned(bytes).await;
        Taken { _bytes: taken.expect("nobody closes the semaphore") }
    }

    fn bounded(&self, size_bytes: usize) -> u32 {
        u32::try_from(size_bytes).unwrap_or(u32::MAX).min(self.room.bytes_max)
    }

    /// How many intervals of this size its agent may have under way now.
    pub fn credit(&self, interval_bytes: usize) -> u32 {
        credit(self.room.free_bytes(), self.room.streams.load(Ordering::Relaxed), interval_bytes)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An equal share of what is free, in intervals of this size; at least one, or an agent would never be heard again.
fn credit(free_bytes: usize, streams: usize, interval_bytes: usize) -> u32 {
    let share_bytes = free_bytes / streams.max(1);
    let intervals = share_bytes / interval_bytes.max(INTERVAL_BYTES_MIN);
    u32::try_from(intervals).unwrap_or(u32::MAX).clamp(1, CREDIT_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: usize = WAITING_BYTES_MAX as usize;

    proptest! {
        #[test]
        fn what_is_promised_fits_unless_it_is_one_interval_each(free_bytes in 0..=ALL, streams in 1..=STREAMS_MAX, interval_bytes in 1..5_000_000_usize) {
            let credit = credit(free_bytes, streams, interval_bytes);
            prop_assert!((1..=CREDIT_MAX).contains(&credit));
            prop_assert!(credit == 1 || credit as usize * interval_bytes * streams <= free_bytes);
        }
    }

    #[test]
    fn credit_shrinks_with_what_waits_and_with_the_fleet() {
        assert_eq!(credit(ALL, 1, 2_000), CREDIT_MAX);
        assert_eq!(credit(ALL, 1_000, 2_000), 33);
        assert_eq!(credit(ALL / 8, 1_000, 2_000), 4);
        assert_eq!(credit(ALL, 10_000, 2_000), 3);
        assert_eq!(credit(0, 10_000, 2_000), 1);
    }

    #[tokio::test]
    async fn room_is_given_back_with_the_batch_and_the_stream() {
        let room = Room::new(4 * 1024);
        let (one, other) = (room.enter().unwrap(), room.enter().unwrap());
        assert_eq!(one.credit(1024), 2);
        let taken = one.take(1_000_000).await.unwrap();
        assert_eq!((room.free_bytes(), other.credit(1024)), (0, 1));
        drop(taken);
        drop(other);
        assert_eq!((room.free_bytes(), one.credit(1024)), (4 * 1024, 4));
    }

    #[tokio::test]
    async fn what_waits_before_the_door_is_bounded_too() {
        let room = Room::new(4 * 1024);
        let seat = room.enter().unwrap();
        let inside = seat.take(4 * 1024).await.unwrap();
        let mut outside = Box::pin(seat.take(3 * 1024));
        assert!(futures_util::poll!(&mut outside).is_pending());
        assert!(seat.take(2 * 1024).await.is_none());
        drop(inside);
        assert!(outside.await.is_some());
        assert_eq!(room.free_outside_bytes(), 4 * 1024);
    }

    #[test]
    fn streams_are_bounded() {
        let room = Room::new(1);
        let seats: Vec<Seat> = (0..STREAMS_MAX).map(|_| room.enter().unwrap()).collect();
        assert!(room.enter().is_none());
        drop(seats);
        assert!(room.enter().is_some());
    }
}
