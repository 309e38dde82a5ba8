//! Export and import: finished runs as one stream, for backup, migration and moving between providers.
//!
//! ```text
//! "fleetmark-export\n" | version u16, then parts: length u32 | CRC32 u32 | tag u8 and content
//! ```
//! All numbers are big-endian. A run is its record, its files, its intervals in key order, and last its
//! ending, with which it becomes a run on the other side. Baselines follow the runs. The stream ends with a part of its own, so that a
//! cut one is noticed. Room: [`part`], the form of one part.

pub mod part;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::ops::ControlFlow;

use shared::ids::{BaselineName, RunId};
use shared::job::ATTACHED_FILES_BYTES_MAX;
use shared::profile::{PROFILES_BYTES_MAX, PROFILES_MAX};
use shared::run_record::{AttachedFile, RunRecord, RunSummary};

use super::error::{Damage, StoreError};
use super::manifest::Digest;
use super::{CachedReport, ResultStore, StoredInterval, SummaryFilter};
use part::{Part, PartReader, PartWriter};

/// Intervals are committed after so many bytes of them on import.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;

/// What an export holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Runs that are in it whole.
    pub runs: Vec<RunId>,
    /// Runs that are not in it because they are not finished.
    pub unfinished: Vec<RunId>,
    /// Runs that are not in it because they are damaged.
    pub damaged: Vec<Damage>,
    /// Baselines that are in it.
    pub baselines: Vec<BaselineName>,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Runs that are new in the store.
    pub runs: Vec<RunId>,
    /// Runs that were there already and stayed as they were.
    pub already_there: Vec<RunId>,
    /// Baselines that are new in the store.
    pub baselines: Vec<BaselineName>,
    /// Baselines of whose name there was one already, which stayed as it was.
    pub baselines_already_there: Vec<BaselineName>,
}

/// Writes all finished runs that are whole, oldest first.
///
/// # Errors
/// When the stream cannot be written or the store cannot be read at all. Damaged runs are no error: they are
/// left out and named.
pub fn export(store: &dyn ResultStore, stream: &mut dyn Write) -> Result<Exported, StoreError> {
    let mut writer = PartWriter::new(stream)?;
    let mut exported = export_runs(store, None, &mut writer)?;
    export_baselines(store, &mut exported, &mut writer)?;
    writer.write(&Part::End)?;
    writer.flush()?;
    Ok(exported)
}

/// Writes one run, and no baseline.
///
/// # Errors
/// As [`export`]; [`StoreError::Damaged`] when the run is, and [`StoreError::UnknownRun`] when there is none such that is finished.
pub fn export_one(
    store: &dyn ResultStore,
    run: RunId,
    stream: &mut dyn Write,
) -> Result<Exported, StoreError> {
    let mut writer = PartWriter::new(stream)?;
    let mut exported = export_runs(store, Some(run), &mut writer)?;
    if let Some(damage) = exported.damaged.pop() {
        return Err(StoreError::Damaged(damage));
    }
    if exported.runs.is_empty() {
        return Err(StoreError::UnknownRun(run.to_string()));
    }
    writer.write(&Part::End)?;
    writer.flush()?;
    Ok(exported)
}

