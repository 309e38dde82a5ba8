//! The keys of a process workload, read into what can be run.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;
use shared::plan::Assignment;

use crate::values::{Names, NamesError, Place, Rendering};
use crate::workload::invocation::Invocation;
use crate::workload::invocation::keys::{InvocationError, InvocationKeys, TimeoutError, Words, timeout};

/// What is run, and what it is asked.
#[derive(Debug)]
pub(super) struct Settings {
    /// The program.
    pub(super) invocation: Invocation,
    /// The operations, in the job's order.
    pub(super) operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// What the program knows it by.
    pub(super) name: String,
    /// What it is given; `None`: nothing.
    pub(super) input: Option<Rendering>,
    /// How long it may take.
    pub(super) timeout: Duration,
}

/// Why a workload cannot be run. Reads after "failed to prepare the trial: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// The keys of the workload.
    #[error("the workload: {0}")]
    Workload(#[from] serde_json::Error),
    /// What is to be started.
    #[error("the workload: {0}")]
    Invocation(#[from] InvocationError),
    /// One of its operations.
    #[error("operation {operation:?}: {reason}")]
    Operation {
        /// Its name.
        operation: String,
        /// What is wrong with it.
        reason: OperationError,
    },
}

/// What is wrong with an operation.
#[derive(Debug, thiserror::Error)]
pub(super) enum OperationError {
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] serde_json::Error),
    /// A text with a name that has no value.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// No time that it may take.
    #[error(transparent)]
    Timeout(#[from] TimeoutError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    command: Words,
    #[serde(default)]
    env: BTreeMap<String, String>,
    cwd: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationKeys {
    input: Option<String>,
    timeout: Option<String>,
}

impl Settings {
    /// Reads what a trial runs.
    ///
    /// # Errors
    /// The first key that makes no sense.
    pub(super) fn read(assignment: &Assignment, names: &Names) -> Result<Self, SettingsError> {
        let Keys { command, env, cwd } = Keys::deserialize(Value::Object(assignment.settings.clone()))?;
        // Its standard input is a pipe from the start.
        let stdin = Some(String::new());
        let invocation = InvocationKeys { command, env, cwd, stdin }.read(names)?;
        let read = |spec: &OperationSpec| {
            Operation::read(spec, names)
                .map_err(|reason| SettingsError::Operation { operation: spec.name.to_string(), reason })
        };
        let operations = assignment.operations.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { invocation, operations })
    }
}

impl Operation {
    fn read(spec: &OperationSpec, names: &Names) -> Result<Self, OperationError> {
        let keys = OperationKeys::deserialize(Value::Object(spec.settings.clone()))?;
        let timeout = timeout(keys.timeout.as_deref())?;
        let input = keys.input.map(|input| Rendering::compile(&input, names, Place::Anywhere)).transpose()?;
        Ok(Self { name: spec.name.to_string(), input, timeout })
    }
}
