//! Retention: which runs a pruning removes, and which of the others it folds.

use std::collections::BTreeSet;

use shared::ids::RunId;
use shared::run_record::RunSummary;

use super::error::StoreError;
use super::folding::{FoldedRun, fold_run};
use super::{ResultStore, SummaryFilter};

/// Which runs to keep. A run goes only if every condition lets it go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs submitted at or after this time stay, milliseconds since 1970 UTC; `None`: time protects nothing.
    pub keep_since_ms: Option<u64>,
    /// So many of the newest runs stay.
    pub keep_newest: usize,
    /// These stay too; [`prune`] adds the runs that baselines consist of.
    pub keep_runs: BTreeSet<RunId>,
}

impl Retention {
    /// The runs that go, out of all, newest first. Runs that are not over stay, and so do damaged ones: whoever
    /// wants to lose those says so run by run.
    pub fn select(&self, newest_first: Vec<RunSummary>) -> Vec<RunSummary> {
        let may_go = |summary: &RunSummary| {
            summary.state.is_over()
                && summary.damage.is_none()
                && self.keep_since_ms.is_none_or(|since| summary.submitted_at_ms < since)
                && !self.keep_runs.contains(&summary.id)
        };
        newest_first.into_iter().skip(self.keep_newest).filter(may_go).collect()
    }
}

/// What a pruning is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruning {
    /// Which runs to remove all others than; `None`: none is removed.
    pub removal: Option<Retention>,
    /// Runs that stay and were submitted before this time are folded, milliseconds since 1970 UTC; `None`: none is.
    pub fold_before_ms: Option<u64>,
    /// Only say what would be done.
    pub is_dry_run: bool,
}

/// What a pruning did, or would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pruned {
    /// Runs removed, newest first.
    pub removed: Vec<RunSummary>,
    /// Runs folded, newest first; those that would not become smaller are not among them.
    pub folded: Vec<FoldedRun>,
}

/// Removes the runs that retention lets go and no baseline consists of, folds what is old enough of the others, and says which. A run that is
/// found damaged on the way stays as it is; with a damaged baseline nothing is removed, since its runs are not known.
///
/// # Errors
/// As [`ResultStore::summaries`], [`ResultStore::baselines`], [`ResultStore::remove_run`] and [`fold_run`]; what was done before an error stays
/// done.
pub fn prune(store: &mut dyn ResultStore, pruning: &Pruning) -> Result<Pruned, StoreError> {
    let all = store.summaries(&SummaryFilter::default())?;
    let going = match &pruning.removal {
        Some(retention) => going(store, retention, all.clone())?,
        None => Vec::new(),
    };
    let gone: BTreeSet<RunId> = going.iter().map(|summary| summary.id).collect();
    if !pruning.is_dry_run {
        gone.iter().try_for_each(|run| store.remove_run(*run))?;
    }
    let is_to_fold = |summary: &&RunSummary| {
        summary.state.is_over()
            && summary.damage.is_none()
            && !gone.contains(&summary.id)
            && pruning.fold_before_ms.is_some_and(|before| summary.submitted_at_ms < before)
    };
    let mut pruned = Pruned { removed: going, folded: Vec::new() };
    for summary in all.iter().filter(is_to_fold) {
        match fold_run(store, summary.id, pruning.is_dry_run) {
            Ok(folded) => pruned.folded.extend(folded),
            Err(StoreError::Damaged(damage)) => tracing::warn!(%damage, "a damaged run is not folded"),
            Err(error) => return Err(error),
        }
    }
    Ok(pruned)
}

/// The runs that retention lets go. Each is read in full: a list alone need not know of damage.
fn going(
    store: &dyn ResultStore,
    retention: &Retention,
    all: Vec<RunSummary>,
) -> Result<Vec<RunSummary>, StoreError> {
    let mut retention = retention.clone();
    for listed in store.baselines()? {
        let what = listed.damage.unwrap_or_default();
        let baseline = listed.baseline.ok_or(StoreError::DamagedBaseline { name: listed.name, what })?;
        retention.keep_runs.extend(baseline.figures().map(|figures| figures.run));
    }
    let mut going = Vec::new();
    for summary in retention.select(all) {
        match store.check_run(summary.id) {
            Ok(()) => going.push(summary),
            Err(StoreError::Damaged(damage)) => tracing::warn!(%damage, "a damaged run is not removed"),
            Err(error) => return Err(error),
        }
    }
    Ok(going)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::samples;

    fn five_runs() -> MemoryStore {
        let mut store = MemoryStore::new();
        (1..=5).for_each(|number| samples::finish(&mut store, number, 1));
        store
    }

    fn numbers(summaries: &[RunSummary]) -> Vec<u64> {
        summaries.iter().map(|summary| summary.submitted_at_ms).collect()
    }

    #[test]
    fn the_newest_the_young_and_the_named_stay() {
        let mut store = five_runs();
        let retention = Retention {
            keep_since_ms: Some(4),
            keep_newest: 1,
            keep_runs: BTreeSet::from([samples::run_id(2)]),
        };
        let pruning = Pruning { removal: Some(retention), is_dry_run: true, ..Pruning::default() };
        let would_go = prune(&mut store, &pruning).unwrap().removed;
        assert_eq!(numbers(&would_go), [3, 1]);
        assert_eq!(store.runs().unwrap().len(), 5);
        prune(&mut store, &Pruning { is_dry_run: false, ..pruning }).unwrap();
        assert_eq!(store.runs().unwrap(), [2, 4, 5].map(samples::run_id));
    }

    #[test]
    fn the_runs_of_a_baseline_stay() {
        let mut store = five_runs();
        store.save_baseline(&samples::baseline("main", &[2, 4])).unwrap();
        let pruning = Pruning { removal: Some(Retention::default()), ..Pruning::default() };
        prune(&mut store, &pruning).unwrap();
        assert_eq!(store.runs().unwrap(), [2, 4].map(samples::run_id));
    }

    #[test]
    fn a_run_that_goes_on_stays() {
        let mut store = five_runs();
        samples::create(&mut store, 6);
        let pruning = Pruning { removal: Some(Retention::default()), ..Pruning::default() };
        prune(&mut store, &pruning).unwrap();
        assert_eq!(store.runs().unwrap(), [samples::run_id(6)]);
    }
}
