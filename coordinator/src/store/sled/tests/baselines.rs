//! Whatever happens to the files, a baseline reads as it was set or is named as damaged.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use shared::baseline::Baseline;
use tempfile::TempDir;

use super::*;

/// Flips of a byte somewhere in a file.
const FLIPS: u64 = 60;

/// Large enough for several chunks.
fn main_line() -> Baseline {
    samples::baseline("main", &(1..=80).collect::<Vec<_>>())
}

fn two_baselines() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SledStore::open(directory.path()).unwrap();
    store.save_baseline(&main_line()).unwrap();
    store.save_baseline(&samples::baseline("nightly", &[1])).unwrap();
    drop(store);
    directory
}

/// Opens a copy after `harm` was done to it; says how many baselines were named as damaged.
fn assert_whole_or_named(pristine: &Path, what: &str, harm: impl FnOnce(&Path)) -> usize {
    let directory = tempfile::tempdir().unwrap();
    copy_folder(pristine, directory.path());
    harm(directory.path());
    let store = SledStore::open(directory.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let listed = store.baselines().unwrap();
    let mut named = 0;
    for expected in [main_line(), samples::baseline("nightly", &[1])] {
        let found = listed.iter().find(|listed| listed.name == expected.name);
        let found = found.unwrap_or_else(|| panic!("{what}: {} is not listed", expected.name));
        match (&found.baseline, store.baseline(&expected.name)) {
            (Some(whole), Ok(Some(read))) => assert!(*whole == expected && read == expected, "{what}"),
            (None, Err(StoreError::DamagedBaseline { .. })) => named += 1,
            (listed, read) => panic!("{what}: listed as {listed:?}, read as {read:?}"),
        }
    }
    let damage = store.check().unwrap().damage;
    let told = damage.iter().filter(|damage| damage.what.starts_with("baseline ")).count();
    assert_eq!(told, named, "{what}: {damage:?}");
    named
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

#[test]
fn a_flipped_byte_never_changes_a_baseline() {
    let pristine = two_baselines();
    let file = |directory: &Path| directory.join("sled/db");
    let bytes = fs::read(file(pristine.path())).unwrap();
    let length = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let mut named = 0;
    for number in 0..FLIPS {
        let at = length * number / FLIPS;
        named +=
            assert_whole_or_named(pristine.path(), &format!("flip at {at}"), |copy| flip(&file(copy), at));
    }
    assert!(named > 0, "not one of {FLIPS} flips hit anything: the test tests nothing");
}

#[test]
fn a_lost_database_names_every_baseline_and_setting_one_heals_it() {
    let pristine = two_baselines();
    let lose = |copy: &Path| fs::remove_dir_all(copy.join("sled")).unwrap();
    assert_eq!(assert_whole_or_named(pristine.path(), "no folder", lose), 2);
    lose(pristine.path());
    let mut store = SledStore::open(pristine.path()).unwrap();
    store.save_baseline(&samples::baseline("nightly", &[2])).unwrap();
    store.remove_baseline(&samples::baseline_name("main")).unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_eq!(store.baselines().unwrap().len(), 1);
}

#[test]
fn a_lost_ledger_names_every_baseline() {
    let pristine = two_baselines();
    let named = assert_whole_or_named(pristine.path(), "ledger gone", |copy| {
        fs::remove_file(copy.join(crate::store::ledger::FILE_NAME)).unwrap();
    });
    assert_eq!(named, 2);
}

#[test]
fn a_baseline_cut_off_while_it_is_set_is_the_old_one_or_the_new_one() {
    let pristine = two_baselines();
    let path = pristine.path().join(crate::store::ledger::FILE_NAME);
    let before = fs::read(&path).unwrap();
    let mut store = SledStore::open(pristine.path()).unwrap();
    store.save_baseline(&samples::baseline("nightly", &[9])).unwrap();
    drop(store);
    // The intent alone: its fact is what a crash takes.
    let after = fs::read(&path).unwrap();
    let intent = after[before.len()..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&path, &after[..before.len() + intent]).unwrap();
    let store = SledStore::open(pristine.path()).unwrap();
    let found = store.baseline(&samples::baseline_name("nightly")).unwrap();
    assert_eq!(found, Some(samples::baseline("nightly", &[9])));
    assert_eq!(store.check().unwrap().damage, []);
}
