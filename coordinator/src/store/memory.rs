//! The provider for tests: nothing on disk, the same contract, and crashes on demand.

use std::collections::{BTreeMap, BTreeSet};

use shared::baseline::{BASELINES_MAX, Baseline, ListedBaseline};
use shared::ids::{AgentId, BaselineName, IntervalSequence, RunId, TrialKey};
use shared::run_figures::RunFigures;
use shared::run_record::{RunRecord, RunSummary};

use super::envelope::PAYLOAD_BYTES_MAX;
use super::error::StoreError;
use super::{
    CachedReport, Compaction, INTERVAL_BYTES_MAX, ResultStore, StoreCheck, StoredInterval, SummaryFilter,
    Visit, check_files, in_key_order, summary_of, within,
};

type Address = (TrialKey, AgentId, IntervalSequence);

/// Keeps everything in maps. A clone is what a copy of a disk would be.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    runs: BTreeMap<RunId, StoredRun>,
    intervals: BTreeMap<Address, Vec<u8>>,
    uncommitted: Vec<StoredInterval>,
    figures: BTreeMap<RunId, RunFigures>,
    baselines: BTreeMap<BaselineName, Baseline>,
}

#[derive(Debug, Clone)]
struct StoredRun {
    record: RunRecord,
    files: BTreeMap<String, Vec<u8>>,
    /// `None` until it is finished.
    ending: Option<(RunSummary, CachedReport)>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was appended and not committed, as a crash does.
    pub fn crash(&mut self) {
        self.uncommitted.clear();
    }

    /// The bytes of an interval that a crash leaves; `None`: it would be gone.
    pub fn durable(&self, trial: TrialKey, agent: AgentId, sequence: IntervalSequence) -> Option<&[u8]> {
        self.intervals.get(&(trial, agent, sequence)).map(Vec::as_slice)
    }

    fn stored(&self, run: RunId) -> Result<&StoredRun, StoreError> {
        self.runs.get(&run).ok_or_else(|| StoreError::UnknownRun(run.to_string()))
    }

    fn open_run(&mut self, run: RunId) -> Result<&mut StoredRun, StoreError> {
        match self.runs.get_mut(&run) {
            None => Err(StoreError::UnknownRun(run.to_string())),
            Some(stored) if stored.ending.is_some() => Err(StoreError::Over(run)),
            Some(stored) => Ok(stored),
        }
    }

    fn of_trials(&self, is_meant: impl Fn(&TrialKey) -> bool) -> Vec<StoredInterval> {
        let committed = self.intervals.iter().filter(|((trial, ..), _)| is_meant(trial));
        let mut intervals: BTreeMap<Address, Vec<u8>> =
            committed.map(|(address, bytes)| (*address, bytes.clone())).collect();
        for interval in self.uncommitted.iter().filter(|interval| is_meant(&interval.trial)) {
            intervals.insert((interval.trial, interval.agent, interval.sequence), interval.bytes.clone());
        }
        let restore = |((trial, agent, sequence), bytes)| StoredInterval { trial, agent, sequence, bytes };
        intervals.into_iter().map(restore).collect()
    }
}

impl ResultStore for MemoryStore {
    fn create_run(
        &mut self,
        record: &RunRecord,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), StoreError> {
        if self.runs.contains_key(&record.id) {
            return Err(StoreError::AlreadyExists(record.id));
        }
        check_files(record, files)?;
        self.runs.insert(record.id, StoredRun { record: record.clone(), files: files.clone(), ending: None });
        Ok(())
    }

    fn save_run(&mut self, record: &RunRecord) -> Result<(), StoreError> {
        self.open_run(record.id)?.record = record.clone();
        Ok(())
    }

    fn save_file(&mut self, run: RunId, path: &str, content: &[u8]) -> Result<(), StoreError> {
        within(content, PAYLOAD_BYTES_MAX, "a file")?;
        self.open_run(run)?.files.insert(path.to_owned(), content.to_vec());
        Ok(())
    }

    fn append(&mut self, batch: &[StoredInterval]) -> Result<(), StoreError> {
        for interval in batch {
            self.open_run(interval.trial.run)?;
            within(&interval.bytes, INTERVAL_BYTES_MAX, "an interval")?;
        }
        self.uncommitted.extend_from_slice(batch);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        for interval in self.uncommitted.drain(..) {
            self.intervals.insert((interval.trial, interval.agent, interval.sequence), interval.bytes);
        }
        Ok(())
    }

    fn finish_run(
        &mut self,
        record: &RunRecord,
        summary: &RunSummary,
        report: &CachedReport,
    ) -> Result<(), StoreError> {
        self.open_run(record.id)?;
        within(&report.json, PAYLOAD_BYTES_MAX, "the run's report")?;
        self.commit()?;
        let stored = self.open_run(record.id)?;
        stored.record = record.clone();
        stored.ending = Some((summary.clone(), report.clone()));
        Ok(())
    }

    fn save_report(&mut self, run: RunId, report: &CachedReport) -> Result<(), StoreError> {
        within(&report.json, PAYLOAD_BYTES_MAX, "the run's report")?;
        let ending = self.runs.get_mut(&run).and_then(|stored| stored.ending.as_mut());
        ending.ok_or_else(|| StoreError::UnknownRun(run.to_string()))?.1 = report.clone();
        Ok(())
    }

    fn save_figures(&mut self, figures: &RunFigures) -> Result<(), StoreError> {
        if self.stored(figures.run)?.ending.is_none() {
            return Err(StoreError::UnknownRun(figures.run.to_string()));
        }
        self.figures.insert(figures.run, figures.clone());
        Ok(())
    }

