//! Metrics and measures on their way into the report.

use shared::interval::{METRICS_MAX, MetricInterval, OperationInterval};
use shared::metric::MetricKind;
use shared::run_report::{MetricReport, OperationReport};

use super::fixture::*;
use super::*;

fn with_metrics(index: u16, metrics: &[(&str, MetricInterval)]) -> OperationInterval {
    let metrics = metrics.iter().map(|(name, metric)| ((*name).to_owned(), metric.clone())).collect();
    OperationInterval { metrics, ..operation(index, &[5; 10], 0) }
}

fn told(report: &RunReport, operation: usize, name: &str) -> Option<MetricReport> {
    only_trial(report).operations[operation].metrics.get(name).cloned()
}

#[test]
fn metrics_of_agents_and_seconds_add_up() {
    let (job, record) = (job(&["read"], 2), record(1, 2, 2));
    let took = |values: &[f64]| vec![with_metrics(0, &[("took", metric(MetricKind::Histogram, values))])];
    let hits = |values: &[f64]| vec![with_metrics(0, &[("hit", metric(MetricKind::Ratio, values))])];
    let intervals = [
        interval(0, 0, 0, took(&[100.0; 6])),
        interval(0, 0, 1, hits(&[1.0, 0.0, 1.0])),
        interval(0, 1, 0, took(&[200.0; 2])),
        interval(0, 1, 1, hits(&[1.0])),
    ];
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    let took = told(&report, 0, "took").unwrap();
    assert_eq!((took.kind, took.unit.as_str(), took.count), (MetricKind::Histogram, "ns", 8));
    assert_eq!((took.mean, took.min, took.max), (Some(125.0), Some(100.0), Some(200.0)));
    assert_eq!((took.stdev, took.p50, took.p90), (Some(1_875_f64.sqrt()), Some(100), None));
    let hit = told(&report, 0, "hit").unwrap();
    assert_eq!((hit.kind, hit.count, hit.mean, hit.p50), (MetricKind::Ratio, 4, Some(0.75), None));
    let of_agent = &only_trial(&report).agents[1].operations[0].metrics;
    assert_eq!((of_agent["took"].count, of_agent["hit"].mean), (2, Some(1.0)));
    assert_eq!(report.variants[0].operations[0].metrics["hit"].count, 4);
    let estimates = &report.variants[0].estimates;
    let hit = estimates.iter().find(|estimate| estimate.metric == "read.metric.hit.mean").unwrap();
    assert_eq!((hit.n, hit.mean), (1, Some(0.75)));
}

#[test]
fn all_operations_together_have_only_what_agrees() {
    let (job, record) = (job(&["read", "write", "list"], 1), record(1, 1, 1));
    let gauge = |value: f64| metric(MetricKind::Gauge, &[value]);
    let bytes = |value: f64| MetricInterval { unit: "bytes".to_owned(), ..gauge(value) };
    let operations = vec![
        with_metrics(0, &[("same", gauge(1.0)), ("mixed", gauge(1.0))]),
        with_metrics(1, &[("same", gauge(3.0)), ("mixed", bytes(2.0))]),
        with_metrics(2, &[("alone", gauge(7.0)), ("mixed", gauge(3.0))]),
    ];
    let report = assemble(&record, &job, [interval(0, 0, 0, operations)], NOW_MS).report;
    assert_eq!(told(&report, 3, "same").and_then(|it| it.mean), Some(2.0));
    assert_eq!(told(&report, 3, "alone").and_then(|it| it.mean), Some(7.0));
    assert_eq!(told(&report, 3, "mixed"), None);
    assert_eq!(told(&report, 1, "mixed").map(|it| it.unit), Some("bytes".to_owned()));
}

#[test]
fn a_metric_that_changes_its_kind_or_has_no_room_is_left_out_and_said_so() {
    let (job, record) = (job(&["read"], 2), record(1, 1, 2));
    let many: Vec<(String, MetricInterval)> =
        (0..METRICS_MAX).map(|number| (format!("m{number}"), metric(MetricKind::Gauge, &[1.0]))).collect();
    let many: Vec<(&str, MetricInterval)> =
        many.iter().map(|(name, metric)| (name.as_str(), metric.clone())).collect();
    let strange =
        [("m0", metric(MetricKind::Ratio, &[1.0])), ("one more", metric(MetricKind::Gauge, &[1.0]))];
    let intervals =
        [interval(0, 0, 0, vec![with_metrics(0, &many)]), interval(0, 0, 1, vec![with_metrics(0, &strange)])];
    let report = assemble(&record, &job, intervals, NOW_MS).report;
    assert_eq!((told(&report, 0, "m0").map(|it| it.count), told(&report, 0, "one more")), (Some(1), None));
    assert!(report.run.reason.as_ref().is_some_and(|reason| reason.starts_with("2 stored reports")));
}

#[test]
fn measures_have_distributions_of_their_own() {
    let (job, record) = (job(&["read"], 1), record(1, 1, 1));
    let measures = [("connect", 300), ("first_byte", 40), ("cpu_time", 50), ("max_memory", 60)];
    let measures = measures.map(|(name, value)| (name.to_owned(), encoded(&[value; 8])));
    let told = OperationInterval { measures: measures.into(), ..operation(0, &[500; 8], 0) };
    let report = assemble(&record, &job, [interval(0, 0, 0, vec![told])], NOW_MS).report;
    let read: &OperationReport = &only_trial(&report).operations[0];
    let p50 = |measure: &str| read.distribution(measure).and_then(|distribution| distribution.p50);
    assert_eq!(["connect", "first_byte", "cpu_time"].map(p50), [Some(300), Some(40), Some(50)]);
    assert_eq!((&read.dns_ns, &read.tls_ns, &read.body_ns), (&None, &None, &None));
    // What stands for a whole program stands among the metrics, too.
    assert_eq!(read.metrics.keys().collect::<Vec<_>>(), ["cpu_time", "max_memory"]);
    assert_eq!(
        (read.metrics["max_memory"].unit.as_str(), read.metrics["max_memory"].p50),
        ("bytes", Some(60))
    );
    let estimated: Vec<&str> = report.variants[0].estimates.iter().map(|it| it.metric.as_str()).collect();
    let means = ["read.connect.mean", "read.first_byte.mean", "read.cpu_time.mean", "read.max_memory.mean"];
    assert_eq!(estimated[7..], means);
}
