//! Any JSON: numbers by JSON pointer, as `metrics` names them. A list of numbers is as many values.

use serde_json::Value;

use super::output::Document;
use super::reading::{Benchmark, Reading, Values};
use super::request::{Request, Wanted};
use super::{ParseError, Parser, json_in, only};

/// Its line of the table. Its values take some ten times the room of their text.
pub(super) const PARSER: Parser = Parser {
    name: "json",
    keys: &["metrics"],
    required: &["metrics"],
    in_folder: None,
    bytes_max: 16 * 1024 * 1024,
    tells_machine: false,
    read,
};

fn read(documents: &[Document], request: &Request) -> Result<Reading, ParseError> {
    let text = only(documents)?;
    // A list may stand at its top too, without any warning before it.
    let text = if text.trim_ascii_start().starts_with(b"[") { text } else { json_in(text)? };
    let report: Value = serde_json::from_slice(text)?;
    let benchmarks = request.metrics.iter().map(|wanted| benchmark(&report, wanted));
    Ok(Reading { benchmarks: benchmarks.collect::<Result<_, _>>()?, ..Reading::default() })
}

fn benchmark(report: &Value, wanted: &Wanted) -> Result<Benchmark, ParseError> {
    let missing = || ParseError::Missing(format!("{:?}, which metrics.{} names,", wanted.from, wanted.name));
    let found = report.pointer(&wanted.from).ok_or_else(missing)?;
    let mut values = wanted.values();
    match found {
        Value::Array(numbers) if !numbers.is_empty() => {
            numbers.iter().try_for_each(|number| take(&mut values, wanted, number))?;
        }
        number => take(&mut values, wanted, number)?,
    }
    Ok(wanted.benchmark(values))
}

fn take(values: &mut Values, wanted: &Wanted, number: &Value) -> Result<(), ParseError> {
    let value = number.as_f64();
    match value.filter(|value| wanted.record(values, *value)) {
        Some(_) => Ok(()),
        None => Err(ParseError::value(format!("metrics.{}", wanted.name), number, wanted.expected())),
    }
}
