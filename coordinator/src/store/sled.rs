//! The provider on disk: sled 0.34.7, used so that nothing it loses goes unnoticed.
//!
//! A store's directory holds `sled/` (the database), `runs.ledger` (which runs must be in it), `lock`, and
//! `sled.damaged-N/` for databases that could not be opened any more. Rooms:
//!
//! * `database`: sled itself, with its panics caught and its flushes made real.
//! * `keys`, `values`: what lies under which key.
//! * `verify`: whether a run is whole.
//! * `opening`: locks, crash leftovers, databases that do not open.
//! * `compacting`: writing the store anew.
//! * `baselines`, `figures`: what is kept beside runs, and of them.
//! * `reading` and `writing`: the two halves of the trait. `replacing`: other intervals for a finished run.

mod baselines;
mod compacting;
mod database;
mod figures;
mod keys;
mod opening;
mod reading;
mod replacing;
#[cfg(test)]
mod tests;
mod values;
mod verify;
mod writing;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use shared::baseline::{Baseline, ListedBaseline};
use shared::ids::{BaselineName, RunId, TrialKey};
use shared::run_figures::RunFigures;
use shared::run_record::{RunRecord, RunSummary};

use super::error::{Damage, StoreError};
use super::ledger::{Entry, Ledger, Standing, sync_directory};
use super::{CachedReport, Compaction, ResultStore, StoreCheck, StoredInterval, SummaryFilter, Visit};
use database::{Database, Fault};
use values::Trouble;

pub(crate) use database::words_of;

/// Room on the disk that appends leave alone, so that runs can still be ended, removed and the database be
/// opened again on a disk that is full: sled's largest burst beside appends is a snapshot of its page table,
/// 16 MiB for a store of 100 GB.
pub const HEADROOM_BYTES: u64 = 32 * 1024 * 1024;

/// The schema of stored payloads that this version knows.
const SCHEMA: u16 = super::envelope::SCHEMA;

/// A store in a directory of its own.
#[derive(Debug)]
pub struct SledStore {
    directory: PathBuf,
    headroom_bytes: u64,
    /// `None` after a failed write, until the next call opens it again: sled refuses everything after one.
    database: RefCell<Option<Database>>,
    ledger: Ledger,
    /// Runs that the database had when it was opened and that the ledger does not name.
    strays: BTreeSet<RunId>,
    /// Whether something was appended since the last commit.
    has_uncommitted: bool,
    /// Why what was appended since the last commit is lost.
    lost: Option<StoreError>,
    /// What reading finished runs in full has shown since the store was opened: `None` for a whole one.
    examined: RefCell<BTreeMap<RunId, Option<String>>>,
    /// Held as long as the store is; dropped last, after the database.
    _lock: File,
}

impl SledStore {
    /// Opens the store in a directory, or makes one.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it, [`StoreError::Full`], and [`StoreError::Io`] when
    /// the files cannot be used or their ledger is of a newer fleetmark.
    /// Damage is no error: what is lost of it is named by [`ResultStore::check`] and in lists.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with_headroom(directory, HEADROOM_BYTES)
    }

    /// Opens a store that leaves another amount of room alone than [`HEADROOM_BYTES`].
    ///
    /// # Errors
    /// As [`SledStore::open`].
    pub fn open_with_headroom(directory: &Path, headroom_bytes: u64) -> Result<Self, StoreError> {
        let failed = |error| StoreError::from_io(opening_of(directory), directory, error);
        make_directory(directory).map_err(failed)?;
        let lock = opening::lock(directory)?;
        opening::clear_leftovers(directory).map_err(failed)?;
        let mut ledger = Ledger::open(directory).map_err(failed)?;
        let opened = opening::open_database(directory).and_then(|database| {
            opening::settle(&database, &mut ledger)?;
            let (present, _) = opening::runs_in(&database)?;
            Ok((database, present))
        });
        let (database, present) =
            opened.map_err(|fault| error_of(directory, &opening_of(directory), fault))?;
        let is_stray = |run: &RunId| ledger.entry(*run).is_none() && !ledger.has_removed(*run);
        Ok(Self {
            strays: present.into_iter().filter(is_stray).collect(),
            directory: directory.to_owned(),
            headroom_bytes,
            database: RefCell::new(Some(database)),
            ledger,
            has_uncommitted: false,
            lost: None,
            examined: RefCell::default(),
            _lock: lock,
        })
    }

    /// Calls `read` with the database, opening it again if a failed write has closed it.
    fn with_database<T, E: From<Fault>>(&self, read: impl FnOnce(&Database) -> Result<T, E>) -> Result<T, E> {
        if self.database.borrow().is_none() {
            // A database that is damaged now is not set aside while somebody uses it: that waits for the next start.
            let database = Database::open(&self.directory.join(opening::DATABASE))?;
            self.database.replace(Some(database));
        }
        match self.database.borrow().as_ref() {
            Some(database) => read(database),
            None => Err(Fault::Stuck.into()),
        }
    }

    /// Calls `write` with the database; a fault closes it, and with it goes what was not committed.
    fn write<T>(
        &mut self,
        doing: &str,
        write: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.with_database(write).map_err(|fault| {
            self.database.replace(None);
            let error = error_of(&self.directory, doing, fault);
            if std::mem::take(&mut self.has_uncommitted) {
                self.lost = Some(error.clone());
            }
            error
        })
    }

    /// Reads something of one run.
    fn read<T>(
        &self,
        run: RunId,
        read: impl FnOnce(&Database) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        self.with_database(read).map_err(|trouble| self.trouble_with(run, trouble))
    }

    fn trouble_with(&self, run: RunId, trouble: Trouble) -> StoreError {
        match trouble {
            Trouble::Damage(what) => StoreError::damaged(run, what),
            Trouble::Newer(found) => StoreError::Newer { what: format!("run {run}"), found, known: SCHEMA },
            Trouble::Fault(Fault::Corrupt(what)) => StoreError::damaged(run, what),
            Trouble::Fault(fault) => error_of(&self.directory, &format!("read run {run}"), fault),
        }
    }

    /// The ledger's entry of a run that a caller may know of; `None` for a stray.
    fn known(&self, run: RunId) -> Result<Option<&Entry>, StoreError> {
        match self.ledger.entry(run) {
            Some(entry) if is_visible(entry) => Ok(Some(entry)),
            _ if self.strays.contains(&run) => Ok(None),
            _ => Err(StoreError::UnknownRun(run.to_string())),
        }
    }
}

