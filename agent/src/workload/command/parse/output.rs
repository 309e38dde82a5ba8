//! Where a tool writes its report: standard output, a file, or a folder of files; bounded, and of this very run.
//!
//! A file is of this run if it is another one than before, or was changed: inode, time of change and size together say so. Linux from
//! 6.13 on gives a file that was looked at a finer time at its next change; before, two changes within one tick of its clock (at most
//! 10 ms) bear the same, and a report that is rewritten in place at the same length so soon is taken for the older one.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::Parser;
use super::criterion::{BENCHMARK, SAMPLE};

/// Most bytes of a report: a suite of twenty benchmarks with a hundred thousand rounds each, every one of them saved.
pub(in crate::workload::command) const OUTPUT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most files that are read of a folder, and folders that are looked through: three for each of a thousand benchmarks.
const FILES_MAX: usize = 4 * 1024;
/// Deepest folder within a folder: names of groups and functions, and parameters with slashes.
const DEPTH_MAX: usize = 8;

/// What a tool wrote in one place.
#[derive(Debug, PartialEq)]
pub(in crate::workload::command) struct Document {
    /// Where, within the folder that is read; empty: it is the only one.
    pub(super) path: PathBuf,
    /// What.
    pub(super) content: Vec<u8>,
}

/// Why there is no report to read. Reads after "its report cannot be used: ".
#[derive(Debug, thiserror::Error)]
pub(in crate::workload::command) enum OutputError {
    /// It is not there, or cannot be read.
    #[error("{} cannot be read: {error}", .path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is there, from before.
    #[error("{} was not written by this run: it is older", .0.display())]
    Stale(PathBuf),
    /// It is a device, a pipe, or a folder where a file should be.
    #[error("{} is no regular file", .0.display())]
    NoFile(PathBuf),
    /// It is too long.
    #[error("it has more than {0} bytes: have the tool say less")]
    TooLong(usize),
    /// Too many files.
    #[error("{} holds more than {FILES_MAX} files and folders", .0.display())]
    TooMany(PathBuf),
}

/// A place before its program began.
#[derive(Debug)]
pub(in crate::workload::command) struct Before {
    path: PathBuf,
    /// The file there and its stamp; of a folder all files that a parser may begin with.
    stamps: BTreeMap<PathBuf, Stamp>,
}

/// Files found in a folder, with their stamps, and how many entries were looked at.
#[derive(Debug, Default)]
struct Found {
    files: BTreeMap<PathBuf, Stamp>,
    looked_at: usize,
}

/// What changes when a file is written or replaced.
type Stamp = (u64, i64, i64, u64);

impl Document {
    /// What stands alone.
    pub(in crate::workload::command) fn alone(content: Vec<u8>) -> Self {
        Self { path: PathBuf::new(), content }
    }
}

impl Before {
    /// Looks at a place before its program begins, as far as a parser will read it.
    pub(in crate::workload::command) fn look(path: PathBuf, parser: &Parser) -> Self {
        let stamps = match (fs::metadata(&path), parser.in_folder) {
            (Ok(found), Some(ending)) if found.is_dir() => {
                let mut found = Found::default();
                // What keeps a folder from being read is told afterwards, when it is.
                let _told_then = found.walk(&path, &path, DEPTH_MAX, Path::new(ending));
                found.files
            }
            (Ok(found), _) => [(path.clone(), stamp(&found))].into(),
            (Err(_), _) => BTreeMap::new(),
        };
        Self { path, stamps }
    }

    /// Reads what a program wrote there.
    ///
    /// # Errors
    /// When it wrote nothing there, or what no parser reads.
    pub(in crate::workload::command) fn read(self, parser: &Parser) -> Result<Vec<Document>, OutputError> {
        let found = fs::metadata(&self.path).map_err(|error| unreadable(&self.path, error))?;
        match parser.in_folder {
            Some(ending) if found.is_dir() => self.read_folder(ending, parser.bytes_max),
            _ if !found.is_file() => Err(OutputError::NoFile(self.path)),
            _ => {
                if self.stamps.get(&self.path) == Some(&stamp(&found)) {
                    return Err(OutputError::Stale(self.path));
                }
                let mut room = parser.bytes_max;
                Ok(vec![Document::alone(read_file(&self.path, &mut room, parser.bytes_max)?)])
            }
        }
    }

