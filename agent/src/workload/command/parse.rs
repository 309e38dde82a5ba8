//! Parsers: how the figures of tools that people already use are read from what these write. One file and one line of [`TABLE`]
//! each.
//!
//! Rooms: [`output`] (where a tool writes, and whether it did), [`reading`] (what was found, in any tool's words), [`naming`] (how
//! that becomes metrics), `seconds` (long lists of times). The tools: `criterion`, `fio`, `go_bench`, `hdr_log`, `hyperfine`,
//! `json`, `junit`, `pattern`, `pytest_benchmark`. What a newer version of a tool adds is passed over; what one leaves out is an
//! error that names it.

mod criterion;
mod fio;
mod go_bench;
mod hdr_log;
mod hyperfine;
mod json;
mod junit;
pub(super) mod naming;
pub(super) mod output;
mod pattern;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod pytest_benchmark;
pub(super) mod reading;
pub(super) mod request;
mod seconds;
#[cfg(test)]
mod tests;

use shared::job::schema::Companion;

use output::Document;
use reading::Reading;
use request::Request;

/// How one tool's report is read.
#[derive(Debug)]
pub(super) struct Parser {
    /// Its name in `parse`.
    pub(super) name: &'static str,
    /// Which of the further keys it takes, beside `output` and `full_names`.
    pub(super) keys: &'static [&'static str],
    /// Which of them it cannot do without.
    pub(super) required: &'static [&'static str],
    /// The end of the paths of the files that it reads in a folder; `None`: it reads one file, or standard output.
    pub(super) in_folder: Option<&'static str>,
    /// Most bytes that it reads: [`output::OUTPUT_BYTES_MAX`], or less where what is read takes far more room than its text.
    pub(super) bytes_max: usize,
    /// Whether the tool says which machine it ran on.
    pub(super) tells_machine: bool,
    /// Reads what the tool wrote: at least one document.
    pub(super) read: fn(&[Document], &Request) -> Result<Reading, ParseError>,
}

/// Every parser, in the contract's order.
pub(super) const TABLE: &[Parser] = &[
    pytest_benchmark::PARSER,
    hyperfine::PARSER,
    fio::PARSER,
    criterion::PARSER,
    go_bench::PARSER,
    json::PARSER,
    pattern::PARSER,
    junit::PARSER,
    hdr_log::PARSER,
];

/// Their names, for the schema.
pub(super) const NAMES: &[&str] = &{
    let mut names = [""; TABLE.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = TABLE[place].name;
        place += 1;
    }
    names
};

/// What a key hangs on that only some parsers take (all, if none are named), and that some need.
pub(super) const fn companion(
    words: &'static [&'static str],
    needed_by: &'static [&'static str],
) -> Companion {
    Companion { key: "parse", words, needed_by }
}

/// The parser of a name; `None`: there is none.
pub(super) fn parser(name: &str) -> Option<&'static Parser> {
    TABLE.iter().find(|parser| parser.name == name)
}

/// Why a tool's report cannot be used. Reads after "its report cannot be used: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum ParseError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// It is cut, or something else.
    #[error("it is no whole JSON of this tool: {0}")]
    Json(#[from] serde_json::Error),
    /// No JSON begins in it.
    #[error("no line of it begins a JSON object")]
    NoJson,
    /// It is cut, or something else.
    #[error("it is no whole XML: {0}")]
    Xml(String),
    /// Something that every version of the tool tells.
    #[error("{0} is missing")]
    Missing(String),
    /// A figure that cannot be one.
    #[error("{what} is {value}, which is no {expected}")]
    Value {
        /// What it is said to be.
        what: String,
        /// As it was written, shortened.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Its tool said that it failed.
    #[error("the tool says that {0}")]
    Failed(String),
    /// It broke off.
    #[error("it ends before {0}")]
    Half(String),
    /// It reports nothing that could be measured.
    #[error("it reports no {0}")]
    NoBenchmark(&'static str),
    /// More than a metric may hold, or an operation report.
    #[error("{0}")]
    TooMuch(String),
}

impl ParseError {
    /// A figure that cannot be one, with as much of it as fits into a sentence.
    fn value(what: impl Into<String>, value: impl ToString, expected: &'static str) -> Self {
        const SHOWN_CHARACTERS_MAX: usize = 60;
        let value: String = value.to_string().chars().take(SHOWN_CHARACTERS_MAX).collect();
        Self::Value { what: what.into(), value, expected }
    }
}

/// The one document of a parser that reads no folder.
fn only(documents: &[Document]) -> Result<&[u8], ParseError> {
    let content = documents.first().map_or(&[][..], |document| &document.content);
    if content.trim_ascii().is_empty() { Err(ParseError::Empty) } else { Ok(content) }
}

/// The text from its first line on that begins a JSON object: tools print warnings before it.
fn json_in(text: &[u8]) -> Result<&[u8], ParseError> {
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii_start().starts_with(b"{") {
            return Ok(&text[start..]);
        }
        start += line.len();
    }
    Err(ParseError::NoJson)
}
