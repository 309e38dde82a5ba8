//! criterion: the files that it leaves in its folder (`target/criterion`), or the lines of `cargo criterion --message-format=json`.
//!
//! Each benchmark becomes a metric in ns per iteration, or in the unit of a measurement of its own: of all samples where they are
//! told, else of the estimated mean. Beside it stand the estimates `median`, `median_abs_dev`, `std_dev` and, where there is one,
//! `slope`.

use std::path::Path;

use serde::Deserialize;
use shared::metric::Summary;

use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Figure, Reading, Values};
use super::request::Request;
use super::{ParseError, Parser};

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "criterion",
    keys: &[],
    required: &[],
    in_folder: Some("new/estimates.json"),
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: false,
    read,
};

/// Beside each `estimates.json`: what was measured, and what it is called.
pub(super) const SAMPLE: &str = "sample.json";
/// The benchmark's names.
pub(super) const BENCHMARK: &str = "benchmark.json";

/// `new/estimates.json`, in ns.
#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
    median: Estimate,
    median_abs_dev: Estimate,
    std_dev: Estimate,
    slope: Option<Estimate>,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// `new/sample.json`: how long so many iterations took, in ns.
#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// `new/benchmark.json`.
#[derive(Deserialize)]
struct Names {
    full_id: String,
}

/// A line of the messages; only those of benchmarks that are complete matter.
#[derive(Deserialize)]
struct Message {
    reason: String,
    id: Option<String>,
    iteration_count: Option<Vec<f64>>,
    measured_values: Option<Vec<f64>>,
    unit: Option<String>,
    mean: Option<MessageEstimate>,
    median: Option<MessageEstimate>,
    median_abs_dev: Option<MessageEstimate>,
    slope: Option<MessageEstimate>,
}

#[derive(Deserialize)]
struct MessageEstimate {
    estimate: f64,
}

fn read(documents: &[Document], _request: &Request) -> Result<Reading, ParseError> {
    let is_estimates = |document: &&Document| document.path.ends_with("estimates.json");
    let mut benchmarks = Vec::new();
    for estimates in documents.iter().filter(is_estimates) {
        benchmarks.push(of_files(documents, estimates)?);
    }
    // What came over standard output, or lies in one file, has no path within a folder.
    for messages in documents.iter().filter(|document| document.path.as_os_str().is_empty()) {
        read_messages(&messages.content, &mut benchmarks)?;
    }
    if benchmarks.is_empty() {
        return Err(ParseError::NoBenchmark("benchmark"));
    }
    Ok(Reading { benchmarks, ..Reading::default() })
}

fn of_files(documents: &[Document], estimates: &Document) -> Result<Benchmark, ParseError> {
    let folder = estimates.path.parent().unwrap_or(Path::new(""));
    let beside = |name: &str| documents.iter().find(|document| document.path == folder.join(name));
    let told: Estimates = serde_json::from_slice(&estimates.content)?;
    let label = match beside(BENCHMARK) {
        Some(names) => serde_json::from_slice::<Names>(&names.content)?.full_id,
        None => folder.parent().unwrap_or(folder).to_string_lossy().into_owned(),
    };
    let samples = match beside(SAMPLE) {
        Some(sample) => {
            let Sample { iters, times } = serde_json::from_slice(&sample.content)?;
            per_iteration(&label, &iters, &times)?
        }
        None => single(&label, told.mean.point_estimate)?,
    };
    let mut figures = vec![
        Figure::new("median", "ns", told.median.point_estimate),
        Figure::new("median_abs_dev", "ns", told.median_abs_dev.point_estimate),
        Figure::new("std_dev", "ns", told.std_dev.point_estimate),
    ];
    figures.extend(told.slope.map(|slope| Figure::new("slope", "ns", slope.point_estimate)));
    let values = Values::Summary(samples);
    Ok(Benchmark { full_label: label.clone(), label, unit: "ns".to_owned(), values, figures })
}

fn read_messages(text: &[u8], benchmarks: &mut Vec<Benchmark>) -> Result<(), ParseError> {
    for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if !line.starts_with(b"{") {
            continue;
        }
        let message: Message = serde_json::from_slice(line)?;
        if message.reason == "benchmark-complete" {
            benchmarks.push(of_message(message)?);
        }
    }
    Ok(())
}

fn of_message(message: Message) -> Result<Benchmark, ParseError> {
    let label = message.id.ok_or_else(|| ParseError::Missing("the id of a benchmark".to_owned()))?;
    let lacks = |what: &str| ParseError::Missing(format!("{what} of {label:?}"));
    let unit = message.unit.ok_or_else(|| lacks("the unit"))?;
    let mean = message.mean.ok_or_else(|| lacks("the mean"))?;
    let samples = match (message.iteration_count, message.measured_values) {
        (Some(iterations), Some(values)) if !values.is_empty() => {
            per_iteration(&label, &iterations, &values)?
        }
        _ => single(&label, mean.estimate)?,
    };
    let known_unit = if unit == "ns" { "ns" } else { "" };
    let estimates =
        [("median", message.median), ("median_abs_dev", message.median_abs_dev), ("slope", message.slope)];
    let figure = |(name, estimate): (&str, Option<MessageEstimate>)| {
        Some(Figure::new(name, known_unit, estimate?.estimate))
    };
    let figures = estimates.into_iter().filter_map(figure).collect();
    Ok(Benchmark { full_label: label.clone(), label, unit, values: Values::Summary(samples), figures })
}

fn per_iteration(label: &str, iterations: &[f64], values: &[f64]) -> Result<Summary, ParseError> {
    if iterations.len() != values.len() || values.is_empty() {
        let counts = format!("{} for {} counts of iterations", values.len(), iterations.len());
        return Err(ParseError::value(format!("the number of samples of {label:?}"), counts, "whole sample"));
    }
    let mut summary = Summary::default();
    for (iterations, value) in iterations.iter().zip(values) {
        if !summary.record(value / iterations) {
            let sample = format!("{value} over {iterations} iterations");
            return Err(ParseError::value(format!("a sample of {label:?}"), sample, "amount"));
        }
    }
    Ok(summary)
}

fn single(label: &str, mean: f64) -> Result<Summary, ParseError> {
    let mut summary = Summary::default();
    if !summary.record(mean) {
        return Err(ParseError::value(format!("the mean of {label:?}"), mean, "amount"));
    }
    Ok(summary)
}
