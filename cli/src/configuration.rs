//! Reading the configuration file of a role: within bounds, and with every error shown at its place.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use shared::job::configuration::CONFIGURATION_BYTES_MAX;
use shared::job::error::JobErrors;

use crate::exit_code::{Failure, USAGE};
use crate::output;

/// Reads a file with what understands its text.
///
/// # Errors
/// 64 when it cannot be read, or with every error of it, each with its place.
pub(crate) fn read<T>(
    path: &Path,
    understand: impl FnOnce(&str) -> Result<T, JobErrors>,
) -> anyhow::Result<T> {
    let name = path.display().to_string();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::with_code(USAGE, format!("--config {name} cannot be read: {error}"))
    };
    // A pipe would keep us waiting.
    if !fs::metadata(path).map_err(|error| unreadable(&error))?.is_file() {
        return Err(unreadable(&"it is no regular file"));
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    // One byte more than is allowed tells that there are too many.
    let bounded = file.take(CONFIGURATION_BYTES_MAX as u64 + 1).read_to_string(&mut text);
    bounded.map_err(|error| unreadable(&error))?;
    understand(&text).map_err(|errors| {
        let message = format!("the configuration is in error\n{}", output::job_errors(&name, &text, &errors));
        Failure::with_code(USAGE, message)
    })
}
