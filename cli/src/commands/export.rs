//! `fleetmark export`: a run for another tool; and the HTML page of a run, which is made the same way.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;

use analysis::assemble::assemble;
use report::{ExportFormat, ExportSource, ReportError, Visit, export_format};
use shared::job::{Kinds, parse};

use super::show;
use super::store::transfer;
use crate::args::{ARCHIVE, ExportArgs};
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, USAGE};
use crate::output;
use crate::rpc::Client;

pub(super) async fn run(options: ExportArgs) -> anyhow::Result<u8> {
    let ExportArgs { run, format, output, ask } = options;
    let is_printed = output == Path::new("-");
    if format == ARCHIVE {
        if is_printed && std::io::stdout().is_terminal() {
            let problem = "an archive is bytes, and standard output is a terminal: name a file with --output, or a --format";
            return Err(Failure::with_code(USAGE, problem));
        }
        let mut client = show::existing(&ask.place, &run).await?;
        return transfer::export_run(&mut client, &run, &output).await;
    }
    let unknown = |error| Failure::with_code(USAGE, format!("{error}, {ARCHIVE}"));
    let format = export_format(&format).map_err(unknown)?;
    let mut client = show::existing(&ask.place, &run).await?;
    let written = if is_printed {
        write(&mut client, &run, format, &mut BufWriter::new(std::io::stdout().lock())).await?
    } else {
        let unwritable =
            |error| Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", output.display()));
        let file = File::create(&output).map_err(unwritable)?;
        write(&mut client, &run, format, &mut BufWriter::new(file)).await?
    };
    match written {
        Err(ReportError::Output(error)) if is_printed && error.kind() == ErrorKind::BrokenPipe => Ok(DONE),
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
