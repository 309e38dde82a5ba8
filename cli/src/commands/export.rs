//! `fleetmark export`: a run for another tool; and the HTML page of a run, which is made the same way.

use std::io::{BufWriter, Write};
use std::path::Path;

use analysis::assemble::assemble;
use report::{ExportFormat, ExportSource, ReportError, Visit, export_format};
use shared::job::{Kinds, parse};

use super::show;
use crate::args::AskArgs;
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, USAGE};
use crate::output;
use crate::rpc::Client;

pub(super) async fn run(run: String, format: String, ask: AskArgs) -> anyhow::Result<u8> {
    let format = export_format(&format).map_err(|error| Failure::with_code(USAGE, error.to_string()))?;
    let mut client = show::existing(&ask.place, &run).await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    match write(&mut client, &run, format, &mut out).await? {
        Err(ReportError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(DONE),
        Err(error @ ReportError::Output(_)) => Err(Failure::with_code(OUTPUT, format!("failed to {error}"))),
        Err(error) => Err(Failure::with_code(INTERNAL, format!("failed to export the run: {error}"))),
        Ok(()) => Ok(DONE),
    }
}

/// Writes the HTML page of a run to a file, or to standard output for `-`.
///
/// # Errors
/// 73 when it cannot be written; what the coordinator says when the run cannot be read.
pub(super) async fn write_page(client: &mut Client, run: &str, path: &Path) -> anyhow::Result<()> {
    let mut page = Vec::new();
    let made = write(client, run, &report::html::FORMAT, &mut page).await?;
    made.map_err(|error| Failure::with_code(INTERNAL, format!("failed to write the HTML report: {error}")))?;
    output::write_bytes(path, &page)
}

/// Writes a run in a format; the inner error is about the writing, the outer one about the reading.
async fn write(
    client: &mut Client,
    run: &str,
    format: &ExportFormat,
    out: &mut dyn Write,
) -> anyhow::Result<Result<(), ReportError>> {
    let (record, intervals) = client.export(run).await?;
    let job = parse(&record.job_toml, Kinds::Unchecked)
        .map_err(|errors| Failure::with_code(INTERNAL, format!("the stored job does not read: {errors}")))?
        .as_planned(&record.plan);
    let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let assembled = assemble(&record, &job, intervals.iter().cloned(), now_ms);
    let mut walk = |visit: &mut Visit<'_>| intervals.iter().cloned().try_for_each(visit);
    let mut source = ExportSource { assembled: &assembled, record: &record, job: &job, intervals: &mut walk };
    Ok(format.exporter.export(&mut source, out).and_then(|()| Ok(out.flush()?)))
}
