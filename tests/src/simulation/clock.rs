//! The agents' clocks: each began at another time and goes at another pace than the world's.

use super::dice::{Dice, SECOND};

/// Parts of a billion by which a clock may be off its pace: more than quartz does.
const DRIFT_PPB_MAX: u64 = 60_000;
/// What clocks show at most when a world begins: a host that has been up for four months.
const AHEAD_NS_MAX: u64 = 10_000_000 * SECOND;

/// One host's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct HostClock {
    ahead_ns: u64,
    drift_ppb: i64,
}

impl HostClock {
    /// The world's own, which the coordinator reads.
    pub const TRUE: Self = Self { ahead_ns: 0, drift_ppb: 0 };

    /// Some host's.
    pub fn any(dice: &mut Dice) -> Self {
        let drift_ppb = dice.between(0..=2 * DRIFT_PPB_MAX) as i64 - DRIFT_PPB_MAX as i64;
        Self { ahead_ns: dice.between(0..=AHEAD_NS_MAX), drift_ppb }
    }

    /// What it shows at a moment of the world.
    pub fn read(self, at_ns: u64) -> u64 {
        let drifted = i128::from(at_ns) * i128::from(self.drift_ppb) / i128::from(SECOND);
        self.ahead_ns + at_ns.saturating_add_signed(drifted as i64)
    }

    /// The first moment of the world at which it shows this.
    pub fn moment(self, shown_ns: u64) -> u64 {
        let since = i128::from(shown_ns.saturating_sub(self.ahead_ns));
        let mut at_ns = (since * i128::from(SECOND) / i128::from(SECOND as i64 + self.drift_ppb)) as u64;
        while self.read(at_ns) < shown_ns {
            at_ns += 1;
        }
        at_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_when_the_clock_shows_it() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            let clock = HostClock::any(&mut dice);
            let at_ns = dice.between(0..=1_000 * SECOND);
            assert!(clock.moment(clock.read(at_ns)).abs_diff(at_ns) <= 2);
        }
    }
}
