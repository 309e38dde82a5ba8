//! What one operation did so far: counters and histograms that merge exactly.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use shared::histogram::EncodedHistogram;
use shared::interval::slow::{SlowOperation, keep_slowest};
use shared::interval::{
    ERROR_SAMPLES_MAX, ErrorKind, ErrorSample, MEASURES_MAX, OperationInterval, REMARKS_MAX, Remark,
};
use shared::metric::{PHASES, Unit};
use shared::run_report::{MetricReport, OperationReport};

use super::histogram_sum::HistogramSum;
use super::metric_sums::MetricSums;

/// One operation's sum over any set of intervals.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    counters: Counters,
    errors: BTreeMap<ErrorKind, u64>,
    error_samples: Vec<ErrorSample>,
    latency: HistogramSum,
    /// `None` for as long as it is the same as `latency`.
    service_time: Option<HistogramSum>,
    send_lag: HistogramSum,
    worker_wait: HistogramSum,
    failed: HistogramSum,
    measures: BTreeMap<String, HistogramSum>,
    metrics: MetricSums,
    remarks: Vec<Remark>,
    slowest: Vec<SlowOperation>,
}

impl Tally {
    /// Adds what an interval tells. Returns how many of its measures and metrics did not fit.
    pub(super) fn add(&mut self, interval: &OperationInterval) -> u64 {
        self.counters.add(&Counters::from(interval));
        for (kind, count) in &interval.errors {
            add_to(self.errors.entry(*kind).or_default(), *count);
        }
        self.keep_samples(&interval.error_samples);
        self.keep_remarks(&interval.remarks);
        self.keep_slowest(&interval.slowest);
        // The service time parts from the latency with the first interval that tells it, before either grows.
        if interval.service_time.is_some() && self.service_time.is_none() {
            self.service_time = Some(self.latency.clone());
        }
        if let Some(service_time) = &mut self.service_time
            && let Some(more) = interval.service_time.as_ref().or(interval.latency.as_ref())
        {
            service_time.add(more);
        }
        add_encoded(&mut self.latency, interval.latency.as_ref());
        add_encoded(&mut self.send_lag, interval.send_lag.as_ref());
        add_encoded(&mut self.worker_wait, interval.worker_wait.as_ref());
        add_encoded(&mut self.failed, interval.failed.as_ref());
        let mut left_out = self.metrics.add(&interval.metrics);
        for (name, more) in &interval.measures {
            match self.measure(name) {
                Some(sum) => sum.add(more),
                None => left_out += 1,
            }
        }
        left_out
    }

    /// Adds another tally, bucket by bucket.
    pub(super) fn merge(&mut self, other: &Tally) {
        self.counters.add(&other.counters);
        for (kind, count) in &other.errors {
            add_to(self.errors.entry(*kind).or_default(), *count);
        }
        self.keep_samples(&other.error_samples);
        self.keep_remarks(&other.remarks);
        self.keep_slowest(&other.slowest);
        if other.service_time.is_some() && self.service_time.is_none() {
            self.service_time = Some(self.latency.clone());
        }
        if let Some(service_time) = &mut self.service_time {
            service_time.merge(other.service_time.as_ref().unwrap_or(&other.latency));
        }
        self.latency.merge(&other.latency);
        self.send_lag.merge(&other.send_lag);
        self.worker_wait.merge(&other.worker_wait);
        self.failed.merge(&other.failed);
        for (name, more) in &other.measures {
            if let Some(sum) = self.measure(name) {
                sum.merge(more);
            }
        }
        self.metrics.merge(&other.metrics);
    }

    /// Folds its histograms away.
    pub(super) fn pack(&mut self) {
        self.histograms_mut().for_each(HistogramSum::pack);
    }

    /// How many of its histograms take their full room.
    pub(super) fn open_histograms(&self) -> usize {
        let fixed = [&self.latency, &self.send_lag, &self.worker_wait, &self.failed];
        fixed
            .into_iter()
            .chain(&self.service_time)
            .chain(self.measures.values())
            .chain(self.metrics.histograms())
            .filter(|sum| sum.is_open())
            .count()
    }

    /// Values above the histograms' bound.
    pub(super) fn overflowed(&self) -> u64 {
        self.counters.overflowed
    }

    /// The slowest successes, slowest first.
    pub(super) fn slowest(&self) -> &[SlowOperation] {
        &self.slowest
    }

    /// What programs said beside their figures, each once.
    pub(super) fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Operations that were scheduled, and were neither sent nor told to be unsent.
    pub(super) fn missing(&self) -> u64 {
        self.counters.scheduled.saturating_sub(self.counters.sent.saturating_add(self.counters.unsent))
    }

    /// How many measured times it holds, of successes and failures.
    pub(super) fn times(&self) -> u64 {
        self.latency.count().saturating_add(self.failed.count())
    }

    /// Feeds the raw histograms of its measured times to a digest. Packed or open makes no difference.
    pub(super) fn digest_times(&self, digest: &mut impl Hasher) {
        for sum in [Some(&self.latency), self.service_time.as_ref(), Some(&self.failed)] {
            sum.filter(|sum| sum.count() > 0).map(|sum| sum.encoded().as_bytes().to_vec()).hash(digest);
        }
    }

