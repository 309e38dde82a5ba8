//! Which runs may stand in a baseline, and how one is set.
//!
//! What is compared with later is copied into the baseline when a run is added: it says the same tomorrow, whatever becomes of
//! the run. `runs rm` refuses to remove such a run unless it is forced to, and `store prune` keeps it.

use std::collections::BTreeMap;

use shared::baseline::{BASELINE_RUNS_MAX, Baseline, BaselineRun, FrozenBaseline};
use shared::claim::Against;
use shared::ids::{BaselineName, RunId};
use shared::job::Job;
use shared::run_figures::{RunFigures, VariantFigures};
use shared::run_record::RunState;
use shared::run_report::Estimate;

use crate::figures;
use crate::reporting::ReportingError;
use crate::store::{ResultStore, StoreError};

/// Why a baseline is not set. Reads after "failed to ".
#[derive(Debug, Clone, thiserror::Error)]
pub enum BaselineError {
    /// The store cannot be read or written, or there is no such run.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run's figures cannot be had.
    #[error(transparent)]
    Reporting(#[from] ReportingError),
    /// The run did not end well.
    #[error(
        "set baseline {name}: run {run} is {state}, and only a finished run says what a later one is held against; run its job again"
    )]
    NotFinished {
        /// The baseline.
        name: BaselineName,
        /// The run.
        run: RunId,
        /// How it ended.
        state: &'static str,
    },
    /// What the run measured does not count, or not all of it.
    #[error(
        "set baseline {name}: not all trials of run {run} are valid, and nothing can be held against it; `fleetmark show {run}` says why: run its job again once that is mended"
    )]
    NotValid {
        /// The baseline.
        name: BaselineName,
        /// The run.
        run: RunId,
    },
    /// The run measured something else than the others.
    #[error(
        "set baseline {name}: run {run} is not like run {other} in: {}; runs of one baseline must measure the same: give it another name, or set it anew with `fleetmark baseline set`",
        differences.join(", ")
    )]
    AnotherShape {
        /// The baseline.
        name: BaselineName,
        /// The run.
        run: RunId,
        /// The first run of the baseline.
        other: RunId,
        /// In what they differ.
        differences: Vec<String>,
    },
    /// More runs than a baseline has.
    #[error("set baseline {name}: {count} runs are more than the {BASELINE_RUNS_MAX} that one takes")]
    TooManyRuns {
        /// The baseline.
        name: BaselineName,
        /// How many were named.
        count: usize,
    },
    /// No run at all.
    #[error("set baseline {0}: name the runs that it is to consist of; `fleetmark runs` lists them")]
    NoRuns(BaselineName),
}

/// Who sets a baseline, and when.
#[derive(Debug, Clone)]
pub struct Author {
    /// Who: a certificate's holder, or an address.
    pub name: String,
    /// When, milliseconds since 1970 UTC.
    pub at_ms: u64,
}

/// Has a name stand for these runs and no others.
///
/// # Errors
/// [`BaselineError`] names the first run that cannot be part of it; nothing is changed then.
pub fn set(
    store: &mut dyn ResultStore,
    name: BaselineName,
    runs: &[RunId],
    author: &Author,
) -> Result<Baseline, BaselineError> {
    save(store, Baseline { name, runs: Vec::new() }, runs, author)
}

/// Adds runs to those that a name stands for. A baseline with more than [`BASELINE_RUNS_MAX`] loses its oldest ones, so that one
/// to which every run of a branch is added goes along with it.
///
/// # Errors
/// As [`set`]; [`StoreError::DamagedBaseline`] when what is there cannot be trusted.
pub fn add(
    store: &mut dyn ResultStore,
    name: BaselineName,
    runs: &[RunId],
    author: &Author,
) -> Result<Baseline, BaselineError> {
    let known = store.baseline(&name)?;
    save(store, known.unwrap_or(Baseline { name, runs: Vec::new() }), runs, author)
}

/// Names of the baselines that consist of a run. A damaged one may or may not: it is named too.
///
/// # Errors
/// When the store cannot be read.
pub fn holding(store: &dyn ResultStore, run: RunId) -> Result<Vec<BaselineName>, StoreError> {
    let listed = store.baselines()?.into_iter();
    let held = listed.filter(|listed| listed.baseline.as_ref().is_none_or(|known| known.holds(run)));
    Ok(held.map(|listed| listed.name).collect())
}

