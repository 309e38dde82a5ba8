//! The words of what is written about a run, and of deciding it again.

use std::path::{Path, PathBuf};

use clap::Args;
use report::{ReportFormat, report_format};

use super::{AskArgs, JobArgs};

/// Files that a report is written to, beside the contract's JSON.
#[derive(Debug, Clone, Args)]
pub(crate) struct FormatArgs {
    /// Write the report as Markdown, the verdicts first; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    markdown: Option<PathBuf>,
    /// Write the report as JUnit XML, a case for each claim; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    junit: Option<PathBuf>,
}

impl FormatArgs {
    /// The files, each with its format.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static ReportFormat, &Path)> {
        let asked = [("markdown", &self.markdown), ("junit", &self.junit)];
        asked.into_iter().filter_map(|(name, path)| Some((report_format(name)?, path.as_deref()?)))
    }

    /// Whether one of them is standard output.
    pub(crate) fn is_on_stdout(&self) -> bool {
        self.files().any(|(_, path)| path == Path::new("-"))
    }
}

/// The page that a run is written to, for which its stored seconds are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct PageArgs {
    /// Write the run as one HTML file with charts, which needs no network; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub(crate) html: Option<PathBuf>,
}

impl PageArgs {
    /// Whether it is standard output.
    pub(crate) fn is_on_stdout(&self) -> bool {
        self.html.as_deref() == Some(Path::new("-"))
    }
}

/// Which run, for whom, and where to.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The run: an id, a unique prefix of one, or `latest`
    pub(crate) run: String,
    /// archive (all that is stored of the run, for `fleetmark import`), hlog (HdrHistogram log), hgrm (percentiles), json, csv, jsonl,
    /// csv-trials, openmetrics, or html
    #[arg(long, default_value = ARCHIVE)]
    pub(crate) format: String,
    /// The file to write; `-` is standard output
    #[arg(short, long, value_name = "FILE|-", default_value = "-")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// The format that an import reads.
pub(crate) const ARCHIVE: &str = "archive";

/// Which run, and what to write about it.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run: an id, a unique prefix of one, or `latest`
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) page: PageArgs,
    #[command(flatten)]
    pub(crate) formats: FormatArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// By which job to decide which run again.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// The run: an id, a unique prefix of one, or `latest`
    #[arg(long, value_name = "RUN")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) formats: FormatArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_the_table_has_its_flag() {
        let all = FormatArgs { markdown: Some("a".into()), junit: Some("b".into()) };
        let names: Vec<&str> = all.files().map(|(format, _)| format.name).collect();
        assert_eq!(names, report::REPORTS.iter().map(|format| format.name).collect::<Vec<_>>());
    }
}
