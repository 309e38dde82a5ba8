//! The half of the trait that reads. What it cannot vouch for it names.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use shared::ids::{Name, RunId, TrialKey};
use shared::run_record::{RunRecord, RunState, RunSummary};
use shared::run_report::Verdict;

use crate::store::error::{Damage, StoreError};
use crate::store::ledger::{Entry, Standing};
use crate::store::manifest::Manifest;
use crate::store::{CachedReport, StoreCheck, StoredInterval, SummaryFilter, Visit, summary_of};

use super::database::Fault;
use super::keys::{Kind, Row};
use super::values;
use super::{SledStore, baselines, is_visible, opening, verify};

/// Name shown for a run of which even the name is lost.
const LOST_NAME: &str = "unknown";
/// Intervals that one list reads at most to verify runs in full: some ten megabytes, a tenth of a second. Lists of smaller
/// stores verify all; those of larger ones go on where the last one stopped.
const EXAMINED_INTERVALS_MAX: u64 = 4_096;
/// Everything else of a run costs about as much to read as so many of its intervals.
const RUN_INTERVALS: u64 = 16;

pub(super) fn runs(store: &SledStore) -> Vec<RunId> {
    let visible = store.ledger.entries().iter().filter(|(_, entry)| is_visible(entry)).map(|(run, _)| *run);
    visible.chain(store.strays.iter().copied()).collect::<BTreeSet<RunId>>().into_iter().collect()
}

pub(super) fn run(store: &SledStore, run: RunId) -> Result<Option<RunRecord>, StoreError> {
    let entry = match store.known(run) {
        Err(StoreError::UnknownRun(_)) => return Ok(None),
        known => known?,
    };
    let Some(entry) = entry else {
        return Err(StoreError::damaged(run, "the ledger does not name it"));
    };
    store
        .read(run, |database| {
            match verify::ending_of(database, run, &entry.standing)? {
                Some(ending) => {
                    verify::examine_values(database, run, ending)?;
                }
                None => verify::require_no_ending(database, run)?,
            }
            Ok(verify::read_record(database, run)?.0)
        })
        .map(Some)
}

pub(super) fn file(store: &SledStore, run: RunId, path: &str) -> Result<Vec<u8>, StoreError> {
    store.known(run)?;
    let content = store.read(run, |database| {
        let (record, _) = verify::read_record(database, run)?;
        verify::read_file(database, run, &record, path)
    })?;
    content.ok_or_else(|| StoreError::UnknownFile { run, path: path.to_owned() })
}

pub(super) fn intervals(store: &SledStore, run: RunId, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    let entry = store.known(run)?;
    store.read(run, |database| {
        let Some(entry) = entry else {
            return verify::examine(database, run, None).map(drop);
        };
        if let Some(ending) = verify::ending_of(database, run, &entry.standing)? {
            return verify::examine_finished(database, run, ending, visit);
        }
        verify::require_no_ending(database, run)?;
        for interval in values::intervals(database, run, Row::First) {
            if visit(interval?).is_break() {
                break;
            }
        }
        Ok(())
    })
}

pub(super) fn trial_intervals(
    store: &SledStore,
    trial: TrialKey,
    visit: &mut dyn FnMut(StoredInterval),
) -> Result<(), StoreError> {
    let entry = store.known(trial.run)?;
    let is_finished = entry.is_none_or(|entry| entry.standing.is_finished());
    if is_finished && damage_known(store, trial.run) != Some(None) {
        // Its manifest speaks of all intervals together, so all of them are read.
        return intervals(store, trial.run, &mut |interval| {
            if interval.trial == trial {
                visit(interval);
            }
            ControlFlow::Continue(())
        });
    }
    store.read(trial.run, |database| {
        let row = match values::get_json::<Manifest>(database, trial.run, Kind::Manifest)? {
            Some((manifest, _)) if is_finished => Row::of(&manifest),
            _ => Row::First,
        };
        if !is_finished {
            verify::require_no_ending(database, trial.run)?;
        }
        values::intervals_of_trial(database, trial, row).try_for_each(|interval| {
            visit(interval?);
            Ok(())
        })
    })
}

