//! One row per stored interval, agent and operation, for spreadsheets and data frames.
//!
//! Rooms: `further`, the columns that only some runs have; [`lines`], the same rows as JSON; [`trials`], one row per trial.

mod further;
pub mod lines;
pub mod trials;

use std::io::Write;

use analysis::quantile;
use shared::histogram::Histogram;
use shared::interval::{ErrorKind, Interval, OperationInterval, Phase};
use shared::run_report::Distribution;

use self::further::Further;
use crate::attempts::{Attempt, Attempts};
use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat = ExportFormat {
    name: "csv",
    doc: "one row per second, agent and operation, every attempt included",
    exporter: &Csv,
};

/// Columns before the errors by kind; after those stand measures and metrics, if the run has any.
const COLUMNS: &[&str] = &[
    "variant",
    "block",
    "order",
    "attempt",
    "valid",
    "agent",
    "sequence",
    "phase",
    "start_s",
    "duration_s",
    "operation",
    "scheduled",
    "sent",
    "unsent",
    "warmup_ended",
    "succeeded",
    "bytes_sent",
    "bytes_received",
    "connects",
    "latency_mean_ns",
    "latency_p50_ns",
    "latency_p90_ns",
    "latency_p95_ns",
    "latency_p99_ns",
    "latency_max_ns",
];

/// One row per stored interval, agent and operation. Times are seconds since the trial's start; a quantile
/// that the interval's successes cannot carry is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Csv;

impl Exporter for Csv {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let mut writer = ::csv::Writer::from_writer(out);
        rows(source, &mut |row| Ok(writer.write_record(row)?))?;
        Ok(writer.flush()?)
    }
}

/// Takes the names of the columns first, then each row.
type TakeRow<'a> = dyn FnMut(Vec<String>) -> Result<(), ReportError> + 'a;

/// Gives the columns and rows of a run out, one after another.
fn rows(source: &mut ExportSource<'_>, take: &mut TakeRow<'_>) -> Result<(), ReportError> {
    let attempts = Attempts::new(source.record, &source.assembled.report);
    let errors = ErrorKind::ALL.iter().map(|kind| format!("errors_{kind}"));
    let further = Further::of(&source.assembled.report);
    let columns = COLUMNS.iter().map(|column| (*column).to_owned()).chain(errors);
    take(columns.chain(further.columns()).collect())?;
    let job = source.job;
    (source.intervals)(&mut |interval| {
        let Some((attempt, agent)) = attempts.of(&interval) else {
            return Ok(());
        };
        let operations = &job.of_variant(attempt.variant_index).workload.operations;
        for operation in &interval.operations {
            if let Some(spec) = operations.get(usize::from(operation.operation.0)) {
                let names = (agent.as_str(), spec.name.as_str());
                let row = row(attempt, names, &interval, operation);
                take(row.into_iter().chain(further.figures(operation)).collect())?;
            }
        }
        Ok(())
    })
}

/// One row; `names` are the agent's and the operation's.
fn row(
    attempt: &Attempt<'_>,
    names: (&str, &str),
    interval: &Interval,
    operation: &OperationInterval,
) -> Vec<String> {
    let latency = match &operation.latency {
        Some(encoded) => quantile::distribution(&encoded.decode()),
        None => quantile::distribution(&Histogram::<u64>::new()),
    };
    let Distribution { mean, p50, p90, p95, p99, max, .. } = latency;
    let seconds = |ns: u64| format!("{:.9}", ns as f64 / 1e9);
    let figure = |value: Option<u64>| value.map_or(String::new(), |value| value.to_string());
    let phase = match interval.phase {
        Phase::Warmup => "warmup",
        Phase::Measured => "measured",
        Phase::Drain => "drain",
    };
    let mut row = vec![
        attempt.variant.to_owned(),
        attempt.block.to_string(),
        attempt.order.to_string(),
        interval.trial.attempt.to_string(),
        attempt.counts(interval.agent).to_string(),
        names.0.to_owned(),
        interval.sequence.to_string(),
        phase.to_owned(),
        seconds(interval.start_ns),
        seconds(interval.duration_ns),
        names.1.to_owned(),
        operation.scheduled.to_string(),
        operation.sent.to_string(),
        operation.unsent.to_string(),
        operation.warmup_ended.to_string(),
        operation.succeeded().to_string(),
        operation.bytes_sent.to_string(),
        operation.bytes_received.to_string(),
        operation.connects.to_string(),
        mean.map_or(String::new(), |mean| format!("{mean:.1}")),
        figure(p50),
        figure(p90),
        figure(p95),
        figure(p99),
        figure(max),
    ];
    row.extend(
        ErrorKind::ALL.iter().map(|kind| operation.errors.get(kind).copied().unwrap_or(0).to_string()),
    );
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn every_interval_has_a_row_per_operation() {
        let bytes = fixture::exported(&Csv);
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        assert!(
            header.starts_with("variant,block,order,attempt,valid,agent,sequence,phase,start_s"),
            "{header}"
        );
        assert!(
            header.ends_with(",errors_exit,errors_spawn,errors_serialization,errors_deadlock,errors_other"),
            "{header}"
        );
        let first = lines.next().unwrap();
        assert_eq!(
            first,
            "default,0,0,0,true,load-1,0,measured,0.000000000,1.000000000,read,1500,1500,0,0,1500,135000,615000,0,\
             1429652.1,1429503,1849343,1902591,1944575,1954815,0,0,1,0,0,2,0,0,0,0,0,0"
        );
        assert_eq!(lines.count() + 1, fixture::intervals().len() * 2);
    }

    #[test]
    fn measures_and_metrics_have_columns_where_a_run_has_them() {
        let bytes = fixture::exported_with_metrics(&Csv);
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.lines();
        let further = "errors_other,connect_count,connect_mean_ns,connect_p50_ns,connect_p99_ns,connect_max_ns,\
             first_byte_count,";
        let header = lines.next().unwrap();
        assert!(header.contains(further), "{header}");
        assert!(header.ends_with(",metric.took.count,metric.took.mean,metric.took.min,metric.took.max"));
        let (read, write) = (lines.next().unwrap(), lines.next().unwrap());
        assert!(read.contains(",0,0,0,0,40,239008.0,238079,,278015,1500,"), "{read}");
        assert!(read.ends_with(",1500,749500,0,1499000"), "{read}");
        // No connection, no first byte and no body were told of; hits and the queue were.
        let told = ",0,,,,,0,,,,,0,,,,,60,0.8666666666666665,0,1,2,5,3,7,0,,,,0,,,";
        assert!(write.ends_with(told), "{write}");
        assert!(text.lines().all(|line| line.split(',').count() == header.split(',').count()));
    }

    #[test]
    fn the_rows_add_up_to_the_report() {
        let bytes = fixture::exported(&Csv);
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        let column = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
        let mut succeeded = 0;
        for row in reader.records() {
            let row = row.unwrap();
            if &row[column("valid")] == "true" {
                succeeded += row[column("succeeded")].parse::<u64>().unwrap();
            }
        }
        let report = fixture::assembled().report;
        assert_eq!(succeeded, report.variants[0].operations.last().unwrap().latency_ns.count);
    }
}
