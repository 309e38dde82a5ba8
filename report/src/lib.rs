//! Renders runs: reports for people and programs, exports for other tools. One file and one line of a table each.
//!
//! A [`Reporter`] renders a run report, which any client holds. An [`Exporter`] goes back to the stored
//! intervals, and so runs where the store is.
//!
//! Reporters: [`terminal`], [`json`], [`markdown`], [`junit`], of a run or of a [`suite`] of them. Exporters: [`json`], [`csv`], [`hlog`],
//! [`hgrm`], [`openmetrics`], [`html`]. Beside them: [`annotations`] (for GitHub). Behind them: [`chart`] (pictures), [`series`] (how a run
//! went over time), [`attempts`] (what an interval belongs to), [`compressed`] (histograms in their V2 compressed form), [`figures`]
//! (those of claims, as text), `slowest` (what took longest), [`caret`] (errors of jobs, with their places).
#![forbid(unsafe_code)]

pub mod annotations;
pub mod attempts;
pub mod caret;
pub mod chart;
pub mod compressed;
pub mod csv;
pub mod figures;
pub mod hgrm;
pub mod hlog;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod openmetrics;
mod plans;
pub mod series;
mod slowest;
pub mod suite;
pub mod terminal;

use std::io::{self, Write};

use analysis::Assembled;
use shared::interval::Interval;
use shared::job::Job;
use shared::run_record::RunRecord;
use shared::run_report::RunReport;
use suite::SuiteReport;

/// Renders a run report.
pub trait Reporter {
    /// The report as text, with a newline at its end.
    ///
    /// # Errors
    /// When the report cannot be put into the format.
    fn render(&self, report: &RunReport) -> Result<String, ReportError>;

    /// Several reports as one text, which links them.
    ///
    /// # Errors
    /// When one of them cannot be put into the format.
    fn render_suite(&self, suite: &SuiteReport) -> Result<String, ReportError>;
}

/// One line of the table of report formats.
#[derive(Clone, Copy)]
pub struct ReportFormat {
    /// Its name: the flag on the command line.
    pub name: &'static str,
    /// One sentence about it, for the help.
    pub doc: &'static str,
    /// Renders it.
    pub reporter: &'static (dyn Reporter + Sync),
}

/// Every format that a report is written to a file in, beside the contract's JSON.
pub const REPORTS: &[ReportFormat] = &[markdown::FORMAT, junit::FORMAT];

/// The report format of a name; `None`: there is none.
pub fn report_format(name: &str) -> Option<&'static ReportFormat> {
    REPORTS.iter().find(|format| format.name == name)
}

/// Writes a run for another tool.
pub trait Exporter: Sync {
    /// Writes the run, streaming: intervals are never held together. Writes in small pieces: give it a buffered `out`.
    ///
    /// # Errors
    /// When the output cannot be written or the stored intervals cannot be read.
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError>;
}

/// Takes one interval; what it returns as an error ends the walk.
pub type Visit<'v> = dyn FnMut(Interval) -> Result<(), ReportError> + 'v;

/// Walks all stored intervals of a run, in the store's order.
pub type Walk<'a> = dyn FnMut(&mut Visit<'_>) -> Result<(), ReportError> + 'a;

/// Everything that is stored of a run, and what was made of it.
pub struct ExportSource<'a> {
    /// The report, with its merged histograms.
    pub assembled: &'a Assembled,
    /// What the coordinator remembers of the run.
    pub record: &'a RunRecord,
    /// Its job.
    pub job: &'a Job,
    /// Walks its stored intervals.
    pub intervals: &'a mut Walk<'a>,
}

/// One line of the table of export formats.
#[derive(Clone, Copy)]
pub struct ExportFormat {
    /// Its name on the command line.
    pub name: &'static str,
    /// One sentence about it, for the help.
    pub doc: &'static str,
    /// Writes it.
    pub exporter: &'static dyn Exporter,
}

/// Every format of `fleetmark export --format`.
pub const EXPORTS: &[ExportFormat] = &[
    hlog::FORMAT,
    hgrm::FORMAT,
    json::FORMAT,
    csv::FORMAT,
    csv::lines::FORMAT,
    csv::trials::FORMAT,
    openmetrics::FORMAT,
    html::FORMAT,
];

/// The export format of a name.
///
/// # Errors
/// [`ReportError::UnknownFormat`] names those that there are.
pub fn export_format(name: &str) -> Result<&'static ExportFormat, ReportError> {
    let found = EXPORTS.iter().find(|format| format.name == name);
    found.ok_or_else(|| {
        let known = EXPORTS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
        ReportError::UnknownFormat { name: name.to_owned(), known }
    })
}

/// Why a run could not be rendered. Reads after "failed to export the run: ".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is no such format.
    #[error("there is no export format {name:?}: choose one of {known}")]
    UnknownFormat {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The output could not be written.
    #[error("write the output")]
    Output(#[from] io::Error),
    /// The report could not be put into JSON.
    #[error("put the report into JSON")]
    Json(#[from] serde_json::Error),
    /// A row could not be written as CSV.
    #[error("write a CSV row")]
    Csv(#[from] ::csv::Error),
    /// The stored intervals could not be read.
    #[error("read the stored intervals of the run")]
    Intervals(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod fixture;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_format_names_the_known_ones() {
        let error = export_format("hdr").err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some(
                "there is no export format \"hdr\": choose one of hlog, hgrm, json, csv, jsonl, csv-trials, openmetrics, html"
            )
        );
    }
}
