//! The most important facts: whatever happens to the files, a run reads whole or is named as damaged.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use shared::run_report::Verdict;
use tempfile::TempDir;

use super::*;

/// Intervals of each run: enough for a few hundred KiB, so that flips hit all kinds of pages.
const INTERVALS: u64 = 120;
/// Flips of a byte somewhere in the database's file.
const FLIPS: u64 = 80;

/// A store with three finished runs, closed.
fn three_runs() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SledStore::open(directory.path()).unwrap();
    for number in 1..=3 {
        samples::finish(&mut store, number, INTERVALS);
    }
    drop(store);
    directory
}

/// Opens a copy of a store after `harm` was done to it, and asserts that each run is whole or named: by the
/// list (asked first, so that it cannot lean on the check), by reading it, and by the check. Says how many
/// runs were named.
fn assert_whole_or_named(pristine: &Path, what: &str, harm: impl FnOnce(&Path)) -> usize {
    let directory = tempfile::tempdir().unwrap();
    copy_folder(pristine, directory.path());
    harm(directory.path());
    let store = SledStore::open(directory.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let summaries = store.summaries(&SummaryFilter::default()).unwrap();
    let mut named = 0;
    for number in 1..=3 {
        let run = run_id(number);
        let summary = summaries.iter().find(|summary| summary.id == run);
        let summary = summary.unwrap_or_else(|| panic!("{what}: run {number} is not listed"));
        let read = samples::read_intervals(&store, run);
        let report = store.report(run);
        if summary.damage.is_none() {
            let expected = samples::sorted(samples::intervals(number, INTERVALS));
            assert!(
                read.unwrap_or_else(|error| panic!("{what}: {error}")) == expected,
                "{what}: run {number} changed"
            );
            assert_eq!(*summary, samples::summary(number), "{what}");
            assert_whole(&store, number, INTERVALS);
            continue;
        }
        named += 1;
        assert_eq!(
            (summary.name.as_str(), summary.submitted_at_ms),
            (format!("job-{number}").as_str(), number),
            "{what}"
        );
        assert_eq!((summary.verdict, summary.exit_code), (Verdict::Invalid, Some(3)), "{what}");
        assert!(matches!(read, Err(StoreError::Damaged(_))), "{what}: run {number} reads as {read:?}");
        assert!(matches!(report, Err(StoreError::Damaged(_))), "{what}: run {number} reports {report:?}");
        assert!(matches!(store.check_run(run), Err(StoreError::Damaged(_))), "{what}: run {number}");
    }
    let check = store.check().unwrap();
    let checked: std::collections::BTreeSet<_> =
        check.damage.iter().filter_map(|damage| damage.run).collect();
    assert_eq!(checked.len(), named, "{what}: {:?}", check.damage);
    named
}

fn flip(path: &Path, at: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

fn database_file(directory: &Path) -> PathBuf {
    directory.join("sled/db")
}

/// Places spread over a file by a fixed sequence, so that a failure can be had again.
fn places(seed: u64, count: u64, length: u64) -> Vec<u64> {
    let bytes = samples::noise(seed, count as usize * 8);
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().unwrap()) % length).collect()
}

/// How far the file holds anything at all: sled makes it longer in steps.
fn used_length(path: &Path) -> u64 {
    fs::read(path).unwrap().iter().rposition(|byte| *byte != 0).map_or(1, |last| last as u64 + 1)
}

#[test]
fn a_flipped_byte_never_makes_a_run_smaller() {
    let pristine = three_runs();
    let length = used_length(&database_file(pristine.path()));
    let mut named = 0;
    for (number, at) in places(1, FLIPS, length).into_iter().enumerate() {
        let what = format!("flip {number} at {at} of {length}");
        named += assert_whole_or_named(pristine.path(), &what, |copy| {
            flip(&database_file(copy), at, number as u8 % 8)
        });
    }
    assert!(named > 0, "not one of {FLIPS} flips hit anything: the test tests nothing");
}

#[test]
fn a_cut_database_never_makes_a_run_smaller() {
    let pristine = three_runs();
    let length = used_length(&database_file(pristine.path()));
    let mut lengths = vec![0, 1, length / 2, length / 4, length * 3 / 4, length - 1];
    lengths.extend(places(2, 10, length));
    let mut named = 0;
    for length in lengths {
        named += assert_whole_or_named(pristine.path(), &format!("cut at {length}"), |copy| {
            cut(&database_file(copy), length)
        });
    }
    assert!(named > 3, "cutting must hurt");
}

