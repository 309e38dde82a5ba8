//! Opening a store: one process at a time, whatever state the files are in.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use shared::ids::RunId;

use crate::store::error::StoreError;
use crate::store::ledger::{Birth, Event, Ledger, Standing, sync_directory};

use super::database::{Database, Fault, Shelf, hide_snapshots};
use super::keys::{self, KEY_BYTES};
use super::values::{self, Trouble};
use super::{replacing, verify};

/// The database's folder.
pub(super) const DATABASE: &str = "sled";
/// A compaction that has not come to its end.
pub(super) const COMPACTING: &str = "sled.compacting";
/// What a compaction replaces.
pub(super) const REPLACED: &str = "sled.replaced";
/// Folders that sled could not open begin like this; a number follows.
const SET_ASIDE: &str = "sled.damaged-";
const LOCK: &str = "lock";
/// Most folders set aside; a disk that damages more often than that wants no fleetmark but a new disk.
const SET_ASIDE_MAX: u32 = 1_000;

/// Takes the lock that keeps other processes out. It is held as long as the file is open.
///
/// # Errors
/// [`StoreError::Locked`].
pub(super) fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK);
    let doing = || format!("lock {}", path.display());
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| StoreError::from_io(doing(), directory, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(StoreError::from_io(doing(), directory, error)),
    }
}

/// Finishes or undoes what a crash left of a compaction.
///
/// # Errors
/// When a folder can be neither renamed nor removed.
pub(super) fn clear_leftovers(directory: &Path) -> io::Result<()> {
    let (database, replaced) = (directory.join(DATABASE), directory.join(REPLACED));
    if !database.exists() && replaced.exists() {
        fs::rename(&replaced, &database)?;
        sync_directory(directory)?;
    }
    for leftover in [replaced, directory.join(COMPACTING)] {
        if leftover.exists() {
            fs::remove_dir_all(leftover)?;
        }
    }
    Ok(())
}

/// Opens the database. Where sled cannot, it is given another try without its snapshots, and then the database
/// is set aside and an empty one takes its place: the ledger names every run that is lost.
///
/// # Errors
/// When the disk is full or the operating system refuses.
pub(super) fn open_database(directory: &Path) -> Result<Database, Fault> {
    let folder = directory.join(DATABASE);
    let opened = match Database::open(&folder) {
        Err(Fault::Corrupt(_)) if hide_snapshots(&folder)? => Database::open(&folder),
        opened => opened,
    };
    match opened {
        Err(Fault::Corrupt(reason)) => {
            let aside = set_aside(directory)?;
            tracing::error!(
                reason,
                aside = %aside.display(),
                "the store's database is damaged and was set aside; `fleetmark store check` names what is lost"
            );
            Database::open(&folder)
        }
        opened => opened,
    }
}

/// Folders that were set aside and are still there.
///
/// # Errors
/// When the directory cannot be listed.
pub(super) fn folders_set_aside(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(SET_ASIDE) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn set_aside(directory: &Path) -> io::Result<PathBuf> {
    let free = (1..=SET_ASIDE_MAX)
        .map(|number| directory.join(format!("{SET_ASIDE}{number}")))
        .find(|path| !path.exists());
    let aside = free.ok_or_else(|| {
        io::Error::other(format!(
            "{SET_ASIDE_MAX} damaged databases lie in {}; remove some",
            directory.display()
        ))
    })?;
    fs::rename(directory.join(DATABASE), &aside)?;
    sync_directory(directory)?;
    Ok(aside)
}

/// Brings to its end what a crash interrupted between an intent and its fact.
///
/// # Errors
/// When the ledger or the database cannot be written.
pub(super) fn settle(database: &Database, ledger: &mut Ledger) -> Result<(), Fault> {
    let open: Vec<(RunId, Option<Birth>, Standing)> = ledger
        .entries()
        .iter()
        .filter(|(_, entry)| !matches!(entry.standing, Standing::Created | Standing::Finished(_)))
        .map(|(run, entry)| (*run, entry.birth.clone(), entry.standing.clone()))
        .collect();
    for (run, birth, standing) in open {
        match (standing, birth) {
            (Standing::Creating, Some(birth)) => match verify::read_record(database, run) {
                Ok(_) => ledger.append(run, Event::Created(birth))?,
                // Nobody was told of it.
                Err(Trouble::Damage(_) | Trouble::Newer(_)) => ledger.append(run, Event::Removed)?,
                Err(Trouble::Fault(fault)) => return Err(fault),
            },
            (Standing::Finishing(ending), _) => {
                if matches!(verify::ending_in(database, run), Ok(Some(found)) if found == ending) {
                    ledger.append(run, Event::Finished(ending))?;
                }
            }
            (Standing::Replacing { from, to }, _) => replacing::settle(database, ledger, run, from, to)?,
            (Standing::Removing, _) => finish_removal(database, ledger, run)?,
            _ => {}
        }
    }
    Ok(())
}

/// Takes a run out of the database and then out of the ledger. Pages that cannot be read stay until the
/// store is compacted, and are ignored.
///
/// # Errors
/// When the ledger or the database cannot be written.
pub(super) fn finish_removal(database: &Database, ledger: &mut Ledger, run: RunId) -> Result<(), Fault> {
    for shelf in [Shelf::Intervals, Shelf::Runs] {
        match values::remove_run(database, shelf, run) {
            Ok(()) | Err(Fault::Corrupt(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    database.flush()?;
    Ok(ledger.append(run, Event::Removed)?)
}

/// All runs of which the database has anything, and how many keys are none of fleetmark's.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn runs_in(database: &Database) -> Result<(BTreeSet<RunId>, u64), Fault> {
    let (mut runs, mut strange_keys) = (BTreeSet::new(), 0);
    for shelf in [Shelf::Runs, Shelf::Intervals] {
        let mut from = Vec::new();
        while let Some(key) = database.first_key_from(shelf, &from)? {
            match keys::run_of(&key) {
                Some(run) if key.len() == KEY_BYTES => {
                    runs.insert(run);
                    from = keys::after_run(run).to_vec();
                }
                _ => {
                    strange_keys += 1;
                    from = key;
                }
            }
            // The smallest key above this one.
            from.push(0);
        }
    }
    Ok((runs, strange_keys))
}
