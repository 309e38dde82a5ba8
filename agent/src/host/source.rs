//! The kernel's text files, read under a root so that tests can bring their own.

use std::path::{Path, PathBuf};

use std::io::Read;

/// Most of a file that is read, bytes: `/proc/cpuinfo` of a thousand CPUs takes 2 MiB; nothing here is
/// larger.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Where `/proc`, `/sys` and `/etc` are found.
#[derive(Debug, Clone)]
pub(super) struct Source {
    root: PathBuf,
}

impl Source {
    /// Files under a root; `/` on a real host.
    pub(super) fn under(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The text of a file, by its path without the leading `/`; or the reason why it cannot be read.
    pub(super) fn text(&self, path: &str) -> Result<String, String> {
        let read = || {
            let mut bytes = Vec::new();
            std::fs::File::open(self.root.join(path))?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().map_err(|error| format!("/{path}: {error}"))
    }

    /// The trimmed text of a file that holds one value.
    pub(super) fn value(&self, path: &str) -> Result<String, String> {
        let text = self.text(path)?;
        let value = text.trim();
        if value.is_empty() { Err(format!("/{path} is empty")) } else { Ok(value.to_owned()) }
    }

    /// The names in a directory, sorted.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>, String> {
        let entries = std::fs::read_dir(self.root.join(path)).map_err(|error| format!("/{path}: {error}"))?;
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }
}
