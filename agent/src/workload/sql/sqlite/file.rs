//! The file of a database: where it is, and whether this agent may open it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::OpenFlags;

use crate::policy::Warden;
use crate::workload::connection::server_url::ServerUrl;

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
        warden.check_file(&path).map_err(|refusal| refusal.to_string())?;
        // A connection is used by one thread at a time: its own.
        Ok(Self { path: path.into(), flags: mode | OpenFlags::SQLITE_OPEN_NO_MUTEX })
    }

    /// Opens it, and waits so long for a lock that keeps it from being read.
    pub(super) fn open(&self, patience: Duration) -> rusqlite::Result<rusqlite::Connection> {
        let connection = rusqlite::Connection::open_with_flags(&self.path, self.flags)?;
        connection.busy_timeout(patience)?;
        // The file itself is opened by who first reads it.
        connection.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
