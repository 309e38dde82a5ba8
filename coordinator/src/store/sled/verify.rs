//! Whether a run is whole: the ledger against the manifest, the manifest against everything else.

use std::ops::ControlFlow;

use shared::ids::RunId;
use shared::run_record::{RunRecord, RunSummary};

use crate::store::Visit;
use crate::store::ledger::{Ending, Entry, Standing};
use crate::store::manifest::{Digest, IntervalTally, Manifest, TallyMaker};

use super::database::{Database, Shelf};
use super::keys::{Kind, Row, ValueKey};
use super::values::{self, Trouble};

/// Reads a run in full and says how many intervals it has, or what is wrong with it.
pub(super) fn examine(database: &Database, run: RunId, entry: Option<&Entry>) -> Result<u64, Trouble> {
    let Some(entry) = entry else {
        return damage("it is in the database, but the ledger does not name it");
    };
    match ending_of(database, run, &entry.standing)? {
        Some(ending) => {
            examine_finished(database, run, ending, &mut |_| ControlFlow::Continue(()))?;
            Ok(ending.intervals.count)
        }
        None => examine_unfinished(database, run),
    }
}

/// Against what a run is to be verified; `None`: it is not finished. While its intervals are being replaced, its
/// manifest decides which it has.
pub(super) fn ending_of(
    database: &Database,
    run: RunId,
    standing: &Standing,
) -> Result<Option<Ending>, Trouble> {
    match standing {
        Standing::Finished(ending) => Ok(Some(*ending)),
        Standing::Replacing { from, to } => {
            Ok(Some(if ending_in(database, run)? == Some(*to) { *to } else { *from }))
        }
        Standing::Creating | Standing::Created | Standing::Finishing(_) | Standing::Removing => Ok(None),
    }
}

/// Reads a finished run in full, showing its intervals as they pass by, unless the visit breaks off.
pub(super) fn examine_finished(
    database: &Database,
    run: RunId,
    ending: Ending,
    visit: &mut Visit<'_>,
) -> Result<(), Trouble> {
    let row = Row::of(&examine_values(database, run, ending)?);
    let mut tally = TallyMaker::default();
    for interval in values::intervals(database, run, row) {
        let interval = interval?;
        tally.add(&interval);
        // Of a part nothing can be said.
        if visit(interval).is_break() {
            return Ok(());
        }
    }
    let (found, expected) = (tally.finish(), ending.intervals);
    if found.count != expected.count {
        return damage(format!("{} of its {} intervals are there", found.count, expected.count));
    }
    if found != expected {
        return damage("its intervals are not those that its manifest names");
    }
    Ok(())
}

/// Reads the line in lists of a finished run, and whether it is the one that its manifest and the ledger vouch for: all that
/// a list needs, whatever is wrong with the rest.
pub(super) fn examine_summary(
    database: &Database,
    run: RunId,
    ending: Ending,
) -> Result<(Manifest, RunSummary), Trouble> {
    let Some((manifest, manifest_json)) = values::get_json::<Manifest>(database, run, Kind::Manifest)? else {
        return damage("its manifest is gone");
    };
    if Digest::of(&manifest_json) != ending.manifest_sha256 || manifest.intervals != ending.intervals {
        return damage("its manifest is not the one that the ledger names");
    }
    match values::get_json::<RunSummary>(database, run, Kind::Summary)? {
        None => damage("its summary is gone"),
        Some((_, json)) if Digest::of(&json) != manifest.summary_sha256 => {
            damage("its summary is not the one that its manifest names")
        }
        Some((summary, _)) => Ok((manifest, summary)),
    }
}

/// Reads everything of a finished run but its intervals.
pub(super) fn examine_values(database: &Database, run: RunId, ending: Ending) -> Result<Manifest, Trouble> {
    let (manifest, _) = examine_summary(database, run, ending)?;
    let record = read_record(database, run)?;
    if record.1 != manifest.record_sha256 {
        return damage("its record is an older one than its manifest names");
    }
    if values::get_report(database, run)?.is_none() {
        return damage("its report is gone");
    }
    examine_files(database, run, &record.0)?;
    Ok(manifest)
}

/// The record of a run and the digest of its JSON.
pub(super) fn read_record(database: &Database, run: RunId) -> Result<(RunRecord, Digest), Trouble> {
    match values::get_json::<RunRecord>(database, run, Kind::Record)? {
        None => damage("its record is gone"),
        Some((record, _)) if record.id != run => damage("its record is another run's"),
        Some((record, json)) => Ok((record, Digest::of(&json))),
    }
}

/// A file that came with a run, if it is the one that the record names.
pub(super) fn read_file(
    database: &Database,
    run: RunId,
    record: &RunRecord,
    path: &str,
) -> Result<Option<Vec<u8>>, Trouble> {
    let Some(expected) = record.stored_file(path) else {
        return Ok(None);
    };
    let content = values::get(database, Shelf::Runs, ValueKey::of_file(run, path))
        .map_err(|trouble| values::named(Kind::File, trouble))?;
    match content {
        None => damage(format!("its file {path:?} is gone")),
        Some(content) if Digest::of(&content).to_string() != expected.sha256 => {
            damage(format!("its file {path:?} is not the one that its record names"))
        }
        content => Ok(content),
    }
}

/// What the intervals of an unfinished run are, as they lie in the database.
pub(super) fn tally(database: &Database, run: RunId) -> Result<IntervalTally, Trouble> {
    let mut tally = TallyMaker::default();
    for interval in values::intervals(database, run, Row::First) {
        tally.add(&interval?);
    }
    Ok(tally.finish())
}

/// The ending that the manifest in the database speaks of; `None`: there is no manifest.
pub(super) fn ending_in(database: &Database, run: RunId) -> Result<Option<Ending>, Trouble> {
    let manifest = values::get_json::<Manifest>(database, run, Kind::Manifest)?;
    Ok(manifest
        .map(|(manifest, json)| Ending { manifest_sha256: Digest::of(&json), intervals: manifest.intervals }))
}

/// Refuses a run that has a manifest although the ledger knows of no end: the ledger has lost some of its.
pub(super) fn require_no_ending(database: &Database, run: RunId) -> Result<(), Trouble> {
    match ending_in(database, run)? {
        None => Ok(()),
        Some(_) => damage("it has been finished, but the ledger does not say so"),
    }
}

fn examine_unfinished(database: &Database, run: RunId) -> Result<u64, Trouble> {
    let (record, _) = read_record(database, run)?;
    require_no_ending(database, run)?;
    examine_files(database, run, &record)?;
    tally(database, run).map(|tally| tally.count)
}

fn examine_files(database: &Database, run: RunId, record: &RunRecord) -> Result<(), Trouble> {
    record.stored_files().try_for_each(|(path, _)| read_file(database, run, record, &path).map(drop))
}

fn damage<T>(what: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Damage(what.into()))
}
