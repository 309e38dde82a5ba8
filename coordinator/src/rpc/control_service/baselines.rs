//! Baselines, and figures of runs: set, list, remove, read, follow over time.

use std::sync::atomic::Ordering;

use shared::baseline::BaselineSummary;
use shared::ids::{BaselineName, RunId};
use tonic::{Request, Response, Status};

use super::super::caller;
use super::{ControlRpc, control_status, reporting_status, store_status};
use crate::admission::audit::Deed;
use crate::baselines::{self, Author, BaselineError};
use crate::control::TrendQuestion;
use crate::store::StoreError;

impl ControlRpc {
    pub(super) async fn baseline_set(
        &self,
        request: Request<proto::SetBaselineRequest>,
    ) -> Result<Response<proto::SetBaselineResponse>, Status> {
        let peer = caller(&request)?;
        let request = request.into_inner();
        let name = baseline_name(request.name)?;
        let mut runs = Vec::new();
        for run in request.runs {
            runs.push(self.resolve(run).await?);
        }
        let author = Author { name: peer.to_string(), at_ms: crate::unix_ms() };
        let set = if request.add { baselines::add } else { baselines::set };
        let baseline = self
            .store
            .write(move |store| set(store, name, &runs, &author))
            .await
            .map_err(store_status)?
            .map_err(baseline_status)?;
        let ids: Vec<String> = baseline.figures().map(|figures| figures.run.to_string()).collect();
        let what = format!("{} as {}", baseline.name, ids.join(" "));
        self.audit.done(Deed::SetBaseline, &peer, what).await;
        let baseline = Some((&BaselineSummary::from(&baseline)).into());
        Ok(Response::new(proto::SetBaselineResponse { baseline }))
    }

    pub(super) async fn baseline_list(&self) -> Result<Response<proto::ListBaselinesResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let listed =
            self.store.read(|store| store.baselines()).await.map_err(store_status)?.map_err(store_status)?;
        let baselines = listed.iter().map(|listed| (&BaselineSummary::from(listed)).into()).collect();
        Ok(Response::new(proto::ListBaselinesResponse { baselines }))
    }

    pub(super) async fn baseline_remove(
        &self,
        request: Request<proto::RemoveBaselineRequest>,
    ) -> Result<Response<proto::RemoveBaselineResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let peer = caller(&request)?;
        let name = baseline_name(request.into_inner().name)?;
        let removed = name.clone();
        self.store
            .write(move |store| store.remove_baseline(&removed))
            .await
            .map_err(store_status)?
            .map_err(store_status)?;
        self.audit.done(Deed::RemoveBaseline, &peer, name.to_string()).await;
        Ok(Response::new(proto::RemoveBaselineResponse {}))
    }

    /// Refuses to remove a run that a baseline consists of.
    pub(super) async fn require_no_baseline(&self, run: RunId) -> Result<(), Status> {
        let holding = self
            .store
            .read(move |store| baselines::holding(store, run))
            .await
            .map_err(store_status)?
            .map_err(store_status)?;
        let names: Vec<String> = holding.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(Status::aborted(format!(
            "run {run} is part of a baseline ({}): what was measured could not be looked at again; remove the baseline first, or say --force and it keeps the run's figures alone",
            names.join(", ")
        )))
    }

    pub(super) async fn figures(
        &self,
        request: proto::ReadFiguresRequest,
    ) -> Result<Response<proto::ReadFiguresResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let found = self.control.figures(&request.name).await.map_err(control_status)?;
        let name = found.baseline.map(|name| name.to_string()).unwrap_or_default();
        let figures_json = found.runs.iter().map(serde_json::to_string).collect::<Result<_, _>>();
        let figures_json = figures_json.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(proto::ReadFiguresResponse { baseline: name, figures_json }))
    }

    pub(super) async fn history(
        &self,
        request: proto::ReadHistoryRequest,
    ) -> Result<Response<proto::ReadHistoryResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let proto::ReadHistoryRequest { metric, job, limit, .. } = request;
        let question = TrendQuestion { metric, job, runs_max: limit as usize };
        let history = self.control.history(question).await.map_err(control_status)?;
        Ok(Response::new((&history).into()))
    }
}

fn baseline_name(name: String) -> Result<BaselineName, Status> {
    BaselineName::new(name).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn baseline_status(error: BaselineError) -> Status {
    let message = format!("failed to {error}");
    match error {
        BaselineError::Store(StoreError::TooManyBaselines { .. }) => Status::failed_precondition(message),
        BaselineError::Store(error) => store_status(error),
        BaselineError::Reporting(error) => reporting_status(error),
        BaselineError::NotFinished { .. }
        | BaselineError::NotValid { .. }
        | BaselineError::AnotherShape { .. } => Status::failed_precondition(message),
        BaselineError::TooManyRuns { .. } | BaselineError::NoRuns(_) => Status::invalid_argument(message),
    }
}
