//! The wall clock against the monotonic one: who sets the time moves one of them.

use rustix::time::{ClockId, Timespec, clock_gettime};
use shared::host::HostMetric;

use super::{Instrument, Look};

/// Reads both clocks.
#[derive(Debug, Default)]
pub(super) struct WallClock {
    ahead_ns: Option<i128>,
}

impl Instrument for WallClock {
    fn look(&mut self, look: &mut Look<'_>) {
        let ahead_ns = as_ns(clock_gettime(ClockId::Realtime)) - as_ns(clock_gettime(ClockId::Monotonic));
        if let Some(before_ns) = self.ahead_ns.filter(|_| look.elapsed_s.is_some() && !look.sample.is_empty())
        {
            look.sample.set(HostMetric::ClockStep, (ahead_ns - before_ns).abs() as f64);
        }
        self.ahead_ns = Some(ahead_ns);
    }
}

fn as_ns(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
