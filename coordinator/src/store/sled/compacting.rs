//! Compacting: the store written anew, without what was removed and without what sled keeps of its past.

use std::collections::BTreeMap;
use std::fs;

use shared::ids::{BaselineName, RunId};

use crate::store::error::StoreError;
use crate::store::ledger::{Birth, Entry, Standing, sync_directory};
use crate::store::{Compaction, ResultStore as _};

use super::database::{Database, Fault, Shelf, Writes};
use super::{SledStore, baselines, error_of, is_visible, opening, reading, verify};

/// Chunks copied at once: with chunks of 6 KiB, one and a half MiB.
const BATCH_CHUNKS: usize = 256;

pub(super) fn compact(store: &mut SledStore) -> Result<Compaction, StoreError> {
    let size_bytes_before = store.size_on_disk()?;
    super::writing::commit(store)?;
    let directory = store.directory.clone();
    let doing = format!("compact the store at {}", directory.display());
    let failed = |error| StoreError::from_io(doing.clone(), &directory, error);
    let fresh = directory.join(opening::COMPACTING);
    let entries = surviving_entries(store);
    let runs = reading::runs(store);
    let listed = baselines::list(store)?;
    let names: Vec<BaselineName> = listed.into_iter().map(|listed| listed.name).collect();
    let copied = store.with_database(|from| copy(from, &Database::open(&fresh)?, &runs, &names));
    if let Err(fault) = copied {
        // What could not be written whole is of no use; the store itself was only read.
        drop(fs::remove_dir_all(&fresh));
        return Err(error_of(&directory, &doing, fault));
    }
    store.database.replace(None);
    let (database, replaced) = (directory.join(opening::DATABASE), directory.join(opening::REPLACED));
    fs::rename(&database, &replaced).map_err(failed)?;
    fs::rename(&fresh, &database).map_err(failed)?;
    sync_directory(&directory).map_err(failed)?;
    store.ledger.rewrite(entries).map_err(failed)?;
    store.strays.retain(|run| store.ledger.entry(*run).is_none());
    store.examined.borrow_mut().clear();
    fs::remove_dir_all(&replaced).map_err(failed)?;
    Ok(Compaction { size_bytes_before, size_bytes_after: store.size_on_disk()? })
}

fn copy(from: &Database, to: &Database, runs: &[RunId], names: &[BaselineName]) -> Result<(), Fault> {
    for shelf in [Shelf::Runs, Shelf::Intervals] {
        for run in runs {
            let mut scan = from.scan(shelf, run.as_bytes()).peekable();
            while scan.peek().is_some() {
                let mut writes = Writes::default();
                for entry in scan.by_ref().take(BATCH_CHUNKS) {
                    let (key, chunk) = entry?;
                    writes.put_chunk(&key, &chunk);
                }
                to.apply(shelf, writes)?;
            }
        }
    }
    baselines::copy(from, to, names)?;
    to.flush()
}

/// What the new ledger says: what the old one says, and runs that it has forgotten but that are whole by
/// their own manifest.
fn surviving_entries(store: &SledStore) -> BTreeMap<RunId, Entry> {
    let visible = store.ledger.entries().iter().filter(|(_, entry)| is_visible(entry));
    let mut entries: BTreeMap<RunId, Entry> = visible.map(|(run, entry)| (*run, entry.clone())).collect();
    for run in reading::runs(store) {
        if entries.get(&run).is_some_and(|entry| entry.standing.is_finished()) {
            continue;
        }
        if let Some(entry) = finished_by_itself(store, run) {
            entries.insert(run, entry);
        }
    }
    entries
}

/// The entry of a run whose manifest is there and fits all that it names.
fn finished_by_itself(store: &SledStore, run: RunId) -> Option<Entry> {
    store
        .read(run, |database| {
            let Some(ending) = verify::ending_in(database, run)? else {
                return Ok(None);
            };
            verify::examine_finished(database, run, ending, &mut |_| std::ops::ControlFlow::Continue(()))?;
            let (record, _) = verify::read_record(database, run)?;
            let birth = Birth { name: record.name, submitted_at_ms: record.submitted_at_ms };
            Ok(Some(Entry { birth: Some(birth), standing: Standing::Finished(ending) }))
        })
        .ok()
        .flatten()
}
