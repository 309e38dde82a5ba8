//! One metric over the finished runs of a job, from the figures that are kept beside them.

use shared::history::{History, HistoryPoint};
use shared::ids::{Name, RunId};
use shared::run_figures::RunFigures;
use shared::run_record::RunState;

use crate::figures;
use crate::reporting::ReportingError;
use crate::store::{ResultStore, StoreError, StoreHandle, SummaryFilter};

/// Runs looked at when a caller names no number.
pub const RUNS_DEFAULT: usize = 1_000;
/// Most runs that are looked at.
pub const RUNS_MAX: usize = 10_000;
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
    let mut reader = Reader { question, history: History::default(), runs_seen: 0, before: None };
    loop {
        let (is_done, so_far) = store
            .write(move |store| {
                let is_done = reader.read_page(store)?;
                Ok::<_, StoreError>((is_done, reader))
            })
            .await??;
        reader = so_far;
        if is_done {
            reader.history.points.reverse();
            return Ok(reader.history);
        }
    }
}

/// A history on its way, newest first.
struct Reader {
    question: HistoryQuestion,
    history: History,
    runs_seen: usize,
    before: Option<RunId>,
}

impl Reader {
    /// Looks at the next older runs; whether that was all.
    fn read_page(&mut self, store: &mut dyn ResultStore) -> Result<bool, StoreError> {
        let left = self.question.runs_max.saturating_sub(self.runs_seen);
        // One more than wanted tells whether there are older ones.
        let limit = PAGE_RUNS.min(left.saturating_add(1));
        let name = self.question.job.clone();
        let filter = SummaryFilter { name, before: self.before, limit: Some(limit), ..Default::default() };
        let page = store.summaries(&filter)?;
        let is_last = page.len() < limit;
        for summary in page {
            if self.runs_seen >= self.question.runs_max {
                self.history.has_older = true;
                return Ok(true);
            }
            self.before = Some(summary.id);
            // Until the job is known, a page may hold runs of others.
            if self.question.job.as_ref().is_some_and(|job| *job != summary.name) {
                continue;
            }
            self.runs_seen += 1;
            let counts = summary.damage.is_none() && summary.state == RunState::Finished;
            if !(counts && self.take(store, summary.id)?) && summary.state.is_over() {
                self.history.runs_left_out += 1;
            }
        }
        Ok(is_last)
    }

    /// Takes the values of a run; whether it has any.
    fn take(&mut self, store: &mut dyn ResultStore, run: RunId) -> Result<bool, StoreError> {
        let figures = match figures::of_run(store, run) {
            Ok(figures) => figures,
            Err(ReportingError::Store(error @ (StoreError::Closed | StoreError::Io { .. }))) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%run, %error, "a run is left out of a history");
                return Ok(false);
            }
        };
        let points = points_of(&figures, &self.question.metric);
        let has_any = !points.is_empty();
        if has_any && self.question.job.is_none() {
            // Runs of other jobs that came before have nothing to do with it.
            self.history.runs_left_out = 0;
            self.runs_seen = 1;
            self.question.job = Some(figures.job.clone());
        }
        if has_any {
            self.history.job = figures.job.to_string();
        }
        // The whole list is turned round at the end.
        self.history.points.extend(points.into_iter().rev());
        Ok(has_any)
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
