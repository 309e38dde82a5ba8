//! The columns that only some runs have: measures of the workload, and metrics taken out of responses.

use std::collections::BTreeSet;

use analysis::quantile;
use shared::interval::{MetricInterval, OperationInterval};
use shared::metric::{Unit, WORKLOAD_MEASURES};
use shared::run_report::{OperationReport, RunReport};

/// Which measures and metrics a run tells of, and so which columns its rows have.
pub(super) struct Further<'a> {
    measures: Vec<&'static str>,
    metrics: BTreeSet<&'a str>,
}

impl<'a> Further<'a> {
    /// Those of any trial in a report.
    pub(super) fn of(report: &'a RunReport) -> Self {
        let trials = report.variants.iter().flat_map(|variant| &variant.trials);
        let operations: Vec<&OperationReport> = trials.flat_map(|trial| &trial.operations).collect();
        let is_told =
            |measure: &&str| operations.iter().any(|operation| operation.distribution(measure).is_some());
        let measures: Vec<&'static str> = WORKLOAD_MEASURES.iter().copied().filter(is_told).collect();
        let names = operations.iter().flat_map(|operation| operation.metrics.keys());
        // A measure that stands among the metrics as well has its columns already.
        let metrics = names.map(String::as_str).filter(|name| !measures.contains(name)).collect();
        Self { measures, metrics }
    }

    /// The columns' names: like those of the latency, and `metric.<name>.` with the statistic.
    pub(super) fn columns(&self) -> impl Iterator<Item = String> + '_ {
        let measures = self.measures.iter().flat_map(|measure| {
            let unit = Unit::of_measure(measure).as_str();
            let figures = ["mean", "p50", "p99", "max"].map(|figure| format!("{measure}_{figure}_{unit}"));
            [format!("{measure}_count")].into_iter().chain(figures)
        });
        let metrics = self
            .metrics
            .iter()
            .flat_map(|name| ["count", "mean", "min", "max"].map(|figure| format!("metric.{name}.{figure}")));
        measures.chain(metrics)
    }

    /// The figures of one row; empty where there is nothing, or too little, to tell.
    pub(super) fn figures(&self, operation: &OperationInterval) -> impl Iterator<Item = String> {
        let measures = self.measures.iter().map(|measure| measure_figures(operation, measure));
        let metrics = self.metrics.iter().map(|name| metric_figures(operation.metrics.get(*name)));
        measures.flatten().chain(metrics.flatten())
    }
}

fn measure_figures(operation: &OperationInterval, measure: &str) -> [String; 5] {
    let Some(encoded) = operation.measures.get(measure) else {
        return ["0".to_owned(), String::new(), String::new(), String::new(), String::new()];
    };
    let of = quantile::distribution(&encoded.decode());
    let mean = of.mean.map_or(String::new(), |mean| format!("{mean:.1}"));
    let figure = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    [of.count.to_string(), mean, figure(of.p50), figure(of.p99), figure(of.max)]
}

fn metric_figures(metric: Option<&MetricInterval>) -> [String; 4] {
    let Some(metric) = metric else {
        return ["0".to_owned(), String::new(), String::new(), String::new()];
    };
    let of = &metric.summary;
    let figure = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    [of.count().to_string(), figure(of.mean()), figure(of.min()), figure(of.max())]
}
