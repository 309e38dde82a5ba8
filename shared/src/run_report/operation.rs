//! What one operation did: its counts, distributions and metrics, as the JSON contract has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interval::ErrorSample;
use crate::metric::{MetricKind, MetricName};

/// What one operation did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationReport {
    /// Its name; `*` for all merged.
    pub name: String,
    /// Operations scheduled inside the window that ended, successes and errors.
    pub count: u64,
    /// Operations due but not begun before the drain ended.
    pub unsent: u64,
    /// Errors by kind.
    pub errors: BTreeMap<String, u64>,
    /// At most five samples of what went wrong.
    pub error_samples: Vec<ErrorSample>,
    /// Errors / count; `null` when nothing ended.
    pub error_ratio: Option<f64>,
    /// Operations scheduled per second of the window.
    pub scheduled_per_s: Option<f64>,
    /// Successes per second of the window.
    pub throughput_per_s: Option<f64>,
    /// Latency of successes.
    pub latency_ns: Distribution,
    /// Service time of successes.
    pub service_time_ns: Distribution,
    /// The generator's own lateness.
    pub send_lag_ns: Distribution,
    /// Waiting for a free worker.
    pub worker_wait_ns: Distribution,
    /// Latency of failures.
    pub failed_ns: Distribution,
    /// Waiting for a connection of a pool; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool_wait_ns: Option<Distribution>,
    /// Looking a name up; absent when not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_ns: Option<Distribution>,
    /// Opening a connection; absent when not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ns: Option<Distribution>,
    /// The TLS handshake; absent when not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_ns: Option<Distribution>,
    /// From sent to the answer's first byte; absent when not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ns: Option<Distribution>,
    /// From the answer's first byte to its end; absent when not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_ns: Option<Distribution>,
    /// CPU time of a program; absent when the workload does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_time_ns: Option<Distribution>,
    /// Peak memory of a program; absent when the workload does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory_bytes: Option<Distribution>,
    /// Bytes written to the measured thing.
    pub bytes_sent: u64,
    /// Bytes read from the measured thing.
    pub bytes_received: u64,
    /// Connections opened inside the window.
    pub connects: u64,
    /// What was taken out of responses, by name; and of a program its CPU time and memory.
    pub metrics: BTreeMap<String, MetricReport>,
    /// Merged latencies as a base64 HdrHistogram (V2, compressed). Exports carry it, reports do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_histogram: Option<String>,
}

impl OperationReport {
    /// The distribution of one of [`crate::metric::MEASURES_WITH_STATISTICS`]; `None`: there is none of that name here.
    pub fn distribution(&self, measure: &str) -> Option<&Distribution> {
        match measure {
            "latency" => Some(&self.latency_ns),
            "service_time" => Some(&self.service_time_ns),
            "send_lag" => Some(&self.send_lag_ns),
            "worker_wait" => Some(&self.worker_wait_ns),
            "failed" => Some(&self.failed_ns),
            "pool_wait" => self.pool_wait_ns.as_ref(),
            "dns" => self.dns_ns.as_ref(),
            "connect" => self.connect_ns.as_ref(),
            "tls" => self.tls_ns.as_ref(),
            "first_byte" => self.first_byte_ns.as_ref(),
            "body" => self.body_ns.as_ref(),
            "cpu_time" => self.cpu_time_ns.as_ref(),
            "max_memory" => self.max_memory_bytes.as_ref(),
            _ => None,
        }
    }

    /// The value of a measure, and of its statistic where it has any; `None` when it cannot be given here.
    pub fn value(&self, measure: &str, statistic: Option<&str>) -> Option<f64> {
        match (measure, statistic) {
            ("throughput", None) => self.throughput_per_s,
            ("error_ratio", None) => self.error_ratio,
            ("count", None) => Some(self.count as f64),
            ("unsent", None) => Some(self.unsent as f64),
            (_, None) => None,
            (_, Some(statistic)) => match measure.strip_prefix("metric.") {
                Some(name) => self.metrics.get(name)?.statistic(statistic),
                None => self.distribution(measure)?.statistic(statistic),
            },
        }
    }
}

