//! The keys of a command operation, read into what can be run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;
use shared::units::{UnitError, parse_duration};

use super::invocation::{self, Invocation};
use crate::child::exit::Exit;
use crate::values::{Names, NamesError, Place, Rendering};

/// How long a program may take unless said otherwise: the same as for a request.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// One operation, ready to run.
#[derive(Debug, PartialEq)]
pub(super) struct Settings {
    /// What it starts.
    pub invocation: Invocation,
    expected_statuses: Vec<i32>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why an operation's settings cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("operation {operation:?}: {reason}")]
pub(super) struct SettingsError {
    operation: String,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Keys(#[from] serde_json::Error),
    #[error("{0}")]
    Names(#[from] NamesError),
    #[error("`command` names no program")]
    NoProgram,
    #[error("`command` has a quote or backslash without its end: {0}")]
    Quotes(String),
    #[error("`{0}` holds a zero byte, which no program can be given")]
    ZeroByte(&'static str),
    #[error("{0:?} in `env` is no name of a variable: it is empty or holds `=`")]
    VariableName(String),
    #[error("`cwd` {} is not a directory on this agent", .0.display())]
    NotADirectory(PathBuf),
    #[error("`timeout`: {0}")]
    Timeout(#[from] UnitError),
    #[error("`timeout` must be above zero")]
    TimeoutZero,
    #[error("`expect.exit` is an empty list: name at least one exit status")]
    NothingExpected,
}

impl Settings {
    /// Reads an operation's settings.
    pub(super) fn read(operation: &OperationSpec, names: &Names) -> Result<Self, SettingsError> {
        let keys = Keys::deserialize(Value::Object(operation.settings.clone()));
        keys.map_err(Reason::from)
            .and_then(|keys| Self::from_keys(keys, names))
            .map_err(|reason| SettingsError { operation: operation.name.to_string(), reason })
    }

    fn from_keys(keys: Keys, names: &Names) -> Result<Self, Reason> {
        let argument = |text: &String| Rendering::compile(text, names, Place::Argument);
        let words = match keys.command {
            Words::List(words) => words.iter().map(argument).collect::<Result<Vec<_>, _>>()?,
            Words::Text(text) => invocation::split(&text, names)?.ok_or(Reason::Quotes(text))?,
        };
        if words.iter().any(has_zero_byte) {
            return Err(Reason::ZeroByte("command"));
        }
        if words.first().is_none_or(|program| program.as_static() == Some(b"")) {
            return Err(Reason::NoProgram);
        }
        if let Some(name) = keys.env.keys().find(|name| name.is_empty() || name.contains('=')) {
            return Err(Reason::VariableName(name.clone()));
        }
        let variable = |(name, value): (&String, &String)| Ok((name.clone(), argument(value)?));
        let environment = keys.env.iter().map(variable).collect::<Result<BTreeMap<_, _>, NamesError>>()?;
        if environment.iter().any(|(name, value)| name.contains('\0') || has_zero_byte(value)) {
            return Err(Reason::ZeroByte("env"));
        }
        let directory = keys.cwd.as_ref().map(argument).transpose()?;
        if let Some(directory) = directory.as_ref().and_then(invocation::static_path)
            && !directory.is_dir()
        {
            return Err(Reason::NotADirectory(directory.to_owned()));
        }
        let stdin = keys.stdin.map(|stdin| Rendering::compile(&stdin, names, Place::Anywhere)).transpose()?;
        let timeout = keys.timeout.as_deref().map_or(Ok(TIMEOUT_DEFAULT), parse_duration)?;
        if timeout.is_zero() {
            return Err(Reason::TimeoutZero);
        }
        let expected_statuses = match keys.expect.exit {
            None => vec![0],
            Some(Statuses::One(status)) => vec![i32::from(status)],
            Some(Statuses::Any(statuses)) => statuses.into_iter().map(i32::from).collect(),
        };
        if expected_statuses.is_empty() {
            return Err(Reason::NothingExpected);
        }
        let invocation = Invocation { words, environment, directory, stdin };
        Ok(Self { invocation, expected_statuses, timeout })
    }

    /// Whether a program that ended so did what was expected.
    pub(super) fn expects(&self, exit: Exit) -> bool {
        matches!(exit, Exit::Status(status) if self.expected_statuses.contains(&status))
    }
}

fn has_zero_byte(text: &Rendering) -> bool {
    text.as_static().is_some_and(|bytes| bytes.contains(&0))
}

/// The keys as written. The job's own checks say more of what is wrong with them, with line and column.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    command: Words,
    #[serde(default)]
    env: BTreeMap<String, String>,
    cwd: Option<String>,
    stdin: Option<String>,
    #[serde(default)]
    expect: Expectation,
    timeout: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`command` must be a text or a list of texts")]
enum Words {
    Text(String),
    List(Vec<String>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Expectation {
    exit: Option<Statuses>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`expect.exit` must be an exit status from 0 to 255, or a list of them")]
enum Statuses {
    One(u8),
    Any(Vec<u8>),
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::ids::Name;

    use super::*;
    use crate::values::names::tests::names;

    fn read(settings: Value) -> Result<Settings, String> {
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        let operation = OperationSpec { name: Name::new("build").unwrap(), weight: 1.0, settings };
        Settings::read(&operation, &names(&["x"])).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_split_as_a_shell_quotes() {
        let split = read(json!({ "command": "sh -c 'echo \"a b\"; exit 3'" })).unwrap();
        let listed = read(json!({ "command": ["sh", "-c", "echo \"a b\"; exit 3"] })).unwrap();
        assert_eq!(split, listed);
        let words: Vec<_> = split.invocation.words.iter().map(Rendering::as_static).collect();
        assert_eq!(words, [Some(&b"sh"[..]), Some(b"-c"), Some(b"echo \"a b\"; exit 3")]);
    }

    #[test]
    fn a_name_stays_within_its_word() {
        let split =
            read(json!({ "command": "grep -n{{random.int(1, 5)}}'{{ word }} x' {{env:GREETING}}" })).unwrap();
        let listed =
            read(json!({ "command": ["grep", "-n{{random.int(1,5)}}{{word}} x", "hello"] })).unwrap();
        assert_eq!(split, listed);
    }

    #[test]
    fn defaults_are_the_contracts() {
        let settings = read(json!({ "command": "true" })).unwrap();
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert!(settings.expects(Exit::Status(0)) && !settings.expects(Exit::Status(1)));
        assert!(!settings.expects(Exit::Signal(0)));
    }

    #[test]
    fn several_exit_statuses_may_be_expected() {
        let settings =
            read(json!({ "command": "grep x", "expect": { "exit": [0, 1] }, "timeout": "1m30s" })).unwrap();
        assert!(settings.expects(Exit::Status(1)) && !settings.expects(Exit::Status(2)));
        assert_eq!(settings.timeout, Duration::from_secs(90));
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_the_operations_name() {
        for (settings, reason) in [
            (json!({}), "missing field `command`"),
            (json!({ "command": [] }), "names no program"),
            (json!({ "command": "  " }), "names no program"),
            (json!({ "command": "sh -c 'oops" }), "without its end"),
            (json!({ "command": 5 }), "a text or a list of texts"),
            (json!({ "command": "a", "env": { "A=B": "c" } }), "no name of a variable"),
            (json!({ "command": ["a", "b\0c"] }), "zero byte"),
            (json!({ "command": ["a", "{{absent}}"] }), "\"{{absent}}\" has no value on this agent"),
            (json!({ "command": "a", "cwd": "/nonexistent" }), "not a directory on this agent"),
            (json!({ "command": "a", "timeout": "soon" }), "`timeout`"),
            (json!({ "command": "a", "timeout": "0s" }), "above zero"),
            (json!({ "command": "a", "expect": { "exit": 256 } }), "from 0 to 255"),
            (json!({ "command": "a", "expect": { "exit": [] } }), "empty list"),
            (json!({ "command": "a", "surprise": 1 }), "surprise"),
        ] {
            let message = read(settings.clone()).unwrap_err();
            assert!(
                message.starts_with("operation \"build\": ") && message.contains(reason),
                "{settings}: {message}"
            );
        }
    }
}
