//! Where runs and their intervals are kept. One trait, one conformance suite, several providers.
//!
//! Rooms:
//! * [`error`]: what can go wrong, and damage. `files`: whether they are those of a record.
//! * [`thread`]: the one thread that owns a store, and the handle through which everybody else uses it.
//! * [`sled`]: the provider on disk; [`ledger`], [`manifest`] and [`envelope`] keep it honest.
//! * [`memory`]: the provider for tests. [`bounded`]: reading no more of a run than is wanted.
//! * [`retention`]: which runs a pruning removes. [`folding`]: what it keeps of the others. [`transfer`]: export and import, over any provider.

pub mod bounded;
pub mod envelope;
pub mod error;
mod files;
pub mod filter;
pub mod folding;
pub mod ledger;
pub mod manifest;
pub mod memory;
pub mod retention;
pub mod sled;
pub mod thread;
pub mod transfer;

#[cfg(test)]
mod conformance;
#[cfg(test)]
pub(crate) mod samples;

use std::collections::BTreeMap;

use shared::baseline::{Baseline, ListedBaseline};
use shared::ids::{AgentId, BaselineName, IntervalSequence, RunId, TrialKey};
use shared::run_figures::RunFigures;
use shared::run_record::{RunRecord, RunSummary};
use shared::run_report::Verdict;

pub use bounded::Visit;
pub use error::{Damage, StoreError};
use files::check_files;
pub use filter::SummaryFilter;
pub use thread::StoreHandle;

/// Most bytes one interval may have. A large one (256 operations, five histograms of 1.5 KB each) has 2 MB.
pub const INTERVAL_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An interval as it came over the wire: its address and its bytes, kept as received.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredInterval {
    /// Which attempt at which trial.
    pub trial: TrialKey,
    /// Who reported it.
    pub agent: AgentId,
    /// Its number.
    pub sequence: IntervalSequence,
    /// Its bytes, as received.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for StoredInterval {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { trial, agent, sequence, bytes } = self;
        write!(formatter, "interval {sequence} of {agent} in {trial} ({} bytes)", bytes.len())
    }
}

/// A report that was made once, kept with the version of the analysis that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedReport {
    /// Version of the analysis; another version makes the report anew.
    pub analysis_version: String,
    /// The report as the contract's JSON.
    pub json: Vec<u8>,
}

/// What a check of the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreCheck {
    /// Runs that were read in full.
    pub runs_checked: u64,
    /// Intervals that were read.
    pub intervals_checked: u64,
    /// Everything that cannot be trusted; empty: the store is whole.
    pub damage: Vec<Damage>,
}

/// What compacting did to the store's size on disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Before.
    pub size_bytes_before: u64,
    /// After.
    pub size_bytes_after: u64,
}

/// Keeps runs, their intervals and their reports. All providers pass one conformance suite.
///
/// Calls block; [`StoreHandle`] keeps them off the runtime. What a call that returned `Ok` wrote survives a
/// crash of process and machine, except [`ResultStore::append`], which waits for [`ResultStore::commit`].
///
/// A run that cannot be trusted is never shown as smaller: every way of reading it either gives what was
/// written or [`StoreError::Damaged`], and lists carry it with `damage` set.
pub trait ResultStore: Send {
    /// Takes up a new run and the files that came with it, by the path that its job writes. Durable on return.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`], [`StoreError::FileDiffers`] when the files are not those of the record,
    /// [`StoreError::TooLarge`], [`StoreError::Full`].
    fn create_run(&mut self, record: &RunRecord, files: &BTreeMap<String, Vec<u8>>)
    -> Result<(), StoreError>;

    /// Replaces the record of a run that is not finished. Durable on return.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Over`], [`StoreError::Full`].
    fn save_run(&mut self, record: &RunRecord) -> Result<(), StoreError>;

    /// Stores a file with a run that is not finished, in place of one of the same path. It counts, and is verified, once the run's
    /// record names it. Durable on return.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Over`], [`StoreError::TooLarge`], [`StoreError::Full`].
    fn save_file(&mut self, run: RunId, path: &str, content: &[u8]) -> Result<(), StoreError>;

    /// Writes intervals, not yet durably. One with the same address as an earlier one replaces it. All of a
    /// batch is refused if any of it is.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Over`], [`StoreError::TooLarge`], [`StoreError::Full`].
    fn append(&mut self, batch: &[StoredInterval]) -> Result<(), StoreError>;

