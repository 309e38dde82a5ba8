//! `fleetmark report`: what came out of a run, written to files in other formats.

use ::report::suite::SuiteReport;
use shared::run_report::RunReport;

use super::show;
use crate::args::{FormatArgs, ReportArgs};
use crate::exit_code::{DONE, Failure, INTERNAL};
use crate::output;

pub(super) async fn run(options: ReportArgs) -> anyhow::Result<u8> {
    check(&options.formats)?;
    let report =
        show::report(&mut show::existing(&options.ask.place, &options.run).await?, &options.run).await?;
    write(&options.formats, &report)?;
    if options.ask.json {
        show::write_json(std::path::Path::new("-"), &report)?;
    } else if options.formats.files().next().is_none() {
        output::print(&output::page(&report)?)?;
    }
    Ok(DONE)
}

/// Makes sure that all files can be written, before something takes long for them.
///
/// # Errors
/// 73 when one cannot.
pub(super) fn check(formats: &FormatArgs) -> anyhow::Result<()> {
    formats.files().try_for_each(|(_, path)| output::check(path))
}

/// Writes a report to all files that were asked for.
///
/// # Errors
/// 73 when one cannot be written.
pub(super) fn write(formats: &FormatArgs, report: &RunReport) -> anyhow::Result<()> {
    for (format, path) in formats.files() {
        let text = format.reporter.render(report).map_err(|error| {
            Failure::with_code(INTERNAL, format!("failed to write the {} report: {error}", format.name))
        })?;
        output::write(path, &text)?;
    }
    Ok(())
}

/// Writes a suite's report to all files that were asked for.
///
/// # Errors
/// 73 when one cannot be written.
pub(super) fn write_suite(formats: &FormatArgs, suite: &SuiteReport) -> anyhow::Result<()> {
    for (format, path) in formats.files() {
        let text = format.reporter.render_suite(suite).map_err(|error| {
            Failure::with_code(INTERNAL, format!("failed to write the {} report: {error}", format.name))
        })?;
        output::write(path, &text)?;
    }
    Ok(())
}
