//! `expect` of kinds whose answers are bytes: what they must be, or hold.

use serde_json::{Map, Value};
use shared::interval::ErrorKind;
use shared::job::schema::{Key, Shape};

use super::payload::{Payload, PayloadError};
use crate::values::{Names, Values};
use crate::workload::connection::failure::Failure;
use crate::workload::http::checks::{cut, failed};
use crate::workload::http::expectation::{Needle, Search};
use crate::workload::settings::{Wrong, check_keys};

/// Longest answer that can be looked into: it is kept in memory, once for each worker.
pub(in crate::workload) const LOOKED_INTO_BYTES_MAX: usize = 1024 * 1024;

/// Keys of `expect`.
pub(in crate::workload) const EXPECT_KEYS: &[Key] = &[
    Key::optional("equals", Shape::Template, "The text that the answer must be, up to 1 MiB."),
    Key::optional("equals_hex", Shape::Template, "The same in hexadecimal digits."),
    Key::optional("contains", Shape::Template, "A text that the answer must hold."),
    Key::optional("contains_hex", Shape::Template, "The same in hexadecimal digits."),
];

/// What an answer must be, or hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::workload) struct Expected {
    equals: Option<Payload>,
    contains: Option<Payload>,
}

/// Memory for looking, used over and over.
#[derive(Debug, Default)]
pub(in crate::workload) struct Lookout {
    buffer: Vec<u8>,
    needle: Needle,
}

impl Expected {
    /// Reads the table of an operation.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::workload) fn read(settings: &Map<String, Value>, names: &Names) -> Result<Self, Wrong> {
        let Some(value) = settings.get("expect") else { return Ok(Self::default()) };
        let wrong = |what: String| ("expect", what);
        let table = value.as_object().ok_or_else(|| wrong(format!("must be a table, not {value}")))?;
        check_keys(table, EXPECT_KEYS).map_err(|(key, what)| wrong(format!("{key:?} {what}")))?;
        let read =
            |keys| Payload::read(table, keys, names).map_err(|(key, what)| wrong(format!("{key:?} {what}")));
        Ok(Self { equals: read(["equals", "equals_hex"])?, contains: read(["contains", "contains_hex"])? })
    }

    /// Whether the answer has to be kept for it.
    pub(in crate::workload) fn looks_into_answers(&self) -> bool {
        self.equals.is_some() || self.contains.is_some()
    }

    /// Whether an answer, which was so long in all and of which this was kept, is what was expected.
    ///
    /// # Errors
    /// How it differs.
    pub(in crate::workload) fn verdict(
        &self,
        kept: &[u8],
        length: u64,
        values: &mut Values,
        lookout: &mut Lookout,
    ) -> Result<(), Failure> {
        if !self.looks_into_answers() {
            return Ok(());
        }
        if length > kept.len() as u64 {
            return Err(failed(format!(
                "the answer is {length} bytes long, and at most {LOOKED_INTO_BYTES_MAX} can be looked into: {}",
                cut(kept)
            )));
        }
        if let Some(equals) = &self.equals {
            let expected = equals.fill_in(values, &mut lookout.buffer).map_err(|error| unfilled(&error))?;
            if kept != expected {
                return Err(failed(format!("the answer is {}, not {}", cut(kept), cut(expected))));
            }
        }
        if let Some(contains) = &self.contains {
            let expected = contains.fill_in(values, &mut lookout.buffer).map_err(|error| unfilled(&error))?;
            if !lookout.needle.is_in(expected, kept) {
                return Err(failed(format!("the answer lacks {}: {}", cut(expected), cut(kept))));
            }
        }
        Ok(())
    }
}

impl Needle {
    /// Whether a text stands in another.
    pub(in crate::workload) fn is_in(&mut self, text: &[u8], body: &[u8]) -> bool {
        self.set(text);
        self.stands_in(body)
    }

    /// Whether the text that was prepared stands in another.
    pub(in crate::workload) fn stands_in(&self, body: &[u8]) -> bool {
        let mut search = Search::default();
        search.feed(self, body);
        search.is_found(self)
    }
}

/// A value that is missing for what the job asks.
pub(in crate::workload) fn unfilled(error: &PayloadError) -> Failure {
    Failure::new(ErrorKind::Other, format!("what is expected cannot be told: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::names::tests::{names, values};

    fn verdict(expect: Value, kept: &[u8], length: u64) -> Result<(), String> {
        let names = names(&["w1"]);
        let settings = json!({ "expect": expect });
        let expected = Expected::read(settings.as_object().unwrap(), &names)
            .map_err(|(key, what)| format!("{key} {what}"))?;
        let verdict = expected.verdict(kept, length, &mut values(&names), &mut Lookout::default());
        verdict.map_err(|failure| failure.message)
    }

    #[test]
    fn an_answer_is_held_against_what_the_job_says() {
        assert_eq!(verdict(json!({ "equals": "a{{word}}" }), b"aw1", 3), Ok(()));
        assert_eq!(verdict(json!({ "contains_hex": "00" }), b"a\0", 2), Ok(()));
        assert_eq!(verdict(json!({}), b"", 1 << 40), Ok(()));
        assert_eq!(verdict(json!({ "equals": "b" }), b"a", 1), Err("the answer is \"a\", not \"b\"".into()));
        assert_eq!(verdict(json!({ "contains": "b" }), b"a", 1), Err("the answer lacks \"b\": \"a\"".into()));
        let long = verdict(json!({ "contains": "a" }), b"a", 2 << 20).unwrap_err();
        assert!(long.contains("at most 1048576 can be looked into"), "{long}");
        let odd = verdict(json!({ "equal": "a" }), b"a", 1).unwrap_err();
        assert!(odd.contains("\"equal\" is not a key"), "{odd}");
    }
}
