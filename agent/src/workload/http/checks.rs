//! What an answer must hold beyond its status and a text in its body: looked at once it is whole.

use serde_json::Value;
use shared::interval::ErrorKind;

use super::answer::{Answer, BODY_BYTES_MAX, Wants};
use super::selection::scalar_text;
use crate::values::{RenderError, Rendering, Values};
use crate::workload::connection::failure::Failure;

/// How much of an expected or a seen text a message shows: both fit an error sample.
const SHOWN_BYTES_MAX: usize = 150;

/// What an answer must hold.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// What the body must be.
    pub(super) body: Option<Rendering>,
    /// How long the body must be, bytes.
    pub(super) length: Option<u64>,
    /// What headers must be, by their names.
    pub(super) headers: Vec<(String, Rendering)>,
    /// What scalars of a JSON body must be, by their pointers.
    pub(super) json: Vec<(String, Scalar)>,
}

/// A scalar that is expected.
#[derive(Debug)]
pub(super) enum Scalar {
    /// A text, or what reads the same.
    Text(Rendering),
    /// A number or a truth value.
    Plain(Value),
}

impl Checks {
    /// What must be kept of an answer for them.
    pub(super) fn wants(&self) -> Wants {
        Wants {
            headers: !self.headers.is_empty(),
            body: self.body.is_some() || !self.json.is_empty(),
            length: self.length.is_some(),
        }
    }

    /// Whether an answer holds all of it; `buffer` is for expected texts meanwhile.
    pub(super) fn verdict(
        &self,
        answer: &Answer,
        values: &mut Values,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        if let Some(expected) = self.length.filter(|expected| *expected != answer.length()) {
            return Err(failed(format!("the body is {} bytes long, not {expected}", answer.length())));
        }
        for (name, expected) in &self.headers {
            let expected = filled_in(expected, values, buffer)?;
            if !answer.values(name).any(|value| value == expected) {
                return Err(failed(match answer.values(name).next() {
                    Some(seen) => format!("the header {name} is {}, not {}", cut(seen), cut(expected)),
                    None => format!("the answer lacks the header {name}: {} was expected", cut(expected)),
                }));
            }
        }
        if let Some(expected) = &self.body {
            let (expected, seen) = (filled_in(expected, values, buffer)?, whole_body(answer)?);
            if seen != expected {
                return Err(failed(format!("the body is {}, not {}", cut(seen), cut(expected))));
            }
        }
        for (pointer, expected) in &self.json {
            let json = answer.json().ok_or_else(|| match whole_body(answer) {
                Ok(seen) => failed(format!("the body is no JSON: {}", cut(seen))),
                Err(failure) => failure,
            })?;
            let seen = json.pointer(pointer);
            let is_it = seen.map(|seen| expected.is(seen, values, buffer)).transpose()?;
            if is_it != Some(true) {
                let seen = seen.map_or_else(|| "absent".to_owned(), Value::to_string);
                let expected = expected.text(values, buffer)?;
                return Err(failed(format!("{pointer} is {}, not {}", cut_text(&seen), cut_text(&expected))));
            }
        }
        Ok(())
    }
}

impl Scalar {
    fn is(&self, seen: &Value, values: &mut Values, buffer: &mut Vec<u8>) -> Result<bool, Failure> {
        match self {
            Self::Text(expected) => {
                let expected = filled_in(expected, values, buffer)?;
                Ok(scalar_text(seen).is_some_and(|seen| seen == expected))
            }
            // 1 and 1.0 are one number.
            Self::Plain(expected @ Value::Number(number)) => {
                Ok(expected == seen || seen.is_number() && number.as_f64() == seen.as_f64())
            }
            Self::Plain(expected) => Ok(expected == seen),
        }
    }

    fn text(&self, values: &mut Values, buffer: &mut Vec<u8>) -> Result<String, Failure> {
        match self {
            Self::Text(expected) => {
                Ok(format!("\"{}\"", String::from_utf8_lossy(filled_in(expected, values, buffer)?)))
            }
            Self::Plain(expected) => Ok(expected.to_string()),
        }
    }
}

/// A body that was kept whole.
pub(super) fn whole_body(answer: &Answer) -> Result<&[u8], Failure> {
    answer.body().ok_or_else(|| {
        failed(format!(
            "the body is {} bytes long, and at most {BODY_BYTES_MAX} can be looked into: {}",
            answer.length(),
            cut(answer.beginning())
        ))
    })
}

/// An answer that is not what was expected.
pub(in crate::workload) fn failed(message: String) -> Failure {
    Failure::new(ErrorKind::Body, message)
}

/// A value that is missing for what the job asks.
pub(in crate::workload) fn unfilled(error: &RenderError) -> Failure {
    Failure::new(ErrorKind::Other, format!("what is expected cannot be told: {error}"))
}

