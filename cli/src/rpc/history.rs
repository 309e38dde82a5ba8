//! Asking the coordinator for baselines, figures and histories.

use shared::baseline::BaselineSummary;
use shared::history::History;
use shared::ids::BaselineName;
use shared::run_figures::RunFigures;
use tonic::{Code, Status};

use super::{Client, describe, failure};
use crate::exit_code::{Failure, INTERNAL, REFUSED};

/// The figures of what a name stands for.
pub(crate) struct NamedFigures {
    /// The baseline's name; `None`: it is a run.
    pub(crate) baseline: Option<String>,
    pub(crate) runs: Vec<RunFigures>,
}

impl Client {
    /// Has a name stand for runs; `is_addition`: beside those that it stands for already.
    ///
    /// # Errors
    /// 77 when one of the runs cannot be part of it, with the reason.
    pub(crate) async fn set_baseline(
        &mut self,
        name: &BaselineName,
        runs: &[String],
        is_addition: bool,
    ) -> anyhow::Result<BaselineSummary> {
        let request =
            proto::SetBaselineRequest { name: name.to_string(), runs: runs.to_vec(), add: is_addition };
        let answer = self.control.set_baseline(request).await.map_err(|status| refusal(&status))?;
        let baseline = answer.into_inner().baseline;
        let missing =
            || Failure::with_code(INTERNAL, "the coordinator does not say what the baseline is now");
        Ok(baseline.ok_or_else(missing)?.try_into()?)
    }

    pub(crate) async fn baselines(&mut self) -> anyhow::Result<Vec<BaselineSummary>> {
        let request = proto::ListBaselinesRequest {};
        let answer = self.control.list_baselines(request).await.map_err(|status| failure(&status))?;
        answer.into_inner().baselines.into_iter().map(|baseline| Ok(baseline.try_into()?)).collect()
    }

    pub(crate) async fn remove_baseline(&mut self, name: &BaselineName) -> anyhow::Result<()> {
        let request = proto::RemoveBaselineRequest { name: name.to_string() };
        self.control.remove_baseline(request).await.map_err(|status| failure(&status))?;
        Ok(())
    }

    /// The figures of a run, or of all runs of a baseline.
    pub(crate) async fn figures(&mut self, name: &str) -> anyhow::Result<NamedFigures> {
        let request = proto::ReadFiguresRequest { name: name.to_owned() };
        let answer =
            self.control.read_figures(request).await.map_err(|status| failure(&status))?.into_inner();
        let runs = answer.figures_json.iter().map(|json| Ok(serde_json::from_str(json)?));
        Ok(NamedFigures {
            baseline: Some(answer.baseline).filter(|name| !name.is_empty()),
            runs: runs.collect::<anyhow::Result<_>>()?,
        })
    }

    /// A metric over the newest runs of a job.
    pub(crate) async fn history(
        &mut self,
        metric: &str,
        job: Option<&str>,
        limit: u32,
    ) -> anyhow::Result<History> {
        let (metric, job) = (metric.to_owned(), job.unwrap_or_default().to_owned());
        let request = proto::ReadHistoryRequest { metric, job, limit };
        let answer = self.control.read_history(request).await.map_err(|status| failure(&status))?;
        Ok(answer.into_inner().try_into()?)
    }
}

/// A status of something that a rule refuses.
pub(super) fn refusal(status: &Status) -> anyhow::Error {
    match status.code() {
        Code::FailedPrecondition | Code::Aborted => Failure::with_code(REFUSED, describe(status)),
        _ => failure(status),
    }
}
