//! What SQLite's errors mean for an operation.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Error, ErrorCode, ffi};
use shared::interval::ErrorKind;

use crate::workload::connection::failure::Failure;

/// Longest text of an error that is told.
const SHOWN_CHARACTERS_MAX: usize = 500;

/// A file that could not be opened.
pub(super) fn opening(error: &Error, path: &Path) -> Failure {
    Failure::new(ErrorKind::Connect, format!("{} cannot be opened: {}", path.display(), told(error)))
}

/// A statement that failed after so long, where a lock is waited for so long.
pub(super) fn executing(error: &Error, after: Duration, patience: Duration) -> Failure {
    let kind = match (error.sqlite_error_code(), error.sqlite_extended_error_code()) {
        (_, Some(ffi::SQLITE_BUSY_SNAPSHOT)) => ErrorKind::Serialization,
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) if after >= patience => {
            let message = format!(
                "another connection held its lock for {patience:?}: {}; it was given up",
                told(error)
            );
            return Failure::new(ErrorKind::Timeout, message);
        }
        // It does not wait where waiting would never end.
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => ErrorKind::Deadlock,
        (Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::CannotOpen), _) => {
            ErrorKind::Closed
        }
        (None, _) => ErrorKind::Other,
        _ => ErrorKind::Status,
    };
    Failure::new(kind, format!("the database answers {}", told(error)))
}

/// An error with its number, as SQLite's own documentation lists them.
fn told(error: &Error) -> String {
    let number = error.sqlite_extended_error_code().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{error}{number}").chars().take(SHOWN_CHARACTERS_MAX).collect()
}
