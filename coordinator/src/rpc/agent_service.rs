//! The agents' side: `Attach` (commands and states), `Report` (intervals and acknowledgements) and `SendProfile` (what profilers
//! wrote).
//!
//! Rooms: [`attach`] (one agent's stream of states and commands), [`hello`] (how it introduces itself), `profile` (a profile's
//! parts).

pub mod attach;
pub mod hello;
mod profile;

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use proto::agent_service_server::AgentService;
use proto::convert::{agent_id, trial_key};
use shared::ids::{AgentId, IntervalSequence, LeaseEpoch};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{Answers, caller, malformed, stopping};
use crate::admission::audit::{Audit, Deed};
use crate::admission::registrar::Registrar;
use crate::director::Message;
use crate::ingest::{Inflow, Ingest, IngestError, Receipt};
use crate::profiles::Profiles;
use crate::store::StoredInterval;

/// Intervals in one batch.
const BATCH_MAX: usize = 64;
/// Answers that may wait for an agent to read them.
const ANSWERS_MAX: usize = 16;

/// The agents' side of the coordinator.
pub(crate) struct AgentRpc {
    pub(crate) director: mpsc::Sender<Message>,
    pub(crate) ingest: Ingest,
    pub(crate) profiles: Profiles,
    pub(crate) audit: Audit,
    pub(crate) registrar: Option<Arc<Registrar>>,
}

#[tonic::async_trait]
impl AgentService for AgentRpc {
    type AttachStream = Answers<proto::AttachDown>;
    type ReportStream = Answers<proto::ReportDown>;

    async fn attach(
        &self,
        request: Request<Streaming<proto::AttachUp>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        attach::attach(self.director.clone(), (&self.audit, self.registrar.as_deref()), request).await
    }

    async fn report(
        &self,
        request: Request<Streaming<proto::ReportUp>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let peer = caller(&request)?;
        let mut incoming = request.into_inner();
        let first = incoming
            .next()
            .await
            .ok_or_else(|| Status::invalid_argument("the stream ended before its hello"))??;
        let Some(proto::report_up::Message::Hello(hello)) = first.message else {
            return Err(Status::invalid_argument("the first message on Report must be a hello"));
        };
        let agent = agent_id(&hello.agent_id).map_err(malformed)?;
        if let Err(denied) = attach::own(&self.director, &peer, agent, None).await {
            self.audit.refused(Deed::Attach, &peer, "intervals of another agent", denied.message()).await;
            return Err(denied);
        }
        let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
        let mut inflow = self.ingest.enter(agent).map_err(refusal)?;
        let first = Receipt::Credit(inflow.credit());
        answers.send(Ok(down(answer(first)))).await.map_err(stopping)?;
        tokio::spawn(async move {
            if let Err(status) = take_all(&mut inflow, agent, incoming, &answers).await {
                let _the_agent_may_be_gone = answers.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn send_profile(
        &self,
        request: Request<Streaming<proto::ProfileUp>>,
    ) -> Result<Response<proto::ProfileReceipt>, Status> {
        profile::take(self, request).await
    }
}

/// Takes in one agent's batches, one after the other, until its stream ends.
///
/// # Errors
/// What the stream is to be ended with: the agent broke the protocol's rules, or nothing can be taken in now.
pub async fn take_all(
    inflow: &mut Inflow,
    agent: AgentId,
    mut incoming: impl Stream<Item = Result<proto::ReportUp, Status>> + Unpin,
    answers: &mpsc::Sender<Result<proto::ReportDown, Status>>,
) -> Result<(), Status> {
    while let Some(message) = incoming.next().await {
        let Some(proto::report_up::Message::Batch(batch)) = message?.message else {
            return Err(Status::invalid_argument("expected a batch of intervals"));
        };
        if batch.intervals.is_empty() || batch.intervals.len() > BATCH_MAX {
            return Err(Status::invalid_argument(format!(
                "a batch of {} intervals is not 1 to {BATCH_MAX}",
                batch.intervals.len()
            )));
        }
        let mut wanted = Vec::with_capacity(batch.intervals.len());
        for interval in batch.intervals {
            let epoch = (interval.epoch > 0).then_some(LeaseEpoch(interval.epoch));
            let interval = stored(agent, interval)?;
            if !inflow.is_outdated(interval.trial, epoch) {
                wanted.push(interval);
            }
        }
        if wanted.is_empty() {
            continue;
        }
        // Whoever gives up here has not been acknowledged: the agent keeps its intervals and sends them again.
        let receipts = tokio::select! {
            receipts = inflow.take(wanted) => receipts,
            () = answers.closed() => return Ok(()),
        };
        for receipt in receipts.map_err(refusal)? {
            answers.send(Ok(down(answer(receipt)))).await.map_err(stopping)?;
        }
    }
    Ok(())
}

fn stored(agent: AgentId, interval: proto::NumberedInterval) -> Result<StoredInterval, Status> {
    Ok(StoredInterval {
        trial: trial_key(interval.trial).map_err(malformed)?,
        agent,
        sequence: IntervalSequence(interval.sequence),
        bytes: interval.interval,
    })
}

fn answer(receipt: Receipt) -> proto::report_down::Message {
    match receipt {
        Receipt::Durable { trial, through_sequence } => {
            proto::report_down::Message::Acknowledgement(proto::Acknowledgement {
                trial: Some(trial.into()),
                through_sequence,
            })
        }
        Receipt::Unwanted { trial, reason } => {
            proto::report_down::Message::Rejection(proto::Rejection { trial: Some(trial.into()), reason })
        }
        Receipt::Credit(intervals_in_flight_max) => {
            proto::report_down::Message::Credit(proto::Credit { intervals_in_flight_max })
        }
    }
}

fn down(message: proto::report_down::Message) -> proto::ReportDown {
    proto::ReportDown { message: Some(message) }
}

fn refusal(error: IngestError) -> Status {
    match error {
        IngestError::Protocol(problem) => Status::invalid_argument(problem),
        IngestError::TooMany => Status::resource_exhausted(error.to_string()),
        IngestError::Store(_) | IngestError::Stopping | IngestError::Overloaded => {
            Status::unavailable(error.to_string())
        }
    }
}
