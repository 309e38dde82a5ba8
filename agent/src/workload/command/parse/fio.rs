//! fio: the JSON of `--output-format=json+`, whose bins of completion latencies become a histogram.
//!
//! Each job and direction becomes a metric in ns, `<job>_read`, `<job>_write` or `<job>_trim`: the completion latencies, or the
//! submission-to-completion ones where the engine tells no others. Beside it stand `bandwidth` (bytes/s) and `iops`. Jobs of one
//! name (`numjobs`) are one: what they did is added up. Quantiles are exact to fio's own bins, some 1.6 % wide; mean, deviation and
//! extremes are those that fio kept of every single operation.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use shared::histogram::{HIGHEST_TRACKABLE, Histogram};
use shared::metric::Summary;

use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Figure, Reading, Values};
use super::request::Request;
use super::{ParseError, Parser, json_in, only};
use crate::workload::reported::VALUES_MAX;

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "fio",
    keys: &[],
    required: &[],
    in_folder: None,
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: false,
    read,
};

#[derive(Deserialize)]
struct Report {
    jobs: Vec<Job>,
}

#[derive(Deserialize)]
struct Job {
    jobname: String,
    #[serde(default)]
    error: i64,
    read: Option<Direction>,
    write: Option<Direction>,
    trim: Option<Direction>,
}

#[derive(Deserialize)]
struct Direction {
    total_ios: u64,
    bw_bytes: f64,
    iops: f64,
    clat_ns: Option<Latency>,
    lat_ns: Option<Latency>,
}

#[derive(Deserialize)]
struct Latency {
    min: f64,
    max: f64,
    mean: f64,
    stddev: f64,
    bins: Option<Bins>,
}

/// How many operations took about so many nanoseconds.
#[derive(Default)]
struct Bins(Histogram);

/// What several jobs of one name did in one direction.
struct Sum {
    summary: Summary,
    histogram: Box<Histogram>,
    bandwidth: f64,
    iops: f64,
}

fn read(documents: &[Document], _request: &Request) -> Result<Reading, ParseError> {
    // With several output formats the others stand around it.
    let mut reports = serde_json::Deserializer::from_slice(json_in(only(documents)?)?).into_iter::<Report>();
    let report = reports.next().ok_or(ParseError::NoJson)??;
    if matches!(reports.next(), Some(Ok(_))) {
        let several = "several reports, the first of them unfinished: leave out --status-interval";
        return Err(ParseError::Failed(several.to_owned()));
    }
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for job in report.jobs {
        if job.error != 0 {
            return Err(ParseError::Failed(format!("job {:?} failed with error {}", job.jobname, job.error)));
        }
        for (direction, told) in [("read", job.read), ("write", job.write), ("trim", job.trim)] {
            let Some(told) = told.filter(|told| told.total_ios > 0) else { continue };
            let label = format!("{} {direction}", job.jobname);
            let more = sum_of(&label, told)?;
            match sums.get_mut(&label) {
                Some(sum) => sum.add(&more),
                None => drop(sums.insert(label, more)),
            }
        }
    }
    if sums.is_empty() {
        return Err(ParseError::NoBenchmark("operation of any job"));
    }
    let benchmarks = sums.into_iter().map(|(label, sum)| Benchmark {
        full_label: label.clone(),
        label,
        unit: "ns".to_owned(),
        values: Values::Each(sum.summary, sum.histogram),
        figures: vec![
            Figure::new("bandwidth", "bytes/s", sum.bandwidth),
            Figure::new("iops", "per_s", sum.iops),
        ],
    });
    Ok(Reading { benchmarks: benchmarks.collect(), ..Reading::default() })
}

fn sum_of(label: &str, told: Direction) -> Result<Sum, ParseError> {
    let has_bins = |latency: &Latency| latency.bins.as_ref().is_some_and(|bins| !bins.0.is_empty());
    let latency = told.clat_ns.filter(has_bins).or(told.lat_ns.filter(has_bins));
    let latency = latency.ok_or_else(|| {
        ParseError::Missing(format!("the list of bins of {label:?} (write --output-format=json+)"))
    })?;
    let Bins(histogram) = latency.bins.unwrap_or_default();
    let count = histogram.count();
    // The tool divides by n - 1.
    let m2 = latency.stddev.powi(2) * count.saturating_sub(1) as f64;
    let summary = Summary::of_parts(count, latency.mean, m2, latency.min, latency.max)
        .map_err(|error| ParseError::value(format!("the latency of {label:?}"), error, "summary of any"))?;
    Ok(Sum { summary, histogram: Box::new(histogram), bandwidth: told.bw_bytes, iops: told.iops })
}

impl Sum {
    fn add(&mut self, more: &Self) {
        self.summary.add(&more.summary);
        self.histogram.add(&*more.histogram);
        self.bandwidth += more.bandwidth;
        self.iops += more.iops;
    }
}

impl<'de> Deserialize<'de> for Bins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BinsVisitor)
    }
}

struct BinsVisitor;

impl<'de> Visitor<'de> for BinsVisitor {
    type Value = Bins;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("counts by nanoseconds")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut bins: A) -> Result<Bins, A::Error> {
        let mut taken = Bins::default();
        while let Some((ns, count)) = bins.next_entry::<String, u64>()? {
            let value = ns.parse().ok().filter(|value| *value <= HIGHEST_TRACKABLE);
            let value = value.ok_or_else(|| A::Error::custom(format!("{ns:?} is no time up to an hour")))?;
            let counted = taken.0.count().checked_add(count).filter(|sum| *sum <= VALUES_MAX);
            counted.ok_or_else(|| A::Error::custom(format!("more than {VALUES_MAX} operations")))?;
            taken.0.record_many(value, count);
        }
        Ok(taken)
    }
}
