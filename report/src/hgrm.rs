//! HdrHistogram's percentile distribution as text, as its `outputPercentileDistribution` prints it, in milliseconds.

use std::io::Write;

use analysis::assemble::Place;
use shared::histogram::{BUCKETS, Histogram, SIGNIFICANT_DIGITS};
use shared::run_report::OperationReport;

use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat = ExportFormat {
    name: "hgrm",
    doc: "HdrHistogram percentile distribution of each operation, merged over the valid trials (of each agent where they stand apart), in ms",
    exporter: &Hgrm,
};

/// HdrHistogram's default: so many lines each time the distance to 100 % halves.
const TICKS_PER_HALF_DISTANCE: u64 = 5;
const NS_PER_MS: f64 = 1_000_000.0;
const DIGITS: usize = SIGNIFICANT_DIGITS as usize;
/// Sub-buckets of a doubling, and doublings, as HdrHistogram counts them for our bounds.
const SUB_BUCKETS: usize = 2048;
const DOUBLINGS: usize = BUCKETS / (SUB_BUCKETS / 2) - 1;

/// A percentile distribution per variant and operation, each under a comment that names it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hgrm;

impl Exporter for Hgrm {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        for (variant, report) in source.assembled.report.variants.iter().enumerate() {
            if report.operations.is_empty() && report.agents.is_empty() {
                writeln!(out, "#[Variant {} has no valid trial]", report.name)?;
            }
            let all = Place { variant, trial: None, agent: None, operation: 0 };
            write_operations(source, "", all, &report.operations, out)?;
            // Agents that stand apart are merged into nothing; of others there is no distribution here.
            for (agent, totals) in report.agents.iter().enumerate() {
                let whose = totals.pair.as_ref().map_or_else(|| totals.name.to_string(), ToString::to_string);
                let place = Place { agent: Some(agent), ..all };
                write_operations(source, &format!(", {whose}"), place, &totals.operations, out)?;
            }
        }
        Ok(())
    }
}

/// The distributions of a list of operations, the first of which stands at `place`; those that were not kept are left out.
fn write_operations(
    source: &ExportSource<'_>,
    whose: &str,
    place: Place,
    operations: &[OperationReport],
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let variant = &source.assembled.report.variants[place.variant].name;
    for (operation, of_it) in operations.iter().enumerate() {
        if let Some(encoded) = source.assembled.latencies.get(&Place { operation, ..place }) {
            writeln!(
                out,
                "#[Variant {variant}{whose}, operation {}: latency of successes in ms]",
                of_it.name
            )?;
            write_distribution(&encoded.decode(), out)?;
        }
    }
    Ok(())
}

fn write_distribution(histogram: &Histogram, out: &mut dyn Write) -> Result<(), ReportError> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    for line in lines(histogram) {
        let value = line.value as f64 / NS_PER_MS;
        write!(out, "{value:12.DIGITS$} {:2.12} {:10}", line.percentile / 100.0, line.count)?;
        match line.percentile {
            100.0 => writeln!(out)?,
            percentile => writeln!(out, " {:14.2}", 1.0 / (1.0 - percentile / 100.0))?,
        }
    }
    let [mean, stdev, max] = [histogram.mean(), histogram.stdev(), histogram.max().map(|max| max as f64)]
        .map(|value| value.unwrap_or(0.0) / NS_PER_MS);
    writeln!(out, "#[Mean    = {mean:12.DIGITS$}, StdDeviation   = {stdev:12.DIGITS$}]")?;
    writeln!(out, "#[Max     = {max:12.DIGITS$}, Total count    = {:12}]", histogram.count())?;
    Ok(writeln!(out, "#[Buckets = {DOUBLINGS:12}, SubBuckets     = {SUB_BUCKETS:12}]")?)
}

/// One line of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    /// Highest value of the bucket, ns.
    value: u64,
    /// The level that the bucket reached, 0 to 100.
    percentile: f64,
    /// Values up to and with the bucket.
    count: u64,
}

