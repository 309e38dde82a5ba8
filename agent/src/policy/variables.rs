//! Names of environment variables, exact or by their beginning.

use serde::Deserialize;

/// What stands for the rest of a name.
const REST: char = '*';

/// A name, or the beginning of one (`BENCH_*`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct VariablePattern {
    name: String,
    is_beginning: bool,
}

/// Why a text is no such pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no variable's name: write NAME, or NAME* for all that begin so")]
pub struct VariablePatternError(String);

impl VariablePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is empty, or holds `=` or a `*` that is not its end.
    pub fn parse(text: &str) -> Result<Self, VariablePatternError> {
        let name = text.strip_suffix(REST).unwrap_or(text);
        if text.is_empty() || name.contains([REST, '=', '\0']) {
            return Err(VariablePatternError(text.to_owned()));
        }
        Ok(Self { name: name.to_owned(), is_beginning: name.len() < text.len() })
    }

    /// Every name.
    pub(super) fn any() -> Self {
        Self { name: String::new(), is_beginning: true }
    }

    /// Whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        if self.is_beginning { name.starts_with(&self.name) } else { name == self.name }
    }
}

impl TryFrom<String> for VariablePattern {
    type Error = VariablePatternError;

    fn try_from(text: String) -> Result<Self, VariablePatternError> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for VariablePattern {
    type Err = VariablePatternError;

    fn from_str(text: &str) -> Result<Self, VariablePatternError> {
        Self::parse(text)
    }
}
