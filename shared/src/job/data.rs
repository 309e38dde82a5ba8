//! `[data.NAME]`: columns of values that workers take turns with.

use std::fmt;

/// Most columns of one job: every worker keeps its place in each.
pub const DATA_COLUMNS_MAX: usize = 256;
/// Most values of one column that are listed or stand in a file: a file of 16 MiB with a byte and a line end each.
pub const DATA_VALUES_MAX: usize = super::ATTACHED_FILE_BYTES_MAX / 2;

/// Largest exponent of Zipf's law: from there on nearly every draw is the first value.
pub const ZIPF_EXPONENT_MAX: f64 = 10.0;
/// How much of a text that is no order is shown.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// A column of values. Agents and workers take disjoint, interleaved shares of it, and begin again at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataColumn {
    /// Where the values come from.
    pub source: DataSource,
    /// In which order they are taken.
    pub order: DataOrder,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSource {
    /// Whole numbers, both ends included; `first` is at most `last`, and they are fewer than 2^63.
    Range {
        /// The first.
        first: i64,
        /// The last.
        last: i64,
    },
    /// The values themselves, at least one.
    Values(Vec<String>),
    /// A column of a file that comes with the job; read with [`read_csv_column`].
    Csv {
        /// The file, by the path written in the job.
        file: String,
        /// The column, by its name in the file's first line.
        column: String,
    },
}

/// In which order a column's values are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataOrder {
    /// As they stand.
    Sequential,
    /// In an order that the trial's seed decides.
    Random,
    /// Not in turn: each is drawn by itself, the value at place k with a probability that goes as 1 / k^s (Zipf's law), from
    /// all values on every agent and worker.
    Zipf(ZipfExponent),
}

/// The s of Zipf's law: above 0, at most [`ZIPF_EXPONENT_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ZipfExponent(u64);

/// A text that is no order of a column's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no order: write \"sequential\", \"random\" or \"zipf(s)\" with s above 0 and at most {ZIPF_EXPONENT_MAX}"
)]
pub struct DataOrderError(String);

impl DataOrder {
    /// Reads an order as a job has it.
    ///
    /// # Errors
    /// When it is none of the words, or its exponent is out of bounds.
    pub fn parse(text: &str) -> Result<Self, DataOrderError> {
        let wrong = || DataOrderError(text.chars().take(SHOWN_CHARACTERS_MAX).collect());
        match text {
            "sequential" => Ok(Self::Sequential),
            "random" => Ok(Self::Random),
            _ => {
                let exponent = text.strip_prefix("zipf(").and_then(|rest| rest.strip_suffix(')'));
                let exponent = exponent.and_then(|exponent| exponent.trim().parse().ok());
                exponent.and_then(ZipfExponent::new).map(Self::Zipf).ok_or_else(wrong)
            }
        }
    }
}

impl fmt::Display for DataOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequential => formatter.write_str("sequential"),
            Self::Random => formatter.write_str("random"),
            Self::Zipf(exponent) => write!(formatter, "zipf({})", exponent.value()),
        }
    }
}

impl ZipfExponent {
    /// An exponent within its bounds; `None`: it is not.
    pub fn new(value: f64) -> Option<Self> {
        (value > 0.0 && value <= ZIPF_EXPONENT_MAX).then_some(Self(value.to_bits()))
    }

    /// The number itself.
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Why a file has no such column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The file does not read as CSV.
    #[error("it is not CSV with a header line in UTF-8: {0}")]
    Unreadable(String),
    /// Its first line does not name the column.
    #[error("it has no column {column:?}; its first line names: {known}")]
    NoColumn {
        /// The column that was looked for.
        column: String,
        /// The columns there are, as far as they can be read by a person.
        known: String,
    },
    /// Its first line names the column twice.
    #[error("its first line names the column {0:?} more than once")]
    TwoColumns(String),
    /// Nothing stands below its first line.
    #[error("it has no row below its first line")]
    NoRow,
}

/// The values of a column of a CSV file whose first line names its columns (RFC 4180; a byte order mark is skipped).
///
/// # Errors
/// When it is no CSV in UTF-8, when the first line does not name the column exactly once, when a row has more or
/// fewer fields than the first line, or when there is no row.
pub fn read_csv_column(content: &[u8], column: &str) -> Result<Vec<String>, DataError> {
    let unreadable = |error: csv::Error| DataError::Unreadable(error.to_string());
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().map_err(unreadable)?.clone();
    let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
    let place = match (places.next(), places.next()) {
        (Some(place), None) => place,
        (None, _) => return Err(DataError::NoColumn { column: column.to_owned(), known: listed(&header) }),
        (Some(_), Some(_)) => return Err(DataError::TwoColumns(column.to_owned())),
    };
    let mut values = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(unreadable)? {
        values.push(record.get(place).unwrap_or_default().to_owned());
    }
    if values.is_empty() { Err(DataError::NoRow) } else { Ok(values) }
}

/// The names of a header line, cut where they are more than a person reads.
fn listed(header: &csv::StringRecord) -> String {
    const LISTED_MAX: usize = 20;
    const CHARACTERS_MAX: usize = 40;
    let names =
        header.iter().take(LISTED_MAX).map(|name| name.chars().take(CHARACTERS_MAX).collect::<String>());
    let mut text = names.collect::<Vec<_>>().join(", ");
    if header.is_empty() {
        text.push_str("nothing");
    }
    if header.len() > LISTED_MAX {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_name() {
        let content = b"\xef\xbb\xbfid,city\n1,\"K\xc3\xb6ln, am Rhein\"\n2,Bonn\n";
        assert_eq!(read_csv_column(content, "id"), Ok(vec!["1".to_owned(), "2".to_owned()]));
        let cities = read_csv_column(content, "city").unwrap();
        assert_eq!(cities, ["K\u{f6}ln, am Rhein", "Bonn"]);
    }

    #[test]
    fn an_order_reads_and_prints_the_same() {
        for text in ["sequential", "random", "zipf(1.1)", "zipf(0.99)", "zipf(10)"] {
            assert_eq!(DataOrder::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["", "zipf", "zipf()", "zipf(0)", "zipf(-1)", "zipf(nan)", "zipf(inf)", "zipf(10.1)", "Random"]
        {
            let error = DataOrder::parse(text).unwrap_err().to_string();
            assert!(error.contains("is no order: write \"sequential\""), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let error = |content: &[u8]| read_csv_column(content, "id").unwrap_err().to_string();
        assert_eq!(error(b"a,b\n1,2\n"), "it has no column \"id\"; its first line names: a, b");
        assert_eq!(error(b""), "it has no column \"id\"; its first line names: nothing");
        assert_eq!(error(b"id,id\n1,2\n"), "its first line names the column \"id\" more than once");
        assert_eq!(error(b"id\n"), "it has no row below its first line");
        assert!(error(b"id,b\n1\n").starts_with("it is not CSV"), "a row that is too short");
        assert!(error(b"id\n\xff\n").starts_with("it is not CSV"), "not UTF-8");
    }
}
