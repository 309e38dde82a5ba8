//! `fleetmark report`: what came out of a run, written to files in other formats.

use ::report::suite::SuiteReport;
use shared::run_report::RunReport;

use super::{export, show};
use crate::args::{FormatArgs, PageArgs, ReportArgs};
use crate::exit_code::{DONE, Failure, INTERNAL};
use crate::output;

pub(super) async fn run(options: ReportArgs) -> anyhow::Result<u8> {
    check(&options.formats, Some(&options.page))?;
    let mut client = show::existing(&options.ask.place, &options.run).await?;
    let report = show::report(&mut client, &options.run).await?;
    write(&options.formats, &report)?;
    if let Some(path) = &options.page.html {
        export::write_page(&mut client, &options.run, path).await?;
    }
    if options.ask.json {
        show::write_json(std::path::Path::new("-"), &report)?;
    } else if options.formats.files().next().is_none() && options.page.html.is_none() {
        output::print(&output::page(&report)?)?;
    }
    Ok(DONE)
}

/// Makes sure that all files can be written, before something takes long for them.
///
/// # Errors
/// 73 when one cannot.
pub(super) fn check(formats: &FormatArgs, page: Option<&PageArgs>) -> anyhow::Result<()> {
    let pages = page.and_then(|page| page.html.as_deref()).into_iter();
    formats.files().map(|(_, path)| path).chain(pages).try_for_each(output::check)
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
