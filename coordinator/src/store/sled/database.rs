//! sled itself, made safe to use: panics become faults, and a flush reaches the disk.
//!
//! What was measured of sled 0.34.7, and what is done about it here:
//! * its `flush` ends in `sync_file_range`, which reaches neither the file's metadata nor the disk's cache:
//!   [`Database::flush`] calls `fsync` afterwards, through a file handle of its own;
//! * a value of more than 128 KiB, or a leaf of up to 17 values that is together larger, goes into a file of
//!   its own that nobody syncs: values are cut into chunks of [`CHUNK_BYTES_MAX`];
//! * damaged pages make it panic at any call: every call is caught;
//! * when one of its I/O threads dies, `flush` waits for ever: it is waited for [`FLUSH_PATIENCE`] only;
//! * a snapshot that a crash or a full disk interrupted (`snap.….generating`) is taken for a whole one at the
//!   next start, which then fails: [`Database::open`] removes such leftovers first;
//! * after the first failed write it refuses everything: the owner drops it and opens it again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::store::error::is_full;
use crate::store::ledger::sync_directory;

use super::keys::ValueKey;

/// Most bytes of one value in the database: sixteen and one such fit a leaf of less than 128 KiB.
pub(super) const CHUNK_BYTES_MAX: usize = 6 * 1024;
/// Pages that sled may keep in memory. The hot ones of a running trial take a few MiB; 64 MiB is the least
/// with which sled does not read pages back while it writes.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// How long a flush may take before the database counts as stuck; a slow disk takes seconds.
const FLUSH_PATIENCE: Duration = Duration::from_secs(60);
/// How often opening waits for the last writes of a database that was just dropped, and how long each time:
/// together two seconds, many times what an interrupted write takes.
const REOPEN_ATTEMPTS: u32 = 100;
const REOPEN_PAUSE: Duration = Duration::from_millis(20);

const RUNS: &str = "runs";
const INTERVALS: &str = "intervals";
const BASELINES: &str = "baselines";

/// What sled could not do.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// No room.
    Full,
    /// The operating system refused.
    Io(Arc<io::Error>),
    /// What is on disk does not read as a database.
    Corrupt(String),
    /// It does not answer any more.
    Stuck,
}

impl From<::sled::Error> for Fault {
    fn from(error: ::sled::Error) -> Self {
        match error {
            ::sled::Error::Io(error) if is_full(&error) => Fault::Full,
            // sled reads past the end of a cut file with `read_exact`.
            ::sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Fault::Corrupt("a page lies beyond the end of the file".to_owned())
            }
            ::sled::Error::Io(error) => Fault::Io(Arc::new(error)),
            other => Fault::Corrupt(other.to_string()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Fault::Full } else { Fault::Io(Arc::new(error)) }
    }
}

/// Which of the trees. Records and the like stay apart from the bulk, so that rewriting one does not
/// rewrite leaves full of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Records, summaries, figures, manifests, reports, files.
    Runs,
    /// Intervals.
    Intervals,
    /// Baselines, which belong to no run.
    Baselines,
}

/// Writes that become visible together, and after a crash are there together or not at all.
#[derive(Debug, Default)]
pub(super) struct Writes(::sled::Batch);

impl Writes {
    /// Puts a value, in chunks.
    pub(super) fn put(&mut self, key: ValueKey, envelope: &[u8]) {
        for (number, chunk) in (0_u32..).zip(envelope.chunks(CHUNK_BYTES_MAX)) {
            self.put_chunk(&key.chunk(number), chunk);
        }
    }

    /// Puts one chunk under its whole key.
    pub(super) fn put_chunk(&mut self, key: &[u8], chunk: &[u8]) {
        self.0.insert(key, chunk);
    }

    /// Removes one chunk.
    pub(super) fn remove_chunk(&mut self, key: &[u8]) {
        self.0.remove(key);
    }
}

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    sled: ::sled::Db,
    runs: ::sled::Tree,
    intervals: ::sled::Tree,
    baselines: ::sled::Tree,
    /// The same file that sled writes, for fsync.
    file: File,
}

impl Database {
    /// Opens or makes the database in a folder.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] when sled refuses or panics over what is there.
    pub(super) fn open(folder: &Path) -> Result<Self, Fault> {
        remove_interrupted_snapshots(folder)?;
        let config = ::sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            // No thread of its own writes: what is on disk is decided by commits alone.
            .flush_every_ms(None);
        for _ in 0..REOPEN_ATTEMPTS {
            match caught(|| Ok(config.open()?)) {
                Err(Fault::Io(error)) if error.to_string().contains("could not acquire lock") => {
                    thread::sleep(REOPEN_PAUSE);
                }
                Err(fault) => return Err(fault),
                Ok(sled) => return Self::with_trees(folder, sled),
            }
        }
        Err(Fault::Stuck)
    }

