//! The measured seconds of one attempt, all agents together: whether what was measured had settled.

use shared::claim::Better;
use shared::finding::{Finding, FindingCode};
use shared::interval::fold::ALL_AGENTS;
use shared::interval::{Interval, Phase};
use shared::units::human_share;

use super::sequences::Sequences;
use crate::steady_state::{Steadiness, classify};

/// Most slots of a trial, so that ten thousand trials stay below 400 MB. In a trial of more than ten minutes a slot is two seconds
/// long, or four, or as many as it takes.
const SLOTS_MAX: usize = 600;
const SECOND_NS: u64 = 1_000_000_000;

/// The seconds of one attempt, from the intervals of its agents, or of a folded run from the series that was kept of them all.
#[derive(Debug, Default)]
pub(super) struct Seconds {
    of_agents: Slots,
    of_series: Slots,
    /// Which intervals of the series were seen.
    series: Sequences,
}

impl Seconds {
    /// Adds an interval that was not added before; of the series any.
    pub(super) fn add(&mut self, interval: &Interval) {
        if interval.agent != ALL_AGENTS {
            self.of_agents.add(interval);
        } else if self.series.insert(interval.sequence, 1) {
            self.of_series.add(interval);
        }
    }

    /// What is to be said of a trial that had not settled, whose differences matter from `margin` on; `None` of one that had, or
    /// is too short to tell.
    pub(super) fn finding(&self, margin: f64) -> Option<Finding> {
        let slots = if self.of_series.slots.is_empty() { &self.of_agents } else { &self.of_series };
        let (code, message) = match classify(&slots.means(), Better::Lower, margin)? {
            Steadiness::Flat => return None,
            Steadiness::WarmingUp { intervals } => {
                let seconds = (intervals as u64) << slots.doublings;
                let message = format!(
                    "the first {seconds} s differ from the rest, which is steady: {seconds} s more of load.warmup would do"
                );
                (FindingCode::WarmingUp, message)
            }
            Steadiness::SlowingDown { drift } => {
                (FindingCode::SlowingDown, format!("the latency rises over the window, {}", words(drift)))
            }
            Steadiness::NoSteadyState { drift } => {
                let message = format!(
                    "that the latency had settled is not shown: over the window it changes {}, and limits.margin is {}",
                    words(drift),
                    human_share(margin)
                );
                (FindingCode::NoSteadyState, message)
            }
        };
        Some(Finding::of_trial(code, message))
    }
}

/// "by 3 % to 5 % of its mean".
fn words([low, high]: [f64; 2]) -> String {
    let share =
        |share: f64| if share < 0.0 { format!("−{}", human_share(-share)) } else { human_share(share) };
    format!("by {} to {} of its mean", share(low), share(high))
}

/// Successes and their latencies, in slots of equal length from the trial's start on.
#[derive(Debug, Default)]
struct Slots {
    slots: Vec<Slot>,
    /// How often the length of a slot was doubled; it began as a second.
    doublings: u32,
}

#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    successes: u64,
    latency_ns: u128,
}

impl Slot {
    fn add(&mut self, other: Slot) {
        self.successes = self.successes.saturating_add(other.successes);
        self.latency_ns = self.latency_ns.saturating_add(other.latency_ns);
    }
}

impl Slots {
    fn add(&mut self, interval: &Interval) {
        if interval.phase != Phase::Measured {
            return;
        }
        let mut slot = Slot::default();
        for latency in interval.operations.iter().filter_map(|operation| operation.latency.as_ref()) {
            slot.add(Slot { successes: latency.count(), latency_ns: latency.sum() });
        }
        if slot.successes == 0 {
            return;
        }
        let second = interval.start_ns / SECOND_NS;
        while second >> self.doublings >= SLOTS_MAX as u64 {
            self.double();
        }
        let place = (second >> self.doublings) as usize;
        if place >= self.slots.len() {
            self.slots.resize(place + 1, Slot::default());
        }
        self.slots[place].add(slot);
    }

    fn double(&mut self) {
        let merged = self.slots.chunks(2).map(|pair| {
            let mut sum = Slot::default();
            pair.iter().for_each(|slot| sum.add(*slot));
            sum
        });
        self.slots = merged.collect();
        self.doublings += 1;
    }

    /// The mean latency of each slot that has a success.
    fn means(&self) -> Vec<f64> {
        let told = self.slots.iter().filter(|slot| slot.successes > 0);
        told.map(|slot| slot.latency_ns as f64 / slot.successes as f64).collect()
    }
}
