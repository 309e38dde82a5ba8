//! The directory that a job names, and files in it that nobody else sees: they have no name, and are gone with the last who has
//! them open, however that ends.

use std::fs::File;
use std::path::Path;

use rustix::fs::{CWD, FsWord, Mode, OFlags, fstatfs, fstatvfs, openat, unlinkat};
use rustix::io::Errno;

/// File systems whose files are memory.
const IN_MEMORY: [(FsWord, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];

/// A directory that can be read, of which nobody can make another one while it is held.
#[derive(Debug)]
pub(super) struct Place(File);

impl Place {
    /// Opens a directory.
    ///
    /// # Errors
    /// When it is none, or cannot be opened.
    pub(super) fn at(directory: &Path) -> Result<Self, String> {
        let opened = openat(CWD, directory, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        opened.map(|directory| Self(directory.into())).map_err(|error| format!("cannot be opened: {error}"))
    }

    /// Bytes that an ordinary user can still write there.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(super) fn free_bytes(&self) -> Result<u64, String> {
        let told = fstatvfs(&self.0).map_err(|error| format!("its free space cannot be read: {error}"))?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// The kind of a file system whose files are memory; `None`: they are not.
    pub(super) fn in_memory(&self) -> Option<&'static str> {
        let told = fstatfs(&self.0).ok()?;
        IN_MEMORY.iter().find(|(kind, _)| *kind == told.f_type).map(|(_, name)| *name)
    }

    /// A new file without a name, for reading and writing.
    ///
    /// # Errors
    /// When none can be made there, with what to do about it.
    pub(super) fn file(&self, is_direct: bool) -> Result<File, String> {
        let direct = if is_direct { OFlags::DIRECT } else { OFlags::empty() };
        let flags = OFlags::RDWR | OFlags::CLOEXEC | direct;
        let owner = Mode::RUSR | Mode::WUSR;
        let made = match openat(&self.0, ".", flags | OFlags::TMPFILE, owner) {
            // Not every file system has files without names: there one loses it at once.
            Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
                let name = format!(".fleetmark-{}", uuid::Uuid::new_v4());
                openat(&self.0, &name, flags | OFlags::CREATE | OFlags::EXCL, owner)
                    .and_then(|file| unlinkat(&self.0, &name, rustix::fs::AtFlags::empty()).map(|()| file))
            }
            made => made,
        };
        made.map(File::from).map_err(|error| match error {
            Errno::INVAL if is_direct => {
                "its file system does not let files pass by the page cache (O_DIRECT): name a directory on a disk, or set `direct = false`, which measures memory as well".to_owned()
            }
            error => format!("no file can be made there: {error}"),
        })
    }
}
