//! Intervals that are numbered and not yet acknowledged. What is here was never lost, and is forgotten only when
//! the coordinator says that it is on disk.

use std::collections::{BTreeMap, VecDeque};

use shared::ids::TrialKey;

/// Most bytes kept: an hour of a trial with three operations, several times over. Past it the engine keeps
/// what it measures, and stops the trial when its own bound is reached.
pub const OUTBOX_BYTES_MAX: usize = 64 * 1024 * 1024;
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

/// Intervals not yet acknowledged, by trial and number.
#[derive(Debug, Default)]
pub struct Outbox {
    trials: BTreeMap<TrialKey, VecDeque<Numbered>>,
    /// For each trial: the lowest number not yet sent over the present connection.
    unsent_from: BTreeMap<TrialKey, u64>,
    size_bytes: usize,
}

impl Outbox {
    /// Takes in an interval; numbers of a trial come in order.
    pub fn push(&mut self, interval: Numbered) {
        self.size_bytes += interval.bytes.len();
        self.trials.entry(interval.trial).or_default().push_back(interval);
    }

    /// Everything up to and with this number is on disk.
    pub fn acknowledge(&mut self, trial: TrialKey, through_sequence: u64) {
        if let Some(intervals) = self.trials.get_mut(&trial) {
            while intervals.front().is_some_and(|interval| interval.sequence <= through_sequence) {
                if let Some(interval) = intervals.pop_front() {
                    self.size_bytes -= interval.bytes.len();
                }
            }
            if intervals.is_empty() {
                self.trials.remove(&trial);
            }
        }
    }

    /// Nothing of this trial is wanted any more.
    pub fn forget(&mut self, trial: TrialKey) {
        if let Some(intervals) = self.trials.remove(&trial) {
            self.size_bytes -= intervals.iter().map(|interval| interval.bytes.len()).sum::<usize>();
        }
        self.unsent_from.remove(&trial);
    }

    /// A new connection stands: everything that is not acknowledged is sent again.
    pub fn rewind(&mut self) {
        self.unsent_from.clear();
    }

    /// What may be sent now, in order, if at most `credit` intervals may be under way; empty: nothing.
    pub fn next_batch(&mut self, credit: u32) -> Vec<Numbered> {
        let room = (credit as usize).saturating_sub(self.in_flight()).min(BATCH_MAX);
        let mut batch: Vec<Numbered> = Vec::new();
        let mut batch_bytes = 0;
        for (trial, intervals) in &self.trials {
            let unsent_from = self.unsent_from.entry(*trial).or_default();
            for interval in intervals.iter().filter(|interval| interval.sequence >= *unsent_from) {
                let is_full = batch.len() >= room
                    || (batch_bytes + interval.bytes.len() > BATCH_BYTES_MAX && !batch.is_empty());
                if is_full {
                    break;
                }
                batch_bytes += interval.bytes.len();
                batch.push(interval.clone());
            }
            if let Some(last) = batch.last().filter(|last| last.trial == *trial) {
                *unsent_from = last.sequence + 1;
            }
        }
        batch
    }

    /// Whether another interval should wait elsewhere.
    pub fn is_full(&self) -> bool {
        self.size_bytes >= OUTBOX_BYTES_MAX
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }

    fn in_flight(&self) -> usize {
        let sent = |(trial, intervals): (&TrialKey, &VecDeque<Numbered>)| {
            let unsent_from = self.unsent_from.get(trial).copied().unwrap_or(0);
            intervals.iter().filter(|interval| interval.sequence < unsent_from).count()
        };
        self.trials.iter().map(sent).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::ids::{RunId, TrialIndex};

    use super::*;

    fn trial(number: u32) -> TrialKey {
        TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(number), attempt: 0 }
    }

    fn interval(number: u32, sequence: u64) -> Numbered {
        Numbered { trial: trial(number), sequence, bytes: vec![0; 10] }
    }

    #[derive(Debug, Clone)]
    enum Happening {
        Measured,
        Send,
        Arrives,
        AckArrives,
        Breaks,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            4 => Just(Happening::Measured),
            3 => Just(Happening::Send),
            3 => Just(Happening::Arrives),
            2 => Just(Happening::AckArrives),
            1 => Just(Happening::Breaks),
        ]
    }

    proptest! {
        #[test]
        fn counted_once(happenings in prop::collection::vec(happening(), 1..200), credit in 1_u32..8) {
            let mut outbox = Outbox::default();
            let (mut measured, mut stored) = (0_u64, 0_u64);
            let mut wire: VecDeque<Numbered> = VecDeque::new();
            for happening in happenings.into_iter().chain((0..400).flat_map(|_| [Happening::Send, Happening::Arrives, Happening::AckArrives])) {
                match happening {
                    Happening::Measured => {
                        outbox.push(interval(0, measured));
                        measured += 1;
                    }
                    Happening::Send => {
                        wire.extend(outbox.next_batch(credit));
                        prop_assert!(outbox.in_flight() <= credit as usize);
                    }
                    Happening::Arrives => {
                        if let Some(arrived) = wire.pop_front() {
                            // The coordinator takes the next number, and drops one that it has.
                            prop_assert!(arrived.sequence <= stored, "a gap: {} after {}", arrived.sequence, stored);
                            stored = stored.max(arrived.sequence + 1);
                        }
                    }
                    Happening::AckArrives => if stored > 0 { outbox.acknowledge(trial(0), stored - 1) },
                    Happening::Breaks => {
                        wire.clear();
                        outbox.rewind();
                    }
                }
            }
            prop_assert_eq!(stored, measured);
            prop_assert!(outbox.is_empty() && outbox.size_bytes == 0);
        }
    }

    #[test]
    fn a_forgotten_trial_leaves_the_others() {
        let mut outbox = Outbox::default();
        outbox.push(interval(0, 0));
        outbox.push(interval(1, 0));
        outbox.forget(trial(0));
        assert_eq!(outbox.next_batch(8), [interval(1, 0)]);
        assert!(outbox.next_batch(8).is_empty());
        outbox.rewind();
        assert_eq!(outbox.next_batch(8), [interval(1, 0)]);
    }
}