    /// The latencies of successes.
    pub(super) fn latency(&self) -> EncodedHistogram {
        self.latency.encoded()
    }

    /// Its figures. Rates are over `window_ns`; without a window they are `null`.
    pub(super) fn report(&self, name: &str, window_ns: u64) -> OperationReport {
        let failed = self.errors.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let succeeded = self.latency.count();
        let count = succeeded.saturating_add(failed);
        let per_second = |amount: u64| (window_ns > 0).then(|| amount as f64 / (window_ns as f64 / 1e9));
        let latency_ns = self.latency.distribution();
        let measured = |name: &str| self.measures.get(name).map(HistogramSum::distribution);
        OperationReport {
            name: name.to_owned(),
            count,
            unsent: self.counters.unsent,
            errors: self.errors.iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect(),
            error_samples: self.error_samples.clone(),
            error_ratio: (count > 0).then(|| failed as f64 / count as f64),
            scheduled_per_s: per_second(self.counters.scheduled),
            throughput_per_s: per_second(succeeded),
            service_time_ns: self
                .service_time
                .as_ref()
                .map_or_else(|| latency_ns.clone(), HistogramSum::distribution),
            latency_ns,
            send_lag_ns: self.send_lag.distribution(),
            worker_wait_ns: self.worker_wait.distribution(),
            failed_ns: self.failed.distribution(),
            pool_wait_ns: measured("pool_wait"),
            dns_ns: measured("dns"),
            connect_ns: measured("connect"),
            tls_ns: measured("tls"),
            first_byte_ns: measured("first_byte"),
            body_ns: measured("body"),
            cpu_time_ns: measured("cpu_time"),
            max_memory_bytes: measured("max_memory"),
            bytes_sent: self.counters.bytes_sent,
            bytes_received: self.counters.bytes_received,
            connects: self.counters.connects,
            metrics: self.metrics(),
            latency_histogram: None,
        }
    }

    /// Metrics, and beside them the measures that stand for a whole program. A job's own metric comes before a measure of
    /// the same name.
    fn metrics(&self) -> BTreeMap<String, MetricReport> {
        let whole = self.measures.iter().filter(|(name, _)| !PHASES.contains(&name.as_str()));
        let report = |(name, sum): (&String, &HistogramSum)| {
            let unit = Unit::of_measure(name).as_str();
            (name.clone(), MetricReport::of_distribution(unit, &sum.distribution()))
        };
        whole.map(report).chain(self.metrics.reports()).collect()
    }

    /// Five samples of the same mishap teach no more than one.
    fn keep_samples(&mut self, samples: &[ErrorSample]) {
        for sample in samples {
            if self.error_samples.len() < ERROR_SAMPLES_MAX && !self.error_samples.contains(sample) {
                self.error_samples.push(sample.clone());
            }
        }
    }

    fn keep_slowest(&mut self, slowest: &[SlowOperation]) {
        slowest.iter().for_each(|slow| keep_slowest(&mut self.slowest, slow.clone()));
    }

    fn keep_remarks(&mut self, remarks: &[Remark]) {
        for remark in remarks {
            if self.remarks.len() < REMARKS_MAX && !self.remarks.contains(remark) {
                self.remarks.push(remark.clone());
            }
        }
    }

    /// The sum of a measure; `None` when its name is new and there are [`MEASURES_MAX`] already.
    fn measure(&mut self, name: &str) -> Option<&mut HistogramSum> {
        if !self.measures.contains_key(name) {
            if self.measures.len() >= MEASURES_MAX {
                return None;
            }
            self.measures.insert(name.to_owned(), HistogramSum::Empty);
        }
        self.measures.get_mut(name)
    }

    fn histograms_mut(&mut self) -> impl Iterator<Item = &mut HistogramSum> {
        [&mut self.latency, &mut self.send_lag, &mut self.worker_wait, &mut self.failed]
            .into_iter()
            .chain(&mut self.service_time)
            .chain(self.measures.values_mut())
            .chain(self.metrics.histograms_mut())
    }
}

/// The plain sums.
#[derive(Debug, Clone, Default)]
struct Counters {
    scheduled: u64,
    sent: u64,
    unsent: u64,
    bytes_sent: u64,
    bytes_received: u64,
    connects: u64,
    overflowed: u64,
}

impl From<&OperationInterval> for Counters {
    fn from(interval: &OperationInterval) -> Self {
        Self {
            scheduled: interval.scheduled,
            sent: interval.sent,
            unsent: interval.unsent,
            bytes_sent: interval.bytes_sent,
            bytes_received: interval.bytes_received,
            connects: interval.connects,
            overflowed: interval.overflowed,
        }
    }
}

impl Counters {
    fn add(&mut self, more: &Counters) {
        add_to(&mut self.scheduled, more.scheduled);
        add_to(&mut self.sent, more.sent);
        add_to(&mut self.unsent, more.unsent);
        add_to(&mut self.bytes_sent, more.bytes_sent);
        add_to(&mut self.bytes_received, more.bytes_received);
        add_to(&mut self.connects, more.connects);
        add_to(&mut self.overflowed, more.overflowed);
    }
}

fn add_to(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

fn add_encoded(sum: &mut HistogramSum, more: Option<&EncodedHistogram>) {
    if let Some(more) = more {
        sum.add(more);
    }
}
