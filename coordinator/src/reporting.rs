//! Reports are made from what is stored, and nothing else, so that they can be made again tomorrow.

use std::ops::ControlFlow;
use std::sync::Arc;

use analysis::assemble::{Assembled, Assembler};
use analysis::{ANALYSIS_VERSION, looks, validity};
use shared::finding::{Finding, FindingCode};
use shared::ids::{RunId, TrialKey};
use shared::job::{Job, Kinds};
use shared::plan::looks::Look;
use shared::run_record::{LookOutcome, RunRecord, RunState, RunSummary, TrialRecord};
use shared::run_report::{HostReport, RunReport, Verdict};

use crate::calibrations;
use crate::figures;
use crate::rpc::codec;
use crate::store::{CachedReport, ResultStore, StoreError, StoreHandle, StoredInterval};

/// Why a report cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReportingError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is not what an agent would have sent.
    #[error("read an interval of run {run}: {problem}")]
    Interval {
        /// Of which run.
        run: RunId,
        /// What is wrong with it.
        problem: String,
    },
    /// The stored job does not read: it was written by another version.
    #[error("read the job of run {run}: {problem}")]
    Job {
        /// Of which run.
        run: RunId,
        /// What is wrong with it.
        problem: String,
    },
    /// The stored report does not read.
    #[error("read the report of run {run}: {problem}")]
    Report {
        /// Of which run.
        run: RunId,
        /// What is wrong with it.
        problem: String,
    },
    /// The run is not over, so nothing came out of it yet.
    #[error("read the figures of run {0}: it is not over; wait for its end")]
    NotOver(RunId),
    /// No such run.
    #[error("find run {0}")]
    UnknownRun(RunId),
}

