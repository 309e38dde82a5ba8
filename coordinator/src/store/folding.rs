//! Folding a finished run: per-agent detail to ten seconds, and beside it one series of seconds of all agents.
//!
//! A trial with one agent stays as it is, since its own seconds are that series; and so does any trial that would not
//! become smaller. How intervals are folded, and why a report says the same afterwards, stands in
//! [`shared::interval::fold`].

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use shared::ids::{AgentId, RunId, TrialKey};
use shared::interval::Interval;
use shared::interval::fold::{ALL_AGENTS, Folder, Series};

use super::error::StoreError;
use super::{ResultStore, StoredInterval};
use crate::rpc::codec;

/// Most bytes of intervals that folding holds in memory; a run with more stays as it is.
const HELD_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// What folding did to a run, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedRun {
    /// Which.
    pub run: RunId,
    /// Intervals before.
    pub intervals_before: u64,
    /// Intervals after.
    pub intervals_after: u64,
    /// Bytes of the intervals before, without compression.
    pub size_bytes_before: u64,
    /// Bytes of the intervals after.
    pub size_bytes_after: u64,
}

/// Folds a finished run; with `is_dry_run` only says what would come of it. `None`: it stays as it is.
///
/// # Errors
/// As [`ResultStore::intervals`] and [`ResultStore::replace_intervals`]: the run is then as it was.
pub fn fold_run(
    store: &mut dyn ResultStore,
    run: RunId,
    is_dry_run: bool,
) -> Result<Option<FoldedRun>, StoreError> {
    let mut folding = Folding::new(run);
    store.intervals(run, &mut |stored| {
        folding.take(stored);
        ControlFlow::Continue(())
    })?;
    folding.end_trial();
    if folding.is_too_large || folding.outcome.size_bytes_after >= folding.outcome.size_bytes_before {
        return Ok(None);
    }
    if !is_dry_run {
        store.replace_intervals(run, folding.kept)?;
    }
    Ok(Some(folding.outcome))
}

/// A run on its way through.
struct Folding {
    outcome: FoldedRun,
    is_too_large: bool,
    /// What the run is to have.
    kept: Vec<StoredInterval>,
    kept_bytes: usize,
    /// The trial that passes by, as it is stored.
    trial: Vec<StoredInterval>,
    trial_bytes: usize,
}

impl Folding {
    fn new(run: RunId) -> Self {
        let outcome = FoldedRun {
            run,
            intervals_before: 0,
            intervals_after: 0,
            size_bytes_before: 0,
            size_bytes_after: 0,
        };
        Self {
            outcome,
            is_too_large: false,
            kept: Vec::new(),
            kept_bytes: 0,
            trial: Vec::new(),
            trial_bytes: 0,
        }
    }

    fn take(&mut self, stored: StoredInterval) {
        if self.trial.last().is_some_and(|last| last.trial != stored.trial) {
            self.end_trial();
        }
        self.outcome.intervals_before += 1;
        self.outcome.size_bytes_before += stored.bytes.len() as u64;
        self.trial_bytes += stored.bytes.len();
        self.is_too_large |= self.kept_bytes + self.trial_bytes > HELD_BYTES_MAX;
        if self.is_too_large {
            self.trial.clear();
            self.kept.clear();
        } else {
            self.trial.push(stored);
        }
    }

    fn end_trial(&mut self) {
        let trial = std::mem::take(&mut self.trial);
        let before = std::mem::take(&mut self.trial_bytes);
        let folded = fold_trial(&trial).filter(|folded| bytes_of(folded) < before);
        let kept = folded.unwrap_or(trial);
        self.kept_bytes += bytes_of(&kept);
        self.outcome.intervals_after += kept.len() as u64;
        self.outcome.size_bytes_after += bytes_of(&kept) as u64;
        self.kept.extend(kept);
    }
}

/// A trial folded; `None`: it cannot be, or was already.
fn fold_trial(trial: &[StoredInterval]) -> Option<Vec<StoredInterval>> {
    let agents: BTreeSet<AgentId> = trial.iter().map(|stored| stored.agent).collect();
    if agents.len() < 2 || agents.contains(&ALL_AGENTS) {
        return None;
    }
    let (mut folder, mut series, mut folded) = (Folder::default(), Series::default(), Vec::new());
    for stored in trial {
        let interval = codec::decode_interval(&stored.bytes).ok()?;
        series.add(&interval);
        folded.extend(folder.push(interval));
    }
    folded.extend(folder.finish());
    let key = trial.first()?.trial;
    series.finish().into_iter().chain(folded).map(|interval| stored(key, &interval)).collect()
}

/// An interval as it is stored; `None`: it has become larger than one may be.
fn stored(trial: TrialKey, interval: &Interval) -> Option<StoredInterval> {
    let bytes = codec::encode_interval(interval);
    codec::decode_interval(&bytes).ok()?;
    Some(StoredInterval { trial, agent: interval.agent, sequence: interval.sequence, bytes })
}

fn bytes_of(intervals: &[StoredInterval]) -> usize {
    intervals.iter().map(|stored| stored.bytes.len()).sum()
}

#[cfg(test)]
mod tests;
