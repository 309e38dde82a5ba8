//! The keys of a memory workload, and the sizes that follow from the host where the job gives none.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use shared::job::OperationSpec;
use shared::metric::{MetricKind, MetricSpec};
use shared::plan::Assignment;
use shared::units::{UnitError, human_bytes};

use super::chase::LINE_BYTES;
use super::pass::Pass;
use crate::host::capacity;
use crate::policy::Warden;
use crate::workload::settings::Size;
use crate::workload::{PrepareError, hardware};

/// Arrays and rings are so many times as large as the last-level caches, unless the job says otherwise: STREAM's own rule.
const TIMES_LAST_LEVEL: u64 = 4;
/// The smallest ring of the curve, bytes.
const RING_BYTES_MIN: u64 = 4 * 1024;
/// The largest ring: its places are named by 32 bits, four bytes each; half of that leaves room for the arithmetic.
const RING_BYTES_MAX: u64 = 8 << 30;
/// How much of the memory that is free may be taken: the rest is for everybody else.
const SHARE_MAX: f64 = 0.8;

/// One operation, ready to run.
#[derive(Debug)]
pub(super) struct Operation {
    /// What it does.
    pub(super) task: Task,
    /// What it measures beside its latency.
    pub(super) metrics: Vec<MetricSpec>,
}

/// What one batch does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// One pass over arrays.
    Pass {
        /// Which.
        pass: Pass,
        /// Numbers of each array, of one thread.
        numbers: usize,
    },
    /// Loads that depend on each other, over rings that take turns.
    Chase {
        /// Bytes of each ring.
        sizes: Vec<usize>,
    },
}

impl Task {
    /// How many numbers its arrays have.
    pub(super) fn array_numbers(&self) -> usize {
        if let Task::Pass { numbers, .. } = self { *numbers } else { 0 }
    }

    /// Sizes of the rings that it chases through, bytes.
    pub(super) fn chased(&self) -> &[usize] {
        if let Task::Chase { sizes } = self { sizes } else { &[] }
    }
}

/// Why a workload cannot be run. Reads after "failed to prepare the trial: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// The keys of an operation.
    #[error("operation {operation:?}: {reason}")]
    Operation {
        /// Its name.
        operation: String,
        /// What is wrong with them.
        reason: OperationError,
    },
    /// More memory than there is.
    #[error(
        "{threads} threads need {needed} of memory, and {share:.0} % of what is free here are {most}: give the operations a smaller `size`, or run fewer threads",
        needed = human_bytes(*needed as f64),
        most = human_bytes(*most as f64),
        share = SHARE_MAX * 100.0
    )]
    TooLarge {
        /// How many.
        threads: u32,
        /// Bytes.
        needed: u64,
        /// Bytes.
        most: u64,
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
    #[error("`size` is {given} bytes for each thread, and must be from {min} to {max}")]
    SizeBeyond {
        /// What each thread gets.
        given: u64,
        /// Fewest.
        min: u64,
        /// Most.
        max: u64,
    },
    /// The host does not tell how large its caches are.
    #[error("the host's last-level caches cannot be read ({0}): give a `size`")]
    NoCaches(String),
    /// A kernel or a version that this agent does not have.
    #[error(
        "this agent has no kernel {0:?}, only copy/1, scale/1, add/1, triad/1, chase/1: it is another version of fleetmark"
    )]
    Kernel(String),
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
    size: Option<Size>,
}

/// Reads what a trial runs.
pub(super) struct Settings;

impl Settings {
    /// How many threads work.
    ///
    /// # Errors
    /// Keys that make no sense, or too many threads.
    pub(super) fn threads(assignment: &Assignment, warden: &Warden) -> Result<NonZeroU32, PrepareError> {
        let keys = Keys::deserialize(Value::Object(assignment.settings.clone()));
        let keys = keys.map_err(|error| PrepareError(format!("the workload: {error}")))?;
        hardware::threads(keys.threads.as_deref(), &assignment.load, warden)
    }