/// The value of a metric in the operations of a trial, an agent or a variant: of the operation that it names, or of all
/// together. `None` when it cannot be given.
pub fn value_of(operations: &[OperationReport], metric: &MetricName) -> Option<f64> {
    let operation = match &metric.operation {
        Some(name) => operations.iter().find(|operation| operation.name == *name),
        // The last stands for all: it is named so, or it is the only one.
        None => operations.last(),
    };
    operation?.value(&metric.measure, metric.statistic.as_deref())
}

/// A distribution: count, extremes and quantiles; `null` where the sample cannot carry it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// Lowest value (its bucket's lowest).
    pub min: Option<u64>,
    /// Mean of the buckets' midpoints.
    pub mean: Option<f64>,
    /// Standard deviation over the buckets' midpoints.
    pub stdev: Option<f64>,
    /// Median.
    pub p50: Option<u64>,
    /// 75th percentile.
    pub p75: Option<u64>,
    /// 90th percentile.
    pub p90: Option<u64>,
    /// 95th percentile.
    pub p95: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// 99.9th percentile.
    pub p99_9: Option<u64>,
    /// 99.99th percentile.
    pub p99_99: Option<u64>,
    /// Highest value (its bucket's highest).
    pub max: Option<u64>,
}

impl Distribution {
    /// One of [`crate::metric::STATISTICS`]; `None` when it cannot be given.
    pub fn statistic(&self, statistic: &str) -> Option<f64> {
        let quantiles = [self.p50, self.p75, self.p90, self.p95, self.p99, self.p99_9, self.p99_99];
        let whole = match statistic {
            "mean" => return self.mean,
            "stdev" => return self.stdev,
            "min" => self.min,
            "max" => self.max,
            _ => quantile(statistic, quantiles),
        };
        whole.map(|value| value as f64)
    }
}

/// A metric beside the latencies. Quantiles are there only of histograms, and only those that the sample can carry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricReport {
    /// Its unit: `ns`, `bytes`, `per_s`, empty or a word of the job's own.
    pub unit: String,
    /// What its values are.
    #[serde(default = "any_number")]
    pub kind: MetricKind,
    /// How many values.
    pub count: u64,
    /// Mean; of a ratio the share of ones.
    pub mean: Option<f64>,
    /// Standard deviation (divided by n).
    pub stdev: Option<f64>,
    /// Lowest value.
    pub min: Option<f64>,
    /// Highest value.
    pub max: Option<f64>,
    /// Median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50: Option<u64>,
    /// 75th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p75: Option<u64>,
    /// 90th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p90: Option<u64>,
    /// 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95: Option<u64>,
    /// 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99: Option<u64>,
    /// 99.9th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_9: Option<u64>,
    /// 99.99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_99: Option<u64>,
}

impl MetricReport {
    /// A metric of which only the distribution is known.
    pub fn of_distribution(unit: &str, distribution: &Distribution) -> Self {
        Self {
            unit: unit.to_owned(),
            kind: MetricKind::Histogram,
            count: distribution.count,
            mean: distribution.mean,
            stdev: distribution.stdev,
            min: distribution.min.map(|value| value as f64),
            max: distribution.max.map(|value| value as f64),
            p50: distribution.p50,
            p75: distribution.p75,
            p90: distribution.p90,
            p95: distribution.p95,
            p99: distribution.p99,
            p99_9: distribution.p99_9,
            p99_99: distribution.p99_99,
        }
    }

    /// One of [`crate::metric::STATISTICS`]; `None` when it cannot be given.
    pub fn statistic(&self, statistic: &str) -> Option<f64> {
        let quantiles = [self.p50, self.p75, self.p90, self.p95, self.p99, self.p99_9, self.p99_99];
        match statistic {
            "mean" => self.mean,
            "stdev" => self.stdev,
            "min" => self.min,
            "max" => self.max,
            _ => quantile(statistic, quantiles).map(|value| value as f64),
        }
    }
}

