//! One stretch of a run: what was measured in it, and how the hosts fared meanwhile.

use std::collections::BTreeMap;

use analysis::quantile;
use shared::histogram::{EncodedHistogram, Histogram};
use shared::host::{HostMetric, HostSample};
use shared::ids::AgentId;
use shared::interval::{Interval, Phase};

use super::SECOND_NS;

/// Histograms of a column that wait to be added up: adding up takes a histogram unpacked, 264 KiB, each time.
const PENDING_MAX: usize = 8;

/// What was measured in one column.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Operations that ended as a success.
    pub succeeded: u64,
    /// Operations that ended as an error.
    pub failed: u64,
    /// Of both those that ended in the window: what was awaited after it took no measured time.
    in_window: (u64, u64),
    /// Measured time, ns, by agent.
    measured_ns: BTreeMap<AgentId, u64>,
    /// Latencies of the successes, ns: histograms that are yet to be added up.
    latencies: Vec<EncodedHistogram>,
}

impl Column {
    /// Successes per second of measured time; `None`: nothing but the end of a window fell here.
    pub fn throughput_per_s(&self) -> Option<f64> {
        self.per_second(self.in_window.0)
    }

    /// Errors per second of measured time.
    pub fn errors_per_s(&self) -> Option<f64> {
        self.per_second(self.in_window.1)
    }

    /// Agents measure at the same time, and one that was lost measures no more: the longest of them says how long it was.
    fn per_second(&self, count: u64) -> Option<f64> {
        let longest_ns = self.measured_ns.values().copied().max().unwrap_or(0);
        let seconds = longest_ns as f64 / SECOND_NS as f64;
        (seconds > 0.0).then(|| count as f64 / seconds)
    }

    /// A quantile of the latencies, ns; `None` where so few cannot carry it.
    pub fn latency_ns(&self, level: f64) -> Option<u64> {
        quantile::quantile(&self.histogram()?, level)
    }

    /// The latencies, to be counted bucket by bucket.
    pub fn histogram(&self) -> Option<Histogram> {
        let (first, others) = self.latencies.split_first()?;
        let mut sum = first.decode();
        others.iter().for_each(|latency| sum.add_encoded(latency));
        Some(sum)
    }

    /// Takes in an interval.
    pub(super) fn add(&mut self, interval: &Interval) {
        let is_in_window = interval.phase == Phase::Measured;
        for operation in &interval.operations {
            self.succeeded += operation.succeeded();
            self.failed += operation.failed_count();
            if is_in_window {
                self.in_window.0 += operation.succeeded();
                self.in_window.1 += operation.failed_count();
            }
            self.latencies.extend(operation.latency.clone());
        }
        if is_in_window {
            *self.measured_ns.entry(interval.agent).or_default() += interval.duration_ns;
        }
        self.add_up();
    }

    /// Takes in the column that followed.
    pub(super) fn join(&mut self, next: Self) {
        self.succeeded += next.succeeded;
        self.failed += next.failed;
        self.in_window.0 += next.in_window.0;
        self.in_window.1 += next.in_window.1;
        for (agent, measured_ns) in next.measured_ns {
            *self.measured_ns.entry(agent).or_default() += measured_ns;
        }
        self.latencies.extend(next.latencies);
        self.add_up();
    }

    /// Adds up what waits, once it is too much to hold.
    fn add_up(&mut self) {
        if self.latencies.len() >= PENDING_MAX
            && let Some(sum) = self.histogram()
        {
            self.latencies = vec![EncodedHistogram::encode(&sum)];
        }
    }
}

/// How the hosts of agents fared in one column: means over them.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostColumn {
    busy: (f64, u32),
    steal: (f64, u32),
    frequency: (f64, u32),
}

impl HostColumn {
    /// Share of CPU time that was not idle, 0 to 1.
    pub fn cpu_busy(&self) -> Option<f64> {
        mean(self.busy)
    }

    /// Share of CPU time that the hypervisor took, 0 to 1.
    pub fn cpu_steal(&self) -> Option<f64> {
        mean(self.steal)
    }

    /// Frequency of the cores, MHz.
    pub fn frequency_mhz(&self) -> Option<f64> {
        mean(self.frequency)
    }

    /// Takes in how one host fared.
    pub(super) fn add(&mut self, sample: &HostSample) {
        note(&mut self.busy, sample.value(HostMetric::CpuBusy));
        note(&mut self.steal, sample.value(HostMetric::CpuSteal));
        note(&mut self.frequency, sample.value(HostMetric::Frequency));
    }

    /// Takes in the column that followed.
    pub(super) fn join(&mut self, next: &Self) {
        let pairs = [
            (&mut self.busy, next.busy),
            (&mut self.steal, next.steal),
            (&mut self.frequency, next.frequency),
        ];
        for ((sum, count), (more, further)) in pairs {
            *sum += more;
            *count += further;
        }
    }
}

fn note((sum, count): &mut (f64, u32), value: Option<f64>) {
    if let Some(value) = value.filter(|value| value.is_finite()) {
        *sum += value;
        *count += 1;
    }
}

fn mean((sum, count): (f64, u32)) -> Option<f64> {
    (count > 0).then(|| sum / f64::from(count))
}
