//! The keys of a disk workload, read into what can be run; whether there is room for it is looked at here.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;
use shared::plan::Assignment;
use shared::units::{UnitError, human_bytes};

use super::area::SEQUENTIAL_BYTES;
use super::log::FILE_BYTES_MAX;
use super::place::Place;
use crate::workload::settings::Size;

/// How large the file is unless said otherwise: more than the caches that disks have themselves.
const SIZE_DEFAULT: u64 = 1 << 30;
/// What must stay free beside the files, bytes: a full disk is nobody's wish.
const LEFT_FREE_BYTES: u64 = 256 << 20;

/// In which order accesses go through the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// 1 MiB after the other.
    Sequential,
    /// 4 KiB anywhere.
    Random,
}

/// What one operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reads.
    Read(Order),
    /// Writes.
    Write(Order),
    /// Appends and makes durable.
    Fsync,
}

/// Every kernel.
const KERNELS: [(&str, Access); 5] = [
    ("read-sequential/1", Access::Read(Order::Sequential)),
    ("read-random/1", Access::Read(Order::Random)),
    ("write-sequential/1", Access::Write(Order::Sequential)),
    ("write-random/1", Access::Write(Order::Random)),
    ("fsync/1", Access::Fsync),
];

/// What is run, and where.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where on this host.
    pub(super) directory: PathBuf,
    /// How large the file is, a whole number of accesses.
    pub(super) size: u64,
    /// Whether the page cache is passed by.
    pub(super) is_direct: bool,
    /// What a reader must know of what is measured beside the disk; `None`: it is the disk.
    pub(super) label: Option<String>,
    /// Of each operation, in the job's order.
    pub(super) operations: Vec<Access>,
}

/// Why a workload cannot be run. Reads after "failed to prepare the trial: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// The keys of the workload.
    #[error("the workload: {0}")]
    Workload(#[from] serde_json::Error),
    /// No size.
    #[error("`size`: {0}")]
    Size(#[from] UnitError),
    /// Less than one access.
    #[error("`size` is {0} bytes, and must be 1MiB at least")]
    TooSmall(u64),
    /// Nobody knows where a relative path begins on an agent.
    #[error("`directory` is {0:?}: give an absolute path on the agent's host")]
    Relative(String),
    /// The directory.
    #[error("the directory {directory}: {reason}")]
    Place {
        /// Which.
        directory: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A full disk.
    #[error(
        "the directory {directory} has {free} free, and the files take {needed} beside {left} that stay free: give a smaller `size`, or another directory",
        free = human_bytes(*free as f64),
        needed = human_bytes(*needed as f64),
        left = human_bytes(LEFT_FREE_BYTES as f64)
    )]
    NoSpace {
        /// Where.
        directory: String,
        /// Bytes.
        free: u64,
        /// Bytes.
        needed: u64,
    },
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
        "operation {operation:?}: this agent has no kernel {kernel:?}: it is another version of fleetmark"
    )]
    Kernel {
        /// The operation's name.
        operation: String,
        /// What it asks for.
        kernel: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    directory: String,
    size: Option<Size>,
    direct: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationKeys {
    kernel: String,
}

impl Settings {
    /// Reads what so many workers run, and looks whether there is room for it.
    ///
    /// # Errors
    /// The first key that makes no sense, or a directory that cannot be used.
    pub(super) fn read(assignment: &Assignment, workers: NonZeroU32) -> Result<Self, SettingsError> {
        let keys = Keys::deserialize(Value::Object(assignment.settings.clone()))?;
        let given = keys.size.as_ref().map(Size::bytes).transpose()?.unwrap_or(SIZE_DEFAULT);
        if given < SEQUENTIAL_BYTES as u64 {
            return Err(SettingsError::TooSmall(given));
        }
        let directory = PathBuf::from(&keys.directory);
        if !directory.is_absolute() {
            return Err(SettingsError::Relative(keys.directory));
        }
        let operations = assignment.operations.iter().map(access).collect::<Result<Vec<Access>, _>>()?;
        let is_direct = keys.direct.unwrap_or(true);
        let size = given.next_multiple_of(SEQUENTIAL_BYTES as u64);
        let settings = Self { directory, size, is_direct, label: None, operations };
        let label = settings.check_place(workers)?;
        Ok(Self { label, ..settings })
    }

    /// What a reader must know of the directory.
    fn check_place(&self, workers: NonZeroU32) -> Result<Option<String>, SettingsError> {
        let directory = || self.directory.display().to_string();
        let failed = |reason: String| SettingsError::Place { directory: directory(), reason };
        let place = Place::at(&self.directory).map_err(failed)?;
        let appends = self.operations.contains(&Access::Fsync);
        let accesses = self.operations.iter().any(|access| *access != Access::Fsync);
        // That it can be made at all is known before gigabytes are written.
        place.file(self.is_direct && accesses).map_err(failed)?;
        let logs = u64::from(workers.get()) * FILE_BYTES_MAX;
        let needed = if accesses { self.size } else { 0 }.saturating_add(if appends { logs } else { 0 });
        let free = place.free_bytes().map_err(failed)?;
        if free < needed.saturating_add(LEFT_FREE_BYTES) {
            return Err(SettingsError::NoSpace { directory: directory(), free, needed });
        }
        let in_memory = place
            .in_memory()
            .map(|kind| format!("{} is a {kind}, whose files are memory: no disk was measured", directory()));
        let cached = (accesses && !self.is_direct).then(|| {
            "direct is false: the page cache served what it had, so memory was measured as much as the disk".to_owned()
        });
        Ok(in_memory.or(cached))
    }
}

fn access(operation: &OperationSpec) -> Result<Access, SettingsError> {
    let name = || operation.name.to_string();
    let OperationKeys { kernel } = OperationKeys::deserialize(Value::Object(operation.settings.clone()))
        .map_err(|reason| SettingsError::Operation { operation: name(), reason })?;
    let known = KERNELS.iter().find(|(known, _)| *known == kernel);
    known.map(|(_, access)| *access).ok_or_else(|| SettingsError::Kernel { operation: name(), kernel })
}
