//! Replacing the intervals of a finished run: new ones beside the old, then a manifest that speaks of them, then the
//! old ones away. The ledger tells what was under way, so that a crash leaves either the old run or the new one.
//!
//! ```text
//! ledger: replacing ─► new intervals in the free row ─► new manifest ─► old row emptied ─► ledger: finished
//!                      └──── a crash here: the old run ───────┘└──── and here: the new one ────┘
//! ```

use shared::ids::RunId;

use crate::store::error::StoreError;
use crate::store::ledger::{Ending, Event, Ledger, Standing};
use crate::store::manifest::{Digest, Manifest, TallyMaker};
use crate::store::{StoredInterval, in_key_order};

use super::database::{Database, Fault, Shelf, Writes};
use super::keys::{Kind, Row, ValueKey};
use super::values::{self, Trouble};
use super::writing::{append_to, note, require_room};
use super::{SledStore, verify};

/// Intervals written at once: with some KiB each, a batch stays below one segment of sled's log.
const BATCH_INTERVALS: usize = 64;

pub(super) fn replace_intervals(
    store: &mut SledStore,
    run: RunId,
    intervals: Vec<StoredInterval>,
) -> Result<(), StoreError> {
    let from = finished(store, run)?;
    let intervals = in_key_order(run, intervals)?;
    require_room(store, intervals.iter().map(|interval| interval.bytes.len()).sum())?;
    let old = store.read(run, |database| verify::examine_values(database, run, from))?;
    let mut tally = TallyMaker::default();
    intervals.iter().for_each(|interval| tally.add(interval));
    let row = Row::of(&old).other();
    let manifest = Manifest { intervals: tally.finish(), is_on_second_row: row == Row::Second, ..old };
    let manifest_json = values::to_json(&manifest, "the run's manifest")?;
    let to = Ending { manifest_sha256: Digest::of(&manifest_json), intervals: manifest.intervals };
    note(store, run, Event::Replacing(to))?;
    store.examined.borrow_mut().remove(&run);
    let written = store.write(&format!("replace the intervals of run {run}"), |database| {
        values::remove_row(database, run, row)?;
        for batch in intervals.chunks(BATCH_INTERVALS) {
            append_to(database, row, batch)?;
        }
        // The manifest must not be on disk before what it speaks of.
        database.flush()?;
        let mut writes = Writes::default();
        let key = ValueKey::of_run(run, Kind::Manifest);
        values::put(database, Shelf::Runs, &mut writes, key, &manifest_json)?;
        database.apply(Shelf::Runs, writes)?;
        database.flush()
    });
    // The run is one of the two now. What cannot be cleared away at once is when the store is opened next.
    settle_now(store, run, from, to);
    written
}

/// Brings a replacement to its end that was interrupted after its manifest was written, and undoes one that was
/// interrupted before. A run whose manifest is neither is left as it is, for the check to name.
///
/// # Errors
/// When the ledger or the database cannot be written.
pub(super) fn settle(
    database: &Database,
    ledger: &mut Ledger,
    run: RunId,
    from: Ending,
    to: Ending,
) -> Result<(), Fault> {
    let (manifest, json) = match values::get_json::<Manifest>(database, run, Kind::Manifest) {
        Ok(Some(found)) => found,
        Ok(None) | Err(Trouble::Damage(_) | Trouble::Newer(_)) => return Ok(()),
        Err(Trouble::Fault(fault)) => return Err(fault),
    };
    let digest = Digest::of(&json);
    let Some(ending) = [to, from].into_iter().find(|ending| ending.manifest_sha256 == digest) else {
        return Ok(());
    };
    values::remove_row(database, run, Row::of(&manifest).other())?;
    database.flush()?;
    Ok(ledger.append(run, Event::Finished(ending))?)
}

fn settle_now(store: &mut SledStore, run: RunId, from: Ending, to: Ending) {
    let settled =
        store.database.borrow().as_ref().map(|database| settle(database, &mut store.ledger, run, from, to));
    if let Some(Err(_)) = settled {
        store.database.replace(None);
    }
}

/// The ending of a finished run, an earlier replacement of its intervals brought to its end.
fn finished(store: &mut SledStore, run: RunId) -> Result<Ending, StoreError> {
    if let Some(Standing::Replacing { from, to }) = store.known(run)?.map(|entry| &entry.standing) {
        let (from, to) = (*from, *to);
        // Opens the database again if a failed write has closed it.
        store.with_database(|_| Ok::<_, Fault>(())).map_err(|fault| store.trouble_with(run, fault.into()))?;
        settle_now(store, run, from, to);
    }
    match store.known(run)?.map(|entry| &entry.standing) {
        Some(Standing::Finished(ending)) => Ok(*ending),
        Some(Standing::Replacing { .. }) => Err(StoreError::Database {
            doing: format!("replace the intervals of run {run}"),
            reason: "an earlier attempt cannot be brought to its end; see `fleetmark store check`".to_owned(),
        }),
        _ => Err(StoreError::UnknownRun(run.to_string())),
    }
}
