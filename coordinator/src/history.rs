//! One metric over the finished runs of a job, from the figures that are kept beside them.

use shared::history::{History, HistoryPoint};
use shared::ids::{Name, RunId};
use shared::run_figures::RunFigures;
use shared::run_record::RunState;

use crate::figures;
use crate::reporting::ReportingError;
use crate::store::{ResultStore, StoreError, StoreHandle};

/// Runs looked at when a caller names no number.
pub const RUNS_DEFAULT: usize = 1_000;
/// Most runs that are looked at.
pub const RUNS_MAX: usize = 10_000;
/// Most runs of whatever job that are looked at to find those: some seconds of reading.
const RUNS_PASSED_MAX: usize = 100_000;
/// Runs looked at in one go: some milliseconds, between which others get at the store.
const PAGE_RUNS: usize = 250;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct HistoryQuestion {
    /// The metric, as estimates name it.
    pub metric: String,
    /// The job; `None`: that of the newest run which has the metric.
    pub job: Option<Name>,
    /// Most runs, the newest ones.
    pub runs_max: usize,
}

/// The history of a metric.
///
/// # Errors
/// When the store cannot be read at all. Damaged runs are left out and counted.
pub async fn read(store: &StoreHandle, question: HistoryQuestion) -> Result<History, StoreError> {
    let mut runs = store.read(|store| store.runs()).await??;
    let beyond = runs.len().saturating_sub(RUNS_PASSED_MAX);
    runs.drain(..beyond);
    let mut reader = Reader { question, history: History::default(), runs_seen: 0 };
    while !runs.is_empty() && !reader.history.has_older {
        let page = runs.split_off(runs.len().saturating_sub(PAGE_RUNS));
        reader = store
            .write(move |store| {
                page.into_iter().rev().try_for_each(|run| reader.look_at(store, run))?;
                Ok::<_, StoreError>(reader)
            })
            .await??;
    }
    reader.history.has_older |= beyond > 0;
    reader.history.points.reverse();
    Ok(reader.history)
}

/// A history on its way, newest first.
struct Reader {
    question: HistoryQuestion,
    history: History,
    runs_seen: usize,
}

impl Reader {
    /// Looks at the next older run.
    fn look_at(&mut self, store: &mut dyn ResultStore, run: RunId) -> Result<(), StoreError> {
        if self.history.has_older {
            return Ok(());
        }
        let figures = match figures::of_run(store, run) {
            Ok(figures) => figures,
            Err(ReportingError::Store(error @ (StoreError::Closed | StoreError::Io { .. }))) => {
                return Err(error);
            }
            Err(ReportingError::NotOver(_)) => return Ok(()),
            Err(error) => {
                tracing::warn!(%run, %error, "a run is left out of a history");
                self.history.runs_left_out += 1;
                return Ok(());
            }
        };
        if self.question.job.as_ref().is_none_or(|job| *job == figures.job) {
            self.take(figures);
        }
        Ok(())
    }

    /// Takes the values of a run of the job, or of any job as long as the job is not known.
    fn take(&mut self, figures: RunFigures) {
        if self.runs_seen >= self.question.runs_max {
            self.history.has_older = true;
            return;
        }
        let counts = figures.state == RunState::Finished;
        let points = if counts { points_of(&figures, &self.question.metric) } else { Vec::new() };
        match (points.is_empty(), &self.question.job) {
            // Runs that have nothing to do with the metric are passed over until its job is known.
            (true, None) => return,
            (true, Some(_)) => self.history.runs_left_out += 1,
            (false, known) => {
                if known.is_none() {
                    self.question.job = Some(figures.job.clone());
                }
                self.history.job = figures.job.to_string();
            }
        }
        self.runs_seen += 1;
        // The whole list is turned round at the end.
        self.history.points.extend(points.into_iter().rev());
    }
}

fn points_of(figures: &RunFigures, metric: &str) -> Vec<HistoryPoint> {
    let metric = metric.strip_prefix("*.").unwrap_or(metric);
    let mut points = Vec::new();
    for variant in figures.variants.iter().filter(|variant| variant.is_whole()) {
        let meant = variant.estimates.iter().filter(|estimate| {
            estimate.metric == metric || variant.is_the_only_operations(metric, &estimate.metric)
        });
        for estimate in meant {
            let Some(mean) = estimate.mean else { continue };
            let pair = estimate.pair.as_ref().map(ToString::to_string);
            let subject = pair.or_else(|| estimate.agent.as_ref().map(ToString::to_string));
            points.push(HistoryPoint {
                run: figures.run,
                submitted_at_ms: figures.submitted_at_ms,
                tags: figures.tags.clone(),
                variant: variant.name.clone(),
                subject: subject.unwrap_or_default(),
                unit: estimate.unit.clone(),
                trials: estimate.n,
                mean,
                ci95: estimate.ci95,
            });
        }
    }
    points
}

#[cfg(test)]
mod tests;