/// Bytes in quotes, as much as a message shows.
pub(in crate::workload) fn cut(bytes: &[u8]) -> String {
    let end = if bytes.len() > SHOWN_BYTES_MAX { "…" } else { "" };
    format!("\"{}\"{end}", bytes[..bytes.len().min(SHOWN_BYTES_MAX)].escape_ascii())
}

fn cut_text(text: &str) -> String {
    let end = if text.chars().nth(SHOWN_BYTES_MAX).is_some() { "…" } else { "" };
    text.chars().take(SHOWN_BYTES_MAX).chain(end.chars()).collect()
}

fn filled_in<'a>(
    expected: &'a Rendering,
    values: &mut Values,
    buffer: &'a mut Vec<u8>,
) -> Result<&'a [u8], Failure> {
    if let Some(expected) = expected.as_static() {
        return Ok(expected);
    }
    buffer.clear();
    expected.render(values, buffer).map_err(|error| unfilled(&error))?;
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::Place;
    use crate::values::names::tests::{names, values};
    use crate::workload::http::answer::tests::answer;

    fn verdict(checks: impl FnOnce(&dyn Fn(&str) -> Rendering) -> Checks) -> Result<(), String> {
        let names = names(&["w1"]);
        let checks = checks(&|text| Rendering::compile(text, &names, Place::Anywhere).unwrap());
        let answer = answer(
            &[("X-Cache", "MISS"), ("x-cache", "HIT")],
            r#"{"n":1,"text":"w1","ok":true,"deep":{"list":[1.5]}}"#,
        );
        let verdict = checks.verdict(&answer, &mut values(&names), &mut Vec::new());
        verdict.map_err(|failure| {
            assert_eq!(failure.kind, ErrorKind::Body);
            failure.message
        })
    }

    fn json(pointer: &str, expected: Value) -> Result<(), String> {
        verdict(|text| {
            let scalar = match expected {
                Value::String(expected) => Scalar::Text(text(&expected)),
                plain => Scalar::Plain(plain),
            };
            Checks { json: vec![(pointer.to_owned(), scalar)], ..Checks::default() }
        })
    }

    #[test]
    fn scalars_are_compared_by_their_value() {
        for (pointer, expected) in [
            ("/n", json!(1)),
            ("/n", json!(1.0)),
            ("/n", json!("1")),
            ("/text", json!("w1")),
            ("/text", json!("{{word}}")),
            ("/ok", json!(true)),
            ("/deep/list/0", json!(1.5)),
        ] {
            assert_eq!(json(pointer, expected.clone()), Ok(()), "{pointer} {expected}");
        }
        assert_eq!(json("/n", json!(2)), Err("/n is 1, not 2".into()));
        assert_eq!(json("/text", json!(1)), Err("/text is \"w1\", not 1".into()));
        assert_eq!(json("/text", json!("x{{word}}")), Err("/text is \"w1\", not \"xw1\"".into()));
        assert_eq!(json("/absent", json!(true)), Err("/absent is absent, not true".into()));
        assert_eq!(json("/deep/list", json!("x")), Err("/deep/list is [1.5], not \"x\"".into()));
    }

    #[test]
    fn a_header_may_come_more_than_once() {
        let header = |name: &str, value: &str| {
            verdict(|text| Checks { headers: vec![(name.to_owned(), text(value))], ..Checks::default() })
        };
        assert_eq!(header("x-CACHE", "HIT"), Ok(()));
        assert_eq!(header("x-cache", "STALE"), Err("the header x-cache is \"MISS\", not \"STALE\"".into()));
        assert_eq!(header("via", "a"), Err("the answer lacks the header via: \"a\" was expected".into()));
    }

    #[test]
    fn a_body_may_be_expected_whole_or_by_its_length() {
        let length = |length| verdict(|_| Checks { length: Some(length), ..Checks::default() });
        assert_eq!(length(51), Ok(()));
        assert_eq!(length(7), Err("the body is 51 bytes long, not 7".into()));
        let body = |body: &str| verdict(|text| Checks { body: Some(text(body)), ..Checks::default() });
        assert_eq!(body(r#"{"n":1,"text":"{{word}}","ok":true,"deep":{"list":[1.5]}}"#), Ok(()));
        assert!(body("hello").unwrap_err().ends_with("not \"hello\""));
    }

    #[test]
    fn what_is_too_long_or_no_json_is_said() {
        let names = names(&["w1"]);
        let checks = Checks { json: vec![("/a".to_owned(), Scalar::Plain(json!(1)))], ..Checks::default() };
        let message = |body: &str| {
            checks.verdict(&answer(&[], body), &mut values(&names), &mut Vec::new()).unwrap_err().message
        };
        assert_eq!(message("<html>"), "the body is no JSON: \"<html>\"");
        let long = message(&"1".repeat(BODY_BYTES_MAX + 1));
        assert!(long.starts_with("the body is 1048577 bytes long, and at most 1048576"), "{long}");
        assert!(long.len() < 512, "a sample holds all of it");
    }
}
