//! pytest-benchmark: the JSON of `--benchmark-json` (with every round) or `--benchmark-save` (without).
//!
//! Each benchmark becomes a metric in ns: of all its rounds where they were saved, else of what the tool says of them. Beside it
//! stand the tool's own `stddev` (divided by n - 1), `median`, `iqr`, outliers, `ops`, `rounds` and `iterations`.

use serde::Deserialize;
use shared::metric::Summary;

use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Figure, Machine, Reading, Values};
use super::request::Request;
use super::seconds::{NS_PER_S, Seconds};
use super::{ParseError, Parser, json_in, only};

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "pytest-benchmark",
    keys: &[],
    required: &[],
    in_folder: None,
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: true,
    read,
};

#[derive(Deserialize)]
struct Report {
    machine_info: Option<MachineInfo>,
    benchmarks: Vec<Told>,
}

#[derive(Deserialize)]
struct MachineInfo {
    node: Option<String>,
    machine: Option<String>,
    release: Option<String>,
    cpu: Option<Cpu>,
}

#[derive(Deserialize)]
struct Cpu {
    /// Older versions call it otherwise.
    #[serde(alias = "brand")]
    brand_raw: Option<String>,
    count: Option<u32>,
}

#[derive(Deserialize)]
struct Told {
    name: String,
    fullname: Option<String>,
    /// `null` of a benchmark that failed.
    stats: Option<Stats>,
}

/// Times are in seconds.
#[derive(Deserialize)]
struct Stats {
    min: f64,
    max: f64,
    mean: f64,
    stddev: f64,
    median: f64,
    iqr: f64,
    ops: f64,
    rounds: u64,
    iterations: u64,
    stddev_outliers: Option<u64>,
    iqr_outliers: Option<u64>,
    data: Option<Seconds>,
}

fn read(documents: &[Document], _request: &Request) -> Result<Reading, ParseError> {
    let report: Report = serde_json::from_slice(json_in(only(documents)?)?)?;
    let mut benchmarks = Vec::with_capacity(report.benchmarks.len());
    for told in report.benchmarks {
        let Some(stats) = told.stats else { continue };
        benchmarks.push(Benchmark {
            figures: figures(&stats),
            values: values(&told.name, stats)?,
            full_label: told.fullname.unwrap_or_else(|| told.name.clone()),
            label: told.name,
            unit: "ns".to_owned(),
        });
    }
    if benchmarks.is_empty() {
        return Err(ParseError::NoBenchmark("benchmark"));
    }
    Ok(Reading { benchmarks, totals: Vec::new(), machine: report.machine_info.map(Machine::from) })
}

fn figures(stats: &Stats) -> Vec<Figure> {
    let count = |name, count: Option<u64>| count.map(|count| Figure::new(name, "", count as f64));
    let mut figures = vec![
        Figure::new("stddev", "ns", stats.stddev * NS_PER_S),
        Figure::new("median", "ns", stats.median * NS_PER_S),
        Figure::new("iqr", "ns", stats.iqr * NS_PER_S),
        Figure::new("ops", "per_s", stats.ops),
        Figure::new("rounds", "", stats.rounds as f64),
        Figure::new("iterations", "", stats.iterations as f64),
    ];
    figures.extend(count("outliers_stddev", stats.stddev_outliers));
    figures.extend(count("outliers_iqr", stats.iqr_outliers));
    figures
}

fn values(name: &str, stats: Stats) -> Result<Values, ParseError> {
    if let Some(rounds) = stats.data.filter(|rounds| rounds.count() > 0) {
        return Ok(rounds.values());
    }
    // The tool divides by n - 1.
    let m2 = (stats.stddev * NS_PER_S).powi(2) * stats.rounds.saturating_sub(1) as f64;
    let [mean, min, max] = [stats.mean, stats.min, stats.max].map(|seconds| seconds * NS_PER_S);
    let summary = Summary::of_parts(stats.rounds, mean, m2, min, max);
    summary.map(Values::Summary).map_err(|error| {
        ParseError::value(format!("the statistics of {name:?}"), error, "summary of any rounds")
    })
}

impl From<MachineInfo> for Machine {
    fn from(info: MachineInfo) -> Self {
        let (cpu_model, cpus) = info.cpu.map_or((None, None), |cpu| (cpu.brand_raw, cpu.count));
        Self { node: info.node, architecture: info.machine, kernel: info.release, cpu_model, cpus }
    }
}
