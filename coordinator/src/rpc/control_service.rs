//! The clients' side: submit, watch, cancel, list, show, remove, export, profiles, baselines and histories, and looking after the store.

mod baselines;
mod export;
mod profiles;
mod spool;
mod store;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proto::control_service_server::ControlService;
use proto::convert::confidential;
use shared::ids::{AgentName, RunId};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, caller, check_protocol, malformed};
use crate::admission::audit::{Audit, Deed};
use crate::admission::registrar::Registrar;
use crate::control::{Control, ControlError, Submittal};
use crate::director::Message;
use crate::reporting::ReportingError;
use crate::secrets::Withheld;
use crate::store::{StoreError, StoreHandle, SummaryFilter};

/// The clients' side of the coordinator.
pub(crate) struct ControlRpc {
    /// What every way of asking shares.
    pub(crate) control: Control,
    pub(crate) store: StoreHandle,
    /// Where the store is: for messages, and for copies of it on their way to or from a client.
    pub(crate) store_folder: PathBuf,
    /// Calls answered so far: an embedded coordinator stays while clients come.
    pub(crate) calls: Arc<AtomicU64>,
    pub(crate) audit: Audit,
    pub(crate) registrar: Option<Arc<Registrar>>,
}

impl ControlRpc {
    /// Asks the director something.
    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, Status> {
        self.control.ask(message).await.map_err(control_status)
    }

    /// The run that a client means.
    async fn resolve(&self, text: String) -> Result<RunId, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.control.resolve(text).await.map_err(control_status)
    }

    async fn record_if_active(&self, run: RunId) -> Result<Option<shared::run_record::RunRecord>, Status> {
        self.control.record_if_active(run).await.map_err(control_status)
    }
}

#[tonic::async_trait]
impl ControlService for ControlRpc {
    type WatchStream = Answers<proto::RunEvent>;
    type ExportStream = Answers<proto::ExportPart>;
    type ReadProfileStream = Answers<proto::ProfilePart>;
    type ExportStoreStream = Answers<proto::StoreExportPart>;

