//! How much came in since this process began, and how long it took until it was acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the classes of waiting times, milliseconds: from a fast disk to a full one.
pub const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// Counts that only grow.
#[derive(Debug, Default)]
pub struct Tally {
    intervals: AtomicU64,
    bytes: AtomicU64,
    waited_ns: AtomicU64,
    /// By class; the last one holds what took longer than all bounds.
    batches: [AtomicU64; BOUNDS_MS.len() + 1],
}

/// The counts at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallied {
    /// Intervals that were stored and acknowledged.
    pub intervals: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Batches by the time between their arrival and their acknowledgement, by the bounds of [`BOUNDS_MS`]; the last ones took longer.
    pub batches: [u64; BOUNDS_MS.len() + 1],
    /// The sum of those times.
    pub waited: Duration,
}

impl Tally {
    /// Notes a batch that was acknowledged.
    pub fn note(&self, intervals: usize, size_bytes: usize, waited: Duration) {
        self.intervals.fetch_add(intervals as u64, Ordering::Relaxed);
        self.bytes.fetch_add(size_bytes as u64, Ordering::Relaxed);
        let waited_ns = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        self.waited_ns.fetch_add(waited_ns, Ordering::Relaxed);
        let class = BOUNDS_MS.partition_point(|bound_ms| waited > Duration::from_millis(*bound_ms));
        self.batches[class].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now.
    pub fn read(&self) -> Tallied {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tallied {
            intervals: read(&self.intervals),
            bytes: read(&self.bytes),
            batches: std::array::from_fn(|class| read(&self.batches[class])),
            waited: Duration::from_nanos(read(&self.waited_ns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_told_apart_by_how_long_they_took() {
        let tally = Tally::default();
        for waited_ms in [1, 2, 3, 60_000] {
            tally.note(2, 100, Duration::from_millis(waited_ms));
        }
        let tallied = tally.read();
        assert_eq!((tallied.intervals, tallied.bytes, tallied.waited.as_millis()), (8, 400, 60_006));
        assert_eq!(tallied.batches, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
