//! One clock: how far each agent's monotonic clock lies from ours, from probes on its control stream.
//!
//! Cristian's algorithm: a probe is sent at t₀, the agent reads its clock at a, the reply arrives at t₁. Then
//! the offset is a − (t₀ + t₁)/2, and it is wrong by at most half the round trip. Of a sliding window the
//! probe with the smallest round trip counts.

use std::collections::VecDeque;

/// Probes that are remembered: at one every two seconds they reach back half a minute, so drift stays small.
const WINDOW: usize = 16;
/// Probes that may be under way unanswered; older ones are forgotten.
const IN_FLIGHT_MAX: usize = 32;

/// How far a clock lies from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// The agent's clock less ours, nanoseconds.
    pub offset_ns: i64,
    /// How wrong that may be: half the round trip, nanoseconds.
    pub error_ns: u64,
}

/// What is known of one agent's clock.
#[derive(Debug, Default)]
pub struct ClockEstimate {
    in_flight: VecDeque<(u64, u64)>,
    samples: VecDeque<Offset>,
    last_probe: u64,
}

impl ClockEstimate {
    /// Notes that a probe is sent now; returns its number.
    pub fn probe(&mut self, now_ns: u64) -> u64 {
        self.last_probe += 1;
        self.in_flight.push_back((self.last_probe, now_ns));
        if self.in_flight.len() > IN_FLIGHT_MAX {
            self.in_flight.pop_front();
        }
        self.last_probe
    }

    /// Notes a reply. One to a probe that is not under way changes nothing.
    pub fn reply(&mut self, probe: u64, agent_ns: u64, now_ns: u64) {
        let Some(at) = self.in_flight.iter().position(|(number, _)| *number == probe) else { return };
        let Some((_, sent_ns)) = self.in_flight.remove(at) else { return };
        let round_trip_ns = now_ns.saturating_sub(sent_ns);
        let middle_ns = sent_ns + round_trip_ns / 2;
        let offset = i128::from(agent_ns) - i128::from(middle_ns);
        let offset_ns = i64::try_from(offset).unwrap_or(if offset < 0 { i64::MIN } else { i64::MAX });
        self.samples.push_back(Offset { offset_ns, error_ns: round_trip_ns.div_ceil(2) });
        if self.samples.len() > WINDOW {
            self.samples.pop_front();
        }
    }

    /// The best estimate; `None` before the first reply.
    pub fn offset(&self) -> Option<Offset> {
        self.samples.iter().copied().min_by_key(|sample| sample.error_ns)
    }

    /// How many probes have been answered, up to the window's length.
    pub fn replies(&self) -> usize {
        self.samples.len()
    }
}

impl Offset {
    /// What the agent's clock shows when ours shows `ours_ns`.
    pub fn to_agent(self, ours_ns: u64) -> u64 {
        ours_ns.saturating_add_signed(self.offset_ns)
    }

    /// What our clock shows when the agent's shows `agent_ns`.
    pub fn to_ours(self, agent_ns: u64) -> u64 {
        agent_ns.saturating_add_signed(self.offset_ns.saturating_neg())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_true_offset_lies_within_the_error(true_offset in -10_i64.pow(15)..10_i64.pow(15), delays in prop::collection::vec((0..50_000_000_u64, 0..50_000_000_u64), 1..40)) {
            let mut clock = ClockEstimate::default();
            let mut now = 2 * 10_u64.pow(15);
            for (there, back) in delays {
                let probe = clock.probe(now);
                let agent = (now + there).saturating_add_signed(true_offset);
                now += there + back;
                clock.reply(probe, agent, now);
                let estimate = clock.offset().unwrap();
                prop_assert!(estimate.offset_ns.abs_diff(true_offset) <= estimate.error_ns);
            }
        }
    }

    #[test]
    fn a_reply_to_no_probe_changes_nothing() {
        let mut clock = ClockEstimate::default();
        clock.reply(7, 1, 2);
        assert_eq!(clock.offset(), None);
        let probe = clock.probe(10);
        clock.reply(probe, 100, 20);
        clock.reply(probe, 999, 30);
        assert_eq!(clock.offset(), Some(Offset { offset_ns: 85, error_ns: 5 }));
    }
}
