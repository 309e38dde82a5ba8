//! Go's benchmarks: the text of `go test -bench`, with `-benchmem`, `-count` and units of the benchmark's own.
//!
//! Each benchmark becomes a metric in ns: a value for each of its lines (`-count`). Beside it stand its other units: `bytes` and
//! `allocs` per operation, `throughput` (MB/s, in bytes/s), and any other by its own name (`cache-misses/op` is `cache-misses_op`).
//! The number of CPUs behind the name (`-8`) is left out where all lines bear the same: it belongs to the host.

use std::collections::{BTreeMap, BTreeSet};

use shared::metric::Summary;

use super::naming::metric_name;
use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Figure, Reading, Values};
use super::request::Request;
use super::{ParseError, Parser, only};

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "go-bench",
    keys: &[],
    required: &[],
    in_folder: None,
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: false,
    read,
};

/// Bytes of what Go calls MB.
const BYTES_PER_MB: f64 = 1e6;
/// Longest name of a figure, which stands behind that of its benchmark.
const FIGURE_BYTES_MAX: usize = 24;

/// A line of a result: its name, and its values by unit.
type Line<'a> = (&'a str, Vec<(&'a str, f64)>);

/// What the lines of one benchmark say: a summary for each unit.
type Units = BTreeMap<String, Summary>;

fn read(documents: &[Document], _request: &Request) -> Result<Reading, ParseError> {
    let text = String::from_utf8_lossy(only(documents)?);
    let mut package = "";
    let mut is_over = false;
    let mut found: BTreeMap<(String, String), Units> = BTreeMap::new();
    // Benchmarks that printed something have their name alone on a line, and their result on a later one, with it or without.
    let mut announced: BTreeSet<(String, String)> = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("pkg:") {
            (package, is_over) = (name.trim(), false);
        } else if line == "PASS" || line.starts_with("ok ") {
            is_over = true;
        } else if line == "FAIL" || line.starts_with("FAIL\t") || line.starts_with("--- FAIL") {
            return Err(ParseError::Failed(format!("a benchmark failed: {}", line.trim())));
        } else if let Some(skipped) = line.trim_start().strip_prefix("--- SKIP: ") {
            announced.retain(|(_, name)| !skipped.starts_with(name.as_str()));
        } else if line.starts_with("Benchmark") {
            let Some((name, units)) = result(line)? else {
                let name = line.split_ascii_whitespace().next().unwrap_or_default();
                announced.insert((package.to_owned(), name.to_owned()));
                continue;
            };
            let sums = found.entry((package.to_owned(), name.to_owned())).or_default();
            for (unit, value) in units {
                if !sums.entry(unit.to_owned()).or_default().record(value) {
                    return Err(ParseError::value(format!("{unit} of {name}"), value, "number"));
                }
            }
        }
    }
    if !is_over {
        return Err(ParseError::Half("PASS".to_owned()));
    }
    if found.is_empty() {
        return Err(ParseError::NoBenchmark("benchmark"));
    }
    if let Some((_, lost)) = announced.iter().find(|name| !is_told(&found, name)) {
        return Err(ParseError::Half(format!("the result of {lost}, which printed something itself,")));
    }
    let cpus = common_cpus(found.keys().map(|(_, name)| name.as_str())).map(str::to_owned);
    let benchmarks = found.into_iter().map(|((package, name), units)| {
        let label = match &cpus {
            Some(cpus) => name.strip_suffix(cpus.as_str()).unwrap_or(&name).to_owned(),
            None => name,
        };
        benchmark(&package, label, units)
    });
    Ok(Reading { benchmarks: benchmarks.collect::<Result<_, _>>()?, ..Reading::default() })
}

/// Whether a name that stood alone on a line has its result, there with the number of CPUs behind it.
fn is_told(found: &BTreeMap<(String, String), Units>, (package, name): &(String, String)) -> bool {
    found.keys().any(|(of, told)| {
        let rest = told.strip_prefix(name.as_str()).filter(|_| of == package);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

/// Reads a line of a result. `None`: it is none (a benchmark that printed something has its name alone on a line).
fn result(line: &str) -> Result<Option<Line<'_>>, ParseError> {
    let mut words = line.split_ascii_whitespace();
    let (Some(name), Some(iterations)) = (words.next(), words.next()) else { return Ok(None) };
    if iterations.parse::<u64>().is_err() {
        return Ok(None);
    }
    let mut units = Vec::new();
    while let Some(value) = words.next() {
        let Some(unit) = words.next() else {
            return Err(ParseError::Half(format!("the unit of {value} in the line of {name}")));
        };
        let number =
            value.parse().map_err(|_| ParseError::value(format!("{unit} of {name}"), value, "number"))?;
        units.push((unit, number));
    }
    if units.is_empty() {
        return Err(ParseError::Half(format!("the values of {name}")));
    }
    Ok(Some((name, units)))
}

/// The ending `-8` that all names have in common.
fn common_cpus<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let ending = |name: &'a str| {
        let (_, digits) = name.rsplit_once('-')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| &name[name.len() - digits.len() - 1..])
    };
    let first = ending(names.next()?)?;
    names.all(|name| ending(name) == Some(first)).then_some(first)
}

fn benchmark(package: &str, label: String, mut units: Units) -> Result<Benchmark, ParseError> {
    let times = units.remove("ns/op");
    let values = times.ok_or_else(|| ParseError::Missing(format!("the ns/op of {label}")))?;
    let figure = |(unit, summary): (String, Summary)| {
        let value = summary.mean()?;
        Some(match unit.as_str() {
            "B/op" => Figure::new("bytes", "bytes", value),
            "allocs/op" => Figure::new("allocs", "", value),
            "MB/s" => Figure::new("throughput", "bytes/s", value * BYTES_PER_MB),
            own => {
                let mut name = metric_name(own)?;
                name.truncate(FIGURE_BYTES_MAX);
                Figure { name, unit: "", value }
            }
        })
    };
    Ok(Benchmark {
        full_label: if package.is_empty() { label.clone() } else { format!("{package} {label}") },
        label,
        unit: "ns".to_owned(),
        values: Values::Summary(values),
        figures: units.into_iter().filter_map(figure).collect(),
    })
}
