//! Secrets as their owner writes them down: a TOML file of names and texts, with the jobs that may use each.
//!
//! ```toml
//! API_KEY = "k-0123456789"                                   # any job
//! DB_PASSWORD = { text = "correct horse", jobs = ["nightly", "db-*"] }
//! ```
//!
//! What is wrong with it is told by line or by name, and never by showing the text.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{SECRETS_MAX, SecretError, SecretName, SecretText};

/// Largest file of secrets, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most names of jobs that one secret may list.
const JOBS_MAX: usize = 1_024;
/// What stands for the rest of a job's name.
const REST: char = '*';
const TEXT: &str = "text";
const JOBS: &str = "jobs";

/// A secret, and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The secret itself.
    pub text: SecretText,
    /// Names of jobs, or their beginnings with a `*` behind; `None`: all jobs.
    pub jobs: Option<Vec<String>>,
}

/// What is wrong with a file of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// More than anybody looks after.
    #[error("it has more than {FILE_BYTES_MAX} bytes")]
    Long,
    /// More secrets than [`SECRETS_MAX`].
    #[error("it holds more than {SECRETS_MAX} secrets")]
    Many,
    /// Not TOML.
    #[error("line {0} is not TOML: write NAME = \"text\"")]
    Syntax(usize),
    /// A name that is none.
    #[error(transparent)]
    Name(SecretError),
    /// A text that cannot be a secret.
    #[error("the secret {name} cannot be used: {reason}")]
    Text {
        /// Of which secret.
        name: SecretName,
        /// Why not.
        reason: SecretError,
    },
    /// Something else than a text or a table of one.
    #[error("the secret {0} is neither a text nor {{ text = \"…\", jobs = [\"…\"] }}")]
    Shape(SecretName),
    /// Jobs that cannot be meant.
    #[error(
        "the jobs of the secret {0} are not a list of at most {JOBS_MAX} names, or of beginnings with a * behind"
    )]
    Jobs(SecretName),
}

impl Entry {
    /// A secret that any job may use.
    pub fn for_all(text: SecretText) -> Self {
        Self { text, jobs: None }
    }

    /// Whether a job of this name may use it.
    pub fn is_for(&self, job: &str) -> bool {
        let is_meant = |pattern: &String| match pattern.strip_suffix(REST) {
            Some(beginning) => job.starts_with(beginning),
            None => job == pattern,
        };
        self.jobs.as_ref().is_none_or(|jobs| jobs.iter().any(is_meant))
    }
}

/// Reads a file's text.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(text: &str) -> Result<BTreeMap<SecretName, Entry>, FileError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(FileError::Long);
    }
    // The parser's own words may quote the text.
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        FileError::Syntax(text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1)
    })?;
    if table.len() > SECRETS_MAX {
        return Err(FileError::Many);
    }
    table.into_iter().map(|(name, value)| entry(name, value)).collect()
}

fn entry(name: String, value: Value) -> Result<(SecretName, Entry), FileError> {
    let name = SecretName::new(name).map_err(FileError::Name)?;
    let shape = || FileError::Shape(name.clone());
    let (text, jobs) = match value {
        Value::String(text) => (text, None),
        Value::Table(mut table) => {
            let Some(Value::String(text)) = table.remove(TEXT) else { return Err(shape()) };
            let jobs = table.remove(JOBS).map(|jobs| jobs_of(&name, jobs)).transpose()?;
            if !table.is_empty() {
                return Err(shape());
            }
            (text, jobs)
        }
        _ => return Err(shape()),
    };
    let text = SecretText::new(text).map_err(|reason| FileError::Text { name: name.clone(), reason })?;
    Ok((name, Entry { text, jobs }))
}

fn jobs_of(name: &SecretName, jobs: Value) -> Result<Vec<String>, FileError> {
    let wrong = || FileError::Jobs(name.clone());
    let Value::Array(jobs) = jobs else { return Err(wrong()) };
    if jobs.len() > JOBS_MAX {
        return Err(wrong());
    }
    let job = |job: Value| match job {
        Value::String(job) if !job.trim_end_matches(REST).contains(REST) && !job.is_empty() => Ok(job),
        _ => Err(wrong()),
    };
    jobs.into_iter().map(job).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_secret_has_its_text_and_its_jobs() {
        let read = read(
            "API_KEY = \"k-0123456789\"\nDB = { text = \"correct horse\", jobs = [\"nightly\", \"db-*\"] }\n",
        );
        let read = read.unwrap();
        let entry = |name: &str| &read[&SecretName::new(name).unwrap()];
        assert_eq!(entry("API_KEY").text.reveal(), "k-0123456789");
        assert!(entry("API_KEY").is_for("whatever"));
        for (job, may) in
            [("nightly", true), ("nightly-2", false), ("db-", true), ("db-x", true), ("db", false)]
        {
            assert_eq!(entry("DB").is_for(job), may, "{job}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text() {
        for (text, told) in [
            ("A = \"fine fine\"\nB = hunter2hunter2\n", "line 2 is not TOML"),
            ("A = \"hunter2hunter2\nB = 1", "line 1 is not TOML"),
            ("A = 5", "the secret A is neither a text nor"),
            ("A = { txt = \"hunter2hunter2\" }", "the secret A is neither a text nor"),
            ("A = { text = \"hunter2hunter2\", job = [] }", "the secret A is neither a text nor"),
            ("A = { text = \"hunter2hunter2\", jobs = [\"a*b\"] }", "the jobs of the secret A are not"),
            ("A = { text = \"hunter2hunter2\", jobs = \"a\" }", "the jobs of the secret A are not"),
            ("A = \"hunter\"", "the secret A cannot be used: it has fewer than 8 bytes"),
            ("\"a b\" = \"hunter2hunter2\"", "\"a b\" is no name of a secret"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("hunter"), "{text}: {error}");
        }
        assert_eq!(read(&"#".repeat(FILE_BYTES_MAX + 1)), Err(FileError::Long));
        let many: String = (0..=SECRETS_MAX).map(|number| format!("s{number} = \"12345678\"\n")).collect();
        assert_eq!(read(&many), Err(FileError::Many));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[a-z=\"'{}\\[\\],.*#\\n 0-9]{0,80}") {
            let _ = read(&text);
        }
    }
}
