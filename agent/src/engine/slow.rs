//! Which operations are among a load thread's slowest: one comparison for all that are not.

use shared::interval::slow::SLOWEST_MAX;

/// Requests that are rendered of one interval's slowest operations. Of n latencies in any order 20 (1 + ln(n / 20)) are among the twenty
/// slowest so far: 236 of a million. While a latency grows slowly every operation is, and to render each would slow the load.
const RENDERED_MAX: u32 = 240;

/// Who did an operation, and what it asked for.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// The worker's number among those of the agent.
    pub(super) worker: u32,
    /// The request, if one was wanted and the workload shows any.
    pub(super) request: Option<String>,
}

/// The latencies of a thread's slowest operations over the trial so far.
#[derive(Debug)]
pub(super) struct Slowest {
    /// At most [`SLOWEST_MAX`], in no order.
    latencies_ns: Vec<u64>,
    /// What an operation must be above to be among them.
    floor_ns: u64,
    may_render: u32,
}

impl Slowest {
    pub(super) fn new() -> Self {
        Self { latencies_ns: Vec::with_capacity(SLOWEST_MAX), floor_ns: 0, may_render: RENDERED_MAX }
    }

    /// A new interval begins.
    pub(super) fn begin_interval(&mut self) {
        self.may_render = RENDERED_MAX;
    }

    /// Whether a latency is among the slowest.
    #[inline]
    pub(super) fn has_place_for(&self, latency_ns: u64) -> bool {
        latency_ns > self.floor_ns
    }

    /// Takes in one that is; returns whether its request is to be rendered.
    #[cold]
    pub(super) fn enter(&mut self, latency_ns: u64) -> bool {
        if self.latencies_ns.len() < SLOWEST_MAX {
            self.latencies_ns.push(latency_ns);
        } else if let Some(lowest) = self.latencies_ns.iter_mut().min() {
            *lowest = latency_ns;
        }
        if self.latencies_ns.len() == SLOWEST_MAX {
            self.floor_ns = self.latencies_ns.iter().copied().min().unwrap_or(0);
        }
        let renders = self.may_render > 0;
        self.may_render = self.may_render.saturating_sub(1);
        renders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_slower_than_the_twentieth_gets_a_place() {
        let mut slowest = Slowest::new();
        for latency_ns in 1..=100 {
            assert!(slowest.has_place_for(latency_ns));
            slowest.enter(latency_ns);
        }
        assert!(!slowest.has_place_for(81) && slowest.has_place_for(82));
    }

    #[test]
    fn a_latency_that_grows_does_not_render_every_request() {
        let mut slowest = Slowest::new();
        let rendered = (1..=10_000).filter(|latency_ns| slowest.enter(*latency_ns)).count();
        assert_eq!(rendered, RENDERED_MAX as usize);
        slowest.begin_interval();
        assert!(slowest.enter(20_000));
    }
}
