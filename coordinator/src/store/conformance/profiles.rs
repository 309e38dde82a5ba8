//! Facts about files that are stored with a run while it goes on.

use super::Fixture;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};
use crate::store::{ResultStore, StoreError, transfer};

/// Longer than one chunk of any store.
const LENGTH: usize = 40_000;

pub(crate) fn what_a_profiler_wrote_is_stored_and_moved_with_its_run<F: Fixture>() {
    let mut fixture = F::new();
    let content = samples::noise(9, LENGTH);
    samples::create(fixture.store(), 1);
    let (running, path) = samples::profiled(samples::record(1), &content);
    fixture.store().save_file(run_id(1), &path, b"an earlier try").unwrap();
    fixture.store().save_file(run_id(1), &path, &content).unwrap();
    fixture.store().save_run(&running).unwrap();
    fixture.crash();
    assert_eq!(fixture.store().file(run_id(1), &path).unwrap(), content);
    let (finished, _) = samples::profiled(samples::finished_record(1), &content);
    fixture.store().finish_run(&finished, &samples::summary(1), &samples::report(1)).unwrap();
    let late = fixture.store().save_file(run_id(1), &path, b"late");
    assert!(matches!(late, Err(StoreError::Over(_))), "{late:?}");
    fixture.crash();
    let store = fixture.store();
    store.compact().unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_eq!(store.file(run_id(1), &path).unwrap(), content);
    let mut stream = Vec::new();
    transfer::export(store, &mut stream).unwrap();
    let mut elsewhere = MemoryStore::new();
    transfer::import(&mut elsewhere, &mut stream.as_slice()).unwrap();
    assert_eq!(elsewhere.file(run_id(1), &path).unwrap(), content);
    store.remove_run(run_id(1)).unwrap();
    assert!(store.file(run_id(1), &path).is_err());
}

pub(crate) fn a_file_of_an_unknown_run_is_refused<F: Fixture>() {
    let saved = F::new().store().save_file(run_id(1), "x", b"y");
    assert!(matches!(saved, Err(StoreError::UnknownRun(_))), "{saved:?}");
}
