//! What came out of runs: their figures, two sides against each other, and a metric over the runs of a job.

use analysis::compare_runs::named::Named;
use analysis::compare_runs::{Side, Terms, compare_runs};
use analysis::compare_variants::compare_variants;
use shared::history::{History, Trend};
use shared::ids::{BaselineName, Name};
use shared::run_comparison::RunComparison;
use shared::run_figures::RunFigures;
use shared::run_report::RunReport;

use super::{Control, ControlError};
use crate::figures;
use crate::history::{self, HistoryQuestion};
use crate::reporting::ReportingError;
use crate::store::StoreError;

/// Longest metric name in a question: an operation's, a metric's own, and a statistic.
const METRIC_BYTES_MAX: usize = 256;

/// A metric over the runs of a job, as it is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrendQuestion {
    /// The metric.
    pub(crate) metric: String,
    /// The job's name; empty: that of the newest run which has the metric.
    pub(crate) job: String,
    /// Most runs, the newest; 0: as many as are usual.
    pub(crate) runs_max: usize,
}

/// Figures under a name.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The baseline of that name; `None`: it is a run.
    pub(crate) baseline: Option<BaselineName>,
    /// Figures of its runs.
    pub(crate) runs: Vec<RunFigures>,
}

impl Control {
    /// The figures of a baseline, or of a run.
    pub(crate) async fn figures(&self, name: &str) -> Result<Found, ControlError> {
        let baseline = match BaselineName::new(name) {
            Ok(name) => self.store.read(move |store| store.baseline(&name)).await??,
            // It can only be a run.
            Err(_) => None,
        };
        if let Some(baseline) = baseline {
            let runs = baseline.figures().cloned().collect();
            return Ok(Found { baseline: Some(baseline.name), runs });
        }
        let run = self.resolve(name.to_owned()).await.map_err(|error| neither(error, name))?;
        let figures = self.store.write(move |store| {
            store.check_run(run)?;
            figures::of_run(store, run)
        });
        Ok(Found { baseline: None, runs: vec![figures.await??] })
    }

    /// Compares two sides, each named as on the command line.
    pub(crate) async fn compare(
        &self,
        a: &str,
        b: &str,
        terms: Terms,
    ) -> Result<RunComparison, ControlError> {
        let (a, b) = (self.side(Named::read(a)).await?, self.side(Named::read(b)).await?);
        let run = match (a.runs.as_slice(), b.runs.as_slice()) {
            ([one], [other]) if one.run == other.run && a.variant != b.variant => one.run,
            _ => return Ok(compare_runs(&a, &b, terms)),
        };
        let problem = |problem: String| ControlError::Reporting(ReportingError::Report { run, problem });
        let report: RunReport =
            serde_json::from_slice(&self.show(run).await?).map_err(|error| problem(error.to_string()))?;
        compare_variants(&report, &a, &b, terms).map_err(|error| problem(error.to_string()))
    }

    /// A metric over the runs of a job, with its change points.
    pub(crate) async fn trend(&self, question: TrendQuestion) -> Result<Trend, ControlError> {
        let metric = question.metric.clone();
        Ok(analysis::trend::trend(&metric, self.history(question).await?))
    }

    /// The same as it is kept.
    pub(crate) async fn history(&self, question: TrendQuestion) -> Result<History, ControlError> {
        let TrendQuestion { metric, job, runs_max } = question;
        if metric.is_empty() || metric.len() > METRIC_BYTES_MAX {
            return Err(ControlError::Meant("name a metric, such as read.latency.p95".to_owned()));
        }
        let name = match job.as_str() {
            "" => None,
            job => Some(Name::new(job).map_err(|error| ControlError::Meant(format!("job: {error}")))?),
        };
        let runs_max = if runs_max == 0 { history::RUNS_DEFAULT } else { runs_max.min(history::RUNS_MAX) };
        let wanted = HistoryQuestion { metric: metric.clone(), job: name, runs_max };
        let history = history::read(&self.store, wanted).await?;
        if history.points.is_empty() {
            let whose = if job.is_empty() { "here" } else { job.as_str() };
            return Err(ControlError::Missing(format!(
                "no finished run of {whose} has an estimate of {metric:?}; `fleetmark show RUN --json` lists those of a run under \"estimates\""
            )));
        }
        Ok(history)
    }

    async fn side(&self, named: Named<'_>) -> Result<Side, ControlError> {
        let found = self.figures(named.runs).await?;
        let side = named.side(found.baseline.is_some(), found.runs);
        side.map_err(|problem| ControlError::Meant(problem.to_string()))
    }
}

/// There is no run of that name; and no baseline either.
fn neither(error: ControlError, name: &str) -> ControlError {
    match error {
        ControlError::Store(StoreError::UnknownRun(_)) => ControlError::Missing(format!(
            "{error}; and no baseline is called {name:?}: `fleetmark baseline list` lists them"
        )),
        other => other,
    }
}