/// The levels of HdrHistogram's `PercentileIterator`: a bucket is listed for each level that it reaches, the
/// last bucket only for the first one, and then for 100 %.
fn lines(histogram: &Histogram) -> Vec<Line> {
    let total = histogram.count();
    let mut lines = Vec::new();
    let mut level = 0.0;
    let mut count = 0;
    for bucket in histogram.recorded() {
        count += bucket.count;
        let reached = 100.0 * count as f64 / total as f64;
        while reached >= level {
            lines.push(Line { value: bucket.highest, percentile: level, count });
            level += 100.0 / ticks_at(level);
            if count == total {
                lines.push(Line { value: bucket.highest, percentile: 100.0, count });
                break;
            }
        }
    }
    lines
}

/// Ticks from 0 to 100 % at the density that belongs to a level: doubled each time its distance to 100 % halves.
fn ticks_at(level: f64) -> f64 {
    let halvings = (100.0 / (100.0 - level)).log2().floor() as i32 + 1;
    TICKS_PER_HALF_DISTANCE as f64 * 2.0_f64.powi(halvings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::histogram::{EncodedHistogram, HIGHEST_TRACKABLE};

    use super::*;
    use crate::fixture;

    #[test]
    fn agents_that_stand_apart_have_distributions_of_their_own() {
        let (record, assembled) = fixture::apart(true);
        let text = fixture::exported_of(&Hgrm, &record, &assembled, fixture::intervals);
        let text = String::from_utf8(text).unwrap();
        let titles: Vec<&str> = text.lines().filter(|line| line.contains("operation *")).collect();
        assert_eq!(
            titles,
            [
                "#[Variant default, load-1 → load-2, operation *: latency of successes in ms]",
                "#[Variant default, load-2 → load-1, operation *: latency of successes in ms]",
            ]
        );
    }

    #[test]
    fn every_operation_has_its_distribution() {
        let text = String::from_utf8(fixture::exported(&Hgrm)).unwrap();
        let titles: Vec<&str> = text.lines().filter(|line| line.starts_with("#[Variant")).collect();
        assert_eq!(
            titles,
            [
                "#[Variant default, operation read: latency of successes in ms]",
                "#[Variant default, operation write: latency of successes in ms]",
                "#[Variant default, operation *: latency of successes in ms]",
            ]
        );
        assert!(text.contains("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"), "{text}");
        assert!(text.contains("#[Buckets =           32, SubBuckets     =         2048]\n"), "{text}");
    }

    #[test]
    fn one_value_is_listed_at_0_and_at_100_per_cent() {
        let mut histogram = Histogram::new();
        histogram.record(2_000_000);
        let mut out = Vec::new();
        write_distribution(&histogram, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "       2.001 0.000000000000          1           1.00",
                "       2.001 1.000000000000          1",
                "#[Mean    =        2.000, StdDeviation   =        0.000]",
                "#[Max     =        2.001, Total count    =            1]",
                "#[Buckets =           32, SubBuckets     =         2048]",
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn another_implementation_counts_the_same(values in prop::collection::vec(1..=HIGHEST_TRACKABLE / 1000, 1..100)) {
            let mut ours = Histogram::new();
            values.iter().for_each(|value| ours.record(*value));
            let encoded = EncodedHistogram::encode(&ours);
            let theirs: hdrhistogram::Histogram<u64> =
                hdrhistogram::serialization::Deserializer::new().deserialize(&mut encoded.as_bytes()).unwrap();
            for line in lines(&ours) {
                prop_assert_eq!(line.count, theirs.count_between(0, line.value));
                prop_assert!(theirs.quantile_below(line.value) >= line.percentile / 100.0 - 1e-12);
            }
        }
    }

    #[test]
    fn the_levels_are_those_of_another_implementation() {
        // A prime number of values: no level falls exactly between two of them, where rounding would decide.
        let mut ours = Histogram::new();
        (1..=997_u64).for_each(|step| ours.record(step * step * 1_000));
        let encoded = EncodedHistogram::encode(&ours);
        let theirs: hdrhistogram::Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut encoded.as_bytes()).unwrap();
        let expected: Vec<_> = theirs.iter_quantiles(5).collect();
        let found = lines(&ours);
        assert_eq!(found.len(), expected.len());
        for (mine, reference) in found.iter().zip(&expected) {
            assert_eq!(mine.value, reference.value_iterated_to());
            assert!((mine.percentile / 100.0 - reference.quantile_iterated_to()).abs() < 1e-12);
        }
    }
}
