//! A client of the coordinator: submits a job, follows it to its end, reads its report, looks after the store.

use std::io;

use proto::control_service_client::ControlServiceClient;
use proto::convert::run_id;
use proto::trust_service_client::TrustServiceClient;
use serde_json::Value;
use shared::event::RunEvent;
use shared::ids::RunId;
use tonic::transport::Channel;
use trust::credentials::Credentials;
use trust::join_token::JoinToken;
use trust::role::Role;

use crate::stage::Coordinator;

/// Reports of thousands of agents.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long the agents' token counts, seconds.
const TOKEN_TTL_S: u64 = 600;

/// A connection of a client.
#[derive(Debug, Clone)]
pub struct Control {
    client: ControlServiceClient<Channel>,
    channel: Channel,
    is_encrypted: bool,
}

impl Control {
    /// Connects to a coordinator; to one that encrypts as its machine's own user.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn connect(coordinator: &Coordinator) -> io::Result<Self> {
        let folder = coordinator.store().join("ca/local");
        let credentials = Credentials::load(&folder).map_err(io::Error::other)?;
        let channel = super::connect(coordinator.url(), credentials.as_ref()).await?;
        let client = ControlServiceClient::new(channel.clone());
        let client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { client, channel, is_encrypted: credentials.is_some() })
    }

    /// A token with which so many agents join; `None`: the coordinator asks for none.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn token(&self, agents: u32) -> io::Result<Option<JoinToken>> {
        if !self.is_encrypted {
            return Ok(None);
        }
        let request = proto::CreateTokenRequest {
            role: Role::Agent.to_string(),
            uses: agents,
            ttl_s: TOKEN_TTL_S,
            url: String::new(),
        };
        let given = TrustServiceClient::new(self.channel.clone()).create_token(request).await;
        let token = given.map_err(io::Error::other)?.into_inner().token;
        token.parse().map(Some).map_err(io::Error::other)
    }

    /// Submits a job for the agents that a word reserves.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn submit(&mut self, job_toml: &str, reservation: &str) -> io::Result<RunId> {
        let request = proto::SubmitRequest {
            protocol_version: proto::PROTOCOL_VERSION,
            job_toml: job_toml.to_owned(),
            reservation: reservation.to_owned(),
            ..proto::SubmitRequest::default()
        };
        let response = self.client.submit(request).await.map_err(io::Error::other)?;
        run_id(&response.into_inner().run_id).map_err(io::Error::other)
    }

    /// Shows what happens to a run until its stream ends.
    ///
    /// # Errors
    /// When it breaks.
    pub async fn follow(&mut self, run: RunId, mut show: impl FnMut(RunEvent)) -> io::Result<()> {
        let request = proto::WatchRequest { run: run.to_string() };
        let mut events = self.client.watch(request).await.map_err(io::Error::other)?.into_inner();
        while let Some(event) = events.message().await.map_err(io::Error::other)? {
            show(event.try_into().map_err(io::Error::other)?);
        }
        Ok(())
    }

    /// The report of a run.
    ///
    /// # Errors
    /// When there is none, or it does not read.
    pub async fn report(&mut self, run: RunId) -> io::Result<Value> {
        let request = proto::ShowRequest { run: run.to_string() };
        let response = self.client.show(request).await.map_err(io::Error::other)?;
        serde_json::from_str(&response.into_inner().report_json).map_err(io::Error::other)
    }

    /// Folds all finished runs; says whether any became smaller.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn fold(&mut self) -> io::Result<bool> {
        let request =
            proto::PruneStoreRequest { fold_older_than_ms: Some(0), ..proto::PruneStoreRequest::default() };
        let response = self.client.prune_store(request).await.map_err(io::Error::other)?;
        Ok(!response.into_inner().folded.is_empty())
    }

    /// Writes the store anew; gives its size on disk after that, bytes.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn compact(&mut self) -> io::Result<u64> {
        let request = proto::CompactStoreRequest {};
        let response = self.client.compact_store(request).await.map_err(io::Error::other)?;
        Ok(response.into_inner().size_bytes_after)
    }
}
