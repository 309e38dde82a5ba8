//! The contract's JSON: as a report, and as an export that carries the merged histograms too.

use std::io::Write;

use analysis::assemble::Place;
use shared::run_report::{OperationReport, RunReport};

use crate::compressed::compressed_base64;
use crate::suite::SuiteReport;
use crate::{ExportFormat, ExportSource, Exporter, ReportError, Reporter};

/// Its line in the table.
pub const FORMAT: ExportFormat = ExportFormat {
    name: "json",
    doc: "the report as JSON, with the merged latencies of every operation as an HdrHistogram",
    exporter: &JsonExport,
};

/// The report as the contract has it, indented.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl Reporter for Json {
    fn render(&self, report: &RunReport) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(report)? + "\n")
    }

    fn render_suite(&self, suite: &SuiteReport) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(&suite.json())? + "\n")
    }
}

/// The same, with `latency_histogram` in every operation, so that anybody can check the merge bucket by bucket.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonExport;

impl Exporter for JsonExport {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let mut report = source.assembled.report.clone();
        for (place, histogram) in &source.assembled.latencies {
            if let Some(operation) = operation_at(&mut report, *place) {
                operation.latency_histogram = Some(compressed_base64(histogram)?);
            }
        }
        serde_json::to_writer_pretty(&mut *out, &report)?;
        Ok(out.write_all(b"\n")?)
    }
}

fn operation_at(report: &mut RunReport, place: Place) -> Option<&mut OperationReport> {
    let variant = report.variants.get_mut(place.variant)?;
    let operations = match (place.trial, place.agent) {
        (None, None) => &mut variant.operations,
        (None, Some(agent)) => &mut variant.agents.get_mut(agent)?.operations,
        (Some(trial), None) => &mut variant.trials.get_mut(trial)?.operations,
        (Some(trial), Some(agent)) => &mut variant.trials.get_mut(trial)?.agents.get_mut(agent)?.operations,
    };
    operations.get_mut(place.operation)
}

#[cfg(test)]
mod tests;