impl ReportingError {
    /// Whether the same may succeed later: the disk is full.
    pub fn is_worth_another_try(&self) -> bool {
        matches!(self, ReportingError::Store(StoreError::Full { .. }))
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its state.
    pub state: RunState,
    /// What came out.
    pub verdict: Verdict,
    /// The contract's exit code.
    pub exit_code: u8,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
}

/// Judges one attempt at a trial.
///
/// # Errors
/// When what is stored cannot be read.
pub async fn judge(
    store: &StoreHandle,
    trial: TrialKey,
    record: &RunRecord,
) -> Result<(bool, Vec<Finding>), ReportingError> {
    // Only this attempt is looked at, so that judging all trials of a run takes no longer than reading it once.
    let mut record = record.clone();
    record.trials.retain(|known| (known.trial, known.attempt) == (trial.trial, trial.attempt));
    store
        .read(move |store| {
            let report = assemble(store, &record, Some(trial))?;
            // Agents that stand apart each have a report of their own.
            let attempts = report.variants.into_iter().flat_map(|variant| variant.trials);
            let judged = attempts.filter(|known| known.attempt == trial.attempt);
            let findings: Vec<Vec<Finding>> = judged.map(|judged| judged.findings).collect();
            let is_valid = !findings.is_empty() && findings.iter().all(|of_one| validity::is_valid(of_one));
            Ok((is_valid, findings.concat()))
        })
        .await?
}

/// Looks at what is stored of a run, to see whether it needs more blocks.
///
/// # Errors
/// When what is stored cannot be read.
pub async fn look(store: &StoreHandle, record: RunRecord, look: Look) -> Result<LookOutcome, ReportingError> {
    store
        .read(move |store| {
            let job = job_of(&record)?;
            let assembled = assembled(store, &record, &job, None)?;
            Ok(looks::outcome(&assembled, &job, &look))
        })
        .await?
}

/// Makes the report of a run that is over, and stores it.
///
/// # Errors
/// When what is stored cannot be read, or the end cannot be written.
pub async fn finish(store: &StoreHandle, record: RunRecord) -> Result<Ended, ReportingError> {
    store
        .write(move |store| {
            let job = job_of(&record)?;
            let mut assembled = assembled(store, &record, &job, None)?;
            // Who vouches for the hosts is known only when all that the trials told of them is there.
            let record = vouched_for(store, record, &assembled.report.hosts);
            analysis::assemble::compare(&mut assembled, &record, &job);
            let report = assembled.report;
            let ended = Ended {
                state: report.run.state,
                verdict: report.run.verdict,
                exit_code: report.run.exit_code,
                reason: report.run.reason.clone(),
            };
            store.finish_run(&record, &summary(&record, &ended), &cached(&report))?;
            // The run is over and whole without them: they can be made from its report whenever somebody asks.
            if let Err(error) = store.save_figures(&figures::of_report(&record, &job, &report)) {
                tracing::warn!(run = %record.id, %error, "the figures of a run are not kept");
            }
            Ok(ended)
        })
        .await?
}

/// The record with the calibration that vouches for its hosts. Without one its comparisons say so, which is no reason to lose it.
fn vouched_for(store: &mut dyn ResultStore, record: RunRecord, hosts: &[HostReport]) -> RunRecord {
    let calibrated_by = calibrations::of_run(store, &record, hosts).unwrap_or_else(|error| {
        tracing::warn!(run = %record.id, %error, "no calibration vouches for a run");
        None
    });
    RunRecord { calibrated_by, ..record }
}

/// The report of a run as JSON: the cached one if this version of the analysis made it, else made anew; of a run
/// that is not over, what is stored so far.
///
/// # Errors
/// When there is no such run, or what is stored is damaged.
pub async fn show(
    store: &StoreHandle,
    run: RunId,
    active: Option<RunRecord>,
) -> Result<Vec<u8>, ReportingError> {
    store
        .read(move |store| {
            if let Some(cached) =
                store.report(run)?.filter(|cached| cached.analysis_version == ANALYSIS_VERSION)
            {
                return Ok(cached.json);
            }
            let record = match active {
                Some(record) => record,
                None => store.run(run)?.ok_or(ReportingError::UnknownRun(run))?,
            };
            Ok(cached(&assemble(store, &record, None)?).json)
        })
        .await?
}

/// A finding that stands for a trial that could not be read.
pub fn unreadable(error: &ReportingError) -> Finding {
    Finding::of_trial(
        FindingCode::StoreDamaged,
        format!("what was stored of the trial could not be read: failed to {error}"),
    )
}

/// The summary of a run as its record has it now.
pub fn summary(record: &RunRecord, ended: &Ended) -> RunSummary {
    RunSummary {
        id: record.id,
        name: record.name.clone(),
        state: record.state,
        verdict: ended.verdict,
        exit_code: record.state.is_over().then_some(ended.exit_code),
        submitted_at_ms: record.submitted_at_ms,
        finished_at_ms: record.finished_at_ms,
        tags: record.tags.clone(),
        trials_complete: u32::try_from(
            record.trials.iter().map(TrialRecord::measurements_complete).sum::<usize>(),
        )
        .unwrap_or(u32::MAX),
        trials_planned: u32::try_from(record.measurements_needed()).unwrap_or(u32::MAX),
        damage: None,
    }
}

/// The job of a run, parsed from what is stored, as its plan has it.
///
/// # Errors
/// When it does not read.
pub fn job_of(record: &RunRecord) -> Result<Arc<Job>, ReportingError> {
    shared::job::parse(&record.job_toml, Kinds::Unchecked)
        .map(|job| Arc::new(job.as_planned(&record.plan)))
        .map_err(|problem| ReportingError::Job { run: record.id, problem: problem.to_string() })
}

/// The report of what is stored of a run, or of one attempt at a trial of it.
fn assemble(
    store: &dyn ResultStore,
    record: &RunRecord,
    only: Option<TrialKey>,
) -> Result<RunReport, ReportingError> {
    let job = job_of(record)?;
    Ok(assembled(store, record, &job, only)?.report)
}

/// The same, with the histograms behind it.
fn assembled(
    store: &dyn ResultStore,
    record: &RunRecord,
    job: &Job,
    only: Option<TrialKey>,
) -> Result<Assembled, ReportingError> {
    let mut assembler = Assembler::new(record, job);
    let mut problem = None;
    let mut take = |stored: StoredInterval| {
        if problem.is_none() {
            match codec::decode_interval(&stored.bytes) {
                Ok(interval) => assembler.add(&interval),
                Err(error) => problem = Some(error.to_string()),
            }
        }
    };
    match only {
        Some(trial) => store.trial_intervals(trial, &mut take)?,
        None => store.intervals(record.id, &mut |stored| {
            take(stored);
            ControlFlow::Continue(())
        })?,
    }
    match problem {
        Some(problem) => Err(ReportingError::Interval { run: record.id, problem }),
        None => Ok(assembler.finish(crate::unix_ms())),
    }
}

fn cached(report: &RunReport) -> CachedReport {
    let json = serde_json::to_vec(report).expect("a report has text keys and finite numbers only");
    CachedReport { analysis_version: ANALYSIS_VERSION.to_owned(), json }
}
