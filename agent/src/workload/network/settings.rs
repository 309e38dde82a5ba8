//! The keys of a network workload.

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;
use shared::plan::Assignment;
use shared::units::UnitError;

use crate::workload::settings::Size;

/// Longest message of a round trip, bytes: both sides keep a whole one.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;

/// What one operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Hands bytes to a connection, as fast as the other side takes them.
    Stream,
    /// Sends a message of so many bytes, and awaits as many.
    RoundTrip(usize),
    /// Opens a connection, and closes it.
    Connect,
}

/// What is done, and where.
#[derive(Debug)]
pub(super) struct Settings {
    /// Host and port.
    pub(super) address: String,
    /// Of each operation, in the job's order.
    pub(super) operations: Vec<Exchange>,
}

/// Why a workload cannot be run. Reads after "failed to prepare the trial: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// The keys of the workload.
    #[error("the workload: {0}")]
    Workload(#[from] serde_json::Error),
    /// No address.
    #[error("`address` is {0:?}: write host:port, as in \"{{{{peer.host}}}}:{{{{target.port}}}}\"")]
    Address(String),
    /// The keys of an operation.
    #[error("operation {operation:?}: {reason}")]
    Operation {
        /// Its name.
        operation: String,
        /// What is wrong with them.
        reason: OperationError,
    },
}

/// What is wrong with an operation.
#[derive(Debug, thiserror::Error)]
pub(super) enum OperationError {
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] serde_json::Error),
    /// No size.
    #[error("`size`: {0}")]
    Size(#[from] UnitError),
    /// Too small or too large.
    #[error("`size` is {0} bytes, and must be from 1 to {MESSAGE_BYTES_MAX}")]
    SizeBeyond(u64),
    /// A key of another kernel.
    #[error("`size` is for round-trip/1 alone")]
    SizeOfOther,
    /// A kernel or a version that this agent does not have.
    #[error(
        "this agent has no kernel {0:?}, only stream/1, round-trip/1, connect/1: it is another version of fleetmark"
    )]
    Kernel(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    address: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationKeys {
    kernel: String,
    size: Option<Size>,
}

impl Settings {
    /// Reads what a trial runs.
    ///
    /// # Errors
    /// The first key that makes no sense.
    pub(super) fn read(assignment: &Assignment) -> Result<Self, SettingsError> {
        let Keys { address } = Keys::deserialize(Value::Object(assignment.settings.clone()))?;
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
        if port.and_then(|port| port.parse::<u16>().ok()).is_none() {
            return Err(SettingsError::Address(address));
        }
        let read = |spec: &OperationSpec| {
            exchange(spec)
                .map_err(|reason| SettingsError::Operation { operation: spec.name.to_string(), reason })
        };
        let operations = assignment.operations.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { address, operations })
    }
}

fn exchange(spec: &OperationSpec) -> Result<Exchange, OperationError> {
    let keys = OperationKeys::deserialize(Value::Object(spec.settings.clone()))?;
    let given = keys.size.as_ref().map(Size::bytes).transpose()?;
    match (keys.kernel.as_str(), given) {
        ("round-trip/1", given) => {
            let bytes = given.unwrap_or(1);
            let fitting = usize::try_from(bytes).ok().filter(|_| (1..=MESSAGE_BYTES_MAX).contains(&bytes));
            fitting.map(Exchange::RoundTrip).ok_or(OperationError::SizeBeyond(bytes))
        }
        ("stream/1", None) => Ok(Exchange::Stream),
        ("connect/1", None) => Ok(Exchange::Connect),
        ("stream/1" | "connect/1", Some(_)) => Err(OperationError::SizeOfOther),
        _ => Err(OperationError::Kernel(keys.kernel)),
    }
}