/// Writes all runs, or the only one that is wanted.
fn export_runs(
    store: &dyn ResultStore,
    only: Option<RunId>,
    writer: &mut PartWriter<'_>,
) -> Result<Exported, StoreError> {
    let is_wanted = |run: RunId| only.is_none_or(|only| only == run);
    let mut exported = Exported { unfinished: store.unfinished()?, ..Exported::default() };
    exported.unfinished.retain(|run| is_wanted(*run));
    let mut summaries = store.summaries(&SummaryFilter::default())?;
    summaries.retain(|summary| is_wanted(summary.id));
    for mut summary in summaries.into_iter().rev() {
        let run = summary.id;
        if exported.unfinished.contains(&run) {
            continue;
        }
        if let Some(what) = summary.damage.take() {
            exported.damaged.push(Damage::of_run(run, what));
            continue;
        }
        match export_run(store, summary, writer) {
            Ok(()) => exported.runs.push(run),
            Err(StoreError::Damaged(damage)) => {
                writer.write(&Part::Abandoned)?;
                exported.damaged.push(damage);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(exported)
}

fn export_baselines(
    store: &dyn ResultStore,
    exported: &mut Exported,
    writer: &mut PartWriter<'_>,
) -> Result<(), StoreError> {
    for listed in store.baselines()? {
        match (listed.baseline, listed.damage) {
            (Some(baseline), None) => {
                writer.write(&Part::Baseline(Box::new(baseline)))?;
                exported.baselines.push(listed.name);
            }
            (_, what) => {
                let what = what.unwrap_or_else(|| "it cannot be read".to_owned());
                exported.damaged.push(Damage::of_store(format!("baseline {}: {what}", listed.name)));
            }
        }
    }
    Ok(())
}

fn export_run(
    store: &dyn ResultStore,
    summary: RunSummary,
    writer: &mut PartWriter<'_>,
) -> Result<(), StoreError> {
    let run = summary.id;
    let gone = |what: &str| StoreError::damaged(run, format!("its {what} is gone"));
    let record = store.run(run)?.ok_or_else(|| gone("record"))?;
    let report = store.report(run)?.ok_or_else(|| gone("report"))?;
    writer.write(&Part::Run(Box::new(record.clone())))?;
    for (path, _) in record.stored_files() {
        let content = store.file(run, &path)?;
        writer.write(&Part::File { path, content })?;
    }
    let mut written = Ok(());
    store.intervals(run, &mut |interval| {
        written = writer.write(&Part::Interval(interval));
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    written?;
    writer.write(&Part::Ending { summary, report })
}

/// Takes up all runs of an export that the store does not have.
///
/// # Errors
/// [`StoreError::BadExport`] when the stream is cut or altered, and the store's own errors. Runs that came
/// whole before that stay; the one in whose middle it happened is removed again.
pub fn import(store: &mut dyn ResultStore, stream: &mut dyn Read) -> Result<Imported, StoreError> {
    let mut reader = PartReader::new(stream)?;
    let mut imported = Imported::default();
    loop {
        match reader.read()? {
            Part::End => return Ok(imported),
            Part::Run(record) => {
                let mut arrival = Arrival::new(store, *record)?;
                let arrived = arrival.receive(&mut reader);
                match arrived {
                    Ok(()) if arrival.is_known => imported.already_there.push(arrival.record.id),
                    Ok(()) if arrival.is_finished => imported.runs.push(arrival.record.id),
                    outcome => {
                        arrival.undo()?;
                        outcome?;
                    }
                }
            }
            Part::Baseline(baseline) => {
                // One that is damaged here is healed; a whole one stays.
                if matches!(store.baseline(&baseline.name), Ok(Some(_))) {
                    imported.baselines_already_there.push(baseline.name);
                } else {
                    store.save_baseline(&baseline)?;
                    imported.baselines.push(baseline.name);
                }
            }
            other => {
                return Err(StoreError::BadExport(format!(
                    "{} stands where a run should begin",
                    other.noun()
                )));
            }
        }
    }
}

/// A run on its way in.
struct Arrival<'a> {
    store: &'a mut dyn ResultStore,
    record: RunRecord,
    /// Files of its job, until the run is created with them.
    files: BTreeMap<String, Vec<u8>>,
    /// Profiles that have yet to come, each of which is stored by itself.
    profiles: BTreeMap<String, AttachedFile>,
    pending: Vec<StoredInterval>,
    pending_bytes: usize,
    /// It was there before: its parts are read and dropped.
    is_known: bool,
    is_created: bool,
    is_finished: bool,
}

impl<'a> Arrival<'a> {
    fn new(store: &'a mut dyn ResultStore, record: RunRecord) -> Result<Self, StoreError> {
        let is_known = store.runs()?.binary_search(&record.id).is_ok();
        let files: u64 = record.files.values().map(|file| file.size_bytes).fold(0, u64::saturating_add);
        let profiles: BTreeMap<String, AttachedFile> =
            record.stored_files().skip(record.files.len()).map(|(path, file)| (path, file.clone())).collect();
        let of_profiles = profiles.values().map(|file| file.size_bytes).fold(0, u64::saturating_add);
        if files > ATTACHED_FILES_BYTES_MAX as u64
            || of_profiles > PROFILES_BYTES_MAX
            || profiles.len() > PROFILES_MAX
        {
            let what = format!("run {} has more files than a run may have", record.id);
            return Err(StoreError::BadExport(what));
        }
        Ok(Self {
            store,
            record,
            files: BTreeMap::new(),
            profiles,
            pending: Vec::new(),
            pending_bytes: 0,
            is_known,
            is_created: false,
            is_finished: false,
        })
    }

    /// Reads parts up to the run's last one.
    fn receive(&mut self, reader: &mut PartReader<'_>) -> Result<(), StoreError> {
        loop {
            match reader.read()? {
                Part::Ending { summary, report } => {
                    if !self.is_known {
                        self.flush()?;
                        self.finish(&summary, &report)?;
                    }
                    return Ok(());
                }
                Part::Abandoned => return Ok(()),
                _ if self.is_known => {}
                Part::File { path, content } if self.awaits(&path, &content) => {
                    self.files.insert(path, content);
                }
                Part::File { path, content } if self.profiles.contains_key(&path) => {
                    self.keep_profile(&path, &content)?;
                }
                Part::Interval(interval) if interval.trial.run == self.record.id => {
                    self.pending_bytes += interval.bytes.len();
                    self.pending.push(interval);
                    if self.pending_bytes >= COMMIT_BYTES {
                        self.flush()?;
                    }
                }
                other => {
                    let what = format!(
                        "{} stands in run {}, where it does not belong",
                        other.noun(),
                        self.record.id
                    );
                    return Err(StoreError::BadExport(what));
                }
            }
        }
    }

    /// Whether a file is one of the job's, and no longer than it is said to be.
    fn awaits(&self, path: &str, content: &[u8]) -> bool {
        self.record.files.get(path).is_some_and(|file| content.len() as u64 <= file.size_bytes)
    }

    /// Stores a profile, once.
    fn keep_profile(&mut self, path: &str, content: &[u8]) -> Result<(), StoreError> {
        let named = self.profiles.remove(path);
        if named.is_none_or(|named| named.sha256 != Digest::of(content).to_string()) {
            return Err(StoreError::FileDiffers { run: self.record.id, path: path.to_owned() });
        }
        self.create()?;
        self.store.save_file(self.record.id, path, content)
    }

    fn create(&mut self) -> Result<(), StoreError> {
        if !self.is_created {
            self.store.create_run(&self.record, &std::mem::take(&mut self.files))?;
            self.is_created = true;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.create()?;
        self.store.append(&self.pending)?;
        self.store.commit()?;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary, report: &CachedReport) -> Result<(), StoreError> {
        if summary.id != self.record.id {
            return Err(StoreError::BadExport(format!(
                "the ending of run {} names another run",
                self.record.id
            )));
        }
        if let Some(path) = self.profiles.keys().next() {
            return Err(StoreError::FileDiffers { run: self.record.id, path: path.clone() });
        }
        self.store.finish_run(&self.record, summary, report)?;
        self.is_finished = true;
        // Without figures the run is whole too: they are then made when somebody asks.
        if let Ok(figures) = crate::figures::of_cached(&self.record, report) {
            self.store.save_figures(&figures)?;
        }
        Ok(())
    }

    /// Takes away what has come of a run that did not come whole.
    fn undo(self) -> Result<(), StoreError> {
        if self.is_created { self.store.remove_run(self.record.id) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
