//! What jobs use and nobody may be told: the names and texts of secrets.
//!
//! Rooms: [`mask`] (texts without them), [`veil`] (all that a process must not tell), [`mod@file`] (how their owner writes
//! them down).

pub mod file;
pub mod in_url;
pub mod mask;
pub mod veil;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Most secrets that there may be, of a coordinator or of one job: far more than anybody looks after.
pub const SECRETS_MAX: usize = 1_024;
/// Most environment variables that the texts of one job may name.
pub const VARIABLES_MAX: usize = 1_024;
/// Longest text of a secret, in bytes: a private key in PEM fits.
pub const SECRET_BYTES_MAX: usize = 8 * 1024;
/// Shortest text of a secret, in bytes: a shorter one is guessed, and cannot be told from other words where it is masked.
pub const SECRET_BYTES_MIN: usize = 8;
/// Longest name of a secret, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// By what a secret is known, in `{{secret:NAME}}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

/// What is secret. Neither shows nor stores itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

/// Why a text is no secret, or no name of one. Never shows the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A name with other characters, or too many.
    #[error(
        "{0:?} is no name of a secret: write 1 to {NAME_BYTES_MAX} letters, digits, _, - and ., not beginning with a dot"
    )]
    Name(String),
    /// A text that is too short.
    #[error("it has fewer than {SECRET_BYTES_MIN} bytes, which cannot be kept from being seen")]
    Short,
    /// A text that is too long.
    #[error("it has more than {SECRET_BYTES_MAX} bytes")]
    Long,
}

/// The confidential names that a job's texts use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confidences {
    /// Names in `{{secret:NAME}}`.
    pub secrets: BTreeSet<SecretName>,
    /// Names in `{{env:NAME}}`.
    pub variables: BTreeSet<String>,
}

/// What agents are told of a run that they may tell nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confidential {
    /// Every secret that the job uses, wherever: what one agent's program writes may come back to another agent.
    pub secrets: BTreeMap<SecretName, SecretText>,
    /// Every environment variable that the job names, wherever. Their values are each agent's own.
    pub variables: BTreeSet<String>,
}

impl SecretName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, too long, or holds anything but letters, digits, `_`, `-` and `.`, the latter not first.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = text.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if text.is_empty()
            || text.len() > NAME_BYTES_MAX
            || text.starts_with('.')
            || !text.bytes().all(is_allowed)
        {
            return Err(SecretError::Name(text.chars().take(NAME_BYTES_MAX).collect()));
        }
        Ok(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for SecretName {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        Self::new(text)
    }
}

impl SecretText {
    /// Keeps a text.
    ///
    /// # Errors
    /// When it is too short to be masked, or too long.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = text.into();
        match text.len() {
            SECRET_BYTES_MIN..=SECRET_BYTES_MAX => Ok(Self(text)),
            ..SECRET_BYTES_MIN => Err(SecretError::Short),
            _ => Err(SecretError::Long),
        }
    }

    /// The text itself, for the one who uses it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for good in ["API_KEY", "db.password-2", "x", &"x".repeat(64)] {
            assert_eq!(SecretName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".hidden", "a b", "a/b", "ü", &"x".repeat(65)] {
            assert!(SecretName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_never_shows_itself() {
        let text = SecretText::new("correct horse").unwrap();
        let name = SecretName::new("battery").unwrap();
        let confidential = Confidential { secrets: [(name, text)].into(), ..Confidential::default() };
        assert!(!format!("{confidential:?} {confidential:#?}").contains("horse"));
        assert_eq!(SecretText::new("1234567"), Err(SecretError::Short));
        assert_eq!(SecretText::new("x".repeat(SECRET_BYTES_MAX + 1)), Err(SecretError::Long));
    }
}
