//! HdrHistogram's interval log, version 1.3, as its own `HistogramLogWriter` writes it.
//!
//! One line per agent, operation and interval with successes, tagged `operation@agent`, and `operation@agent@variant` where
//! there are several variants; nothing merged, so that a reader which ignores tags gets the right total. Values are nanoseconds, times are seconds since
//! the first trial's start; lines stand in the store's order (trial, agent, number), which the format allows.

use std::io::Write;

use jiff::Timestamp;
use shared::histogram::EncodedHistogram;
use shared::interval::{Interval, Phase};
use shared::plan::Plan;

use crate::attempts::{Attempt, Attempts};
use crate::compressed::compressed_base64;
use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat = ExportFormat {
    name: "hlog",
    doc: "HdrHistogram interval log 1.3: latencies per second, agent and operation of the valid trials",
    exporter: &Hlog,
};

/// HdrHistogram's default `maxValueUnitRatio`: the column of maxima is in milliseconds.
const MAX_VALUE_UNIT_RATIO: f64 = 1_000_000.0;
const LEGEND: &str = r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#;

/// HdrHistogram's interval log of the valid trials' latencies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hlog;

impl Exporter for Hlog {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let attempts = Attempts::new(source.record, &source.assembled.report);
        let first_start_ms = attempts.first_start_ms().unwrap_or(source.record.submitted_at_ms);
        write_header(source, &attempts, first_start_ms, out)?;
        let (job, plan) = (source.job, &source.record.plan);
        (source.intervals)(&mut |interval| {
            let Some((attempt, agent)) = attempts.of(&interval) else {
                return Ok(());
            };
            // What a report does not count stays out: warm-up, and attempts that are not valid.
            if !attempt.counts(interval.agent) || interval.phase == Phase::Warmup {
                return Ok(());
            }
            let start_s = start_seconds(attempt, first_start_ms, &interval);
            let operations = &job.of_variant(attempt.variant_index).workload.operations;
            for operation in &interval.operations {
                let spec = operations.get(usize::from(operation.operation.0));
                let latency = operation.latency.as_ref().filter(|latency| latency.count() > 0);
                if let (Some(spec), Some(latency)) = (spec, latency) {
                    let tag = format!("{}@{agent}{}", spec.name, variant_of(attempt, plan));
                    write_line(&tag, start_s, &interval, latency, out)?;
                }
            }
            Ok(())
        })
    }
}

fn write_header(
    source: &ExportSource<'_>,
    attempts: &Attempts<'_>,
    start_ms: u64,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let run = &source.assembled.report.run;
    writeln!(out, "#[Logged with fleetmark {}: run {} of {}]", run.fleetmark_version, run.id, run.name)?;
    writeln!(out, "#[Latencies of successes in ns, tagged operation@agent]")?;
    for (trial, attempt, known) in attempts.iter().filter(|(_, _, known)| !known.is_valid) {
        let variant = known.variant;
        let agents: Vec<&str> = known.left_out().map(|name| name.as_str()).collect();
        let whose = if agents.is_empty() { String::new() } else { format!(" of {}", agents.join(" and ")) };
        writeln!(
            out,
            "#[Left out, because it is not valid: trial {trial}{whose} of variant {variant}, attempt {attempt}]"
        )?;
    }
    writeln!(out, "#[Histogram log format version 1.3]")?;
    let seconds = start_ms as f64 / 1e3;
    writeln!(out, "#[StartTime: {seconds:.3} (seconds since epoch), {}]", date(start_ms))?;
    Ok(writeln!(out, "{LEGEND}")?)
}

/// What stands behind a tag where several variants were measured. The log parts its columns by commas.
fn variant_of(attempt: &Attempt<'_>, plan: &Plan) -> String {
    match plan.variants.len() {
        0 | 1 => String::new(),
        _ => format!("@{}", attempt.variant.replace(',', ";")),
    }
}

fn write_line(
    tag: &str,
    start_s: f64,
    interval: &Interval,
    latency: &EncodedHistogram,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let length_s = interval.duration_ns as f64 / 1e9;
    let max = latency.decode().max().unwrap_or(0) as f64 / MAX_VALUE_UNIT_RATIO;
    Ok(writeln!(out, "Tag={tag},{start_s:.3},{length_s:.3},{max:.3},{}", compressed_base64(latency)?)?)
}

/// Seconds from the run's first trial start to the interval's start.
fn start_seconds(attempt: &Attempt<'_>, first_start_ms: u64, interval: &Interval) -> f64 {
    let trial_ms = attempt.started_at_ms.map_or(0, |started| started.saturating_sub(first_start_ms));
    trial_ms as f64 / 1e3 + interval.start_ns as f64 / 1e9
}

/// A date as Java's `Date.toString()` prints it, in UTC.
fn date(unix_ms: u64) -> String {
    let timestamp = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.unwrap_or(Timestamp::MAX).strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::fixture;

    fn exported() -> String {
        String::from_utf8(fixture::exported(&Hlog)).unwrap()
    }

    #[test]
    fn the_header_is_hdrhistograms_own() {
        let text = exported();
        let header: Vec<&str> = text.lines().take_while(|line| !line.starts_with("Tag=")).collect();
        assert_eq!(
            header,
            [
                "#[Logged with fleetmark 0.1.0: run 018bcfe5-6800-7707-8707-070707070707 of session-status]",
                "#[Latencies of successes in ns, tagged operation@agent]",
                "#[Left out, because it is not valid: trial 2 of variant default, attempt 0]",
                "#[Histogram log format version 1.3]",
                "#[StartTime: 1700000001.000 (seconds since epoch), Tue Nov 14 22:13:21 UTC 2023]",
                LEGEND,
            ]
        );
    }

    #[test]
    fn of_agents_that_stand_apart_only_what_is_invalid_is_left_out() {
        let (record, assembled) = fixture::apart(false);
        let text = fixture::exported_of(&Hlog, &record, &assembled, fixture::intervals);
        let text = String::from_utf8(text).unwrap();
        let note = "#[Left out, because it is not valid: trial 2 of load-2 of variant default, attempt 0]";
        assert!(text.contains(note), "{text}");
        let lines =
            |agent: &str| text.lines().filter(|line| line.starts_with(&format!("Tag=read@{agent}"))).count();
        assert_eq!((lines("load-1"), lines("load-2")), (6, 4), "two seconds of three trials, and of two");
    }

    #[test]
    fn another_implementation_reads_the_same_histograms_back() {
        let text = exported();
        let mut all = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        let mut tags = Vec::new();
        let mut starts = Vec::new();
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            let LogEntry::Interval(line) = entry.unwrap() else {
                continue;
            };
            let bytes = STANDARD.decode(line.encoded_histogram()).unwrap();
            let read: hdrhistogram::Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            assert!((line.max() - read.max() as f64 / 1e6).abs() < 1e-3);
            all.add(&read).unwrap();
            tags.push(line.tag().unwrap().as_str().to_owned());
            starts.push(line.start_timestamp().as_secs_f64());
        }
        let merged = fixture::assembled();
        let merged = merged.report.variants[0].operations.last().unwrap().latency_ns.clone();
        assert_eq!((all.len(), Some(all.value_at_quantile(0.5))), (merged.count, merged.p50));
        assert!((all.mean() - merged.mean.unwrap()).abs() < 1e-6 * all.mean());
        assert_eq!(&tags[..3], ["read@load-1", "write@load-1", "read@load-1"]);
        assert_eq!((starts[0], starts.last().copied()), (0.0, Some(21.0)));
        assert!(text.contains(",HISTFAAA"));
    }
}