    fn save_baseline(&mut self, baseline: &Baseline) -> Result<(), StoreError> {
        if !self.baselines.contains_key(&baseline.name) && self.baselines.len() >= BASELINES_MAX {
            return Err(StoreError::TooManyBaselines { count_max: BASELINES_MAX });
        }
        self.baselines.insert(baseline.name.clone(), baseline.clone());
        Ok(())
    }

    fn remove_baseline(&mut self, name: &BaselineName) -> Result<(), StoreError> {
        self.baselines.remove(name).map(drop).ok_or_else(|| StoreError::UnknownBaseline(name.clone()))
    }

    fn replace_intervals(&mut self, run: RunId, intervals: Vec<StoredInterval>) -> Result<(), StoreError> {
        if self.stored(run)?.ending.is_none() {
            return Err(StoreError::UnknownRun(run.to_string()));
        }
        let intervals = in_key_order(run, intervals)?;
        self.intervals.retain(|(trial, ..), _| trial.run != run);
        let addressed = intervals
            .into_iter()
            .map(|interval| ((interval.trial, interval.agent, interval.sequence), interval.bytes));
        self.intervals.extend(addressed);
        Ok(())
    }

    fn remove_run(&mut self, run: RunId) -> Result<(), StoreError> {
        self.runs.remove(&run).ok_or_else(|| StoreError::UnknownRun(run.to_string()))?;
        self.figures.remove(&run);
        self.intervals.retain(|(trial, ..), _| trial.run != run);
        self.uncommitted.retain(|interval| interval.trial.run != run);
        Ok(())
    }

    fn compact(&mut self) -> Result<Compaction, StoreError> {
        self.commit()?;
        let size_bytes = self.size_on_disk()?;
        Ok(Compaction { size_bytes_before: size_bytes, size_bytes_after: size_bytes })
    }

    fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        Ok(self.runs.keys().copied().collect())
    }

    fn summaries(&self, filter: &SummaryFilter) -> Result<Vec<RunSummary>, StoreError> {
        let summary = |stored: &StoredRun| match &stored.ending {
            Some((summary, _)) => summary.clone(),
            None => summary_of(&stored.record),
        };
        let admitted = self.runs.values().rev().map(summary).filter(|summary| filter.admits(summary));
        Ok(admitted.take(filter.limit.unwrap_or(usize::MAX)).collect())
    }

    fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        Ok(self.runs.get(&run).map(|stored| stored.record.clone()))
    }

    fn file(&self, run: RunId, path: &str) -> Result<Vec<u8>, StoreError> {
        let content = self.stored(run)?.files.get(path).cloned();
        content.ok_or_else(|| StoreError::UnknownFile { run, path: path.to_owned() })
    }

    fn intervals(&self, run: RunId, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.stored(run)?;
        let _broken_off = self.of_trials(|trial| trial.run == run).into_iter().try_for_each(visit);
        Ok(())
    }

    fn trial_intervals(
        &self,
        trial: TrialKey,
        visit: &mut dyn FnMut(StoredInterval),
    ) -> Result<(), StoreError> {
        self.stored(trial.run)?;
        self.of_trials(|stored| *stored == trial).into_iter().for_each(visit);
        Ok(())
    }

    fn report(&self, run: RunId) -> Result<Option<CachedReport>, StoreError> {
        Ok(self.stored(run)?.ending.as_ref().map(|(_, report)| report.clone()))
    }

    fn figures(&self, run: RunId) -> Result<Option<RunFigures>, StoreError> {
        self.stored(run)?;
        Ok(self.figures.get(&run).cloned())
    }

    fn baseline(&self, name: &BaselineName) -> Result<Option<Baseline>, StoreError> {
        Ok(self.baselines.get(name).cloned())
    }

    fn baselines(&self) -> Result<Vec<ListedBaseline>, StoreError> {
        let listed = |(name, baseline): (&BaselineName, &Baseline)| ListedBaseline {
            name: name.clone(),
            baseline: Some(baseline.clone()),
            damage: None,
        };
        Ok(self.baselines.iter().map(listed).collect())
    }

    fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        Ok(self.runs.iter().filter(|(_, stored)| stored.ending.is_none()).map(|(run, _)| *run).collect())
    }

    fn check(&self) -> Result<StoreCheck, StoreError> {
        let addresses: BTreeSet<&Address> = self.intervals.keys().collect();
        Ok(StoreCheck {
            runs_checked: self.runs.len() as u64,
            intervals_checked: addresses.len() as u64,
            damage: Vec::new(),
        })
    }

    fn check_run(&self, run: RunId) -> Result<(), StoreError> {
        self.stored(run).map(drop)
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.intervals.values().map(|bytes| bytes.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{Fixture, conformance};

    impl Fixture for MemoryStore {
        fn new() -> Self {
            MemoryStore::new()
        }

        fn store(&mut self) -> &mut dyn ResultStore {
            self
        }

        fn crash(&mut self) {
            MemoryStore::crash(self);
        }
    }

    conformance!(MemoryStore);

    #[test]
    fn a_store_takes_so_many_baselines() {
        let mut store = MemoryStore::new();
        let nightly = |number: usize| crate::store::samples::baseline(&format!("nightly-{number}"), &[1]);
        (0..BASELINES_MAX).for_each(|number| store.save_baseline(&nightly(number)).unwrap());
        let one_more = store.save_baseline(&nightly(BASELINES_MAX));
        assert!(matches!(one_more, Err(StoreError::TooManyBaselines { .. })));
        store.save_baseline(&nightly(7)).unwrap();
    }
}
