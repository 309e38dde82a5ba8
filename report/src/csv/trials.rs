//! One row per trial and operation, for whoever does statistics of their own: trials are the sample.

use std::io::Write;

use shared::run_report::{Distribution, OperationReport, TrialReport, VariantReport};

use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat = ExportFormat {
    name: "csv-trials",
    doc: "one row per trial and operation, every attempt included",
    exporter: &CsvTrials,
};

/// Columns before the latency's and the service time's.
const COLUMNS: &[&str] = &[
    "variant",
    "block",
    "order",
    "attempt",
    "valid",
    "agent",
    "from",
    "to",
    "findings",
    "operation",
    "count",
    "errors",
    "unsent",
    "error_ratio",
    "scheduled_per_s",
    "throughput_per_s",
    "bytes_sent",
    "bytes_received",
];

/// Figures of a distribution.
const FIGURES: [&str; 12] =
    ["count", "min", "mean", "stdev", "p50", "p75", "p90", "p95", "p99", "p99_9", "p99_99", "max"];

/// One row per trial and operation; `*` is all operations merged. What cannot be given is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct CsvTrials;

impl Exporter for CsvTrials {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let mut writer = ::csv::Writer::from_writer(out);
        let named = |measure: &str| FIGURES.map(|figure| format!("{measure}_{figure}{}", unit(figure)));
        let columns = COLUMNS.iter().map(|column| (*column).to_owned());
        writer.write_record(columns.chain(named("latency")).chain(named("service_time")))?;
        for variant in &source.assembled.report.variants {
            for trial in &variant.trials {
                for operation in &trial.operations {
                    writer.write_record(row(variant, trial, operation))?;
                }
            }
        }
        Ok(writer.flush()?)
    }
}

/// The unit in a column's name; a count has none.
fn unit(figure: &str) -> &'static str {
    if figure == "count" { "" } else { "_ns" }
}

fn row(variant: &VariantReport, trial: &TrialReport, operation: &OperationReport) -> Vec<String> {
    let pair = trial.pair.as_ref();
    let codes: Vec<&str> = trial.findings.iter().map(|finding| finding.code.as_str()).collect();
    let errors: u64 = operation.errors.values().sum();
    let mut row = vec![
        variant.name.clone(),
        trial.block.to_string(),
        trial.order.to_string(),
        trial.attempt.to_string(),
        trial.valid.to_string(),
        trial.agent.as_ref().map(ToString::to_string).unwrap_or_default(),
        pair.map(|pair| pair.from.to_string()).unwrap_or_default(),
        pair.map(|pair| pair.to.to_string()).unwrap_or_default(),
        codes.join(" "),
        operation.name.clone(),
        operation.count.to_string(),
        errors.to_string(),
        operation.unsent.to_string(),
        figure(operation.error_ratio),
        figure(operation.scheduled_per_s),
        figure(operation.throughput_per_s),
        operation.bytes_sent.to_string(),
        operation.bytes_received.to_string(),
    ];
    row.extend(figures(&operation.latency_ns));
    row.extend(figures(&operation.service_time_ns));
    row
}

fn figures(of: &Distribution) -> [String; 12] {
    [
        of.count.to_string(),
        figure(of.min),
        figure(of.mean),
        figure(of.stdev),
        figure(of.p50),
        figure(of.p75),
        figure(of.p90),
        figure(of.p95),
        figure(of.p99),
        figure(of.p99_9),
        figure(of.p99_99),
        figure(of.max),
    ]
}

fn figure(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn every_trial_has_a_row_per_operation_with_the_figures_of_the_report() {
        let bytes = fixture::exported(&CsvTrials);
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let at = |name: &str| columns.iter().position(|column| column == name).unwrap();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        let report = fixture::assembled().report;
        let trials = &report.variants[0].trials;
        assert_eq!(rows.len(), trials.iter().map(|trial| trial.operations.len()).sum::<usize>());
        let first = &trials[0].operations[0];
        assert_eq!(rows[0][at("operation")], first.name);
        assert_eq!(rows[0][at("latency_p50_ns")], figure(first.latency_ns.p50));
        assert_eq!(rows[0][at("latency_count")], first.latency_ns.count.to_string());
    }
}
