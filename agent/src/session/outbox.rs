//! Intervals that are numbered and not yet acknowledged. What is here was never lost, and is forgotten only when
//! the coordinator says that it is on disk. Pure: what belongs into files is ordered from the spill.
//!
//! Rooms: `queue` (one trial's intervals), [`spill`] (the thread that writes and reads files), `segments` (the files
//! of one trial), `record` (an interval's envelope there).
//!
//! ```text
//!  numbers of one trial:   acknowledged │ in memory: sent, then unsent │ being read back │ on disk ◄─ the next one
//! ```
//! A trial's intervals stay in memory until [`Bounds::memory_bytes`]; from then on its newest go to disk, until all of
//! that has been read back. Files serve this life of the agent only: a new one measures nothing that an old one began.

mod queue;
mod record;
mod segments;
pub mod spill;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use shared::ids::TrialKey;
use shared::units::print_size;

use crate::rpc::codec::INTERVAL_BYTES_MAX;
use queue::Queue;
use spill::{SpillId, SpillOrder, SpillReport};

/// Most bytes kept in memory unless told otherwise: an hour of a trial with three operations, several times over.
pub const MEMORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most bytes kept on disk unless told otherwise: days of such trials, and little of any host's disk.
pub const DISK_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes that may wait for the disk: seconds of the busiest trial. Past it the engine keeps what it measures.
const WRITING_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes read back at once: what one batch carries, so that writes do not wait long behind it.
const RECALL_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Intervals in one batch, the wire's bound.
const BATCH_MAX: usize = 64;
/// Bytes in one batch: well under the wire's message limit.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// An interval on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Which trial.
    pub trial: TrialKey,
    /// Its number.
    pub sequence: u64,
    /// Its bytes, encoded once.
    pub bytes: Vec<u8>,
}

/// How much may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// In memory, over all trials. A trial with nothing there may read one interval back all the same, so that it goes on.
    pub memory_bytes: u64,
    /// In files, over all trials. What was read back is freed by the [`segments::SEGMENT_BYTES`].
    pub disk_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { memory_bytes: MEMORY_BYTES_MAX, disk_bytes: DISK_BYTES_MAX }
    }
}

/// Why an interval is not taken in; its trial cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No room is left in memory nor on disk.
    #[error(
        "the agent's outbox is full: the coordinator has not acknowledged {} in memory and {} on disk; \
         see why it does not take them, or give the agent more with --data-max",
        print_size(*.memory_bytes), print_size(*.disk_bytes)
    )]
    Full {
        /// What is kept in memory.
        memory_bytes: u64,
        /// What is kept on disk.
        disk_bytes: u64,
    },
    /// The coordinator would refuse it.
    #[error(
        "one interval takes {size_bytes} bytes, and the coordinator takes at most {INTERVAL_BYTES_MAX}: \
         give the workload fewer operations or metrics"
    )]
    TooLarge {
        /// Its size.
        size_bytes: usize,
    },
}

/// Intervals that cannot be delivered: a file could not be written, or not be read back as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Of which trial.
    pub trial: TrialKey,
    /// This one and all after it.
    pub from_sequence: u64,
    /// Why.
    pub reason: String,
}

/// How much is kept now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// In memory, or about to be read back into it.
    pub memory_bytes: u64,
    /// In files, or about to be.
    pub disk_bytes: u64,
    /// Given to the spill and not yet in its files.
    pub writing_bytes: u64,
    /// Intervals that are under way.
    pub in_flight: usize,
}

/// Intervals not yet acknowledged, by trial and number.
#[derive(Debug, Default)]
pub struct Outbox {
    bounds: Bounds,
    queues: BTreeMap<TrialKey, Queue>,
    /// In memory, or about to be read back into it.
    memory_bytes: u64,
    /// In files, or about to be.
    disk_bytes: u64,
    /// Given to the spill and not yet in its files.
    writing_bytes: u64,
    last_spill: SpillId,
    orders: Vec<SpillOrder>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// Takes in an interval; numbers of a trial come in order, without gaps.
    ///
    /// # Errors
    /// When there is no room for it, or nobody would take it.
    pub fn push(&mut self, interval: Numbered) -> Result<(), Refused> {
        if interval.bytes.len() > INTERVAL_BYTES_MAX {
            return Err(Refused::TooLarge { size_bytes: interval.bytes.len() });
        }
        let size_bytes = interval.bytes.len() as u64;
        let queue = self.queues.entry(interval.trial).or_default();
        if !queue.is_spilled() && self.memory_bytes + size_bytes <= self.bounds.memory_bytes {
            self.memory_bytes += size_bytes;
            queue.keep(interval);
            return Ok(());
        }
        if self.disk_bytes + record::size_bytes(size_bytes) > self.bounds.disk_bytes {
            return Err(Refused::Full { memory_bytes: self.memory_bytes, disk_bytes: self.disk_bytes });
        }
        self.disk_bytes += record::size_bytes(size_bytes);
        self.writing_bytes += size_bytes;
        let spill = *queue.spill.get_or_insert_with(|| {
            self.last_spill = self.last_spill.next();
            self.last_spill
        });
        queue.spill(interval.sequence, size_bytes);
        self.orders.push(SpillOrder::Write { spill, interval });
        self.recall();
        Ok(())
    }

