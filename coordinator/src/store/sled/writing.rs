//! The half of the trait that changes something.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::RunId;
use shared::run_record::{RunRecord, RunSummary};

use crate::store::envelope::PAYLOAD_BYTES_MAX;
use crate::store::error::StoreError;
use crate::store::ledger::{Birth, Ending, Event};
use crate::store::manifest::{Digest, Manifest};
use crate::store::{CachedReport, INTERVAL_BYTES_MAX, StoredInterval, check_files, within};

use super::database::{Database, Fault, Shelf, Writes};
use super::keys::{Kind, Row, ValueKey};
use super::{SledStore, opening, values, verify};

/// Bytes of intervals applied together: two segments of sled's log, which keeps all of them in memory until the last
/// is there.
const WRITES_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn create_run(
    store: &mut SledStore,
    record: &RunRecord,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), StoreError> {
    let run = record.id;
    if store.known(run).is_ok() {
        return Err(StoreError::AlreadyExists(run));
    }
    check_files(record, files)?;
    let json = values::to_json(record, "the run's record")?;
    require_room(store, json.len() + files.values().map(Vec::len).sum::<usize>())?;
    let birth = Birth { name: record.name.clone(), submitted_at_ms: record.submitted_at_ms };
    note(store, run, Event::Creating(birth.clone()))?;
    store.write(&format!("create run {run}"), |database| {
        // A removed run's last pages may still lie there, and must not become part of this one.
        values::remove_run(database, Shelf::Intervals, run)?;
        values::remove_run(database, Shelf::Runs, run)?;
        let mut writes = Writes::default();
        for (path, content) in files {
            values::put(database, Shelf::Runs, &mut writes, ValueKey::of_file(run, path), content)?;
        }
        values::put(database, Shelf::Runs, &mut writes, ValueKey::of_run(run, Kind::Record), &json)?;
        database.apply(Shelf::Runs, writes)?;
        database.flush()
    })?;
    note(store, run, Event::Created(birth))
}

pub(super) fn save_run(store: &mut SledStore, record: &RunRecord) -> Result<(), StoreError> {
    let run = record.id;
    require_open(store, run)?;
    let json = values::to_json(record, "the run's record")?;
    store.write(&format!("save run {run}"), |database| {
        let mut writes = Writes::default();
        values::put(database, Shelf::Runs, &mut writes, ValueKey::of_run(run, Kind::Record), &json)?;
        database.apply(Shelf::Runs, writes)?;
        database.flush()
    })
}

pub(super) fn save_file(
    store: &mut SledStore,
    run: RunId,
    path: &str,
    content: &[u8],
) -> Result<(), StoreError> {
    require_open(store, run)?;
    within(content, PAYLOAD_BYTES_MAX, "a file")?;
    require_room(store, content.len())?;
    store.write(&format!("store a file of run {run}"), |database| {
        let mut writes = Writes::default();
        values::put(database, Shelf::Runs, &mut writes, ValueKey::of_file(run, path), content)?;
        database.apply(Shelf::Runs, writes)?;
        database.flush()
    })
}

pub(super) fn append(store: &mut SledStore, batch: &[StoredInterval]) -> Result<(), StoreError> {
    for interval in batch {
        require_open(store, interval.trial.run)?;
        within(&interval.bytes, INTERVAL_BYTES_MAX, "an interval")?;
    }
    require_room(store, batch.iter().map(|interval| interval.bytes.len()).sum())?;
    store.write("append intervals", |database| append_to(database, Row::First, batch))?;
    store.has_uncommitted = true;
    Ok(())
}

/// Applies intervals to a row of their runs, not yet durably. Each writing of sled's log is waited for, so many
/// intervals share one.
pub(super) fn append_to(database: &Database, row: Row, batch: &[StoredInterval]) -> Result<(), Fault> {
    let mut writes = Writes::default();
    let mut keys = BTreeSet::new();
    let mut size_bytes = 0;
    for interval in batch {
        let key = ValueKey::of_interval(row, interval.trial, interval.agent, interval.sequence);
        // What replaces an earlier one must find it in the database, to take away what is left of it.
        if size_bytes >= WRITES_BYTES_MAX || !keys.insert(key) {
            database.apply(Shelf::Intervals, std::mem::take(&mut writes))?;
            keys = BTreeSet::from([key]);
            size_bytes = 0;
        }
        values::put(database, Shelf::Intervals, &mut writes, key, &interval.bytes)?;
        size_bytes += interval.bytes.len();
    }
    database.apply(Shelf::Intervals, writes)
}

