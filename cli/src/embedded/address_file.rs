//! How commands find the coordinator of a store's folder: a small file beside the store, and a lock for whoever wrote it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Written by the coordinator when it listens, removed when it stops. One left behind names nobody: then nobody
/// answers there, and the next coordinator writes it anew.
const ADDRESS: &str = "coordinator.address";
/// The same for its pages, if it serves any.
const PAGES: &str = "coordinator.http";
/// Locked for as long as a coordinator lives, by the kernel, so that it is free again however that ends.
const LOCK: &str = "coordinator.lock";

/// The folder's coordinator is us: held until dropped.
#[derive(Debug)]
pub(crate) struct Holder {
    folder: PathBuf,
    _lock: File,
}

/// The address of the folder's coordinator, as a URL, if one says that it is there.
pub(crate) fn read(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(ADDRESS)).ok()?;
    let (scheme, address) = text.trim().split_once("://").unwrap_or(("http", text.trim()));
    let address: SocketAddr = address.parse().ok()?;
    matches!(scheme, "http" | "https").then(|| format!("{scheme}://{address}"))
}

/// Becomes the folder's coordinator; `None`: somebody else is.
///
/// # Errors
/// When the folder or the lock cannot be made.
pub(crate) fn hold(folder: &Path) -> io::Result<Option<Holder>> {
    fs::create_dir_all(folder)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Holder { folder: folder.to_owned(), _lock: lock })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Holder {
    /// Tells where we listen. Readers see all of it or nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn publish(&self, scheme: &str, address: SocketAddr) -> io::Result<()> {
        self.tell(ADDRESS, &format!("{scheme}://{address}"))
    }

    /// Tells where the pages are, in the same way.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn publish_pages(&self, url: &str) -> io::Result<()> {
        self.tell(PAGES, url)
    }

    fn tell(&self, name: &str, url: &str) -> io::Result<()> {
        let draft = self.folder.join(format!("{name}.new"));
        fs::write(&draft, format!("{url}\n"))?;
        fs::rename(draft, self.folder.join(name))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        for name in [ADDRESS, PAGES] {
            let _a_file_left_behind_names_nobody = fs::remove_file(self.folder.join(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_a_folder_and_readers_find_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        let holder = hold(folder.path()).unwrap().unwrap();
        assert!(hold(folder.path()).unwrap().is_none());
        holder.publish("https", "127.0.0.1:7".parse().unwrap()).unwrap();
        assert_eq!(read(folder.path()).as_deref(), Some("https://127.0.0.1:7"));
        holder.publish("http", "127.0.0.1:7".parse().unwrap()).unwrap();
        assert_eq!(read(folder.path()).as_deref(), Some("http://127.0.0.1:7"));
        drop(holder);
        assert_eq!(read(folder.path()), None);
        assert!(hold(folder.path()).unwrap().is_some());
    }
}