/// One of the quantiles, which stand in the order of their names.
fn quantile(name: &str, quantiles: [Option<u64>; 7]) -> Option<u64> {
    let names = ["p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99"];
    let place = names.iter().position(|known| *known == name)?;
    quantiles[place]
}

/// Reports that were made before kinds were told.
fn any_number() -> MetricKind {
    MetricKind::Gauge
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::{MEASURES_PLAIN, MEASURES_WITH_STATISTICS, STATISTICS};

    fn distribution(start: u64) -> Distribution {
        Distribution {
            count: 40_000,
            min: Some(start),
            mean: Some(start as f64 + 1.0),
            max: Some(start + 2),
            stdev: Some(start as f64 + 3.0),
            p50: Some(start + 4),
            p75: Some(start + 5),
            p90: Some(start + 6),
            p95: Some(start + 7),
            p99: Some(start + 8),
            p99_9: Some(start + 9),
            p99_99: Some(start + 10),
        }
    }

    fn report(name: &str, start: u64) -> OperationReport {
        let of = |place: u64| distribution(start + 100 * place);
        let hit = MetricReport { kind: MetricKind::Ratio, ..MetricReport::of_distribution("", &of(13)) };
        OperationReport {
            name: name.to_owned(),
            count: 10,
            unsent: 2,
            errors: BTreeMap::new(),
            error_samples: Vec::new(),
            error_ratio: Some(0.5),
            scheduled_per_s: None,
            throughput_per_s: Some(5.0),
            latency_ns: of(0),
            service_time_ns: of(1),
            send_lag_ns: of(2),
            worker_wait_ns: of(3),
            failed_ns: of(4),
            pool_wait_ns: Some(of(5)),
            dns_ns: Some(of(6)),
            connect_ns: Some(of(7)),
            tls_ns: Some(of(8)),
            first_byte_ns: Some(of(9)),
            body_ns: Some(of(10)),
            cpu_time_ns: Some(of(11)),
            max_memory_bytes: Some(of(12)),
            bytes_sent: 0,
            bytes_received: 0,
            connects: 0,
            metrics: BTreeMap::from([("hit.rate".to_owned(), hit)]),
            latency_histogram: None,
        }
    }

    #[test]
    fn every_measure_and_statistic_of_the_contract_has_its_value() {
        let operations = [report("read", 0), report("*", 10_000)];
        let value = |text: &str| value_of(&operations, &MetricName::parse(text, ["read"]).unwrap());
        for (measure, place) in MEASURES_WITH_STATISTICS.iter().zip(0_u32..) {
            for (statistic, offset) in STATISTICS.iter().zip(0_u32..) {
                let expected = f64::from(100 * place + offset);
                assert_eq!(value(&format!("read.{measure}.{statistic}")), Some(expected));
                assert_eq!(value(&format!("{measure}.{statistic}")), Some(10_000.0 + expected));
            }
        }
        let plain: Vec<_> = MEASURES_PLAIN.iter().map(|measure| value(&format!("read.{measure}"))).collect();
        assert_eq!(plain, [Some(5.0), Some(0.5), Some(10.0), Some(2.0)]);
        assert_eq!(value("read.metric.hit.rate.mean"), Some(1_301.0));
        assert_eq!(value("metric.hit.rate.p99"), Some(11_308.0));
        assert_eq!((value("metric.miss.mean"), value("host.cpu_busy.max")), (None, None));
    }

    #[test]
    fn what_was_not_asked_for_is_absent_and_reads_back_so() {
        let mut report = OperationReport { dns_ns: None, tls_ns: None, ..report("read", 0) };
        let hit = report.metrics.values_mut().next().unwrap();
        (hit.p50, hit.p99) = (None, None);
        let json = serde_json::to_value(&report).unwrap();
        assert!(json.get("dns_ns").is_none() && json.get("connect_ns").is_some());
        assert_eq!(json["metrics"]["hit.rate"]["kind"], "ratio");
        assert!(json["metrics"]["hit.rate"].get("p50").is_none());
        assert_eq!(serde_json::from_value::<OperationReport>(json).unwrap(), report);
    }
}