    async fn describe(
        &self,
        request: Request<proto::DescribeRequest>,
    ) -> Result<Response<proto::DescribeResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let peer = caller(&request)?;
        check_protocol(request.into_inner().protocol_version, "this client")?;
        Ok(Response::new(proto::DescribeResponse {
            protocol_version: proto::PROTOCOL_VERSION,
            fleetmark_version: env!("CARGO_PKG_VERSION").to_owned(),
            process_id: std::process::id(),
            store: self.store_folder.display().to_string(),
            renew_certificate: self
                .registrar
                .as_deref()
                .is_some_and(|registrar| registrar.is_outdated(&peer)),
        }))
    }

    async fn submit(
        &self,
        request: Request<proto::SubmitRequest>,
    ) -> Result<Response<proto::SubmitResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let peer = caller(&request)?;
        let request = request.into_inner();
        check_protocol(request.protocol_version, "this client")?;
        let submittal = Submittal {
            job_toml: request.job_toml,
            files: request.files,
            secrets: confidential::secrets(request.secrets).map_err(malformed)?,
            tags: request.tags,
            refuse_to_wait: request.refuse_to_wait,
            reservation: request.reservation,
            priority: request.priority,
            kinds: None,
        };
        let run = self.control.submit(&peer, submittal).await.map_err(control_status)?;
        Ok(Response::new(proto::SubmitResponse { run_id: run.as_bytes().to_vec() }))
    }

    async fn watch(
        &self,
        request: Request<proto::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let run = self.resolve(request.into_inner().run).await?;
        self.events(run).await.map(Response::new)
    }

    async fn cancel(
        &self,
        request: Request<proto::CancelRequest>,
    ) -> Result<Response<proto::CancelResponse>, Status> {
        let peer = caller(&request)?;
        let request = request.into_inner();
        let run = self.resolve(request.run).await?;
        let reason = if request.reason.is_empty() {
            "cancelled".to_owned()
        } else {
            proto::convert::sentence(&request.reason)
        };
        self.control.cancel(&peer, run, reason).await.map_err(control_status)?;
        Ok(Response::new(proto::CancelResponse { run_id: run.as_bytes().to_vec() }))
    }

    async fn list_runs(
        &self,
        request: Request<proto::ListRunsRequest>,
    ) -> Result<Response<proto::ListRunsResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let limit = Some(request.into_inner().limit as usize);
        let filter = SummaryFilter { limit, ..SummaryFilter::default() };
        let runs = self.control.runs(filter).await.map_err(control_status)?;
        Ok(Response::new(proto::ListRunsResponse { runs: runs.iter().map(Into::into).collect() }))
    }

    async fn show(
        &self,
        request: Request<proto::ShowRequest>,
    ) -> Result<Response<proto::ShowResponse>, Status> {
        let run = self.resolve(request.into_inner().run).await?;
        let json = self.control.show(run).await.map_err(control_status)?;
        let report_json = String::from_utf8(json)
            .map_err(|error| Status::data_loss(format!("the report of run {run}: {error}")))?;
        Ok(Response::new(proto::ShowResponse { report_json }))
    }

    async fn remove_run(
        &self,
        request: Request<proto::RemoveRunRequest>,
    ) -> Result<Response<proto::RemoveRunResponse>, Status> {
        let peer = caller(&request)?;
        let request = request.into_inner();
        let run = self.resolve(request.run).await?;
        if self.record_if_active(run).await?.is_some() {
            return Err(Status::failed_precondition(format!("run {run} is not over; cancel it first")));
        }
        if !request.force {
            self.require_no_baseline(run).await?;
        }
        self.store
            .write(move |store| store.remove_run(run))
            .await
            .map_err(store_status)?
            .map_err(store_status)?;
        self.audit.done(Deed::Remove, &peer, run.to_string()).await;
        Ok(Response::new(proto::RemoveRunResponse { run_id: run.as_bytes().to_vec() }))
    }

    async fn list_agents(
        &self,
        _request: Request<proto::ListAgentsRequest>,
    ) -> Result<Response<proto::ListAgentsResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let agents = self.control.agents().await.map_err(control_status)?;
        Ok(Response::new(proto::ListAgentsResponse { agents: agents.iter().map(Into::into).collect() }))
    }

    async fn drain_agent(
        &self,
        request: Request<proto::DrainAgentRequest>,
    ) -> Result<Response<proto::DrainAgentResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let name = AgentName::new(request.into_inner().name)
            .map_err(|error| Status::invalid_argument(format!("name: {error}")))?;
        let wanted = name.clone();
        let finishes = self.ask(|reply| Message::Drain { name: wanted, reply }).await?;
        let finishes = finishes.ok_or_else(|| {
            Status::not_found(format!(
                "no agent named {name} is attached; `fleetmark agents` lists those that are"
            ))
        })?;
        let finishes_run_id = finishes.map(|run| run.as_bytes().to_vec()).unwrap_or_default();
        Ok(Response::new(proto::DrainAgentResponse { finishes_run_id }))
    }

    async fn export(
        &self,
        request: Request<proto::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let run = self.resolve(request.into_inner().run).await?;
        self.parts(run).await.map(Response::new)
    }

    async fn read_profile(
        &self,
        request: Request<proto::ReadProfileRequest>,
    ) -> Result<Response<Self::ReadProfileStream>, Status> {
        let request = request.into_inner();
        let run = self.resolve(request.run).await?;
        self.profile_parts(run, request.number).await.map(Response::new)
    }

    async fn check_store(
        &self,
        _request: Request<proto::CheckStoreRequest>,
    ) -> Result<Response<proto::CheckStoreResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let check =
            self.store.read(|store| store.check()).await.map_err(store_status)?.map_err(store_status)?;
        Ok(Response::new(proto::CheckStoreResponse {
            runs_checked: check.runs_checked,
            intervals_checked: check.intervals_checked,
            damage: check.damage.iter().map(store::damage).collect(),
        }))
    }

    async fn compact_store(
        &self,
        _request: Request<proto::CompactStoreRequest>,
    ) -> Result<Response<proto::CompactStoreResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.compact().await.map(Response::new)
    }

    async fn prune_store(
        &self,
        request: Request<proto::PruneStoreRequest>,
    ) -> Result<Response<proto::PruneStoreResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.prune(request.into_inner()).await.map(Response::new)
    }

    async fn export_store(
        &self,
        request: Request<proto::ExportStoreRequest>,
    ) -> Result<Response<Self::ExportStoreStream>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.export_all(request.into_inner().run).await.map(Response::new)
    }

    async fn import_store(
        &self,
        request: Request<Streaming<proto::StoreImportPart>>,
    ) -> Result<Response<proto::ImportStoreResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.import(request.into_inner()).await.map(Response::new)
    }

    async fn set_baseline(
        &self,
        request: Request<proto::SetBaselineRequest>,
    ) -> Result<Response<proto::SetBaselineResponse>, Status> {
        self.baseline_set(request).await
    }

    async fn list_baselines(
        &self,
        _request: Request<proto::ListBaselinesRequest>,
    ) -> Result<Response<proto::ListBaselinesResponse>, Status> {
        self.baseline_list().await
    }

    async fn remove_baseline(
        &self,
        request: Request<proto::RemoveBaselineRequest>,
    ) -> Result<Response<proto::RemoveBaselineResponse>, Status> {
        self.baseline_remove(request).await
    }

    async fn read_figures(
        &self,
        request: Request<proto::ReadFiguresRequest>,
    ) -> Result<Response<proto::ReadFiguresResponse>, Status> {
        self.figures(request.into_inner()).await
    }

    async fn read_history(
        &self,
        request: Request<proto::ReadHistoryRequest>,
    ) -> Result<Response<proto::ReadHistoryResponse>, Status> {
        self.history(request.into_inner()).await
    }
}

