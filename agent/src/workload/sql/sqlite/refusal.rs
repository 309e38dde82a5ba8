//! What SQLite's errors mean for an operation.

use std::ffi::c_int;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Error, ErrorCode, ffi};
use shared::interval::ErrorKind;

use crate::workload::connection::failure::Failure;

/// Longest text of an error that is told.
const SHOWN_CHARACTERS_MAX: usize = 500;

/// A file that could not be opened within so long, where a lock is waited for so long.
pub(super) fn opening(error: &Error, path: &Path, after: Duration, patience: Duration) -> Failure {
    match codes(error) {
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => executing(error, after, patience),
        _ => {
            let message = format!("{} cannot be opened: {}", path.display(), told(error));
            Failure::new(ErrorKind::Connect, message)
        }
    }
}

/// A statement that failed after so long, where a lock is waited for so long.
pub(super) fn executing(error: &Error, after: Duration, patience: Duration) -> Failure {
    let kind = match codes(error) {
        Some((_, ffi::SQLITE_BUSY_SNAPSHOT)) => ErrorKind::Serialization,
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) if after >= patience => {
            let message = format!(
                "another connection held its lock for {patience:?}: {}; it was given up",
                told(error)
            );
            return Failure::new(ErrorKind::Timeout, message);
        }
        // It does not wait where waiting would never end.
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => ErrorKind::Deadlock,
        Some((ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::CannotOpen, _)) => {
            ErrorKind::Closed
        }
        Some((ErrorCode::AuthorizationForStatementDenied, _)) => {
            let message = format!(
                "statements work with the file of their URL and lead to no other (ATTACH, VACUUM INTO): {}",
                told(error)
            );
            return Failure::new(ErrorKind::Status, message);
        }
        Some(_) => ErrorKind::Status,
        None => ErrorKind::Other,
    };
    Failure::new(kind, format!("the database answers {}", told(error)))
}

/// What SQLite itself calls an error, in short and to the last number; `None`: it is none of its own.
fn codes(error: &Error) -> Option<(ErrorCode, c_int)> {
    match error {
        Error::SqliteFailure(error, _) | Error::SqlInputError { error, .. } => {
            Some((error.code, error.extended_code))
        }
        _ => None,
    }
}

/// An error with its number, as SQLite's own documentation lists them.
fn told(error: &Error) -> String {
    let number = codes(error).map(|(_, number)| format!(" ({number})")).unwrap_or_default();
    format!("{error}{number}").chars().take(SHOWN_CHARACTERS_MAX).collect()
}
