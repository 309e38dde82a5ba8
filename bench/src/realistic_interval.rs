//! Intervals as a busy agent sends them each second: a few operations, a thousand distinct latencies of each.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use shared::delay::Delay;
use shared::histogram::{EncodedHistogram, Histogram};
use shared::host::{HostMetric, HostSample};
use shared::ids::{AgentId, IntervalSequence, OperationIndex, TrialKey};
use shared::interval::{EngineSample, Interval, OperationInterval, Phase};
use shared::metric::Unit;

/// Operations of an interval, with the median of their latencies: a cached read, a read, and a write.
pub const OPERATIONS: [(&str, Duration); 3] = [
    ("cached", Duration::from_micros(700)),
    ("read", Duration::from_millis(2)),
    ("write", Duration::from_millis(9)),
];
/// Buckets that an operation's latencies fall into.
const DISTINCT_VALUES: usize = 1_000;
/// How widely latencies are spread: p99 is two and a half times the median.
const SIGMA: f64 = 0.4;
/// Intervals that are drawn beforehand, so that a second of thousands of agents costs the load client little. No two
/// of one agent within half a minute are alike.
const PATTERNS: usize = 32;
/// The length of an interval.
pub const LENGTH: Duration = Duration::from_secs(1);

/// Makes intervals of a closed load.
#[derive(Debug)]
pub struct IntervalMaker {
    patterns: Vec<[EncodedHistogram; OPERATIONS.len()]>,
}

impl IntervalMaker {
    /// Draws latencies; the same seed draws the same.
    pub fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut pattern = |_| OPERATIONS.map(|(_, median)| latencies(median, &mut random));
        Self { patterns: (0..PATTERNS).map(&mut pattern).collect() }
    }

    /// An agent's interval. `number` tells agents apart, so that they do not all send the same.
    pub fn interval(
        &self,
        trial: TrialKey,
        agent: AgentId,
        number: u32,
        sequence: u64,
        is_last: bool,
    ) -> Interval {
        let pattern = &self.patterns[(number as usize + sequence as usize) % PATTERNS];
        let length_ns = LENGTH.as_nanos() as u64;
        Interval {
            trial,
            agent,
            sequence: IntervalSequence(sequence),
            phase: Phase::Measured,
            start_ns: sequence * length_ns,
            duration_ns: length_ns,
            is_last,
            operations: (0..).zip(pattern).map(|(place, latency)| operation(place, latency)).collect(),
            engine: EngineSample {
                busiest_thread_cpu: Some(0.412_345_678),
                threads: 2,
                workers: 64,
                late_ns: 1_100_000 + sequence,
            },
            host: Some(host(number, sequence)),
            fingerprint: None,
            observed: BTreeMap::new(),
            folded: None,
        }
    }
}

/// Latencies that fall into [`DISTINCT_VALUES`] buckets.
fn latencies(median: Duration, random: &mut ChaCha8Rng) -> EncodedHistogram {
    let delay = Delay::LogNormal { median, sigma: SIGMA };
    let mut histogram: Histogram = Histogram::new();
    loop {
        let missing = DISTINCT_VALUES.saturating_sub(histogram.recorded().count());
        if missing == 0 {
            return EncodedHistogram::encode(&histogram);
        }
        (0..missing).for_each(|_| histogram.record(delay.sample(random).as_nanos() as u64));
    }
}

fn operation(place: u16, latency: &EncodedHistogram) -> OperationInterval {
    let count = latency.count();
    OperationInterval {
        operation: OperationIndex(place),
        scheduled: count,
        sent: count,
        bytes_sent: count * 180,
        bytes_received: count * 2_400,
        latency: Some(latency.clone()),
        ..OperationInterval::default()
    }
}

/// Shares as the kernel's ticks give them: fractions with all their digits. All that a host of eight cores tells.
fn host(number: u32, sequence: u64) -> HostSample {
    let share = |parts: u64| ((u64::from(number) * 31 + sequence * 17) % parts) as f64 / 199.0;
    let figure = |metric: HostMetric| {
        let value = match metric.unit() {
            Unit::Size => (3_000_000_000 + sequence * 4_096) as f64,
            Unit::Rate => 1e4 * share(140 + u64::from(metric.number())),
            _ => share(140 + u64::from(metric.number())),
        };
        (metric, value)
    };
    // Of a process that is observed most have nothing to tell.
    let told =
        HostMetric::ALL.iter().copied().filter(|metric| metric.number() < HostMetric::ProcessCount.number());
    let mut sample = HostSample::of(told.map(figure));
    sample.set_cores((0..8).map(|core| share(90 + core)));
    sample
}

#[cfg(test)]
mod tests {
    use shared::ids::{RunId, TrialIndex};

    use super::*;

    #[test]
    fn an_interval_has_a_thousand_distinct_latencies_of_each_operation() {
        let trial = TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(0), attempt: 0 };
        let maker = IntervalMaker::new(1);
        let one = maker.interval(trial, AgentId::new([1; 16]), 0, 3, false);
        assert_eq!(one.operations.len(), OPERATIONS.len());
        for operation in &one.operations {
            let latency = operation.latency.as_ref().unwrap().decode();
            assert!(latency.recorded().count() >= DISTINCT_VALUES);
        }
        let other = maker.interval(trial, AgentId::new([1; 16]), 1, 3, false);
        assert_ne!(one.operations, other.operations);
    }
}