    fn with_trees(folder: &Path, sled: ::sled::Db) -> Result<Self, Fault> {
        let open = |name| caught(|| Ok(sled.open_tree(name)?));
        let (runs, intervals, baselines) = (open(RUNS)?, open(INTERVALS)?, open(BASELINES)?);
        let file = OpenOptions::new().read(true).write(true).open(folder.join("db"))?;
        let database = Self { sled, runs, intervals, baselines, file };
        database.flush()?;
        for name in ["conf", "db"] {
            File::open(folder.join(name))?.sync_all()?;
        }
        sync_directory(folder)?;
        if let Some(directory) = folder.parent() {
            sync_directory(directory)?;
        }
        Ok(database)
    }

    /// Applies writes, not yet durably.
    pub(super) fn apply(&self, shelf: Shelf, writes: Writes) -> Result<(), Fault> {
        caught(|| Ok(self.tree(shelf).apply_batch(writes.0)?))
    }

    /// Makes everything applied durable.
    pub(super) fn flush(&self) -> Result<(), Fault> {
        let (sender, receiver) = mpsc::channel();
        let sled = self.sled.clone();
        let flusher = thread::Builder::new().name("store-flush".to_owned()).spawn(move || {
            let flushed = caught(|| Ok(sled.flush().map(drop)?));
            drop(sled);
            // Nobody listens any more only if patience has run out.
            drop(sender.send(flushed));
        })?;
        let flushed = receiver.recv_timeout(FLUSH_PATIENCE).map_err(|_| Fault::Stuck)?;
        drop(flusher.join());
        flushed?;
        Ok(self.file.sync_all()?)
    }

    /// Whether a whole key is there.
    pub(super) fn has(&self, shelf: Shelf, key: &[u8]) -> Result<bool, Fault> {
        caught(|| Ok(self.tree(shelf).contains_key(key)?))
    }

    /// The first key at or after `from`.
    pub(super) fn first_key_from(&self, shelf: Shelf, from: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        caught(|| Ok(self.tree(shelf).range(from..).next().transpose()?.map(|(key, _)| key.to_vec())))
    }

    /// All keys that begin with `prefix`, with their chunks, in order.
    pub(super) fn scan(&self, shelf: Shelf, prefix: &[u8]) -> Scan {
        Scan { inner: Some(self.tree(shelf).scan_prefix(prefix)) }
    }

    fn tree(&self, shelf: Shelf) -> &::sled::Tree {
        match shelf {
            Shelf::Runs => &self.runs,
            Shelf::Intervals => &self.intervals,
            Shelf::Baselines => &self.baselines,
        }
    }
}

/// Puts sled's snapshots, which only save it from reading its whole log at the start, out of its sight. Says
/// whether there were any.
pub(super) fn hide_snapshots(folder: &Path) -> io::Result<bool> {
    let mut has_any = false;
    for snapshot in snapshots(folder)? {
        let name = snapshot.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::rename(&snapshot, folder.join(format!("damaged-{name}")))?;
        has_any = true;
    }
    Ok(has_any)
}

fn remove_interrupted_snapshots(folder: &Path) -> io::Result<()> {
    for snapshot in snapshots(folder)? {
        if snapshot.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(snapshot)?;
        }
    }
    Ok(())
}

fn snapshots(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            snapshots.push(entry.path());
        }
    }
    Ok(snapshots)
}

/// Keys and chunks in order; ends after the first fault.
pub(super) struct Scan {
    inner: Option<::sled::Iter>,
}

impl Iterator for Scan {
    type Item = Result<(::sled::IVec, ::sled::IVec), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = self.inner.as_mut()?;
        let next = caught(|| Ok(inner.next().transpose()?));
        if !matches!(next, Ok(Some(_))) {
            self.inner = None;
        }
        next.transpose()
    }
}

/// Calls into sled, which panics over damaged pages.
fn caught<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(Fault::Corrupt(words_of(&*panic))))
}

/// What a panic said, shortened to one line that a person can read.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    /// Enough for a sentence; sled's assertions print whole pages.
    const WORDS_MAX: usize = 160;
    words.lines().next().unwrap_or_default().chars().take(WORDS_MAX).collect()
}
