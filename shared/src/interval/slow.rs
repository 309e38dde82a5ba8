//! The slowest operations of an interval: what somebody looks at who asks what a percentile is made of.

use std::cmp::Reverse;

use super::{ERROR_SAMPLE_BYTES_MAX, cut};

/// How many of the slowest are kept, of each operation in an interval and of all in a trial.
pub const SLOWEST_MAX: usize = 20;

/// One of the slowest operations; a success, for failures have samples of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlowOperation {
    /// Its latency, ns.
    pub latency_ns: u64,
    /// When it ended, ns since the trial's start T on its agent's clock.
    pub ended_at_ns: u64,
    /// Which worker did it, counted from 0 over the agent's load threads.
    pub worker: u32,
    /// Its request, secrets masked, at most [`ERROR_SAMPLE_BYTES_MAX`] bytes; `None`: its workload shows none, or too many became the
    /// slowest within one interval to render them all.
    pub request: Option<String>,
}

impl SlowOperation {
    /// The same, its request cut to its bound.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self { request: self.request.map(|request| cut(request, ERROR_SAMPLE_BYTES_MAX)), ..self }
    }

    /// Slowest first, then in the order of time: a total order, so that the first few are the same however they are merged.
    fn rank(&self) -> (Reverse<u64>, u64, u32, &Option<String>) {
        (Reverse(self.latency_ns), self.ended_at_ns, self.worker, &self.request)
    }
}

/// Puts one among the slowest, slowest first; what is beyond [`SLOWEST_MAX`] goes.
pub fn keep_slowest(slowest: &mut Vec<SlowOperation>, one: SlowOperation) {
    let place = slowest.partition_point(|other| other.rank() <= one.rank());
    if place < SLOWEST_MAX {
        slowest.insert(place, one);
        slowest.truncate(SLOWEST_MAX);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[(u64, u64)]) -> Vec<SlowOperation> {
        let mut slowest = Vec::new();
        for (latency_ns, ended_at_ns) in values {
            let one = SlowOperation {
                latency_ns: *latency_ns,
                ended_at_ns: *ended_at_ns,
                worker: 0,
                request: None,
            };
            keep_slowest(&mut slowest, one);
        }
        slowest
    }

    proptest! {
        #[test]
        fn the_slowest_of_the_slowest_are_the_slowest_of_all(
            values in prop::collection::vec((0_u64..50, 0_u64..1_000), 0..200),
            cut_at in 0_usize..200,
        ) {
            let (one, other) = values.split_at(cut_at.min(values.len()));
            let mut merged = of(one);
            of(other).into_iter().for_each(|slow| keep_slowest(&mut merged, slow));
            prop_assert_eq!(&merged, &of(&values));
            prop_assert!(merged.len() <= SLOWEST_MAX);
        }
    }
}
