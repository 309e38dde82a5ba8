//! What clients ask of a coordinator, whichever way they ask: submit, cancel, list, show. What is done is written into the
//! record here, and nowhere else.
//!
//! Rooms: `submit` (accepting a job), `figures` (what came out of runs, against each other and over time).

mod figures;
mod submit;

use std::sync::Arc;

use shared::fleet::AgentStatus;
use shared::ids::RunId;
use shared::job::JobErrors;
use shared::run_record::{RunRecord, RunSummary};
use tokio::sync::{mpsc, oneshot};

use crate::admission::audit::{Audit, Deed};
use crate::admission::peer::Peer;
use crate::director::Message;
use crate::profiles::{self, Readings, StoredProfile};
use crate::reporting::{self, ReportingError};
use crate::secrets::{SecretStore, Withheld};
use crate::store::{StoreError, StoreHandle, SummaryFilter};
pub(crate) use figures::TrendQuestion;
pub(crate) use submit::Submittal;

/// Runs listed when a client names no number.
const RUNS_LISTED: usize = 1_000;
/// Most runs that one answer lists.
const RUNS_LISTED_MAX: usize = 10_000;

/// What clients may ask.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) director: mpsc::Sender<Message>,
    pub(crate) store: StoreHandle,
    pub(crate) audit: Audit,
    /// What jobs may use and nobody is told.
    pub(crate) secrets: Arc<SecretStore>,
    /// Room for those who read profiles.
    pub(crate) readings: Readings,
}

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// The coordinator is going down.
    #[error("the coordinator is stopping")]
    Stopping,
    /// The store.
    #[error("failed to {0}")]
    Store(#[from] StoreError),
    /// The report.
    #[error("failed to {0}")]
    Reporting(#[from] ReportingError),
    /// A secret that the job uses.
    #[error("{0}")]
    Withheld(#[from] Withheld),
    /// A secret came over a connection that others can hear.
    #[error("secrets came over a connection that others can hear: call the coordinator by https://")]
    Overheard,
    /// Too many runs.
    #[error("{0} runs wait or run already; try again later")]
    Full(usize),
    /// Others read as much as may be read at once.
    #[error("too many profiles are being read; try again later")]
    Busy,
    /// The job is in error.
    #[error("{0}")]
    Job(#[from] JobErrors),
    /// Something else of what was sent is.
    #[error("{0}")]
    Malformed(String),
    /// The run cannot begin at once, and was not to wait.
    #[error("{0}")]
    Unmet(String),
    /// Nothing of that name is stored.
    #[error("{0}")]
    Missing(String),
    /// What was asked cannot be meant.
    #[error("{0}")]
    Meant(String),
    /// The run has ended.
    #[error("run {0} is over already")]
    Over(RunId),
}

impl Control {
    /// Asks the director something.
    pub(crate) async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, ControlError> {
        let (reply, answer) = oneshot::channel();
        self.director.send(message(reply)).await.map_err(|_| ControlError::Stopping)?;
        answer.await.map_err(|_| ControlError::Stopping)
    }

    /// The run that a client means.
    pub(crate) async fn resolve(&self, text: String) -> Result<RunId, ControlError> {
        Ok(self.store.read(move |store| store.resolve(&text)).await??)
    }

    /// The record of a run that waits or runs; `None`: it is over or unknown.
    pub(crate) async fn record_if_active(&self, run: RunId) -> Result<Option<RunRecord>, ControlError> {
        self.ask(|reply| Message::Record { run, reply }).await.map(|record| record.map(|record| *record))
    }

    /// Cancels a run for somebody.
    pub(crate) async fn cancel(&self, peer: &Peer, run: RunId, reason: String) -> Result<(), ControlError> {
        if !self.ask(|reply| Message::Cancel { run, reason, reply }).await? {
            return Err(ControlError::Over(run));
        }
        self.audit.done(Deed::Cancel, peer, run.to_string()).await;
        Ok(())
    }

    /// The runs that a filter admits, newest first; never more than one answer lists.
    pub(crate) async fn runs(&self, filter: SummaryFilter) -> Result<Vec<RunSummary>, ControlError> {
        let limit = filter.limit.filter(|limit| *limit > 0).unwrap_or(RUNS_LISTED);
        let filter = SummaryFilter { limit: Some(limit.min(RUNS_LISTED_MAX)), ..filter };
        Ok(self.store.read(move |store| store.summaries(&filter)).await??)
    }

    /// The agents, by name.
    pub(crate) async fn agents(&self) -> Result<Vec<AgentStatus>, ControlError> {
        self.ask(|reply| Message::Agents { reply }).await
    }

    /// What a profiler of a run wrote, by its number in the run's report.
    pub(crate) async fn profile(&self, run: RunId, number: u32) -> Result<StoredProfile, ControlError> {
        let active = self.record_if_active(run).await?;
        let room = self.readings.room().await.ok_or(ControlError::Busy)?;
        let profile = profiles::read(&self.store, run, active, number, room).await?;
        profile.ok_or_else(|| {
            ControlError::Missing(format!(
                "run {run} has no profile {number} with a file; its report lists those that it has"
            ))
        })
    }

    /// The report of a run, as the contract's JSON.
    pub(crate) async fn show(&self, run: RunId) -> Result<Vec<u8>, ControlError> {
        let active = self.record_if_active(run).await?;
        Ok(reporting::show(&self.store, run, active).await?)
    }
}
