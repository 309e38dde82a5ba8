//! The keys by which a job says what is started, for every kind that starts programs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use shared::job::schema::{Key, Shape};
use shared::units::{UnitError, parse_duration};

use super::{Invocation, split, static_path};
use crate::values::{Names, NamesError, Place, Rendering};

/// How long an operation may take unless said otherwise: the same as for a request.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// The program.
pub(in crate::workload) const COMMAND: Key = Key::required(
    "command",
    Shape::Any(&[Shape::List(&Shape::Template), Shape::Template]),
    "The program and its arguments: a list, or one text, split as a shell would but without a shell.",
);
/// Its environment.
pub(in crate::workload) const ENV: Key = Key::optional(
    "env",
    Shape::Map(&Shape::Template),
    "Environment variables, added to those of the agent; default none.",
);
/// Where it runs.
pub(in crate::workload) const CWD: Key = Key::optional(
    "cwd",
    Shape::Template,
    "The working directory, a path on the agent; default the agent's own.",
);

/// The keys as written. The job's own checks say more of what is wrong with them, with line and column.
pub(in crate::workload) struct InvocationKeys {
    /// The program and its arguments.
    pub(in crate::workload) command: Words,
    /// Environment variables.
    pub(in crate::workload) env: BTreeMap<String, String>,
    /// The working directory.
    pub(in crate::workload) cwd: Option<String>,
    /// What is written to its standard input.
    pub(in crate::workload) stdin: Option<String>,
}

/// Words of a program, as one text or one by one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`command` must be a text or a list of texts")]
pub(in crate::workload) enum Words {
    /// Split as a shell would.
    Text(String),
    /// Each as it stands.
    List(Vec<String>),
}

/// Why nothing can be started by these keys.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload) enum InvocationError {
    /// A text with a name that has no value.
    #[error("{0}")]
    Names(#[from] NamesError),
    /// No word, or an empty one.
    #[error("`command` names no program")]
    NoProgram,
    /// A text that no shell could split.
    #[error("`command` has a quote or backslash without its end: {0}")]
    Quotes(String),
    /// A text that the system would end early.
    #[error("`{0}` holds a zero byte, which no program can be given")]
    ZeroByte(&'static str),
    /// A variable that cannot be set.
    #[error("{0:?} in `env` is no name of a variable: it is empty or holds `=`")]
    VariableName(String),
    /// A directory that is not there.
    #[error("`cwd` {} is not a directory on this agent", .0.display())]
    NotADirectory(PathBuf),
}

/// Why an operation cannot take so long.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload) enum TimeoutError {
    /// No duration.
    #[error("`timeout`: {0}")]
    Unit(#[from] UnitError),
    /// No time at all.
    #[error("`timeout` must be above zero")]
    Zero,
}

/// How long an operation may take, by its `timeout` if it has one.
///
/// # Errors
/// A text that is no duration, or one of zero.
pub(in crate::workload) fn timeout(written: Option<&str>) -> Result<Duration, TimeoutError> {
    let timeout = written.map_or(Ok(TIMEOUT_DEFAULT), parse_duration)?;
    if timeout.is_zero() { Err(TimeoutError::Zero) } else { Ok(timeout) }
}

impl InvocationKeys {
    /// Reads what is to be started.
    ///
    /// # Errors
    /// The first thing that keeps it from being started.
    pub(in crate::workload) fn read(self, names: &Names) -> Result<Invocation, InvocationError> {
        let argument = |text: &String| Rendering::compile(text, names, Place::Argument);
        let words = match self.command {
            Words::List(words) => words.iter().map(argument).collect::<Result<Vec<_>, _>>()?,
            Words::Text(text) => split(&text, names)?.ok_or(InvocationError::Quotes(text))?,
        };
        if words.iter().any(has_zero_byte) {
            return Err(InvocationError::ZeroByte("command"));
        }
        if words.first().is_none_or(|program| program.as_static() == Some(b"")) {
            return Err(InvocationError::NoProgram);
        }
        if let Some(name) = self.env.keys().find(|name| name.is_empty() || name.contains('=')) {
            return Err(InvocationError::VariableName(name.clone()));
        }
        let variable = |(name, value): (&String, &String)| Ok((name.clone(), argument(value)?));
        let environment = self.env.iter().map(variable).collect::<Result<BTreeMap<_, _>, NamesError>>()?;
        if environment.iter().any(|(name, value)| name.contains('\0') || has_zero_byte(value)) {
            return Err(InvocationError::ZeroByte("env"));
        }
        let directory = self.cwd.as_ref().map(argument).transpose()?;
        if let Some(directory) = directory.as_ref().and_then(static_path)
            && !directory.is_dir()
        {
            return Err(InvocationError::NotADirectory(directory.to_owned()));
        }
        let stdin = self.stdin.map(|stdin| Rendering::compile(&stdin, names, Place::Anywhere)).transpose()?;
        Ok(Invocation { words, environment, directory, stdin })
    }
}

fn has_zero_byte(text: &Rendering) -> bool {
    text.as_static().is_some_and(|bytes| bytes.contains(&0))
}
