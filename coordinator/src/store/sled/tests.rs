//! Facts about the provider on disk: the conformance suite, locks, crashes, and above all damage.

mod baselines;
mod damage;
mod full_disk;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::keys::Row;
use super::*;
use crate::store::conformance::{Fixture, assert_whole, conformance};
use crate::store::ledger::{Birth, Event};
use crate::store::samples::{self, run_id};

/// A store in a directory that goes away with it.
struct OnDisk {
    store: Option<SledStore>,
    directory: TempDir,
}

impl Fixture for OnDisk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { store: Some(SledStore::open(directory.path()).unwrap()), directory }
    }

    fn store(&mut self) -> &mut dyn ResultStore {
        self.store.as_mut().unwrap()
    }

    /// What is in the files at this moment is all that a killed process leaves behind.
    fn crash(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.directory.path(), copy.path());
        self.store = None;
        self.directory = copy;
        self.store = Some(SledStore::open(self.directory.path()).unwrap());
    }
}

conformance!(OnDisk);

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.metadata().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_store_is_held_by_one_at_a_time() {
    let mut fixture = OnDisk::new();
    let second = SledStore::open(fixture.directory.path());
    assert!(matches!(second, Err(StoreError::Locked { .. })), "{second:?}");
    fixture.store = None;
    SledStore::open(fixture.directory.path()).unwrap();
}

#[test]
fn no_value_lies_in_a_file_of_its_own() {
    let mut fixture = OnDisk::new();
    samples::create(fixture.store(), 1);
    for batch in samples::intervals(1, 600).chunks_mut(20) {
        batch.iter_mut().for_each(|interval| interval.bytes = samples::noise(interval.sequence.0, 100_000));
        fixture.store().append(batch).unwrap();
        fixture.store().commit().unwrap();
    }
    let blobs = fs::read_dir(fixture.directory.path().join("sled/blobs")).unwrap().count();
    assert_eq!(blobs, 0, "sled never syncs such files");
}

#[test]
fn a_run_whose_creation_was_interrupted_is_there_or_was_never_there() {
    let fixture = OnDisk::new();
    let mut store = fixture.store.unwrap();
    samples::create(&mut store, 1);
    drop(store);
    let mut ledger = Ledger::open(fixture.directory.path()).unwrap();
    let birth = || Birth { name: samples::record(1).name, submitted_at_ms: 1 };
    ledger.append(run_id(1), Event::Removed).unwrap();
    ledger.append(run_id(1), Event::Creating(birth())).unwrap();
    ledger.append(run_id(2), Event::Creating(birth())).unwrap();
    drop(ledger);
    let store = SledStore::open(fixture.directory.path()).unwrap();
    assert_eq!(store.runs().unwrap(), [run_id(1)]);
    assert_eq!(store.check().unwrap().damage, []);
}

#[test]
fn a_run_whose_end_was_interrupted_is_finished_if_the_database_has_its_end() {
    let fixture = OnDisk::new();
    let mut store = fixture.store.unwrap();
    samples::finish(&mut store, 1, 10);
    drop(store);
    let path = fixture.directory.path().join(crate::store::ledger::FILE_NAME);
    let text = fs::read_to_string(&path).unwrap();
    let kept: String =
        text.lines().filter(|line| !line.contains(" finished ")).map(|line| format!("{line}\n")).collect();
    fs::write(&path, kept).unwrap();
    let store = SledStore::open(fixture.directory.path()).unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_whole(&store, 1, 10);
}

#[test]
fn a_removal_that_was_interrupted_is_brought_to_its_end() {
    let fixture = OnDisk::new();
    let mut store = fixture.store.unwrap();
    samples::finish(&mut store, 1, 10);
    drop(store);
    let mut ledger = Ledger::open(fixture.directory.path()).unwrap();
    ledger.append(run_id(1), Event::Removing).unwrap();
    drop(ledger);
    let store = SledStore::open(fixture.directory.path()).unwrap();
    assert_eq!(store.runs().unwrap(), []);
    assert_eq!(store.check().unwrap(), StoreCheck::default());
}

