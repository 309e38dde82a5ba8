//! One trial's intervals: the oldest in memory, the newest perhaps on disk, numbers without gaps throughout.

use std::collections::VecDeque;

use super::Numbered;
use super::record;
use super::spill::SpillId;

/// One trial's intervals that are not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The oldest, in memory.
    head: VecDeque<Numbered>,
    /// Sizes of those that follow and are being read back.
    recalled_bytes: VecDeque<u64>,
    /// Sizes of those that follow and are on disk.
    spilled_bytes: VecDeque<u64>,
    /// The number after the newest.
    next_sequence: u64,
    /// How many of `head` were sent over the present connection.
    sent: usize,
    /// Where those on disk are; `None`: there never were any.
    pub(super) spill: Option<SpillId>,
}

/// What is to be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recalled {
    /// How many intervals.
    pub(super) count: usize,
    /// Their bytes.
    pub(super) size_bytes: u64,
}

/// Room that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Freed {
    /// In memory.
    pub(super) memory_bytes: u64,
    /// In files.
    pub(super) disk_bytes: u64,
}

impl Queue {
    /// The newest interval, kept in memory: nothing of this trial is on disk.
    pub(super) fn keep(&mut self, interval: Numbered) {
        self.next_sequence = interval.sequence + 1;
        self.head.push_back(interval);
    }

    /// The newest interval, kept on disk.
    pub(super) fn spill(&mut self, sequence: u64, size_bytes: u64) {
        self.next_sequence = sequence + 1;
        self.spilled_bytes.push_back(size_bytes);
    }

    /// Chooses what to read back within `room_bytes`; at least one if memory holds nothing, so that it goes on.
    pub(super) fn recall(&mut self, room_bytes: u64) -> Recalled {
        let mut recalled = Recalled { count: 0, size_bytes: 0 };
        if !self.recalled_bytes.is_empty() {
            return recalled;
        }
        while let Some(size_bytes) = self.spilled_bytes.front().copied() {
            let must = recalled.count == 0 && self.head.is_empty();
            if !must && recalled.size_bytes + size_bytes > room_bytes {
                break;
            }
            self.spilled_bytes.pop_front();
            self.recalled_bytes.push_back(size_bytes);
            recalled.count += 1;
            recalled.size_bytes += size_bytes;
        }
        recalled
    }

    /// An interval was read back: the next one behind the head. Returns its size.
    pub(super) fn take_back(&mut self, interval: Numbered) -> u64 {
        // One that is not awaited was cut off meanwhile.
        let Some(size_bytes) = self.recalled_bytes.pop_front() else { return 0 };
        self.head.push_back(interval);
        size_bytes
    }

    /// Everything up to and with this number is on the coordinator's disk. Returns the bytes that frees.
    pub(super) fn acknowledge(&mut self, through_sequence: u64) -> u64 {
        let mut freed_bytes = 0;
        while self.head.front().is_some_and(|interval| interval.sequence <= through_sequence)
            && let Some(interval) = self.head.pop_front()
        {
            freed_bytes += interval.bytes.len() as u64;
            self.sent = self.sent.saturating_sub(1);
        }
        freed_bytes
    }

    /// Drops this number and all after it.
    pub(super) fn cut(&mut self, from_sequence: u64) -> Freed {
        let mut freed = Freed::default();
        while self.next_sequence > from_sequence {
            if let Some(size_bytes) = self.spilled_bytes.pop_back() {
                freed.disk_bytes += record::size_bytes(size_bytes);
            } else if let Some(size_bytes) = self.recalled_bytes.pop_back() {
                freed.disk_bytes += record::size_bytes(size_bytes);
                freed.memory_bytes += size_bytes;
            } else if let Some(interval) = self.head.pop_back() {
                freed.memory_bytes += interval.bytes.len() as u64;
            } else {
                break;
            }
            self.next_sequence -= 1;
        }
        self.sent = self.sent.min(self.head.len());
        freed
    }

    /// Nothing counts as sent any more.
    pub(super) fn rewind(&mut self) {
        self.sent = 0;
    }

    /// The one of [`Queue::next_unsent`] was sent.
    pub(super) fn note_sent(&mut self) {
        self.sent += 1;
    }

    /// The oldest that is in memory and was not sent.
    pub(super) fn next_unsent(&self) -> Option<&Numbered> {
        self.head.get(self.sent)
    }

    /// How many were sent and are not acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        self.sent
    }

    /// The number after the newest.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Whether some are not in memory: those that follow must not overtake them.
    pub(super) fn is_spilled(&self) -> bool {
        !self.spilled_bytes.is_empty() || !self.recalled_bytes.is_empty()
    }

    /// Whether everything is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && !self.is_spilled()
    }
}