    /// Makes all appended intervals durable.
    ///
    /// # Errors
    /// When anything appended since the last commit may not be on disk: all of that must be appended again.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Ends a run: writes its last record, its summary, its report, and the manifest against which it is
    /// verified from then on. Durable on return. Nothing of the run but its report can change afterwards.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Over`], [`StoreError::Damaged`] when its intervals cannot be
    /// read, [`StoreError::Full`].
    fn finish_run(
        &mut self,
        record: &RunRecord,
        summary: &RunSummary,
        report: &CachedReport,
    ) -> Result<(), StoreError>;

    /// Replaces the cached report of a finished run. Durable on return.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`] when there is no such finished run, [`StoreError::TooLarge`], [`StoreError::Full`].
    fn save_report(&mut self, run: RunId, report: &CachedReport) -> Result<(), StoreError>;

    /// Keeps the figures of a finished run beside its summary. Not durable before the next call that is: they can be made
    /// again from the report.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`] when there is no such finished run, [`StoreError::TooLarge`], [`StoreError::Full`].
    fn save_figures(&mut self, figures: &RunFigures) -> Result<(), StoreError>;

    /// Stores a baseline, in place of one of the same name. Durable on return; a crash in the middle leaves either the old
    /// one whole or the new one. A damaged one of that name is healed by it.
    ///
    /// # Errors
    /// [`StoreError::TooManyBaselines`], [`StoreError::TooLarge`], [`StoreError::Full`].
    fn save_baseline(&mut self, baseline: &Baseline) -> Result<(), StoreError>;

    /// Forgets a baseline, damaged or not; its runs stay. Durable on return.
    ///
    /// # Errors
    /// [`StoreError::UnknownBaseline`], [`StoreError::Full`].
    fn remove_baseline(&mut self, name: &BaselineName) -> Result<(), StoreError>;

    /// Replaces all intervals of a finished run that is whole, and its manifest with them; everything else stays as it
    /// is. Durable on return; a crash in the middle leaves either the old intervals whole or the new ones. The room
    /// on disk comes back with [`ResultStore::compact`].
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`] when there is no such finished run, [`StoreError::Damaged`],
    /// [`StoreError::TooLarge`], [`StoreError::Full`]: the old intervals then stay.
    fn replace_intervals(&mut self, run: RunId, intervals: Vec<StoredInterval>) -> Result<(), StoreError>;

    /// Forgets a run, damaged or not. Durable on return; the room on disk comes back with [`ResultStore::compact`].
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Full`].
    fn remove_run(&mut self, run: RunId) -> Result<(), StoreError>;

    /// Commits, and writes the store anew without what was removed. Needs as much room as the store takes.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Damaged`] leave the store as it was.
    fn compact(&mut self) -> Result<Compaction, StoreError>;

    /// All runs, oldest first, damaged ones among them.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    fn runs(&self) -> Result<Vec<RunId>, StoreError>;

    /// The runs that the filter admits, newest first. A damaged run carries `damage`, and its verdict is
    /// *invalid*. Every summary is verified each time. Each finished run is verified in full when it is first listed, and that
    /// is remembered; of a large store only as many at a time as one list has time for, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    fn summaries(&self, filter: &SummaryFilter) -> Result<Vec<RunSummary>, StoreError>;

    /// The record of a run; `None`: there is no such run.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError>;

    /// A file that is stored with a run: one that came with it by the path that its job writes, or what a profiler wrote.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::UnknownFile`], [`StoreError::Damaged`].
    fn file(&self, run: RunId, path: &str) -> Result<Vec<u8>, StoreError>;

    /// Shows all intervals of a run, by trial, attempt, agent and sequence, holding one at a time, until the visit breaks off. A run
    /// that is shown to its end is verified as it passes by: **on an error, throw away what was shown.**
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Damaged`].
    fn intervals(&self, run: RunId, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Shows all intervals of one attempt at a trial, by agent and sequence, holding one at a time. Of a run that is
    /// not finished only that trial is read; a finished one that was not read in full before is verified as it passes
    /// by: **on an error, throw away what was shown.** A trial that the run does not have shows nothing.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Damaged`].
    fn trial_intervals(
        &self,
        trial: TrialKey,
        visit: &mut dyn FnMut(StoredInterval),
    ) -> Result<(), StoreError>;

    /// The cached report of a finished run that is whole; `None`: the run is not finished.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Damaged`].
    fn report(&self, run: RunId) -> Result<Option<CachedReport>, StoreError>;

    /// The figures of a finished run; `None`: it is not finished, or they must be made from its report.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Damaged`] when its summary cannot be vouched for.
    fn figures(&self, run: RunId) -> Result<Option<RunFigures>, StoreError>;

    /// A baseline; `None`: there is none of that name.
    ///
    /// # Errors
    /// [`StoreError::DamagedBaseline`].
    fn baseline(&self, name: &BaselineName) -> Result<Option<Baseline>, StoreError>;

    /// All baselines by name, damaged ones among them.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    fn baselines(&self) -> Result<Vec<ListedBaseline>, StoreError>;

    /// Runs that were neither finished nor removed, oldest first: what a restarted coordinator takes up again.
    /// Damaged runs are not among them.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    fn unfinished(&self) -> Result<Vec<RunId>, StoreError>;

    /// Reads everything and names everything that cannot be trusted.
    ///
    /// # Errors
    /// When the database cannot be read at all.
    fn check(&self) -> Result<StoreCheck, StoreError>;

    /// Reads one run in full.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Damaged`].
    fn check_run(&self, run: RunId) -> Result<(), StoreError>;

    /// How many bytes the store takes.
    ///
    /// # Errors
    /// When its files cannot be read.
    fn size_on_disk(&self) -> Result<u64, StoreError>;

    /// The run that a person means: `latest`, a whole id, or a prefix of one that is unique.
    ///
    /// # Errors
    /// [`StoreError::UnknownRun`], [`StoreError::Ambiguous`].
    fn resolve(&self, text: &str) -> Result<RunId, StoreError> {
        resolve_among(&self.runs()?, text)
    }
}

