//! The latency of the second that agents reported last: what moves on a display.

use analysis::quantile;
use shared::histogram::Histogram;
use shared::interval::Interval;

/// One second of a trial, merged over the agents that reported it so far.
#[derive(Debug)]
pub(super) struct LastSecond {
    second: u64,
    latency: Histogram,
}

impl LastSecond {
    pub(super) fn new() -> Self {
        Self { second: 0, latency: Histogram::new() }
    }

    /// Adds an interval; one of a later second begins anew, one of an earlier second comes too late to be shown.
    pub(super) fn add(&mut self, interval: &Interval) {
        let second = interval.start_ns / 1_000_000_000;
        if second < self.second {
            return;
        }
        if second > self.second {
            self.second = second;
            self.latency.clear();
        }
        let latencies = interval.operations.iter().filter_map(|operation| operation.latency.as_ref());
        latencies.for_each(|latency| self.latency.add_encoded(latency));
    }

    /// `None` where the second's successes cannot carry it.
    pub(super) fn quantile(&self, quantile: f64) -> Option<u64> {
        quantile::quantile(&self.latency, quantile)
    }
}
