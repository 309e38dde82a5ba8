//! Baselines, and figures of runs: set, list, remove, read, follow over time.

use std::sync::atomic::Ordering;

use shared::baseline::BaselineSummary;
use shared::ids::{BaselineName, Name, RunId};
use tonic::{Request, Response, Status};

use super::super::caller;
use super::{ControlRpc, reporting_status, store_status};
use crate::admission::audit::Deed;
use crate::baselines::{self, Author, BaselineError};
use crate::figures;
use crate::history::{self, HistoryQuestion};
use crate::store::StoreError;

/// Longest metric name in a question: an operation's, a metric's own, and a statistic.
const METRIC_BYTES_MAX: usize = 256;

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
        let baseline = match BaselineName::new(request.name.as_str()) {
            Ok(name) => self
                .store
                .read(move |store| store.baseline(&name))
                .await
                .map_err(store_status)?
                .map_err(store_status)?,
            // It can only be a run.
            Err(_) => None,
        };
        let (name, figures) = match baseline {
            Some(baseline) => (baseline.name.to_string(), baseline.figures().cloned().collect()),
            None => {
                let wanted = request.name.clone();
                let run = self.resolve(request.name).await.map_err(|status| neither(status, &wanted))?;
                let figures = self
                    .store
                    .write(move |store| {
                        store.check_run(run)?;
                        figures::of_run(store, run)
                    })
                    .await
                    .map_err(store_status)?
                    .map_err(reporting_status)?;
                (String::new(), vec![figures])
            }
        };
        let figures_json = figures.iter().map(serde_json::to_string).collect::<Result<_, _>>();
        let figures_json = figures_json.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(proto::ReadFiguresResponse { baseline: name, figures_json }))
    }

    pub(super) async fn history(
        &self,
        request: proto::ReadHistoryRequest,
    ) -> Result<Response<proto::ReadHistoryResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if request.metric.is_empty() || request.metric.len() > METRIC_BYTES_MAX {
            return Err(Status::invalid_argument("name a metric, such as read.latency.p95"));
        }
        let job = match request.job.as_str() {
            "" => None,
            job => Some(Name::new(job).map_err(|error| Status::invalid_argument(format!("job: {error}")))?),
        };
        let runs_max = match request.limit as usize {
            0 => history::RUNS_DEFAULT,
            limit => limit.min(history::RUNS_MAX),
        };
        let question = HistoryQuestion { metric: request.metric.clone(), job, runs_max };
        let history = history::read(&self.store, question).await.map_err(store_status)?;
        if history.points.is_empty() {
            let whose = if request.job.is_empty() { "here" } else { request.job.as_str() };
            return Err(Status::not_found(format!(
                "no finished run of {whose} has an estimate of {:?}; `fleetmark show RUN --json` lists those of a run under \"estimates\"",
                request.metric
            )));
        }
        Ok(Response::new((&history).into()))
    }
}

fn baseline_name(name: String) -> Result<BaselineName, Status> {
    BaselineName::new(name).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// There is no run of that name; and no baseline either.
fn neither(status: Status, name: &str) -> Status {
    if status.code() != tonic::Code::NotFound {
        return status;
    }
    Status::not_found(format!(
        "{}; and no baseline is called {name:?}: `fleetmark baseline list` lists them",
        status.message()
    ))
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
