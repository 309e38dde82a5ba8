//! The lines of the protocol, version 1: one JSON object each, in UTF-8. Pure. `docs/process-protocol.md` says it to others.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use shared::interval::ErrorKind;

/// The version that is spoken.
pub(super) const PROTOCOL: u32 = 1;
/// Longest line that a program may write, bytes: the results of some ten thousand operations.
pub(super) const LINE_BYTES_MAX: usize = 1024 * 1024;
/// How much of a line that makes no sense is shown, characters.
const SHOWN_CHARACTERS: usize = 120;

/// What we say.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Said<'a> {
    /// The first line: what is wanted.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The operations that the job names.
        operations: &'a [String],
    },
    /// Operations that are due now.
    Begin {
        /// At least one.
        operations: &'a [Begun<'a>],
    },
}

/// One operation that is due.
#[derive(Debug, Serialize)]
pub(super) struct Begun<'a> {
    /// By what it is answered; no other operation of this program has it.
    pub(super) id: u64,
    /// Which.
    pub(super) name: &'a str,
    /// What the job gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
}

/// What a program says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Heard {
    /// The first line: what it can do.
    Ready {
        /// The version that it speaks.
        protocol: u32,
        /// The operations that it knows.
        operations: Vec<String>,
    },
    /// Operations that ended.
    Done {
        /// Each of them.
        results: Vec<Told>,
    },
}

/// How one operation went, as the program tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    /// Which.
    pub(super) id: u64,
    /// How long it took, ns; absent: until this line came.
    pub(super) duration_ns: Option<f64>,
    /// How long before this line it ended, ns; absent: with it.
    pub(super) ago_ns: Option<f64>,
    /// How it failed, as the contract calls it; absent: it did not.
    pub(super) error: Option<String>,
    /// What was seen when it failed.
    pub(super) message: Option<String>,
    /// Bytes written to the measured thing.
    #[serde(default)]
    pub(super) bytes_sent: u64,
    /// Bytes read from it.
    #[serde(default)]
    pub(super) bytes_received: u64,
}

/// A line, with its end.
pub(super) fn line(said: &Said<'_>) -> Vec<u8> {
    let mut line = serde_json::to_vec(said).expect("texts and numbers can be put into JSON");
    line.push(b'\n');
    line
}

/// Reads a line. An error says what is wrong with it.
pub(super) fn read(line: &[u8]) -> Result<Heard, String> {
    serde_json::from_slice(line).map_err(|error| {
        format!("the program wrote {}, which is no line of the protocol: {error}", shown(line))
    })
}

/// The error of the contract that a program means; what is none of them is `other`.
pub(super) fn error_kind(word: &str) -> ErrorKind {
    ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or(ErrorKind::Other)
}

/// As much of a line as fits into a sentence.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * SHOWN_CHARACTERS)]);
    let mut shown = String::from("\"");
    for letter in text.chars().take(SHOWN_CHARACTERS) {
        let _writing_to_a_text_succeeds = write!(shown, "{}", letter.escape_debug());
    }
    let is_cut = line.len() > 4 * SHOWN_CHARACTERS || text.chars().nth(SHOWN_CHARACTERS).is_some();
    shown.push_str(if is_cut { "…\"" } else { "\"" });
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_the_protocol_has_them() {
        let names = ["read".to_owned()];
        let hello = line(&Said::Hello { protocol: PROTOCOL, operations: &names });
        assert_eq!(hello, b"{\"type\":\"hello\",\"protocol\":1,\"operations\":[\"read\"]}\n");
        let begun =
            [Begun { id: 7, name: "read", input: Some("\n") }, Begun { id: 8, name: "read", input: None }];
        let begin = line(&Said::Begin { operations: &begun });
        let expected =
            r#"{"type":"begin","operations":[{"id":7,"name":"read","input":"\n"},{"id":8,"name":"read"}]}"#;
        assert_eq!(String::from_utf8(begin).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn what_a_newer_program_adds_is_passed_over() {
        let heard = read(br#"{"type":"done","results":[{"id":1,"colour":"red"}],"mood":"good"}"#).unwrap();
        assert!(
            matches!(heard, Heard::Done { results } if results[0].id == 1 && results[0].duration_ns.is_none())
        );
    }

    #[test]
    fn a_line_that_makes_no_sense_is_shown_shortened() {
        let error = read(b"Traceback (most recent call last):\x1b[31m").unwrap_err();
        assert!(
            error.starts_with(
                "the program wrote \"Traceback (most recent call last):\\u{1b}[31m\", which is no"
            )
        );
        assert!(read(&vec![b'x'; LINE_BYTES_MAX]).unwrap_err().len() < 1_000);
    }
}
