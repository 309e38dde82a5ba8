//! Baselines: runs under a name that later runs are held against. What that needs of each run is frozen with the name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{BaselineName, Name, RunId};
use crate::run_figures::{RunFigures, VariantFigures};
use crate::run_report::Estimate;

/// Most runs of one baseline: the prediction interval hardly narrows beyond some dozens.
pub const BASELINE_RUNS_MAX: usize = 100;
/// Most baselines of one store: one for each branch of a large house.
pub const BASELINES_MAX: usize = 1_000;

/// Runs under a name, at least one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name.
    pub name: BaselineName,
    /// Its runs, in the order in which they were added.
    pub runs: Vec<BaselineRun>,
}

/// A run of a baseline, with everything that a later run is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineRun {
    /// When it was added, milliseconds since 1970 UTC.
    pub added_at_ms: u64,
    /// Who added it: a certificate's holder, or an address where nobody is asked for one.
    pub added_by: String,
    /// The run's figures as they were then.
    pub figures: RunFigures,
}

impl Baseline {
    /// Whether a run is one of its own.
    pub fn holds(&self, run: RunId) -> bool {
        self.runs.iter().any(|known| known.figures.run == run)
    }

    /// The same without the estimates that nobody asks for.
    pub fn about(mut self, is_asked_for: impl Fn(&VariantFigures, &Estimate) -> bool) -> Self {
        for variant in self.runs.iter_mut().flat_map(|run| &mut run.figures.variants) {
            let mut estimates = std::mem::take(&mut variant.estimates);
            estimates.retain(|estimate| is_asked_for(variant, estimate));
            variant.estimates = estimates;
        }
        self
    }

    /// The figures of its runs.
    pub fn figures(&self) -> impl Iterator<Item = &RunFigures> {
        self.runs.iter().map(|run| &run.figures)
    }
}

/// A baseline as it was when a run was submitted whose claims name it, so that they are decided the same way tomorrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FrozenBaseline {
    /// It was there. Of its runs' figures only those of claimed metrics are kept.
    Whole(Baseline),
    /// There was none of that name.
    Missing,
    /// What was stored of it could not be trusted; why, as a fragment for people.
    Damaged(String),
}

/// A baseline as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedBaseline {
    /// Its name.
    pub name: BaselineName,
    /// The baseline; `None`: what is stored of it cannot be trusted.
    pub baseline: Option<Baseline>,
    /// What is wrong with it; `None`: nothing.
    pub damage: Option<String>,
}

/// A baseline as people look at it, without its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineSummary {
    /// Its name.
    pub name: BaselineName,
    /// Its runs, in the order in which they were added; none of a damaged one.
    pub runs: Vec<BaselineRunSummary>,
    /// Why what is stored of it cannot be trusted; `None`: nothing is wrong.
    pub damage: Option<String>,
}

/// A run of a baseline, without its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineRunSummary {
    /// The run.
    pub run: RunId,
    /// Its job's name.
    pub job: Name,
    /// SHA-256 of its job as submitted, lower-case hex.
    pub job_sha256: String,
    /// When it was submitted, milliseconds since 1970 UTC.
    pub submitted_at_ms: u64,
    /// When it was added, milliseconds since 1970 UTC.
    pub added_at_ms: u64,
    /// Who added it.
    pub added_by: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl From<&Baseline> for BaselineSummary {
    fn from(baseline: &Baseline) -> Self {
        let run = |run: &BaselineRun| BaselineRunSummary {
            run: run.figures.run,
            job: run.figures.job.clone(),
            job_sha256: run.figures.job_sha256.clone(),
            submitted_at_ms: run.figures.submitted_at_ms,
            added_at_ms: run.added_at_ms,
            added_by: run.added_by.clone(),
            tags: run.figures.tags.clone(),
        };
        Self { name: baseline.name.clone(), runs: baseline.runs.iter().map(run).collect(), damage: None }
    }
}

impl From<&ListedBaseline> for BaselineSummary {
    fn from(listed: &ListedBaseline) -> Self {
        let whole = listed.baseline.as_ref().map(BaselineSummary::from);
        let runs = whole.map(|whole| whole.runs).unwrap_or_default();
        Self { name: listed.name.clone(), runs, damage: listed.damage.clone() }
    }
}