    /// The operations, for so many threads.
    ///
    /// # Errors
    /// The first key that makes no sense, or more memory than there is.
    pub(super) fn read(
        assignment: &Assignment,
        threads: NonZeroU32,
    ) -> Result<Vec<Operation>, SettingsError> {
        let read = |spec: &OperationSpec| {
            operation(spec, threads)
                .map_err(|reason| SettingsError::Operation { operation: spec.name.to_string(), reason })
        };
        let operations: Vec<Operation> = assignment.operations.iter().map(read).collect::<Result<_, _>>()?;
        let needed = needed_bytes(&operations).saturating_mul(u64::from(threads.get()));
        // Where nobody tells how much is free, an allocation that fails says so.
        let most =
            capacity::memory_available_bytes().map_or(u64::MAX, |free| (free as f64 * SHARE_MAX) as u64);
        if needed > most {
            return Err(SettingsError::TooLarge { threads: threads.get(), needed, most });
        }
        Ok(operations)
    }
}

/// Bytes that one thread fills.
fn needed_bytes(operations: &[Operation]) -> u64 {
    let numbers = operations.iter().map(|operation| operation.task.array_numbers()).max().unwrap_or(0);
    let rings = operations.iter().flat_map(|operation| operation.task.chased());
    let bytes =
        rings.fold(numbers.saturating_mul(3 * size_of::<f64>()), |sum, ring| sum.saturating_add(*ring));
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn operation(spec: &OperationSpec, threads: NonZeroU32) -> Result<Operation, OperationError> {
    let keys = OperationKeys::deserialize(Value::Object(spec.settings.clone()))?;
    let given = keys.size.as_ref().map(Size::bytes).transpose()?;
    let pass = match keys.kernel.as_str() {
        "copy/1" => Pass::Copy,
        "scale/1" => Pass::Scale,
        "add/1" => Pass::Add,
        "triad/1" => Pass::Triad,
        "chase/1" => return chase(given),
        _ => return Err(OperationError::Kernel(keys.kernel)),
    };
    let bytes = given.map_or_else(beyond_caches, Ok)?.div_ceil(u64::from(threads.get()));
    let bytes = within(bytes, size_of::<f64>() as u64, isize::MAX as u64)?;
    let bandwidth = metric("bandwidth".to_owned(), "MB/s");
    Ok(Operation { task: Task::Pass { pass, numbers: bytes / size_of::<f64>() }, metrics: vec![bandwidth] })
}

fn chase(given: Option<u64>) -> Result<Operation, OperationError> {
    let within = |bytes: u64| within(bytes, LINE_BYTES as u64, RING_BYTES_MAX);
    if let Some(bytes) = given {
        let sizes = vec![within(bytes)? / LINE_BYTES * LINE_BYTES];
        return Ok(Operation {
            task: Task::Chase { sizes },
            metrics: vec![metric("load_time".to_owned(), "ns")],
        });
    }
    let sizes = doublings(beyond_caches()?).into_iter().map(within).collect::<Result<Vec<usize>, _>>()?;
    let name = |size: &usize| metric(format!("load_time_{}", shared::units::print_size(*size as u64)), "ns");
    let metrics = sizes.iter().map(name).collect();
    Ok(Operation { task: Task::Chase { sizes }, metrics })
}

/// From the smallest ring on, until one is as large as that or no larger one is possible.
fn doublings(enough: u64) -> Vec<u64> {
    let mut sizes = vec![RING_BYTES_MIN];
    while let Some(last) = sizes.last().copied().filter(|last| *last < enough.min(RING_BYTES_MAX)) {
        sizes.push(2 * last);
    }
    sizes
}

fn beyond_caches() -> Result<u64, OperationError> {
    let caches = capacity::last_level_caches_bytes().map_err(OperationError::NoCaches)?;
    Ok(caches.saturating_mul(TIMES_LAST_LEVEL))
}

fn within(given: u64, min: u64, max: u64) -> Result<usize, OperationError> {
    let beyond = OperationError::SizeBeyond { given, min, max };
    usize::try_from(given).ok().filter(|_| (min..=max).contains(&given)).ok_or(beyond)
}

fn metric(name: String, unit: &str) -> MetricSpec {
    MetricSpec { name, unit: unit.to_owned(), kind: MetricKind::Gauge }
}