/// Finds the run that a person means among `runs`, which are sorted.
fn resolve_among(runs: &[RunId], text: &str) -> Result<RunId, StoreError> {
    let unknown = || StoreError::UnknownRun(text.to_owned());
    if text == "latest" {
        return runs.last().copied().ok_or_else(unknown);
    }
    let prefix = text.replace('-', "").to_ascii_lowercase();
    if prefix.is_empty() {
        return Err(unknown());
    }
    let begins_like_that = |run: &&RunId| run.to_string().replace('-', "").starts_with(&prefix);
    let matches: Vec<RunId> = runs.iter().filter(begins_like_that).copied().collect();
    match matches.as_slice() {
        [] => Err(unknown()),
        [run] => Ok(*run),
        [first, second, ..] => Err(StoreError::Ambiguous {
            prefix: text.to_owned(),
            count: matches.len(),
            first: *first,
            second: *second,
        }),
    }
}

/// A summary made of a record: what lists show of a run that is not finished.
fn summary_of(record: &RunRecord) -> RunSummary {
    RunSummary {
        id: record.id,
        name: record.name.clone(),
        state: record.state,
        verdict: Verdict::None,
        exit_code: None,
        submitted_at_ms: record.submitted_at_ms,
        finished_at_ms: record.finished_at_ms,
        tags: record.tags.clone(),
        trials_complete: record.trials.iter().filter(|trial| trial.is_complete).count() as u32,
        trials_planned: record.plan.trials.len() as u32,
        damage: None,
    }
}

/// Puts intervals into key order, and refuses those that cannot take the place of a run's.
fn in_key_order(run: RunId, mut intervals: Vec<StoredInterval>) -> Result<Vec<StoredInterval>, StoreError> {
    for interval in &intervals {
        if interval.trial.run != run {
            return Err(StoreError::UnknownRun(interval.trial.run.to_string()));
        }
        within(&interval.bytes, INTERVAL_BYTES_MAX, "an interval")?;
    }
    intervals.sort_by_key(|interval| (interval.trial, interval.agent, interval.sequence));
    intervals.dedup_by_key(|interval| (interval.trial, interval.agent, interval.sequence));
    Ok(intervals)
}

/// Refuses what is too large.
fn within(payload: &[u8], size_bytes_max: usize, what: &str) -> Result<(), StoreError> {
    if payload.len() > size_bytes_max {
        let (what, size_bytes) = (what.to_owned(), payload.len());
        return Err(StoreError::TooLarge { what, size_bytes, size_bytes_max });
    }
    Ok(())
}
