//! An agent's disk: does in its own time what the outbox orders, and may be full.

use std::collections::{HashMap, VecDeque};

use agent::session::outbox::Numbered;
use agent::session::outbox::spill::{SpillId, SpillOrder, SpillReport};

/// What lies on one agent's disk, and what is to be done there.
#[derive(Debug, Default)]
pub struct Spill {
    orders: VecDeque<SpillOrder>,
    files: HashMap<SpillId, VecDeque<Numbered>>,
    /// Whether it takes nothing more.
    pub is_full: bool,
    /// Spills of which something could not be written: nothing is written behind it.
    broken: Vec<SpillId>,
}

impl Spill {
    /// Takes an order. True: it had none, so the disk must be woken.
    pub fn order(&mut self, order: SpillOrder) -> bool {
        self.orders.push_back(order);
        self.orders.len() == 1
    }

    /// Carries out the oldest order; also says whether there are more.
    pub fn work(&mut self) -> (Option<SpillReport>, bool) {
        let report = self.orders.pop_front().and_then(|order| self.carry_out(order));
        (report, !self.orders.is_empty())
    }

    fn carry_out(&mut self, order: SpillOrder) -> Option<SpillReport> {
        match order {
            SpillOrder::Write { spill, interval } => {
                let size_bytes = interval.bytes.len() as u64;
                if self.is_full || self.broken.contains(&spill) {
                    self.broken.push(spill);
                    let (sequence, reason) = (interval.sequence, "the disk is full".to_owned());
                    return Some(SpillReport::NotWritten { spill, sequence, size_bytes, reason });
                }
                self.files.entry(spill).or_default().push_back(interval);
                Some(SpillReport::Written { size_bytes })
            }
            SpillOrder::Recall { spill, count } => {
                let file = self.files.entry(spill).or_default();
                let intervals = file.drain(..count.min(file.len())).collect();
                Some(SpillReport::Recalled { spill, intervals })
            }
            SpillOrder::Discard(spill) => {
                self.files.remove(&spill);
                None
            }
        }
    }
}