/// Writes intervals into a row of a closed store, as an interrupted replacement leaves them.
fn leave_in_row(directory: &Path, row: Row, count: u64) {
    let database = Database::open(&directory.join(opening::DATABASE)).unwrap();
    writing::append_to(&database, row, &samples::intervals(1, count)).unwrap();
    database.flush().unwrap();
}

fn count_in_row(store: &SledStore, row: Row) -> usize {
    store
        .with_database(|database| Ok::<_, Fault>(values::intervals(database, run_id(1), row).count()))
        .unwrap()
}

#[test]
fn a_replacement_that_was_interrupted_leaves_the_old_run_or_the_new_one() {
    let fixture = OnDisk::new();
    let mut store = fixture.store.unwrap();
    let directory = fixture.directory.path();
    let ledger_path = directory.join(crate::store::ledger::FILE_NAME);
    samples::finish(&mut store, 1, 40);
    let finished = fs::read_to_string(&ledger_path).unwrap();
    store.replace_intervals(run_id(1), samples::intervals(1, 6)).unwrap();
    let replaced = fs::read_to_string(&ledger_path).unwrap();
    let last_lines: Vec<&str> = replaced[finished.len()..].lines().collect();
    assert!(last_lines[0].contains(" replacing ") && last_lines[1].contains(" finished "));
    drop(store);

    // After the manifest was written: the new one, whose predecessor is cleared away.
    leave_in_row(directory, Row::First, 25);
    fs::write(&ledger_path, format!("{finished}{}\n", last_lines[0])).unwrap();
    let mut store = SledStore::open(directory).unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_whole(&store, 1, 6);
    assert_eq!((count_in_row(&store, Row::First), count_in_row(&store, Row::Second)), (0, 6));

    // Before it was written: the old one, and nothing of what was to follow.
    let settled = fs::read_to_string(&ledger_path).unwrap();
    store.replace_intervals(run_id(1), samples::intervals(1, 9)).unwrap();
    store.replace_intervals(run_id(1), samples::intervals(1, 6)).unwrap();
    drop(store);
    let next = fs::read_to_string(&ledger_path).unwrap()[settled.len()..].lines().next().unwrap().to_owned();
    leave_in_row(directory, Row::First, 4);
    fs::write(&ledger_path, format!("{settled}{next}\n")).unwrap();
    let store = SledStore::open(directory).unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_whole(&store, 1, 6);
    assert_eq!((count_in_row(&store, Row::First), count_in_row(&store, Row::Second)), (0, 6));
}

#[test]
fn a_compaction_that_was_interrupted_changes_nothing() {
    let fixture = OnDisk::new();
    let mut store = fixture.store.unwrap();
    samples::finish(&mut store, 1, 10);
    drop(store);
    let directory = fixture.directory.path();
    fs::create_dir(directory.join(opening::COMPACTING)).unwrap();
    fs::rename(directory.join(opening::DATABASE), directory.join(opening::REPLACED)).unwrap();
    let store = SledStore::open(directory).unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_whole(&store, 1, 10);
    assert!(!directory.join(opening::COMPACTING).exists());
}

#[test]
fn a_snapshot_that_was_interrupted_costs_nothing() {
    let fixture = OnDisk::new();
    let mut store = fixture.store.unwrap();
    samples::finish(&mut store, 1, 10);
    drop(store);
    let leftover = fixture.directory.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating");
    fs::write(leftover, b"half of a snapshot").unwrap();
    let store = SledStore::open(fixture.directory.path()).unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_whole(&store, 1, 10);
}

#[test]
fn compacting_gives_back_what_removed_runs_took() {
    let mut fixture = OnDisk::new();
    samples::finish(fixture.store(), 1, 10);
    for number in 2..=8 {
        samples::finish(fixture.store(), number, 400);
        fixture.store().remove_run(run_id(number)).unwrap();
    }
    let compaction = fixture.store().compact().unwrap();
    assert!(compaction.size_bytes_after * 2 < compaction.size_bytes_before, "{compaction:?}");
    assert_whole(fixture.store(), 1, 10);
}