pub(super) fn report(store: &SledStore, run: RunId) -> Result<Option<CachedReport>, StoreError> {
    let entry = store.known(run)?;
    if let Some(what) = damage_of(store, run)? {
        return Err(StoreError::damaged(run, what));
    }
    if entry.is_some_and(|entry| !entry.standing.is_finished()) {
        return Ok(None);
    }
    store.read(run, |database| values::get_report(database, run))
}

pub(super) fn unfinished(store: &SledStore) -> Result<Vec<RunId>, StoreError> {
    let mut unfinished = Vec::new();
    for (run, entry) in store.ledger.entries() {
        if is_visible(entry) && !entry.standing.is_finished() && damage_of(store, *run)?.is_none() {
            unfinished.push(*run);
        }
    }
    Ok(unfinished)
}

/// Reads a run in full and says how many intervals it has.
pub(super) fn check_run(store: &SledStore, run: RunId) -> Result<u64, StoreError> {
    let entry = store.known(run)?;
    let examined = store.read(run, |database| verify::examine(database, run, entry));
    if entry.is_some_and(|entry| entry.standing.is_finished()) {
        match &examined {
            Ok(_) => drop(store.examined.borrow_mut().insert(run, None)),
            Err(StoreError::Damaged(damage)) => {
                store.examined.borrow_mut().insert(run, Some(damage.what.clone()));
            }
            Err(_) => {}
        }
    }
    examined
}

pub(super) fn check(store: &SledStore) -> Result<StoreCheck, StoreError> {
    let mut check = StoreCheck { damage: store.ledger.damage().to_vec(), ..StoreCheck::default() };
    for run in runs(store) {
        match check_run(store, run) {
            Ok(intervals) => check.intervals_checked += intervals,
            Err(StoreError::Damaged(damage)) => check.damage.push(damage),
            Err(error @ StoreError::Newer { .. }) => {
                check.damage.push(Damage::of_run(run, error.to_string()))
            }
            Err(error) => return Err(error),
        }
        check.runs_checked += 1;
    }
    match store.with_database(opening::runs_in) {
        Ok((_, 0)) => {}
        Ok((_, strange)) => {
            check.damage.push(Damage::of_store(format!("{strange} keys that fleetmark did not write")));
        }
        Err(Fault::Corrupt(what)) => check.damage.push(Damage::of_store(what)),
        Err(fault) => return Err(super::error_of(&store.directory, "list the runs", fault)),
    }
    check.damage.extend(baselines::check(store)?);
    let aside = opening::folders_set_aside(&store.directory).map_err(|error| {
        StoreError::from_io(format!("list {}", store.directory.display()), &store.directory, error)
    })?;
    for folder in aside {
        let what = format!(
            "{folder} holds a database that could not be opened; delete it once what was in it is restored or given up"
        );
        check.damage.push(Damage::of_store(what));
    }
    Ok(check)
}

pub(super) fn summaries(store: &SledStore, filter: &SummaryFilter) -> Result<Vec<RunSummary>, StoreError> {
    let mut summaries = Vec::new();
    let mut unexamined = EXAMINED_INTERVALS_MAX;
    for run in runs(store).into_iter().rev() {
        if filter.limit.is_some_and(|limit| summaries.len() >= limit) {
            break;
        }
        let birth = store.ledger.entry(run).and_then(|entry| entry.birth.as_ref());
        let is_of_another = |name: &Name| birth.is_some_and(|birth| birth.name != *name);
        if filter.before.is_some_and(|before| run >= before)
            || filter.name.as_ref().is_some_and(is_of_another)
        {
            continue;
        }
        let stored = stored_summary(store, run)?;
        let mut summary = match &stored {
            Ok(summary) => summary.clone(),
            Err(_) => lost_summary(store, run),
        };
        // What cannot be read in full might be what is looked for.
        if stored.is_ok() && !filter.admits(&summary) {
            continue;
        }
        summary.damage = match stored {
            Ok(_) => damage_listed(store, run, &mut unexamined)?,
            Err(what) => Some(what),
        };
        if summary.damage.is_some() {
            summary.verdict = Verdict::Invalid;
            summary.exit_code = Some(Verdict::Invalid.exit_code());
        }
        summaries.push(summary);
    }
    Ok(summaries)
}

