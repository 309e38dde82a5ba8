//! Retention: which runs a pruning removes.

use std::collections::BTreeSet;

use shared::ids::RunId;
use shared::run_record::RunSummary;

use super::error::StoreError;
use super::{ResultStore, SummaryFilter};

/// Which runs to keep. A run goes only if every condition lets it go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Runs submitted at or after this time stay, milliseconds since 1970 UTC; `None`: time protects nothing.
    pub keep_since_ms: Option<u64>,
    /// So many of the newest runs stay.
    pub keep_newest: usize,
    /// These stay: runs that a baseline consists of.
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

/// Removes the runs that retention lets go, and says which; with `is_dry_run` it only says which.
///
/// # Errors
/// As [`ResultStore::summaries`] and [`ResultStore::remove_run`]; runs removed before an error stay removed.
pub fn prune(
    store: &mut dyn ResultStore,
    retention: &Retention,
    is_dry_run: bool,
) -> Result<Vec<RunSummary>, StoreError> {
    let going = retention.select(store.summaries(&SummaryFilter::default())?);
    if !is_dry_run {
        for summary in &going {
            store.remove_run(summary.id)?;
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
        let would_go = prune(&mut store, &retention, true).unwrap();
        assert_eq!(numbers(&would_go), [3, 1]);
        assert_eq!(store.runs().unwrap().len(), 5);
        prune(&mut store, &retention, false).unwrap();
        assert_eq!(store.runs().unwrap(), [2, 4, 5].map(samples::run_id));
    }

    #[test]
    fn a_run_that_goes_on_stays() {
        let mut store = five_runs();
        samples::create(&mut store, 6);
        prune(&mut store, &Retention::default(), false).unwrap();
        assert_eq!(store.runs().unwrap(), [samples::run_id(6)]);
    }
}
