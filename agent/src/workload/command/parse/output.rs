//! Where a tool writes its report: standard output, a file, or a folder of files; bounded, and of this very run.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Parser;
use super::criterion::{BENCHMARK, SAMPLE};

/// Most bytes of a report: a suite of twenty benchmarks with a hundred thousand rounds each, every one of them saved.
pub(in crate::workload::command) const OUTPUT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most files that are read of a folder, and folders that are looked through: three for each of a thousand benchmarks.
const FILES_MAX: usize = 4 * 1024;
/// Deepest folder within a folder: names of groups and functions, and parameters with slashes.
const DEPTH_MAX: usize = 8;
/// How coarse the clock of file systems is, with room: a file may bear a time before the one at which its program began.
const CLOCK_COARSENESS: Duration = Duration::from_millis(20);

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
    began: SystemTime,
    stamp: Option<Stamp>,
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
    /// Looks at a place before its program begins.
    pub(in crate::workload::command) fn look(path: PathBuf) -> Self {
        let stamp = fs::metadata(&path).ok().map(|found| stamp(&found));
        Self { path, began: SystemTime::now(), stamp }
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
                if self.stamp == Some(stamp(&found)) && !self.is_of_this_run(&found) {
                    return Err(OutputError::Stale(self.path));
                }
                let mut room = parser.bytes_max;
                Ok(vec![Document::alone(read_file(&self.path, &mut room, parser.bytes_max)?)])
            }
        }
    }

    /// Reads the files of an ending that this run wrote, and what stands beside them.
    fn read_folder(&self, ending: &str, bytes_max: usize) -> Result<Vec<Document>, OutputError> {
        let mut found = Vec::new();
        let mut looked_at = 0;
        self.find(&self.path, DEPTH_MAX, Path::new(ending), &mut looked_at, &mut found)?;
        found.sort();
        let mut room = bytes_max;
        let mut documents = Vec::new();
        for path in found {
            let beside = [path.clone(), path.with_file_name(SAMPLE), path.with_file_name(BENCHMARK)];
            for path in beside.into_iter().filter(|path| path.exists()) {
                let content = read_file(&path, &mut room, bytes_max)?;
                let path = path.strip_prefix(&self.path).unwrap_or(&path).to_owned();
                documents.push(Document { path, content });
            }
        }
        if documents.is_empty() { Err(OutputError::Stale(self.path.clone())) } else { Ok(documents) }
    }

    fn find(
        &self,
        folder: &Path,
        depth: usize,
        ending: &Path,
        looked_at: &mut usize,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), OutputError> {
        for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
            let entry = entry.map_err(|error| unreadable(folder, error))?;
            *looked_at += 1;
            if *looked_at > FILES_MAX {
                return Err(OutputError::TooMany(self.path.clone()));
            }
            let path = entry.path();
            // Of the entry itself: a link may lead back.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth > 0 {
                self.find(&path, depth - 1, ending, looked_at, found)?;
            } else if metadata.is_file() && path.ends_with(ending) && self.is_of_this_run(&metadata) {
                found.push(path);
            }
        }
        Ok(())
    }

    /// Whether a file was changed since its program began, as far as clocks tell.
    fn is_of_this_run(&self, found: &Metadata) -> bool {
        let changed = u64::try_from(found.ctime()).unwrap_or(0);
        let nanoseconds = u32::try_from(found.ctime_nsec()).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::new(changed, nanoseconds) + CLOCK_COARSENESS >= self.began
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

    fn long_ago(path: &Path) -> Before {
        Before { began: SystemTime::now() + Duration::from_secs(60), ..Before::look(path.to_owned()) }
    }

    #[test]
    fn a_report_from_before_is_not_this_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        fs::write(&path, "{}").unwrap();
        let stale = long_ago(&path).read(parser_of("json")).unwrap_err();
        assert!(stale.to_string().ends_with("was not written by this run: it is older"), "{stale}");
        let before = long_ago(&path);
        fs::write(&path, "{} ").unwrap();
        assert_eq!(before.read(parser_of("json")).unwrap(), [Document::alone(b"{} ".to_vec())]);
    }

    #[test]
    fn what_is_missing_too_long_or_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        let missing = Before::look(path.clone()).read(parser_of("json"));
        assert!(matches!(missing, Err(OutputError::Unreadable { .. })), "{missing:?}");
        let before = Before::look(path.clone());
        fs::write(&path, vec![b' '; parser_of("json").bytes_max + 1]).unwrap();
        let long = before.read(parser_of("json"));
        assert!(matches!(long, Err(OutputError::TooLong(_))), "{long:?}");
        let directory = Before::look(folder.path().to_owned()).read(parser_of("json"));
        assert!(matches!(directory, Err(OutputError::NoFile(_))), "{directory:?}");
        let device = Before::look("/dev/zero".into()).read(parser_of("json"));
        assert!(device.is_err(), "{device:?}");
    }

    #[test]
    fn a_folder_gives_what_this_run_wrote_into_it() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("group/it/new");
        fs::create_dir_all(&new).unwrap();
        let before = Before::look(folder.path().to_owned());
        let criterion = parser_of("criterion");
        assert!(matches!(Before::look(folder.path().to_owned()).read(criterion), Err(OutputError::Stale(_))));
        fs::write(new.join("estimates.json"), "{}").unwrap();
        fs::write(new.join("sample.json"), "[]").unwrap();
        let documents = before.read(criterion).unwrap();
        let paths: Vec<&str> = documents.iter().filter_map(|document| document.path.to_str()).collect();
        assert_eq!(paths, ["group/it/new/estimates.json", "group/it/new/sample.json"]);
        assert!(matches!(long_ago(folder.path()).read(criterion), Err(OutputError::Stale(_))));
    }
}