/// What a list says is wrong with a run. One that was not read in full yet is, as long as the list may still read so much;
/// after that its summary is held against manifest and ledger, and the rest is left to a later list, and to whoever reads it.
fn damage_listed(store: &SledStore, run: RunId, unexamined: &mut u64) -> Result<Option<String>, StoreError> {
    let ending = match store.known(run)?.map(|entry| &entry.standing) {
        Some(Standing::Finished(ending)) if damage_known(store, run).is_none() => *ending,
        _ => return damage_of(store, run),
    };
    let needed = ending.intervals.count.saturating_add(RUN_INTERVALS);
    if *unexamined > 0 {
        *unexamined = unexamined.saturating_sub(needed);
        return damage_of(store, run);
    }
    match store.read(run, |database| verify::examine_summary(database, run, ending)) {
        Ok(_) => Ok(None),
        Err(StoreError::Damaged(damage)) => Ok(Some(damage.what)),
        Err(error @ StoreError::Newer { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What is wrong with a run, `None`: nothing. A finished run is read in full once; one that still runs is
/// looked at as far as its record.
fn damage_of(store: &SledStore, run: RunId) -> Result<Option<String>, StoreError> {
    let entry = store.known(run)?;
    let examined = match entry {
        Some(Entry { standing, .. }) if !standing.is_finished() => store.read(run, |database| {
            verify::require_no_ending(database, run)?;
            verify::read_record(database, run).map(drop)
        }),
        _ => {
            if let Some(known) = damage_known(store, run) {
                return Ok(known);
            }
            check_run(store, run).map(drop)
        }
    };
    match examined {
        Ok(()) => Ok(None),
        Err(StoreError::Damaged(damage)) => Ok(Some(damage.what)),
        Err(error @ StoreError::Newer { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What reading a finished run in full has shown since the store was opened; `None`: that was not done yet.
pub(super) fn damage_known(store: &SledStore, run: RunId) -> Option<Option<String>> {
    store.examined.borrow().get(&run).cloned()
}

/// The summary of a run as stored, or as its record has it while it runs; or why there is none.
fn stored_summary(store: &SledStore, run: RunId) -> Result<Result<RunSummary, String>, StoreError> {
    let read =
        store.with_database(|database| match values::get_json::<RunSummary>(database, run, Kind::Summary)? {
            Some((summary, _)) => Ok(summary),
            None => verify::read_record(database, run).map(|(record, _)| summary_of(&record)),
        });
    match read {
        Ok(summary) => Ok(Ok(summary)),
        Err(trouble) => match store.trouble_with(run, trouble) {
            StoreError::Damaged(damage) => Ok(Err(damage.what)),
            error @ StoreError::Newer { .. } => Ok(Err(error.to_string())),
            error => Err(error),
        },
    }
}

/// What is left to say of a run whose summary and record are lost: what the ledger and its id tell.
fn lost_summary(store: &SledStore, run: RunId) -> RunSummary {
    let birth = store.ledger.entry(run).and_then(|entry| entry.birth.clone());
    let (name, submitted_at_ms) = match birth {
        Some(birth) => (birth.name, birth.submitted_at_ms),
        None => (Name::new(LOST_NAME).expect("the constant is a name"), born_at_ms(run)),
    };
    RunSummary {
        id: run,
        name,
        state: RunState::Failed,
        verdict: Verdict::Invalid,
        exit_code: Some(Verdict::Invalid.exit_code()),
        submitted_at_ms,
        finished_at_ms: None,
        tags: std::collections::BTreeMap::new(),
        trials_complete: 0,
        trials_planned: 0,
        damage: None,
    }
}

/// The time that a version 7 UUID begins with, milliseconds since 1970 UTC.
fn born_at_ms(run: RunId) -> u64 {
    run.as_bytes()[..6].iter().fold(0, |time, byte| (time << 8) | u64::from(*byte))
}