/// Whether anybody was ever told of the run, and nobody of its removal.
fn is_visible(entry: &Entry) -> bool {
    !matches!(entry.standing, Standing::Creating | Standing::Removing)
}

/// Makes the store's directory, its own name made durable: without that a crash could take the whole store.
fn make_directory(directory: &Path) -> std::io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory)?;
    directory.canonicalize()?.parent().map_or(Ok(()), sync_directory)
}

fn opening_of(directory: &Path) -> String {
    format!("open the store at {}", directory.display())
}

fn error_of(directory: &Path, doing: &str, fault: Fault) -> StoreError {
    match fault {
        Fault::Full => StoreError::Full { directory: directory.to_owned() },
        Fault::Io(source) => StoreError::Io { doing: doing.to_owned(), source },
        Fault::Corrupt(what) => {
            StoreError::Damaged(Damage::of_store(format!("to {doing}, the database says: {what}")))
        }
        Fault::Stuck => StoreError::Database {
            doing: doing.to_owned(),
            reason: "no answer for a minute; stop fleetmark and start it again".to_owned(),
        },
    }
}

impl ResultStore for SledStore {
    fn create_run(
        &mut self,
        record: &RunRecord,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), StoreError> {
        writing::create_run(self, record, files)
    }

    fn save_run(&mut self, record: &RunRecord) -> Result<(), StoreError> {
        writing::save_run(self, record)
    }

    fn save_file(&mut self, run: RunId, path: &str, content: &[u8]) -> Result<(), StoreError> {
        writing::save_file(self, run, path, content)
    }

    fn append(&mut self, batch: &[StoredInterval]) -> Result<(), StoreError> {
        writing::append(self, batch)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        writing::commit(self)
    }

    fn finish_run(
        &mut self,
        record: &RunRecord,
        summary: &RunSummary,
        report: &CachedReport,
    ) -> Result<(), StoreError> {
        writing::finish_run(self, record, summary, report)
    }

    fn save_report(&mut self, run: RunId, report: &CachedReport) -> Result<(), StoreError> {
        writing::save_report(self, run, report)
    }

    fn save_figures(&mut self, figures: &RunFigures) -> Result<(), StoreError> {
        figures::save(self, figures)
    }

    fn save_baseline(&mut self, baseline: &Baseline) -> Result<(), StoreError> {
        baselines::save(self, baseline)
    }

    fn remove_baseline(&mut self, name: &BaselineName) -> Result<(), StoreError> {
        baselines::remove(self, name)
    }

    fn replace_intervals(&mut self, run: RunId, intervals: Vec<StoredInterval>) -> Result<(), StoreError> {
        replacing::replace_intervals(self, run, intervals)
    }

    fn remove_run(&mut self, run: RunId) -> Result<(), StoreError> {
        writing::remove_run(self, run)
    }

    fn compact(&mut self) -> Result<Compaction, StoreError> {
        compacting::compact(self)
    }

    fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        Ok(reading::runs(self))
    }

    fn summaries(&self, filter: &SummaryFilter) -> Result<Vec<RunSummary>, StoreError> {
        reading::summaries(self, filter)
    }

    fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        reading::run(self, run)
    }

    fn file(&self, run: RunId, path: &str) -> Result<Vec<u8>, StoreError> {
        reading::file(self, run, path)
    }

    fn intervals(&self, run: RunId, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        reading::intervals(self, run, visit)
    }

    fn trial_intervals(
        &self,
        trial: TrialKey,
        visit: &mut dyn FnMut(StoredInterval),
    ) -> Result<(), StoreError> {
        reading::trial_intervals(self, trial, visit)
    }

    fn report(&self, run: RunId) -> Result<Option<CachedReport>, StoreError> {
        reading::report(self, run)
    }

    fn figures(&self, run: RunId) -> Result<Option<RunFigures>, StoreError> {
        figures::of_run(self, run)
    }

    fn baseline(&self, name: &BaselineName) -> Result<Option<Baseline>, StoreError> {
        baselines::one(self, name)
    }

    fn baselines(&self) -> Result<Vec<ListedBaseline>, StoreError> {
        baselines::list(self)
    }

    fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        reading::unfinished(self)
    }

    fn check(&self) -> Result<StoreCheck, StoreError> {
        reading::check(self)
    }

    fn check_run(&self, run: RunId) -> Result<(), StoreError> {
        reading::check_run(self, run).map(drop)
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        size_of(&self.directory).map_err(|error| {
            StoreError::from_io(format!("measure {}", self.directory.display()), &self.directory, error)
        })
    }
}

/// Bytes that a folder takes on disk, holes in files left out.
fn size_of(folder: &Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    /// The unit of `st_blocks`, whatever the file system's own block is.
    const BLOCK_BYTES: u64 = 512;
    let mut size_bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size_bytes +=
            if metadata.is_dir() { size_of(&entry.path())? } else { metadata.blocks() * BLOCK_BYTES };
    }
    Ok(size_bytes)
}
