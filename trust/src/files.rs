//! How files are written that hold secrets, or that must be whole: readers see the old one or the new one.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Permission of folders that are made here: their owner's alone.
const FOLDER_MODE: u32 = 0o700;
/// Largest file that is read here: the list of some hundred thousand certificates.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {source}", path.display())]
pub struct FileError {
    /// `read` or `write`.
    pub what: &'static str,
    /// Which.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    made.map_err(|source| FileError { what: "make", path: path.to_owned(), source })
}

/// Reads a text; `None`: there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<String>, FileError> {
    let failed = |source| FileError { what: "read", path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(file) if file.len() > FILE_BYTES_MAX => return Err(failed(io::ErrorKind::FileTooLarge.into())),
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some).map_err(failed)
}

/// Removes a file; that there is none is as good.
pub(crate) fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FileError { what: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Writes a file that only its owner reads, in one step that survives a crash.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), FileError> {
    write(path, text, 0o600)
}

/// Writes a file that everybody may read, in one step that survives a crash.
pub(crate) fn write_public(path: &Path, text: &str) -> Result<(), FileError> {
    write(path, text, 0o644)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), FileError> {
    let failed = |source| FileError { what: "write", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600; it never exists with more.
    let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    draft.write_all(text.as_bytes()).map_err(failed)?;
    draft.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(failed)?;
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(path).map_err(|error| failed(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone_also_when_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(read(&path).unwrap().is_none());
        for text in ["one", "two"] {
            write_secret(&path, text).unwrap();
            assert_eq!(read(&path).unwrap().as_deref(), Some(text));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let nowhere = write_secret(&folder.path().join("no/key"), "x").unwrap_err().to_string();
        assert!(nowhere.starts_with("write ") && nowhere.contains("no/key"), "{nowhere}");
    }
}
