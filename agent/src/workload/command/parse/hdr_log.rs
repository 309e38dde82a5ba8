//! HdrHistogram logs (`.hlog`): every tag becomes a metric, and what has none becomes `values`; intervals are added up.
//!
//! Values are nanoseconds unless `unit` says otherwise. A bucket counts as its midpoint, so that a log of fleetmark's own bounds
//! comes through bucket by bucket. Room: `v2`, the histograms of a log in their compressed form.

mod v2;

use std::collections::BTreeMap;

use shared::histogram::Histogram;
use shared::metric::Summary;
use shared::metric::spec::base_unit;

use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Reading, Values};
use super::request::Request;
use super::{ParseError, Parser, only};
use crate::workload::reported::VALUES_MAX;

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "hdr-log",
    keys: &["unit"],
    required: &[],
    in_folder: None,
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: false,
    read,
};

/// What histograms without a tag are called.
const UNTAGGED: &str = "values";
/// What a line with a tag begins with.
const TAG: &str = "Tag=";

fn read(documents: &[Document], request: &Request) -> Result<Reading, ParseError> {
    let text = String::from_utf8_lossy(only(documents)?);
    let (unit, factor) = base_unit(request.unit.as_deref().unwrap_or("ns"));
    let mut sums: BTreeMap<&str, Histogram> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        // Comments, and the line that names the columns.
        if line.is_empty() || line.starts_with('#') || line.starts_with('"') {
            continue;
        }
        let (tag, fields) = tagged(line);
        let encoded = fields.splitn(4, ',').nth(3);
        let encoded = encoded.ok_or_else(|| broken(number, "the four fields of an interval"))?;
        let sum = sums.entry(tag.unwrap_or(UNTAGGED)).or_default();
        v2::each_count(encoded, |value, count| {
            // The cast keeps within what the type can hold: far too large is the highest, which counts as overflow.
            sum.record_many((value * factor).round() as u64, count);
            if sum.count() > VALUES_MAX { Err("fewer values: these are too many") } else { Ok(()) }
        })
        .map_err(|expected| broken(number, expected))?;
    }
    let filled = sums.into_iter().filter(|(_, histogram)| !histogram.is_empty());
    let benchmarks: Vec<Benchmark> = filled.map(|(tag, values)| benchmark(tag, unit, values)).collect();
    if benchmarks.is_empty() {
        return Err(ParseError::NoBenchmark("value"));
    }
    Ok(Reading { benchmarks, ..Reading::default() })
}

fn broken(number: usize, expected: &'static str) -> ParseError {
    ParseError::Half(format!("line {} has {expected}", number + 1))
}

/// A line's tag, and what follows.
fn tagged(line: &str) -> (Option<&str>, &str) {
    let parts = line.strip_prefix(TAG).and_then(|line| line.split_once(','));
    parts.map_or((None, line), |(tag, fields)| (Some(tag), fields))
}

fn benchmark(tag: &str, unit: &str, histogram: Histogram) -> Benchmark {
    let mut summary = Summary::default();
    for bucket in histogram.recorded() {
        let value = bucket.midpoint();
        let same = Summary::of_parts(bucket.count, value, 0.0, value, value);
        summary.add(&same.expect("a bucket that holds something has a count and a finite midpoint"));
    }
    Benchmark {
        label: tag.to_owned(),
        full_label: tag.to_owned(),
        unit: unit.to_owned(),
        values: Values::Each(summary, Box::new(histogram)),
        figures: Vec::new(),
    }
}