    /// Reads the files of an ending that this run wrote, and what stands beside them.
    fn read_folder(&self, ending: &str, bytes_max: usize) -> Result<Vec<Document>, OutputError> {
        let mut found = Found::default();
        found.walk(&self.path, &self.path, DEPTH_MAX, Path::new(ending))?;
        found.files.retain(|path, stamp| self.stamps.get(path) != Some(stamp));
        let mut room = bytes_max;
        let mut documents = Vec::new();
        for path in found.files.into_keys() {
            let beside = [path.clone(), path.with_file_name(SAMPLE), path.with_file_name(BENCHMARK)];
            for path in beside.into_iter().filter(|path| path.exists()) {
                let content = read_file(&path, &mut room, bytes_max)?;
                let path = path.strip_prefix(&self.path).unwrap_or(&path).to_owned();
                documents.push(Document { path, content });
            }
        }
        if documents.is_empty() { Err(OutputError::Stale(self.path.clone())) } else { Ok(documents) }
    }
}

impl Found {
    /// Looks through a folder within `whole` for files whose paths end so.
    fn walk(&mut self, whole: &Path, folder: &Path, depth: usize, ending: &Path) -> Result<(), OutputError> {
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let entry = entry.map_err(|error| unreadable(folder, error))?;
            self.looked_at += 1;
            if self.looked_at > FILES_MAX {
                return Err(OutputError::TooMany(whole.to_owned()));
            }
            let path = entry.path();
            // Of the entry itself: a link may lead back.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth > 0 {
                self.walk(whole, &path, depth - 1, ending)?;
            } else if metadata.is_file() && path.ends_with(ending) {
                self.files.insert(path, stamp(&metadata));
            }
        }
        Ok(())
    }
}

fn stamp(found: &Metadata) -> Stamp {
    (found.ino(), found.ctime(), found.ctime_nsec(), found.size())
}

fn read_file(path: &Path, room: &mut usize, bytes_max: usize) -> Result<Vec<u8>, OutputError> {
    // A pipe would keep us waiting, and a device may never end.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file: File = opened.map_err(|error| unreadable(path, error))?;
    let is_file = file.metadata().is_ok_and(|found| found.is_file());
    if !is_file {
        return Err(OutputError::NoFile(path.to_owned()));
    }
    let mut content = Vec::new();
    let read = file.take(*room as u64 + 1).read_to_end(&mut content);
    let length = read.map_err(|error| unreadable(path, error))?;
    *room = room.checked_sub(length).ok_or(OutputError::TooLong(bytes_max))?;
    Ok(content)
}

fn unreadable(path: &Path, error: io::Error) -> OutputError {
    OutputError::Unreadable { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::super::parser;
    use super::*;

    fn parser_of(name: &str) -> &'static Parser {
        parser(name).expect("it is in the table")
    }

    #[test]
    fn a_report_from_before_is_not_this_runs_however_new_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        fs::write(&path, "{}").unwrap();
        let look = || Before::look(path.clone(), parser_of("json"));
        let stale = look().read(parser_of("json")).unwrap_err();
        assert!(stale.to_string().ends_with("was not written by this run: it is older"), "{stale}");
        let before = look();
        fs::write(&path, "{} ").unwrap();
        assert_eq!(before.read(parser_of("json")).unwrap(), [Document::alone(b"{} ".to_vec())]);
    }

    #[test]
    fn what_is_missing_too_long_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        let look = |path: &Path| Before::look(path.to_owned(), parser_of("json"));
        let missing = look(&path).read(parser_of("json"));
        assert!(matches!(missing, Err(OutputError::Unreadable { .. })), "{missing:?}");
        let before = look(&path);
        fs::write(&path, vec![b' '; parser_of("json").bytes_max + 1]).unwrap();
        let long = before.read(parser_of("json"));
        assert!(matches!(long, Err(OutputError::TooLong(_))), "{long:?}");
        let directory = look(folder.path()).read(parser_of("json"));
        assert!(matches!(directory, Err(OutputError::NoFile(_))), "{directory:?}");
        let device = look(Path::new("/dev/zero")).read(parser_of("json"));
        assert!(device.is_err(), "{device:?}");
    }

    #[test]
    fn a_folder_gives_what_this_run_wrote_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("group/it/new");
        fs::create_dir_all(&new).unwrap();
        let criterion = parser_of("criterion");
        let look = || Before::look(folder.path().to_owned(), criterion);
        let before = look();
        assert!(matches!(look().read(criterion), Err(OutputError::Stale(_))));
        fs::write(new.join("estimates.json"), "{}").unwrap();
        fs::write(new.join("sample.json"), "[]").unwrap();
        let documents = before.read(criterion).unwrap();
        let paths: Vec<&str> = documents.iter().filter_map(|document| document.path.to_str()).collect();
        assert_eq!(paths, ["group/it/new/estimates.json", "group/it/new/sample.json"]);
        assert!(matches!(look().read(criterion), Err(OutputError::Stale(_))));
        let before = look();
        let other = folder.path().join("other/new");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("estimates.json"), "{}").unwrap();
        let documents = before.read(criterion).unwrap();
        assert_eq!(documents.len(), 1, "what is unchanged is of another run: {documents:?}");
    }
}
