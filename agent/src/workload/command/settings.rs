//! The keys of a command operation, read into what can be run. Room: [`parsing`], how its report is read.

mod parsing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;

use self::parsing::{ParsingError, ParsingKeys};
use super::parse::request::MetricKeys;
use super::report::Parsing;
use crate::child::exit::Exit;
use crate::values::{Names, Secrets};
use crate::workload::invocation::Invocation;
use crate::workload::invocation::keys::{
    InvocationError, InvocationKeys, TimeoutError, Words, timeout as timeout_of,
};

/// One operation, ready to run.
#[derive(Debug)]
pub(super) struct Settings {
    /// What it starts.
    pub invocation: Invocation,
    expected_statuses: Vec<i32>,
    /// How long it may take.
    pub timeout: Duration,
    /// How its report is read; `None`: it makes none.
    pub parsing: Option<Arc<Parsing>>,
}

/// Why an operation's settings cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("operation {operation:?}: {reason}")]
pub(super) struct SettingsError {
    operation: String,
    reason: Box<Reason>,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    Keys(#[from] serde_json::Error),
    #[error(transparent)]
    Invocation(#[from] InvocationError),
    #[error(transparent)]
    Parsing(#[from] ParsingError),
    #[error(transparent)]
    Timeout(#[from] TimeoutError),
    #[error("`expect.exit` is an empty list: name at least one exit status")]
    NothingExpected,
}

impl Settings {
    /// Reads an operation's settings.
    pub(super) fn read(
        operation: &OperationSpec,
        names: &Names,
        secrets: &Arc<Secrets>,
    ) -> Result<Self, SettingsError> {
        let keys = Keys::deserialize(Value::Object(operation.settings.clone()));
        keys.map_err(Reason::from).and_then(|keys| Self::from_keys(keys, names, secrets)).map_err(|reason| {
            SettingsError { operation: operation.name.to_string(), reason: Box::new(reason) }
        })
    }

    fn from_keys(keys: Keys, names: &Names, secrets: &Arc<Secrets>) -> Result<Self, Reason> {
        let Keys { command, env, cwd, stdin, expect, timeout, .. } = keys;
        let Keys { parse, output, full_names, metrics, pattern, unit, .. } = keys;
        let invocation = InvocationKeys { command, env, cwd, stdin }.read(names)?;
        let parsing = ParsingKeys { parse, output, full_names, metrics, pattern, unit };
        let parsing = parsing.read(names, secrets)?;
        let timeout = timeout_of(timeout.as_deref())?;
        let expected_statuses = match expect.exit {
            None => vec![0],
            Some(Statuses::One(status)) => vec![i32::from(status)],
            Some(Statuses::Any(statuses)) => statuses.into_iter().map(i32::from).collect(),
        };
        if expected_statuses.is_empty() {
            return Err(Reason::NothingExpected);
        }
        Ok(Self { invocation, expected_statuses, timeout, parsing })
    }

    /// Whether a program that ended so did what was expected.
    pub(super) fn expects(&self, exit: Exit) -> bool {
        matches!(exit, Exit::Status(status) if self.expected_statuses.contains(&status))
    }
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
    parse: Option<String>,
    output: Option<String>,
    full_names: Option<bool>,
    metrics: Option<BTreeMap<String, MetricKeys>>,
    pattern: Option<String>,
    unit: Option<String>,
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
    use crate::values::Rendering;
    use crate::values::names::tests::names;

    fn read(settings: Value) -> Result<Settings, String> {
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        let operation = OperationSpec { name: Name::new("build").unwrap(), weight: 1.0, settings };
        Settings::read(&operation, &names(&["x"]), &Arc::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_split_as_a_shell_quotes() {
        let split = read(json!({ "command": "sh -c 'echo \"a b\"; exit 3'" })).unwrap();
        let listed = read(json!({ "command": ["sh", "-c", "echo \"a b\"; exit 3"] })).unwrap();
        assert_eq!(split.invocation, listed.invocation);
        let words: Vec<_> = split.invocation.words.iter().map(Rendering::as_static).collect();
        assert_eq!(words, [Some(&b"sh"[..]), Some(b"-c"), Some(b"echo \"a b\"; exit 3")]);
    }

    #[test]
    fn a_name_stays_within_its_word() {
        let split =
            read(json!({ "command": "grep -n{{random.int(1, 5)}}'{{ word }} x' {{env:GREETING}}" })).unwrap();
        let listed =
            read(json!({ "command": ["grep", "-n{{random.int(1,5)}}{{word}} x", "hello"] })).unwrap();
        assert_eq!(split.invocation, listed.invocation);
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
            (json!({ "command": "a", "output": "x" }), "`output` says nothing without `parse`"),
            (
                json!({ "command": "a", "parse": "tea-leaves" }),
                "`parse` is one of pytest-benchmark, hyperfine",
            ),
            (json!({ "command": "a", "parse": "json" }), "parse = \"json\" needs `metrics`"),
            (
                json!({ "command": "a", "parse": "fio", "unit": "ms" }),
                "`unit` says nothing to parse = \"fio\"",
            ),
            (json!({ "command": "a", "parse": "regex", "pattern": "(" }), "no regular expression"),
            (json!({ "command": "a", "parse": "regex", "pattern": "a" }), "has no named group"),
            (
                json!({ "command": "a", "parse": "regex", "pattern": "(?P<x>1)", "metrics": { "y": {} } }),
                "no group of that name",
            ),
            (json!({ "command": "a", "parse": "json", "metrics": { "x": {} } }), "lacks `from`"),
            (
                json!({ "command": "a", "parse": "json", "metrics": { "x": { "from": "y" } } }),
                "no JSON pointer",
            ),
        ] {
            let message = read(settings.clone()).unwrap_err();
            assert!(
                message.starts_with("operation \"build\": ") && message.contains(reason),
                "{settings}: {message}"
            );
        }
    }
}
