//! The kernel's text files, read under a root so that tests can bring their own.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Most of a file that is read, bytes: `/proc/cpuinfo` of a thousand CPUs takes 2 MiB; nothing here is
/// larger.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes that a file is expected to have: most of `/proc` fits, and is then read at once.
const FILE_BYTES_USUAL: usize = 4 * 1024;
/// Most names of a directory: Linux has at most 2^22 process ids (`PID_MAX_LIMIT`), and nothing else comes near.
const NAMES_MAX: usize = 1 << 22;

/// Where `/proc`, `/sys` and `/etc` are found.
#[derive(Debug, Clone)]
pub(super) struct Source {
    root: PathBuf,
    container: Option<String>,
}

impl Source {
    /// Files under a root; `/` on a real host.
    pub(super) fn under(root: &Path) -> Self {
        let plain = Self { root: root.to_owned(), container: None };
        let container = plain.find_container();
        Self { container, ..plain }
    }

    /// What kind of container this is; `None`: none that tells.
    pub(super) fn container(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// The text of a file, by its path without the leading `/`; or the reason why it cannot be read.
    pub(super) fn text(&self, path: &str) -> Result<String, String> {
        let bytes = self.bytes(path)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The bytes of a file, likewise.
    pub(super) fn bytes(&self, path: &str) -> Result<Vec<u8>, String> {
        let read = || {
            let mut bytes = Vec::with_capacity(FILE_BYTES_USUAL);
            std::fs::File::open(self.root.join(path))?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        read().map_err(|error| self.reason(path, &error))
    }

    /// The trimmed text of a file that holds one value.
    pub(super) fn value(&self, path: &str) -> Result<String, String> {
        let text = self.text(path)?;
        let value = text.trim();
        if value.is_empty() { Err(format!("absent: /{path} is empty")) } else { Ok(value.to_owned()) }
    }

    /// The number in a file that holds one.
    pub(super) fn number(&self, path: &str) -> Result<u64, String> {
        let value = self.value(path)?;
        value.parse().map_err(|_| format!("unreadable: /{path} is no whole number: {value:?}"))
    }

    /// The names in a directory, sorted.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>, String> {
        let entries = std::fs::read_dir(self.root.join(path)).map_err(|error| self.reason(path, &error))?;
        let names =
            entries.flatten().take(NAMES_MAX).map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok(names)
    }

    /// The names in a directory that are a word and then a number, by the number: `cpu0`, `cpu1`, …; with an empty word the
    /// numbers themselves.
    pub(super) fn numbered(&self, path: &str, word: &str) -> Result<Vec<(u32, String)>, String> {
        let number = |name: &String| {
            let digits = name.strip_prefix(word)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let names = self.names(path)?.into_iter();
        let mut numbered: Vec<(u32, String)> =
            names.filter_map(|name| Some((number(&name)?, name))).collect();
        numbered.sort();
        Ok(numbered)
    }

    /// The last part of where a link leads.
    pub(super) fn link_name(&self, path: &str) -> Result<String, String> {
        let target = std::fs::read_link(self.root.join(path)).map_err(|error| self.reason(path, &error))?;
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
        name.ok_or_else(|| format!("absent: /{path} leads nowhere"))
    }

    /// Whether there is such a file or directory.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Why a file cannot be read: `absent`, `permission` or `container`, and the file.
    fn reason(&self, path: &str, error: &std::io::Error) -> String {
        match (error.kind(), &self.container) {
            (ErrorKind::NotFound, Some(kind)) => {
                format!("container: /{path} is not there, and may be hidden by the {kind} container")
            }
            (ErrorKind::NotFound | ErrorKind::NotADirectory, _) => format!("absent: /{path} is not there"),
            (ErrorKind::PermissionDenied, _) => format!("permission: /{path} may not be read by this user"),
            _ => format!("unreadable: /{path}: {error}"),
        }
    }

    fn find_container(&self) -> Option<String> {
        const MARKS: [(&str, &str); 2] = [(".dockerenv", "docker"), ("run/.containerenv", "podman")];
        const CGROUPS: [&str; 4] = ["docker", "kubepods", "lxc", "containerd"];
        let marked = MARKS.iter().find(|(path, _)| self.has(path)).map(|(_, kind)| (*kind).to_owned());
        let named = || {
            let cgroup = self.text("proc/1/cgroup").ok()?;
            CGROUPS.iter().find(|kind| cgroup.contains(*kind)).map(|kind| (*kind).to_owned())
        };
        marked.or_else(named)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A host's files, for a root of our own.
    pub(in crate::host) fn root_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), files);
        root
    }

    /// Writes a host's files, or writes them anew.
    pub(in crate::host) fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn why_a_file_cannot_be_read_is_one_of_three_words() {
        let bare = root_with(&[("sys/empty", "\n")]);
        let source = Source::under(bare.path());
        assert_eq!(source.value("sys/x").unwrap_err(), "absent: /sys/x is not there");
        assert_eq!(source.value("sys/empty").unwrap_err(), "absent: /sys/empty is empty");
        let contained = root_with(&[(".dockerenv", "")]);
        let source = Source::under(contained.path());
        assert_eq!(source.container(), Some("docker"));
        let reason = source.value("sys/x").unwrap_err();
        assert_eq!(reason, "container: /sys/x is not there, and may be hidden by the docker container");
    }

    #[test]
    fn numbered_names_come_in_the_order_of_their_numbers() {
        let root = root_with(&[("cpu/cpu10", ""), ("cpu/cpu2", ""), ("cpu/cpuidle", ""), ("cpu/cpu", "")]);
        let numbered = Source::under(root.path()).numbered("cpu", "cpu").unwrap();
        assert_eq!(numbered, [(2, "cpu2".to_owned()), (10, "cpu10".to_owned())]);
    }
}
