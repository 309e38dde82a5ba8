//! `fleetmark export`: a run for another tool.

use std::io::{BufWriter, Write};

use analysis::assemble::assemble;
use report::{ExportSource, ReportError, Visit, export_format};
use shared::job::{Kinds, parse};

use super::show;
use crate::args::AskArgs;
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, USAGE};

pub(super) async fn run(run: String, format: String, ask: AskArgs) -> anyhow::Result<u8> {
    let format = export_format(&format).map_err(|error| Failure::with_code(USAGE, error.to_string()))?;
    let (record, intervals) = show::existing(&ask.place, &run).await?.export(&run).await?;
    let job = parse(&record.job_toml, Kinds::Unchecked)
        .map_err(|errors| Failure::with_code(INTERNAL, format!("the stored job does not read: {errors}")))?
        .as_planned(&record.plan);
    let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let assembled = assemble(&record, &job, intervals.iter().cloned(), now_ms);
    let mut walk = |visit: &mut Visit<'_>| intervals.iter().cloned().try_for_each(visit);
    let mut source = ExportSource { assembled: &assembled, record: &record, job: &job, intervals: &mut walk };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = format.exporter.export(&mut source, &mut out).and_then(|()| Ok(out.flush()?));
    match written {
        Err(ReportError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(DONE),
        Err(error @ ReportError::Output(_)) => Err(Failure::with_code(OUTPUT, format!("failed to {error}"))),
        Err(error) => Err(Failure::with_code(INTERNAL, format!("failed to export the run: {error}"))),
        Ok(()) => Ok(DONE),
    }
}
