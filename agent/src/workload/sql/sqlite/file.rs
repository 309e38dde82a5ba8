//! The file of a database: where it is, and whether this agent may open it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{OpenFlags, ffi};

use crate::policy::Warden;
use crate::workload::connection::server_url::ServerUrl;

/// Pragmas by which a statement has SQLite write in a folder of its choice.
const PRAGMAS_OF_FOLDERS: [&str; 2] = ["temp_store_directory", "data_store_directory"];

/// A database's file.
#[derive(Debug, Clone)]
pub(in crate::workload::sql) struct DatabaseFile {
    path: Arc<Path>,
    flags: OpenFlags,
}

impl DatabaseFile {
    /// The file of a URL. Says what is wrong with it, or why this agent does not open it.
    pub(in crate::workload::sql) fn new(url: &ServerUrl, warden: &Warden) -> Result<Self, String> {
        if url.path.starts_with(':') || url.path.is_empty() {
            return Err(
                "names no file: a database in memory belongs to one connection, and each worker has its own; name a file, \
                 on a tmpfs if it is to lie in memory"
                    .to_owned(),
            );
        }
        let path = PathBuf::from(&url.path);
        if !path.is_absolute() {
            return Err(format!("names {:?}: write the whole path, sqlite:/path/file.db", url.path));
        }
        let mut mode = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        for (key, value) in &url.parameters {
            mode = match (key.as_str(), value.as_str()) {
                ("mode", "ro") => OpenFlags::SQLITE_OPEN_READ_ONLY,
                ("mode", "rw") => OpenFlags::SQLITE_OPEN_READ_WRITE,
                ("mode", "rwc") => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
                ("mode", other) => {
                    return Err(format!("asks for mode={other}, and only ro, rw and rwc are known here"));
                }
                (other, _) => return Err(format!("has the parameter {other:?}, which is not known here")),
            };
        }
        let permitted = warden.permitted_database(&path).map_err(|refusal| refusal.to_string())?;
        // What was checked is opened, or nothing: a link that somebody lays on the way later is not followed.
        let (path, links) = match permitted {
            Some(place) => (place, OpenFlags::SQLITE_OPEN_NOFOLLOW),
            None => (path, OpenFlags::empty()),
        };
        // A connection is used by one thread at a time: its own.
        Ok(Self { path: path.into(), flags: mode | links | OpenFlags::SQLITE_OPEN_NO_MUTEX })
    }

    /// Opens it, and waits so long for a lock that keeps it from being read.
    pub(super) fn open(&self, patience: Duration) -> rusqlite::Result<rusqlite::Connection> {
        let mut connection = rusqlite::Connection::open_with_flags(&self.path, self.flags)?;
        connection.busy_timeout(patience)?;
        connection.authorizer(Some(authorized))?;
        // The file itself is opened by who first reads it.
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether a statement may do something. It is asked while a statement is prepared, and never while it runs.
///
/// A statement stays with the file of its URL, on every agent: one that names another would get around what the agent's owner allows. A
/// limit of no attached databases would do, but VACUUM attaches a temporary one, whose name is empty.
fn authorized(context: AuthContext<'_>) -> Authorization {
    let leads_elsewhere = match context.action {
        AuthAction::Attach { filename } => !filename.is_empty(),
        // One whose name shows only when the statement runs.
        AuthAction::Unknown { code, .. } => code == ffi::SQLITE_ATTACH,
        AuthAction::Pragma { pragma_name, .. } => {
            PRAGMAS_OF_FOLDERS.iter().any(|pragma| pragma.eq_ignore_ascii_case(pragma_name))
        }
        _ => false,
    };
    if leads_elsewhere { Authorization::Deny } else { Authorization::Allow }
}
