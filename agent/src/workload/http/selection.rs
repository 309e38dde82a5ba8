//! Where in an answer a value stands: `json:/pointer`, `header:Name` or `regex:expression`.

use std::borrow::Cow;
use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;

use super::answer::{Answer, Wants};

/// Most memory that an expression may take once it is compiled: a hostile one asks for gigabytes.
const REGEX_BYTES_MAX: usize = 1024 * 1024;
/// Most memory for the cache that searching builds up, for each thread.
const REGEX_CACHE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Where a value stands.
#[derive(Debug, Clone)]
pub(super) enum Selection {
    /// A scalar in a JSON body (RFC 6901).
    Json(String),
    /// The first header of a name.
    Header(String),
    /// The first group of an expression's first match in the body, or all of the match.
    Regex(Regex),
}

/// Why a text does not say where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SelectionError {
    /// It begins with nothing that is known.
    #[error("{0:?} does not say where to look: write json:/pointer, header:Name or regex:expression")]
    Kind(String),
    /// Not a JSON pointer.
    #[error("{0:?} is not a JSON pointer: it is empty or begins with /, as in json:/user/id")]
    Pointer(String),
    /// Not the name of a header.
    #[error("{0:?} is not the name of a header")]
    Header(String),
    /// Not an expression, or one too large.
    #[error("{0}")]
    Regex(String),
}

impl Selection {
    /// Reads where a value stands.
    pub(super) fn parse(text: &str) -> Result<Self, SelectionError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "json" if rest.is_empty() || rest.starts_with('/') => Ok(Self::Json(rest.to_owned())),
            "json" => Err(SelectionError::Pointer(rest.to_owned())),
            "header" if !rest.is_empty() && rest.bytes().all(super::request::is_token) => {
                Ok(Self::Header(rest.to_owned()))
            }
            "header" => Err(SelectionError::Header(rest.to_owned())),
            "regex" => RegexBuilder::new(rest)
                .size_limit(REGEX_BYTES_MAX)
                .dfa_size_limit(REGEX_CACHE_BYTES_MAX)
                .build()
                .map(Self::Regex)
                .map_err(|error| SelectionError::Regex(error.to_string())),
            _ => Err(SelectionError::Kind(text.to_owned())),
        }
    }

    /// What must be kept of an answer for it.
    pub(super) fn wants(&self) -> Wants {
        match self {
            Self::Header(_) => Wants { headers: true, ..Wants::default() },
            Self::Json(_) | Self::Regex(_) => Wants { body: true, ..Wants::default() },
        }
    }

    /// The value in an answer; `None`: it is not there, or is no scalar.
    pub(super) fn pick<'a>(&self, answer: &'a Answer) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Json(pointer) => scalar_text(answer.json()?.pointer(pointer)?),
            Self::Header(name) => answer.values(name).next().map(Cow::Borrowed),
            Self::Regex(expression) => {
                let body = answer.body()?;
                let found = if expression.captures_len() > 1 {
                    expression.captures(body)?.get(1)
                } else {
                    expression.find(body)
                };
                Some(Cow::Borrowed(found?.as_bytes()))
            }
        }
    }
}

/// A JSON scalar as text: a text without its quotes, a number or a truth value as written; `None`: it is none.
pub(super) fn scalar_text(value: &Value) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text.as_bytes())),
        Value::Bool(is_true) => Some(Cow::Borrowed(if *is_true { b"true" } else { b"false" })),
        Value::Number(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(pointer) => write!(formatter, "json:{pointer}"),
            Self::Header(name) => write!(formatter, "header:{name}"),
            Self::Regex(expression) => write!(formatter, "regex:{expression}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::http::answer::tests::answer;

    fn pick(selection: &str) -> Option<String> {
        let body = r#"{"token":"abc","n":12.5,"ok":true,"none":null,"list":[7,{"a/b":"deep"}]}"#;
        let answer = answer(&[("X-Id", "first"), ("x-id", "second")], body);
        let selection = Selection::parse(selection).unwrap();
        selection.pick(&answer).map(|value| String::from_utf8(value.into_owned()).unwrap())
    }

    #[test]
    fn a_value_is_found_where_it_stands() {
        for (selection, value) in [
            ("json:/token", "abc"),
            ("json:/n", "12.5"),
            ("json:/ok", "true"),
            ("json:/list/0", "7"),
            ("json:/list/1/a~1b", "deep"),
            ("header:x-ID", "first"),
            ("regex:\"n\":([0-9.]+)", "12.5"),
            ("regex:t[a-z]+", "token"),
        ] {
            assert_eq!(pick(selection).as_deref(), Some(value), "{selection}");
        }
    }

    #[test]
    fn what_is_not_there_or_no_scalar_is_no_value() {
        for selection in
            ["json:/absent", "json:", "json:/none", "json:/list", "header:y", "regex:absent", "regex:a(x)?b"]
        {
            assert_eq!(pick(selection), None, "{selection}");
        }
    }

    #[test]
    fn what_says_nothing_is_refused_with_its_reason() {
        for (text, reason) in [
            ("token", "json:/pointer"),
            ("xpath:/a", "json:/pointer"),
            ("json:token", "begins with /"),
            ("header:", "not the name of a header"),
            ("header:a b", "not the name of a header"),
            ("regex:(", "unclosed group"),
            ("regex:(((a{100}){100}){100})", "size limit"),
        ] {
            let error = Selection::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