fn control_status(error: ControlError) -> Status {
    let message = error.to_string();
    match error {
        ControlError::Stopping | ControlError::Busy => Status::unavailable(message),
        ControlError::Store(error) => store_status(error),
        ControlError::Reporting(error) => reporting_status(error),
        ControlError::Withheld(Withheld::ForOthers(_)) | ControlError::Overheard => {
            Status::permission_denied(message)
        }
        ControlError::Withheld(Withheld::Unknown { .. }) => Status::invalid_argument(message),
        ControlError::Full(_) => Status::resource_exhausted(message),
        ControlError::Job(_) | ControlError::Malformed(_) => Status::invalid_argument(message),
        ControlError::Meant(_) => Status::invalid_argument(message),
        ControlError::Missing(_) => Status::not_found(message),
        ControlError::Unmet(_) | ControlError::Over(_) => Status::failed_precondition(message),
    }
}

fn store_status(error: StoreError) -> Status {
    let message = format!("failed to {error}");
    match error {
        StoreError::UnknownRun(_)
        | StoreError::UnknownBaseline(_)
        | StoreError::Ambiguous { .. }
        | StoreError::UnknownFile { .. } => Status::not_found(message),
        StoreError::Damaged(_)
        | StoreError::DamagedBaseline { .. }
        | StoreError::Newer { .. }
        | StoreError::BadExport(_) => Status::data_loss(message),
        StoreError::Full { .. } | StoreError::Locked { .. } | StoreError::Closed => {
            Status::unavailable(message)
        }
        StoreError::AlreadyExists(_) | StoreError::Over(_) | StoreError::TooManyBaselines { .. } => {
            Status::failed_precondition(message)
        }
        StoreError::FileDiffers { .. } | StoreError::TooLarge { .. } => Status::invalid_argument(message),
        StoreError::Io { .. } | StoreError::Database { .. } | StoreError::Panicked(_) => {
            Status::internal(message)
        }
    }
}

fn reporting_status(error: ReportingError) -> Status {
    let message = format!("failed to {error}");
    match error {
        ReportingError::Store(error) => store_status(error),
        ReportingError::UnknownRun(_) => Status::not_found(message),
        ReportingError::NotOver(_) => Status::failed_precondition(message),
        ReportingError::Interval { .. } | ReportingError::Job { .. } | ReportingError::Report { .. } => {
            Status::data_loss(message)
        }
    }
}
