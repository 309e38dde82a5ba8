//! The figures of a finished run, made from its report and its record.

use std::collections::BTreeMap;

use analysis::calibration;
use serde::Serialize;
use shared::claim::Better;
use shared::ids::{AgentName, RunId, VariantIndex};
use shared::job::Job;
use shared::run_figures::{ClaimedMetric, JobShape, RunFigures, VariantFigures};
use shared::run_record::RunRecord;
use shared::run_report::{Estimate, Pair, RunReport, TrialReport, VariantReport};

use crate::reporting::{ReportingError, job_of};
use crate::store::manifest::Digest;
use crate::store::{CachedReport, ResultStore};

/// The figures of a run: those that are kept, or made from its report and then kept.
///
/// # Errors
/// When there is no such run, it is not finished, or what is stored of it is damaged.
pub fn of_run(store: &mut dyn ResultStore, run: RunId) -> Result<RunFigures, ReportingError> {
    if let Some(figures) = store.figures(run)? {
        return Ok(figures);
    }
    let record = store.run(run)?.ok_or(ReportingError::UnknownRun(run))?;
    let report = store.report(run)?.ok_or(ReportingError::NotOver(run))?;
    let figures = of_cached(&record, &report)?;
    store.save_figures(&figures)?;
    Ok(figures)
}

/// The figures of a run from the report that is kept of it.
///
/// # Errors
/// When the job or the report does not read.
pub fn of_cached(record: &RunRecord, report: &CachedReport) -> Result<RunFigures, ReportingError> {
    let report: RunReport = serde_json::from_slice(&report.json)
        .map_err(|error| ReportingError::Report { run: record.id, problem: error.to_string() })?;
    Ok(of_report(record, &*job_of(record)?, &report))
}

/// The figures of a run from its report.
pub fn of_report(record: &RunRecord, job: &Job, report: &RunReport) -> RunFigures {
    RunFigures {
        run: record.id,
        job: record.name.clone(),
        submitted_at_ms: record.submitted_at_ms,
        state: report.run.state,
        verdict: report.run.verdict,
        tags: record.tags.clone(),
        job_sha256: Digest::of(record.job_toml.as_bytes()).to_string(),
        analysis_version: report.run.analysis_version.clone(),
        claimed: claimed(job),
        margin: job.limits.margin,
        across_machines: job.limits.across_machines,
        variants: (0..)
            .zip(&report.variants)
            .map(|(place, variant)| of_variant(job, VariantIndex(place), variant))
            .collect(),
        hosts: report.hosts.clone(),
        calibration: calibration::reading(&record.tags, report, job.limits.margin),
        calibrated_by: record.calibrated_by.clone(),
    }
}

fn claimed(job: &Job) -> Vec<ClaimedMetric> {
    let mut claimed: Vec<ClaimedMetric> = Vec::new();
    for claim in &job.claims {
        let (metric, is_better_higher) = (claim.metric.to_string(), claim.better == Better::Higher);
        if !claimed.iter().any(|known| known.metric == metric) {
            claimed.push(ClaimedMetric { metric, is_better_higher });
        }
    }
    claimed
}

fn of_variant(base: &Job, place: VariantIndex, variant: &VariantReport) -> VariantFigures {
    let job = base.of_variant(place);
    let agents = variant.trials.iter().map(|trial| trial.coverage.agents_planned).max().unwrap_or(0);
    // Several attempts at one measurement are one that counts, if any does.
    let mut measurements: BTreeMap<(u32, Option<&AgentName>, Option<&Pair>), bool> = BTreeMap::new();
    for trial in &variant.trials {
        let TrialReport { block, agent, pair, valid, .. } = trial;
        *measurements.entry((*block, agent.as_ref(), pair.as_ref())).or_default() |= *valid;
    }
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    VariantFigures {
        name: variant.name.clone(),
        shape: JobShape::of(job, agents),
        target_sha256: job.target.as_ref().map(|target| digest(&target.start)),
        command_sha256: job.workload.kinds().any(|kind| kind == "command").then(|| {
            digest(&job.workload.operations.iter().map(|one| (&one.name, &one.settings)).collect::<Vec<_>>())
        }),
        trials_valid: count(measurements.values().filter(|is_valid| **is_valid).count()),
        trials_planned: count(measurements.len()),
        estimates: estimates(base, variant),
    }
}

/// What is estimated of every run, and what the claims name beyond that: a later claim needs it of a baseline.
fn estimates(base: &Job, variant: &VariantReport) -> Vec<Estimate> {
    let mut estimates = variant.estimates.clone();
    for claim in &base.claims {
        let name = claim.metric.to_string();
        if !estimates.iter().any(|estimate| estimate.metric == name) {
            estimates.extend(analysis::claimed::estimates(variant, &claim.metric));
        }
    }
    estimates
}

fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("words and settings have text keys and finite numbers only");
    Digest::of(&json).to_string()
}