/// The baselines that a job's claims name, as they are now, with the figures that the claims are about.
///
/// # Errors
/// When the store cannot be read. That a baseline is missing or damaged is no error: its claims say so.
pub fn freeze(store: &dyn ResultStore, job: &Job) -> Result<BTreeMap<String, FrozenBaseline>, StoreError> {
    let mut frozen = BTreeMap::new();
    for claim in &job.claims {
        let Some(Against::Baseline(name)) = claim.rule.against() else { continue };
        if !frozen.contains_key(name) {
            frozen.insert(name.clone(), freeze_one(store, job, name)?);
        }
    }
    Ok(frozen)
}

fn freeze_one(store: &dyn ResultStore, job: &Job, name: &str) -> Result<FrozenBaseline, StoreError> {
    // What cannot be a baseline's name is the name of none.
    let Ok(known) = BaselineName::new(name) else { return Ok(FrozenBaseline::Missing) };
    let claimed: Vec<String> = job.claims.iter().map(|claim| claim.metric.to_string()).collect();
    let is_claimed = |variant: &VariantFigures, estimate: &Estimate| {
        claimed.iter().any(|metric| {
            estimate.metric == *metric || variant.is_the_only_operations(metric, &estimate.metric)
        })
    };
    match store.baseline(&known) {
        Ok(Some(baseline)) => Ok(FrozenBaseline::Whole(baseline.about(is_claimed))),
        Ok(None) => Ok(FrozenBaseline::Missing),
        Err(StoreError::DamagedBaseline { what, .. }) => Ok(FrozenBaseline::Damaged(what)),
        Err(error) => Err(error),
    }
}

fn save(
    store: &mut dyn ResultStore,
    mut baseline: Baseline,
    runs: &[RunId],
    author: &Author,
) -> Result<Baseline, BaselineError> {
    let name = baseline.name.clone();
    if runs.is_empty() {
        return Err(BaselineError::NoRuns(name));
    }
    if runs.len() > BASELINE_RUNS_MAX {
        return Err(BaselineError::TooManyRuns { name, count: runs.len() });
    }
    for run in runs {
        if baseline.holds(*run) {
            continue;
        }
        // Read in full: what later runs are held against must be whole.
        store.check_run(*run)?;
        let figures = figures::of_run(store, *run)?;
        check(&name, &figures)?;
        if let Some(first) = baseline.runs.first() {
            check_likeness(&name, &first.figures, &figures)?;
        }
        let (added_at_ms, added_by) = (author.at_ms, author.name.clone());
        baseline.runs.push(BaselineRun { added_at_ms, added_by, figures });
    }
    let surplus = baseline.runs.len().saturating_sub(BASELINE_RUNS_MAX);
    baseline.runs.drain(..surplus);
    store.save_baseline(&baseline)?;
    Ok(baseline)
}

fn check(name: &BaselineName, figures: &RunFigures) -> Result<(), BaselineError> {
    let (name, run) = (name.clone(), figures.run);
    if figures.state != RunState::Finished {
        return Err(BaselineError::NotFinished { name, run, state: figures.state.as_str() });
    }
    // Its verdict does not matter: a claim that fails for want of a baseline says nothing against what was measured.
    if !figures.is_whole() {
        return Err(BaselineError::NotValid { name, run });
    }
    Ok(())
}

fn check_likeness(name: &BaselineName, first: &RunFigures, next: &RunFigures) -> Result<(), BaselineError> {
    let differences = unlikeness(first, next);
    if differences.is_empty() {
        return Ok(());
    }
    Err(BaselineError::AnotherShape { name: name.clone(), run: next.run, other: first.run, differences })
}

/// In what two runs of a baseline differ that must not: the job's name, its variants, and the shape of each.
fn unlikeness(first: &RunFigures, next: &RunFigures) -> Vec<String> {
    let names = |figures: &RunFigures| {
        figures.variants.iter().map(|variant| variant.name.clone()).collect::<Vec<_>>().join(" ")
    };
    let mut differences = Vec::new();
    if first.job != next.job {
        differences.push(format!("job ({} and {})", first.job, next.job));
    }
    if names(first) != names(next) {
        differences.push(format!("variants ({} and {})", names(first), names(next)));
        return differences;
    }
    for (one, other) in first.variants.iter().zip(&next.variants) {
        for difference in one.shape.differences(&other.shape) {
            if !differences.contains(&difference) {
                differences.push(difference);
            }
        }
    }
    differences
}

#[cfg(test)]
mod tests;