    /// Everything up to and with this number is on disk.
    pub fn acknowledge(&mut self, trial: TrialKey, through_sequence: u64) {
        if let Some(queue) = self.queues.get_mut(&trial) {
            self.memory_bytes -= queue.acknowledge(through_sequence);
            self.recall();
        }
    }

    /// Nothing of this trial is wanted any more.
    pub fn forget(&mut self, trial: TrialKey) {
        if let Some(mut queue) = self.queues.remove(&trial) {
            let freed = queue.cut(0);
            self.memory_bytes -= freed.memory_bytes;
            self.disk_bytes -= freed.disk_bytes;
            self.orders.extend(queue.spill.map(SpillOrder::Discard));
            self.recall();
        }
    }

    /// A new connection stands: everything that is not acknowledged is sent again.
    pub fn rewind(&mut self) {
        self.queues.values_mut().for_each(Queue::rewind);
    }

    /// Takes in what came of an order; returns what cannot be delivered any more.
    pub fn hear(&mut self, report: SpillReport) -> Option<Lost> {
        match report {
            SpillReport::Written { size_bytes } => self.writing_bytes -= size_bytes,
            SpillReport::NotWritten { spill, sequence, size_bytes, reason } => {
                self.writing_bytes -= size_bytes;
                return self.lose(spill, sequence, reason);
            }
            SpillReport::Recalled { spill, intervals } => {
                if let Some((_, queue)) = queue_of(&mut self.queues, spill) {
                    for interval in intervals {
                        self.disk_bytes -= record::size_bytes(queue.take_back(interval));
                    }
                }
                self.recall();
            }
            SpillReport::Unreadable { spill, sequence, reason } => return self.lose(spill, sequence, reason),
        }
        None
    }

    /// What may be sent now, in order, if at most `credit` intervals may be under way; empty: nothing.
    pub fn next_batch(&mut self, credit: u32) -> Vec<Numbered> {
        let room = (credit as usize).saturating_sub(self.in_flight()).min(BATCH_MAX);
        let mut batch: Vec<Numbered> = Vec::new();
        let mut batch_bytes = 0;
        for queue in self.queues.values_mut() {
            while let Some(interval) = queue.next_unsent() {
                let is_full = batch.len() >= room
                    || (batch_bytes + interval.bytes.len() > BATCH_BYTES_MAX && !batch.is_empty());
                if is_full {
                    return batch;
                }
                batch_bytes += interval.bytes.len();
                batch.push(interval.clone());
                queue.note_sent();
            }
        }
        batch
    }

    /// What the spill is to do, in order.
    pub fn take_orders(&mut self) -> Vec<SpillOrder> {
        std::mem::take(&mut self.orders)
    }

    /// Whether further intervals should wait elsewhere, until the disk has written what it has.
    pub fn is_full(&self) -> bool {
        self.writing_bytes >= WRITING_BYTES_MAX
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.queues.values().all(Queue::is_empty)
    }

    /// How much is kept now.
    pub fn usage(&self) -> Usage {
        let Self { memory_bytes, disk_bytes, writing_bytes, .. } = *self;
        Usage { memory_bytes, disk_bytes, writing_bytes, in_flight: self.in_flight() }
    }

    /// Reads back what there is room for: in large steps, once half of the memory is free.
    fn recall(&mut self) {
        for queue in self.queues.values_mut() {
            let Some(spill) = queue.spill else { continue };
            let is_low = self.memory_bytes <= self.bounds.memory_bytes / 2;
            let free_bytes = self.bounds.memory_bytes.saturating_sub(self.memory_bytes);
            let room_bytes = if is_low { free_bytes.min(RECALL_BYTES_MAX) } else { 0 };
            let recalled = queue.recall(room_bytes);
            if recalled.count > 0 {
                self.memory_bytes += recalled.size_bytes;
                self.orders.push(SpillOrder::Recall { spill, count: recalled.count });
            }
        }
    }

    /// This number of a trial and all after it are gone. `None`: that is known, or nobody wants them.
    fn lose(&mut self, spill: SpillId, sequence: u64, reason: String) -> Option<Lost> {
        let (trial, queue) = queue_of(&mut self.queues, spill)?;
        if sequence >= queue.next_sequence() {
            return None;
        }
        let freed = queue.cut(sequence);
        self.memory_bytes -= freed.memory_bytes;
        self.disk_bytes -= freed.disk_bytes;
        if !queue.is_spilled() {
            self.orders.extend(queue.spill.take().map(SpillOrder::Discard));
        }
        Some(Lost { trial, from_sequence: sequence, reason })
    }

    fn in_flight(&self) -> usize {
        self.queues.values().map(Queue::in_flight).sum()
    }
}

/// The queue that a spill belongs to; none once its trial was forgotten.
fn queue_of(queues: &mut BTreeMap<TrialKey, Queue>, spill: SpillId) -> Option<(TrialKey, &mut Queue)> {
    let mut found = queues.iter_mut().filter(|(_, queue)| queue.spill == Some(spill));
    found.next().map(|(trial, queue)| (*trial, queue))
}