#[test]
fn zeroed_pages_never_make_a_run_smaller() {
    let pristine = three_runs();
    let length = used_length(&database_file(pristine.path()));
    for at in places(3, 16, length) {
        assert_whole_or_named(pristine.path(), &format!("zeroes at {at}"), |copy| {
            let file = OpenOptions::new().write(true).open(database_file(copy)).unwrap();
            file.write_all_at(&[0; 4096], at / 4096 * 4096).unwrap();
        });
    }
}

#[test]
fn damage_beside_the_database_file_never_makes_a_run_smaller() {
    let pristine = three_runs();
    // Opened once more, so that there is a snapshot that matters.
    drop(SledStore::open(pristine.path()).unwrap());
    let others: Vec<PathBuf> =
        fs::read_dir(pristine.path().join("sled")).unwrap().map(|entry| entry.unwrap().path()).collect();
    for path in others.iter().filter(|path| path.is_file() && !path.ends_with("db")) {
        let (name, length) = (path.file_name().unwrap(), fs::metadata(path).unwrap().len());
        for at in places(4, 8, length) {
            let what = format!("flip at {at} of {}", name.display());
            let harm = |copy: &Path| flip(&copy.join("sled").join(name), at, at as u8 % 8);
            let named = assert_whole_or_named(pristine.path(), &what, harm);
            let is_snapshot = name.to_string_lossy().starts_with("snap.");
            assert!(named == 0 || !is_snapshot, "{what}: sled can do without its snapshots");
        }
        for length in [0, length / 2] {
            let what = format!("{} cut at {length}", name.display());
            assert_whole_or_named(pristine.path(), &what, |copy| cut(&copy.join("sled").join(name), length));
        }
        let what = format!("{} gone", name.display());
        assert_whole_or_named(pristine.path(), &what, |copy| {
            fs::remove_file(copy.join("sled").join(name)).unwrap()
        });
    }
}

#[test]
fn a_lost_database_names_every_run() {
    let pristine = three_runs();
    let named = assert_whole_or_named(pristine.path(), "no folder", |copy| {
        fs::remove_dir_all(copy.join("sled")).unwrap()
    });
    assert_eq!(named, 3);
}

#[test]
fn a_flipped_byte_of_the_ledger_never_loses_a_run() {
    let pristine = three_runs();
    let path = |directory: &Path| directory.join(crate::store::ledger::FILE_NAME);
    let length = fs::metadata(path(pristine.path())).unwrap().len();
    for at in places(5, 60, length) {
        let directory = tempfile::tempdir().unwrap();
        copy_folder(pristine.path(), directory.path());
        flip(&path(directory.path()), at, at as u8 % 8);
        let store = SledStore::open(directory.path()).unwrap();
        assert_eq!(store.runs().unwrap(), [1, 2, 3].map(run_id), "flip at {at}");
        let damage = store.check().unwrap().damage;
        let is_last_line_s_end = at == length - 1;
        assert_eq!(damage.is_empty(), is_last_line_s_end, "flip at {at}: {damage:?}");
        (1..=3).for_each(|number| assert_whole(&store, number, INTERVALS));
    }
}

#[test]
fn a_cut_or_lost_ledger_never_loses_a_run() {
    let pristine = three_runs();
    let path = |directory: &Path| directory.join(crate::store::ledger::FILE_NAME);
    let length = fs::metadata(path(pristine.path())).unwrap().len();
    for at in places(6, 20, length).into_iter().chain([0]) {
        assert_whole_or_named(pristine.path(), &format!("ledger cut at {at}"), |copy| cut(&path(copy), at));
    }
    let named =
        assert_whole_or_named(pristine.path(), "ledger gone", |copy| fs::remove_file(path(copy)).unwrap());
    assert_eq!(named, 3);
}

#[test]
fn compacting_takes_up_runs_that_the_ledger_has_forgotten() {
    let pristine = three_runs();
    fs::remove_file(pristine.path().join(crate::store::ledger::FILE_NAME)).unwrap();
    let mut store = SledStore::open(pristine.path()).unwrap();
    assert_eq!(store.check().unwrap().damage.len(), 3);
    store.compact().unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    (1..=3).for_each(|number| assert_whole(&store, number, INTERVALS));
}

#[test]
fn a_damaged_run_can_be_removed() {
    let pristine = three_runs();
    fs::remove_dir_all(pristine.path().join("sled")).unwrap();
    let mut store = SledStore::open(pristine.path()).unwrap();
    for number in 1..=3 {
        store.remove_run(run_id(number)).unwrap();
    }
    assert_eq!(store.check().unwrap(), StoreCheck::default());
}