pub(super) fn commit(store: &mut SledStore) -> Result<(), StoreError> {
    if let Some(error) = store.lost.take() {
        store.has_uncommitted = false;
        return Err(error);
    }
    if !store.has_uncommitted {
        return Ok(());
    }
    // A failed flush loses what was appended; its error is the answer, so that it is not kept for the next commit.
    let flushed = store.write("commit intervals", Database::flush);
    store.lost = None;
    store.has_uncommitted = false;
    flushed
}

pub(super) fn finish_run(
    store: &mut SledStore,
    record: &RunRecord,
    summary: &RunSummary,
    report: &CachedReport,
) -> Result<(), StoreError> {
    let run = record.id;
    require_open(store, run)?;
    let record_json = values::to_json(record, "the run's record")?;
    let summary_json = values::to_json(summary, "the run's summary")?;
    let report = encode_report(report)?;
    commit(store)?;
    let manifest = Manifest {
        intervals: store.read(run, |database| verify::tally(database, run))?,
        record_sha256: Digest::of(&record_json),
        summary_sha256: Digest::of(&summary_json),
        is_on_second_row: false,
    };
    let manifest_json = values::to_json(&manifest, "the run's manifest")?;
    let ending = Ending { manifest_sha256: Digest::of(&manifest_json), intervals: manifest.intervals };
    note(store, run, Event::Finishing(ending))?;
    store.write(&format!("finish run {run}"), |database| {
        let mut writes = Writes::default();
        let parts = [
            (Kind::Record, &record_json),
            (Kind::Summary, &summary_json),
            (Kind::Report, &report),
            (Kind::Manifest, &manifest_json),
        ];
        for (kind, payload) in parts {
            values::put(database, Shelf::Runs, &mut writes, ValueKey::of_run(run, kind), payload)?;
        }
        database.apply(Shelf::Runs, writes)?;
        database.flush()
    })?;
    note(store, run, Event::Finished(ending))
}

pub(super) fn save_report(
    store: &mut SledStore,
    run: RunId,
    report: &CachedReport,
) -> Result<(), StoreError> {
    let is_finished = store.known(run)?.is_some_and(|entry| entry.standing.is_finished());
    if !is_finished {
        return Err(StoreError::UnknownRun(run.to_string()));
    }
    let report = encode_report(report)?;
    store.write(&format!("save the report of run {run}"), |database| {
        let mut writes = Writes::default();
        values::put(database, Shelf::Runs, &mut writes, ValueKey::of_run(run, Kind::Report), &report)?;
        database.apply(Shelf::Runs, writes)?;
        database.flush()
    })
}

pub(super) fn remove_run(store: &mut SledStore, run: RunId) -> Result<(), StoreError> {
    store.known(run)?;
    note(store, run, Event::Removing)?;
    store.strays.remove(&run);
    store.examined.borrow_mut().remove(&run);
    let removed = store
        .database
        .borrow()
        .as_ref()
        .map(|database| opening::finish_removal(database, &mut store.ledger, run));
    if let Some(Err(_)) = removed {
        store.database.replace(None);
    }
    // The intent is on disk, and nobody sees the run any more: what could not be taken away now goes when the
    // store is opened next.
    Ok(())
}

fn encode_report(report: &CachedReport) -> Result<Vec<u8>, StoreError> {
    let payload = values::encode_report(report);
    within(&payload, PAYLOAD_BYTES_MAX, "the run's report")?;
    Ok(payload)
}

/// Writes a line of the ledger.
pub(super) fn note(store: &mut SledStore, run: RunId, event: Event) -> Result<(), StoreError> {
    store.ledger.append(run, event).map_err(|error| {
        StoreError::from_io(
            format!("write the ledger of {}", store.directory.display()),
            &store.directory,
            error,
        )
    })
}

/// Refuses runs that are not there or are over.
fn require_open(store: &SledStore, run: RunId) -> Result<(), StoreError> {
    match store.known(run)? {
        Some(entry) if entry.standing.is_finished() => Err(StoreError::Over(run)),
        Some(_) => Ok(()),
        None => Err(StoreError::damaged(run, "the ledger does not name it")),
    }
}

/// Refuses to write on a disk that is about to be full: sled does not survive a write that fails.
pub(super) fn require_room(store: &SledStore, size_bytes: usize) -> Result<(), StoreError> {
    let disk = rustix::fs::statvfs(&store.directory).map_err(|error| {
        StoreError::from_io(
            format!("measure the disk of {}", store.directory.display()),
            &store.directory,
            error.into(),
        )
    })?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    if store.headroom_bytes > 0 && free_bytes < store.headroom_bytes.saturating_add(size_bytes as u64) {
        return Err(StoreError::Full { directory: store.directory.clone() });
    }
    Ok(())
}
