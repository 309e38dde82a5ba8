//! One agent's `SendProfile` stream: what a profiler wrote, part by part.

use std::time::Duration;

use futures_util::StreamExt;
use proto::convert::{agent_id, trial_key};
use proto::profile_up::Message as Up;
use tonic::{Request, Response, Status, Streaming};

use super::super::{caller, malformed};
use super::{AgentRpc, attach};
use crate::admission::audit::Deed;
use crate::profiles::{Arrival, ProfileError};

/// Most bytes of one part.
const PART_BYTES_MAX: usize = 1024 * 1024;
/// How long the next part may take: who stops in the middle holds memory that others wait for.
const PART_WITHIN: Duration = Duration::from_secs(30);

/// How long all parts may take: the largest profile over a link of ten megabits a second.
const PARTS_WITHIN: Duration = Duration::from_secs(60);

/// Takes in one profile.
///
/// # Errors
/// As the call's.
pub(super) async fn take(
    service: &AgentRpc,
    request: Request<Streaming<proto::ProfileUp>>,
) -> Result<Response<proto::ProfileReceipt>, Status> {
    let peer = caller(&request)?;
    let mut incoming = request.into_inner();
    let Some(Up::Hello(hello)) = next(&mut incoming).await? else {
        return Err(Status::invalid_argument("the first message on SendProfile must be a hello"));
    };
    let agent = agent_id(&hello.agent_id).map_err(malformed)?;
    if let Err(denied) = attach::own(&service.director, &peer, agent, None).await {
        service.audit.refused(Deed::Attach, &peer, "a profile of another agent", denied.message()).await;
        return Err(denied);
    }
    let trial = trial_key(hello.trial).map_err(malformed)?;
    let mut arrival = service.profiles.announce(agent, trial, hello.size_bytes).await.map_err(refusal)?;
    tokio::time::timeout(PARTS_WITHIN, take_parts(&mut incoming, &mut arrival)).await.map_err(|_| {
        Status::deadline_exceeded(format!("not all parts came in {} s", PARTS_WITHIN.as_secs()))
    })??;
    arrival.finish().await.map_err(refusal)?;
    Ok(Response::new(proto::ProfileReceipt {}))
}

async fn take_parts(incoming: &mut Streaming<proto::ProfileUp>, arrival: &mut Arrival) -> Result<(), Status> {
    while let Some(message) = next(incoming).await? {
        match message {
            Up::Part(part) if (1..=PART_BYTES_MAX).contains(&part.len()) => {
                arrival.add(&part).map_err(refusal)?
            }
            _ => {
                return Err(Status::invalid_argument(format!(
                    "expected a part of 1 to {PART_BYTES_MAX} bytes"
                )));
            }
        }
    }
    Ok(())
}

async fn next(incoming: &mut Streaming<proto::ProfileUp>) -> Result<Option<Up>, Status> {
    let message = tokio::time::timeout(PART_WITHIN, incoming.next())
        .await
        .map_err(|_| Status::deadline_exceeded(format!("no part came for {} s", PART_WITHIN.as_secs())))?;
    let Some(message) = message else { return Ok(None) };
    message?.message.map(Some).ok_or_else(|| Status::invalid_argument("an empty message"))
}

fn refusal(error: ProfileError) -> Status {
    let message = error.to_string();
    match error {
        ProfileError::Busy => Status::resource_exhausted(message),
        ProfileError::Unwanted(_) => Status::failed_precondition(message),
        ProfileError::Malformed(_) => Status::invalid_argument(message),
        ProfileError::Store(_) | ProfileError::Stopping => Status::unavailable(message),
    }
}
