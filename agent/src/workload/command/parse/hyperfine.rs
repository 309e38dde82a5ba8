//! hyperfine: the JSON of `--export-json`, with the time of every run.
//!
//! Each command becomes a metric in ns, named by its command line or by what `--command-name` calls it; beside it stand the
//! tool's own `stddev`, `median`, and CPU time in user mode and in the kernel.

use serde::Deserialize;

use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Figure, Reading};
use super::request::Request;
use super::seconds::{NS_PER_S, Seconds};
use super::{ParseError, Parser, json_in, only};

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "hyperfine",
    keys: &[],
    required: &[],
    in_folder: None,
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: false,
    read,
};

#[derive(Deserialize)]
struct Report {
    results: Vec<Told>,
}

/// Times are in seconds.
#[derive(Deserialize)]
struct Told {
    command: String,
    times: Seconds,
    /// `null` of a single run.
    stddev: Option<f64>,
    median: f64,
    user: f64,
    system: f64,
    /// How each run ended; `null`: by a signal. Versions before 1.12 do not say.
    #[serde(default)]
    exit_codes: Vec<Option<i32>>,
}

fn read(documents: &[Document], _request: &Request) -> Result<Reading, ParseError> {
    let report: Report = serde_json::from_slice(json_in(only(documents)?)?)?;
    let mut benchmarks = Vec::with_capacity(report.results.len());
    for told in report.results {
        if told.times.count() == 0 {
            return Err(ParseError::Missing(format!("the times of {:?}", told.command)));
        }
        let failed = told.exit_codes.iter().filter(|code| **code != Some(0)).count();
        if failed > 0 {
            return Err(ParseError::Failed(format!(
                "{failed} of {} runs of {:?} failed",
                told.exit_codes.len(),
                told.command
            )));
        }
        let time = |name, seconds: f64| Figure::new(name, "ns", seconds * NS_PER_S);
        let mut figures =
            vec![time("median", told.median), time("user", told.user), time("system", told.system)];
        figures.extend(told.stddev.map(|stddev| time("stddev", stddev)));
        benchmarks.push(Benchmark {
            full_label: told.command.clone(),
            label: told.command,
            unit: "ns".to_owned(),
            values: told.times.values(),
            figures,
        });
    }
    if benchmarks.is_empty() {
        return Err(ParseError::NoBenchmark("command"));
    }
    Ok(Reading { benchmarks, ..Reading::default() })
}
