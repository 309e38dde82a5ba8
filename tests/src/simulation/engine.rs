//! An engine that only counts: one interval a second with a known number of operations. When it may start is decided by
//! the real engine's orders.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use agent::engine::StartRefusal;
use agent::engine::orders::Orders;
use shared::histogram::{EncodedHistogram, Histogram};
use shared::ids::{AgentId, IntervalSequence, LeaseEpoch, TrialKey};
use shared::interval::{EngineSample, Interval, OperationInterval, Phase};
use shared::job::{Warmup, Window};
use shared::plan::Assignment;

use super::dice::{Dice, MS, SECOND};

/// Most operations of an interval.
const COUNT_MAX: usize = 9;
/// How long the drain after the window takes.
const DRAIN_NS: u64 = 150 * MS;

/// Latencies of so many operations, encoded once: making a histogram costs more than all else here.
static LATENCIES: LazyLock<Vec<EncodedHistogram>> = LazyLock::new(|| {
    let of = |count| {
        let mut histogram: Histogram = Histogram::new();
        histogram.record_many(MS, count);
        EncodedHistogram::encode(&histogram)
    };
    (0..=COUNT_MAX as u64).map(of).collect()
});

/// One trial's engine on one agent.
#[derive(Debug)]
pub struct Engine {
    trial: TrialKey,
    agent: AgentId,
    /// The lease under which it was made ready.
    pub epoch: LeaseEpoch,
    orders: Arc<Orders>,
    /// The start that it was armed by last.
    armed: Option<u32>,
    has_begun: bool,
    warmup_seconds: u64,
    window_seconds: u64,
    /// After so many intervals it cannot go on; `None`: it goes on to its end.
    pub breaks_after: Option<u64>,
    numbered: u64,
}

impl Engine {
    /// An engine that is ready for its assignment.
    pub fn new(agent: AgentId, assignment: &Assignment) -> Self {
        let seconds = |length: std::time::Duration| length.as_secs();
        Self {
            trial: assignment.trial,
            agent,
            epoch: assignment.epoch,
            orders: Orders::new(),
            armed: None,
            has_begun: false,
            warmup_seconds: match assignment.load.warmup {
                Warmup::For(length) => seconds(length),
                Warmup::Iterations(_) => 0,
            },
            window_seconds: match assignment.load.window {
                Window::For(length) => seconds(length),
                // An iteration takes a second here.
                Window::Iterations(iterations) => iterations,
            },
            breaks_after: None,
            numbered: 0,
        }
    }

    /// Arms it by a start, or moves its start there; the agent's clock shows `now_ns`.
    ///
    /// # Errors
    /// When that moment has passed, or it has begun.
    pub fn arm(&mut self, arming: u32, at_ns: u64, now_ns: u64) -> Result<(), StartRefusal> {
        self.orders.start(at_ns, || now_ns)?;
        self.armed = Some(arming);
        Ok(())
    }

    /// A start has come. False: it was moved to a later one.
    pub fn begin(&mut self, arming: u32) -> bool {
        self.has_begun |= self.armed == Some(arming);
        self.armed == Some(arming)
    }

    /// Whether it has begun and is not at its end.
    pub fn is_measuring(&self) -> bool {
        self.has_begun && self.length_ns().is_some()
    }

    /// How long the interval is that it measures now; `None`: it has measured all.
    pub fn length_ns(&self) -> Option<u64> {
        let (seconds, drain) = (self.warmup_seconds + self.window_seconds, u64::from(self.numbered > 0));
        match self.numbered {
            number if number < seconds => Some(SECOND),
            number if number < seconds + drain => Some(DRAIN_NS),
            _ => None,
        }
    }

    /// The interval that it has measured, and how many operations of it count.
    pub fn measure(&mut self, dice: &mut Dice) -> (Interval, u64) {
        let sequence = self.numbered;
        let phase = match sequence {
            number if number < self.warmup_seconds => Phase::Warmup,
            number if number < self.warmup_seconds + self.window_seconds => Phase::Measured,
            _ => Phase::Drain,
        };
        let count = if phase == Phase::Warmup { 0 } else { dice.between(1..=COUNT_MAX as u64) };
        let operation = OperationInterval {
            warmup_ended: u64::from(phase == Phase::Warmup),
            scheduled: count,
            sent: count,
            latency: (count > 0).then(|| LATENCIES[count as usize].clone()),
            ..OperationInterval::default()
        };
        let duration_ns = self.length_ns().unwrap_or(SECOND);
        self.numbered += 1;
        let interval = Interval {
            trial: self.trial,
            agent: self.agent,
            sequence: IntervalSequence(sequence),
            phase,
            start_ns: sequence * SECOND,
            duration_ns,
            is_last: self.length_ns().is_none(),
            operations: vec![operation],
            engine: EngineSample { busiest_thread_cpu: Some(0.1), threads: 1, workers: 1, late_ns: 0 },
            host: None,
            fingerprint: None,
            observed: BTreeMap::new(),
            folded: None,
        };
        (interval, count)
    }

    /// How many intervals it has numbered.
    pub fn numbered(&self) -> u64 {
        self.numbered
    }
}
