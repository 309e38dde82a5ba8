//! What the probes of the last minute say together about a clock: a line, and how wrong it may be.
//!
//! A probe is sent at t₀, the agent reads its clock at a, the reply arrives at t₁ (Cristian, 1989). It was read somewhere
//! in between, so its offset then lay within [a − t₁, a − t₀]: as wide as the round trip. Every two probes bound
//! the drift between them, and all bounds together carry each probe's interval to the moment that is asked for. The true
//! offset lies in all of them, so in what they have in common. That is never wider than the smallest round trip's own
//! interval, and much narrower when delays vary: its lower end comes from the quickest reply, its upper end
//! from the quickest probe, which need not be the same.

use std::collections::VecDeque;
use std::time::Duration;

use super::Offset;

/// Probes that are remembered: at one a second they reach back a minute, enough to tell a drift of a few parts in a
/// million on a quick link, and short beside the time in which a drift changes.
const SAMPLES_MAX: usize = 64;
/// Most that one clock gains on another: two crystals that are each 50 parts in a million off.
const DRIFT_MAX: f64 = 100e-6;
/// Most that the drift itself changes while probes are remembered: a machine that warms up, a clock that is being
/// disciplined.
const WANDER_MAX: f64 = 1e-6;

/// What one probe says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// The middle between sending and hearing, on our clock.
    at_ns: u64,
    /// The least that the offset was then.
    low_ns: i64,
    /// The most.
    high_ns: i64,
    round_trip: Duration,
}

/// The samples of the last minute.
#[derive(Debug)]
pub(super) struct Window {
    /// In the order of their replies.
    samples: VecDeque<Sample>,
    /// Between which values the drift lies, nanoseconds per nanosecond.
    drift: (f64, f64),
}

impl Sample {
    /// From a probe that was sent and heard of at these moments of our clock.
    pub(super) fn new(sent_ns: u64, agent_ns: u64, heard_ns: u64) -> Self {
        let heard_ns = heard_ns.max(sent_ns);
        let round_trip_ns = heard_ns - sent_ns;
        // The clock was read up to half a round trip beside the middle, and drifted meanwhile.
        let slack_ns = (round_trip_ns as f64 / 2.0 * (DRIFT_MAX + WANDER_MAX)).ceil() as i128;
        let offset_ns = |ours_ns: u64| i128::from(agent_ns) - i128::from(ours_ns);
        Self {
            at_ns: sent_ns + round_trip_ns / 2,
            low_ns: saturated(offset_ns(heard_ns) - slack_ns),
            high_ns: saturated(offset_ns(sent_ns) + slack_ns),
            round_trip: Duration::from_nanos(round_trip_ns),
        }
    }

    /// Whether the offset can have been this one.
    pub(super) fn allows(&self, offset_ns: i64) -> bool {
        (self.low_ns..=self.high_ns).contains(&offset_ns)
    }

    /// Between which values the drift from an earlier sample to this one lies; `None`: no time passed.
    fn drift_since(&self, earlier: &Sample) -> Option<(f64, f64)> {
        let gap_ns = elapsed_ns(earlier.at_ns, self.at_ns);
        let slope = |later_ns: i64, earlier_ns: i64| difference_ns(later_ns, earlier_ns) / gap_ns;
        (gap_ns > 0.0).then(|| {
            (
                slope(self.low_ns, earlier.high_ns) - WANDER_MAX,
                slope(self.high_ns, earlier.low_ns) + WANDER_MAX,
            )
        })
    }
}

impl Default for Window {
    fn default() -> Self {
        Self { samples: VecDeque::new(), drift: (-DRIFT_MAX, DRIFT_MAX) }
    }
}

impl Window {
    /// Takes in the newest sample.
    pub(super) fn push(&mut self, sample: Sample) {
        self.samples.push_back(sample);
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.drift = self.fitted_drift();
        // No clock drifts like that: it jumped (its machine was suspended, say), and what was known of it is void.
        if self.drift.0 > self.drift.1 {
            self.samples.clear();
            self.samples.push_back(sample);
            self.drift = self.fitted_drift();
        }
    }

    /// The offset when our clock shows `at_ns`; `None` before the first sample.
    pub(super) fn offset_at(&self, at_ns: u64) -> Option<Offset> {
        // Offsets of machines that started years apart are large; what they differ by is told from the newest.
        let origin_ns = self.samples.back()?.low_ns;
        let (mut low_ns, mut high_ns) = (f64::NEG_INFINITY, f64::INFINITY);
        for sample in &self.samples {
            let age_ns = elapsed_ns(sample.at_ns, at_ns);
            let (one, other) = (self.drift.0 * age_ns, self.drift.1 * age_ns);
            let wander_ns = WANDER_MAX * age_ns.abs();
            low_ns = low_ns.max(difference_ns(sample.low_ns, origin_ns) + one.min(other) - wander_ns);
            high_ns = high_ns.min(difference_ns(sample.high_ns, origin_ns) + one.max(other) + wander_ns);
        }
        let middle_ns = f64::midpoint(low_ns, high_ns).round();
        // One more, for the rounding of both.
        let error_ns = ((high_ns - low_ns) / 2.0).max(0.0).ceil() as u64 + 1;
        Some(Offset { offset_ns: origin_ns.saturating_add(middle_ns as i64), error_ns })
    }

    /// The longest round trip that is remembered; `None` before the first sample.
    pub(super) fn round_trip_max(&self) -> Option<Duration> {
        self.samples.iter().map(|sample| sample.round_trip).max()
    }

    /// How many samples are remembered.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// Between which values the drift lies, by what every two samples say; an empty range: they contradict each other.
    fn fitted_drift(&self) -> (f64, f64) {
        let mut drift = (-DRIFT_MAX, DRIFT_MAX);
        for (number, later) in self.samples.iter().enumerate() {
            for (low, high) in self.samples.range(..number).filter_map(|earlier| later.drift_since(earlier)) {
                drift = (drift.0.max(low), drift.1.min(high));
            }
        }
        drift
    }
}

/// From one moment to another, negative when the other one is earlier.
fn elapsed_ns(from_ns: u64, to_ns: u64) -> f64 {
    (i128::from(to_ns) - i128::from(from_ns)) as f64
}

fn difference_ns(one_ns: i64, other_ns: i64) -> f64 {
    (i128::from(one_ns) - i128::from(other_ns)) as f64
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
