//! One clock: how far each agent's monotonic clock lies from ours.
//!
//! An agent on our own machine (the same boot, the same time namespace) reads the very clock that we read. Any other one
//! is probed on its control stream. Room: `window`, what the probes of the last minute say together.

mod window;

use std::collections::VecDeque;
use std::time::Duration;

use window::{Sample, Window};

/// Probes that may be under way unanswered; older ones are forgotten.
const IN_FLIGHT_MAX: usize = 32;

/// How far a clock lies from ours at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// The agent's clock less ours, nanoseconds.
    pub offset_ns: i64,
    /// How wrong that may be, whatever the delays were, nanoseconds.
    pub error_ns: u64,
}

/// What tells two monotonic clocks apart: processes for which it is the same read the same clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockIdentity {
    boot_id: String,
    namespace: String,
}

/// What is known of one agent's clock.
#[derive(Debug, Default)]
pub struct ClockEstimate {
    is_shared: bool,
    in_flight: VecDeque<(u64, u64)>,
    window: Window,
    last_probe: u64,
}

impl Offset {
    /// That of a clock that is our own.
    const NONE: Self = Self { offset_ns: 0, error_ns: 0 };

    /// What the agent's clock shows when ours shows `ours_ns`.
    pub fn to_agent(self, ours_ns: u64) -> u64 {
        ours_ns.saturating_add_signed(self.offset_ns)
    }

    /// What our clock shows when the agent's shows `agent_ns`.
    pub fn to_ours(self, agent_ns: u64) -> u64 {
        agent_ns.saturating_add_signed(self.offset_ns.saturating_neg())
    }
}

impl ClockIdentity {
    /// From the kernel's boot id and the text of `/proc/self/ns/time`; `None` when either is not known.
    pub fn new(boot_id: Option<&str>, namespace: Option<&str>) -> Option<Self> {
        let (boot_id, namespace) = (boot_id?.to_owned(), namespace?.to_owned());
        Some(Self { boot_id, namespace })
    }
}

impl ClockEstimate {
    /// Of a clock that is said to be our own. Probes still tell how long the way is, and that it is not ours after all.
    pub fn shared() -> Self {
        Self { is_shared: true, ..Self::default() }
    }

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
        let sample = Sample::new(sent_ns, agent_ns, now_ns);
        // A machine that was copied while it ran has the boot id of its twin, and a clock of its own.
        self.is_shared &= sample.allows(0);
        self.window.push(sample);
    }

    /// The offset when our clock shows `at_ns`; `None`: the clock is not ours, and no probe was answered yet.
    pub fn offset_at(&self, at_ns: u64) -> Option<Offset> {
        if self.is_shared { Some(Offset::NONE) } else { self.window.offset_at(at_ns) }
    }

    /// The longest of the round trips that are remembered; `None` before the first reply.
    pub fn round_trip_max(&self) -> Option<Duration> {
        self.window.round_trip_max()
    }

    /// How many answered probes are remembered.
    pub fn replies(&self) -> usize {
        self.window.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_to_no_probe_changes_nothing() {
        let mut clock = ClockEstimate::default();
        clock.reply(7, 1, 2);
        assert_eq!(clock.offset_at(30), None);
        let probe = clock.probe(10);
        clock.reply(probe, 100, 20);
        clock.reply(probe, 999, 30);
        let offset = clock.offset_at(15).unwrap();
        assert!(offset.offset_ns == 85 && offset.error_ns <= 8, "{offset:?}");
    }

    #[test]
    fn a_shared_clock_needs_no_probe_and_has_no_error() {
        let mut clock = ClockEstimate::shared();
        assert_eq!(clock.offset_at(10), Some(Offset::NONE));
        let probe = clock.probe(1_000);
        clock.reply(probe, 5_000, 9_000);
        assert_eq!(clock.offset_at(10_000), Some(Offset::NONE));
        assert_eq!(clock.round_trip_max(), Some(Duration::from_nanos(8_000)));
    }

    #[test]
    fn a_clock_that_cannot_be_ours_is_not_taken_for_it() {
        let mut clock = ClockEstimate::shared();
        let probe = clock.probe(1_000);
        clock.reply(probe, 50_000, 9_000);
        assert_eq!(clock.offset_at(9_000).map(|offset| offset.offset_ns), Some(45_000));
    }

    #[test]
    fn clocks_are_the_same_only_when_all_is_known_of_both() {
        assert_eq!(ClockIdentity::new(Some("b"), Some("n")), ClockIdentity::new(Some("b"), Some("n")));
        assert_ne!(ClockIdentity::new(Some("b"), Some("n")), ClockIdentity::new(Some("b"), Some("m")));
        assert_eq!(ClockIdentity::new(Some("b"), None), None);
    }
}
