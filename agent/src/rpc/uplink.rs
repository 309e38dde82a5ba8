//! What profilers wrote, on its way to the coordinator.

use std::fs::File;
use std::os::unix::fs::FileExt;

use proto::agent_service_client::AgentServiceClient;
use shared::ids::TrialKey;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::child::profiler::Profile;

/// Bytes of one part, as the wire has it at most.
const PART_BYTES: usize = 1024 * 1024;
/// Parts that may wait to be sent: the file is read as fast as the link takes it.
const PARTS_MAX: usize = 2;

/// Why a profile was not taken.
#[derive(Debug)]
pub(crate) enum SendError {
    /// It will not be.
    Refused(String),
    /// It may be the next time.
    Again(String),
}

/// Over which connection profiles go.
#[derive(Clone)]
pub(crate) struct Uplink {
    client: AgentServiceClient<Channel>,
    agent_id: Vec<u8>,
}

impl Uplink {
    /// One over a connection of this agent.
    pub(crate) fn new(client: AgentServiceClient<Channel>, agent_id: Vec<u8>) -> Self {
        Self { client, agent_id }
    }

    /// Sends what a profiler wrote beside a trial; it is on the coordinator's disk when this returns.
    ///
    /// # Errors
    /// When the coordinator does not want it, or the connection breaks.
    pub(crate) async fn send(&self, trial: TrialKey, profile: &Profile) -> Result<(), SendError> {
        let file =
            profile.file.try_clone().map_err(|error| SendError::Refused(format!("read it: {error}")))?;
        let hello = proto::ProfileHello {
            agent_id: self.agent_id.clone(),
            trial: Some(trial.into()),
            size_bytes: profile.size_bytes,
        };
        let (sender, parts) = mpsc::channel(PARTS_MAX);
        let size_bytes = profile.size_bytes;
        tokio::task::spawn_blocking(move || read(hello, (&file, size_bytes), &sender));
        match self.client.clone().send_profile(ReceiverStream::new(parts)).await {
            Ok(_) => Ok(()),
            Err(status) => Err(refusal(&status)),
        }
    }
}

/// Reads so much of a file part by part, as long as somebody takes them.
fn read(
    hello: proto::ProfileHello,
    (file, size_bytes): (&File, u64),
    parts: &mpsc::Sender<proto::ProfileUp>,
) {
    use proto::profile_up::Message;
    let (mut next, mut at) = (Message::Hello(hello), 0);
    while parts.blocking_send(proto::ProfileUp { message: Some(next) }).is_ok() {
        let left = usize::try_from(size_bytes - at).unwrap_or(usize::MAX);
        let mut part = vec![0; PART_BYTES.min(left)];
        match file.read_at(&mut part, at) {
            // What is cut short is refused by whoever was told its length.
            Ok(0) | Err(_) => return,
            Ok(count) => {
                part.truncate(count);
                at += count as u64;
                next = Message::Part(part);
            }
        }
    }
}

fn refusal(status: &Status) -> SendError {
    let reason = status.message().to_owned();
    match status.code() {
        Code::InvalidArgument | Code::FailedPrecondition | Code::PermissionDenied | Code::Unimplemented => {
            SendError::Refused(reason)
        }
        _ => SendError::Again(reason),
    }
}
