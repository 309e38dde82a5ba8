//! The rows of the CSV as JSON: an object a line, so that a reader need not guess which column is a number.

use std::io::Write;

use serde_json::{Map, Number, Value};

use super::rows;
use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat =
    ExportFormat { name: "jsonl", doc: "the rows of csv as JSON, one object a line", exporter: &JsonLines };

/// Columns that hold words; all others but `valid` hold numbers.
const WORDS: [&str; 4] = ["variant", "agent", "phase", "operation"];

/// The rows of the CSV as JSON; what is empty there is `null` here.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonLines;

impl Exporter for JsonLines {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let mut columns: Option<Vec<String>> = None;
        rows(source, &mut |row| {
            let Some(columns) = &columns else {
                columns = Some(row);
                return Ok(());
            };
            let cells = columns.iter().zip(row).map(|(column, text)| (column.clone(), value(column, text)));
            serde_json::to_writer(&mut *out, &Value::Object(cells.collect::<Map<_, _>>()))?;
            Ok(out.write_all(b"\n")?)
        })
    }
}

fn value(column: &str, text: String) -> Value {
    if WORDS.contains(&column) {
        return Value::String(text);
    }
    if column == "valid" {
        return Value::Bool(text == "true");
    }
    let number = text.parse::<u64>().map(Number::from).ok();
    let number = number.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64));
    number.map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::Csv;
    use crate::fixture;

    #[test]
    fn every_row_of_the_csv_is_a_line_with_the_same_figures() {
        let lines = String::from_utf8(fixture::exported(&JsonLines)).unwrap();
        let rows = String::from_utf8(fixture::exported(&Csv)).unwrap();
        assert_eq!(lines.lines().count() + 1, rows.lines().count());
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((&first["operation"], &first["valid"]), (&"read".into(), &true.into()));
        assert_eq!((&first["scheduled"], &first["latency_mean_ns"]), (&1500.into(), &1_429_652.1.into()));
    }

    #[test]
    fn a_figure_that_cannot_be_given_is_null() {
        assert_eq!(value("latency_p99_ns", String::new()), Value::Null);
        assert_eq!(value("operation", "1".to_owned()), Value::String("1".to_owned()));
    }
}
