//! The keys of a cpu workload.

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;
use shared::plan::Assignment;

use super::Kernel;
use super::branch::Branch;
use super::compress::Compress;
use super::float::Float;
use super::hash::Hash;
use super::integer::Integer;

/// A kernel by the name that jobs use.
#[derive(Debug, Clone, Copy)]
pub(super) struct KernelEntry {
    /// Its name and version.
    pub(super) name: &'static str,
    /// Makes one with data of its own.
    pub(super) make: fn() -> Box<dyn Kernel>,
}

/// Every kernel.
pub(super) const KERNELS: [KernelEntry; 5] = [
    KernelEntry { name: "integer/1", make: || Box::new(Integer::new()) },
    KernelEntry { name: "hash/1", make: || Box::new(Hash::new()) },
    KernelEntry { name: "compress/1", make: || Box::new(Compress::new()) },
    KernelEntry { name: "float/1", make: || Box::new(Float::new()) },
    KernelEntry { name: "branch/1", make: || Box::new(Branch::new()) },
];

/// What is run.
#[derive(Debug)]
pub(super) struct Settings {
    /// The kernel of each operation, in the job's order.
    pub(super) kernels: Vec<KernelEntry>,
    /// How many threads, as the job says it.
    pub(super) threads: Option<String>,
}

/// Why a workload cannot be run. Reads after "failed to prepare the trial: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// The keys of the workload.
    #[error("the workload: {0}")]
    Workload(#[from] serde_json::Error),
    /// The keys of an operation.
    #[error("operation {operation:?}: {reason}")]
    Operation {
        /// Its name.
        operation: String,
        /// What is wrong with them.
        reason: serde_json::Error,
    },
    /// A kernel or a version that this agent does not have.
    #[error(
        "operation {operation:?}: this agent has no kernel {kernel:?}, only {}: it is another version of fleetmark",
        known()
    )]
    Kernel {
        /// The operation's name.
        operation: String,
        /// What it asks for.
        kernel: String,
    },
}

fn known() -> String {
    KERNELS.map(|kernel| kernel.name).join(", ")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    threads: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationKeys {
    kernel: String,
}

impl Settings {
    /// Reads what a trial runs.
    ///
    /// # Errors
    /// The first key that makes no sense.
    pub(super) fn read(assignment: &Assignment) -> Result<Self, SettingsError> {
        let Keys { threads } = Keys::deserialize(Value::Object(assignment.settings.clone()))?;
        let kernels = assignment.operations.iter().map(kernel_of).collect::<Result<_, _>>()?;
        Ok(Self { kernels, threads })
    }
}

fn kernel_of(operation: &OperationSpec) -> Result<KernelEntry, SettingsError> {
    let name = || operation.name.to_string();
    let OperationKeys { kernel } = OperationKeys::deserialize(Value::Object(operation.settings.clone()))
        .map_err(|reason| SettingsError::Operation { operation: name(), reason })?;
    let entry = KERNELS.into_iter().find(|entry| entry.name == kernel);
    entry.ok_or_else(|| SettingsError::Kernel { operation: name(), kernel })
}
