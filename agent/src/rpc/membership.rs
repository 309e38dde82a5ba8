//! How an agent is known to its coordinator: not at all on loopback, elsewhere by a certificate that it keeps, and renews by itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proto::channel::ChannelError;
use proto::enrolment;
use shared::ids::AgentName;
use tokio::sync::Mutex;
use tokio_rustls::rustls::ClientConfig;
use tonic::transport::Channel;
use trust::certificate::HolderName;
use trust::credentials::Credentials;
use trust::join_token::JoinToken;
use trust::tls;

/// How often to look whether the certificate is due.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// How an agent proves who it is.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Where its credentials are, once it has them.
    pub folder: PathBuf,
    /// What it gets them with.
    pub token: Option<JoinToken>,
}

/// An agent's credentials, over all its connections.
#[derive(Debug)]
pub(crate) struct Membership {
    proof: Proof,
    coordinator: String,
    name: AgentName,
    credentials: Mutex<Option<Credentials>>,
}

impl Membership {
    /// That of an agent that has not called yet.
    pub(crate) fn new(proof: Proof, coordinator: String, name: AgentName) -> Self {
        Self { proof, coordinator, name, credentials: Mutex::new(None) }
    }

    /// How to speak to the coordinator; the first time this reads the credentials, or asks for them.
    ///
    /// # Errors
    /// When there are none and the token does not count, or nobody answers.
    pub(crate) async fn config(&self) -> Result<Arc<ClientConfig>, ChannelError> {
        let mut credentials = self.credentials.lock().await;
        let known = match credentials.take() {
            Some(known) => known,
            None => self.begin().await?,
        };
        let config = tls::client(&known).map_err(refused);
        *credentials = Some(known);
        config.map(Arc::new)
    }

    /// Exchanges the certificate when that is due, or at once when the coordinator wants it. What fails is tried again later.
    pub(crate) async fn renew(&self, channel: Channel, is_wanted: bool) {
        let mut credentials = self.credentials.lock().await;
        if !is_wanted && !credentials.as_ref().is_some_and(|known| known.is_due(now_s())) {
            return;
        }
        match enrolment::renew(channel).await {
            Ok(younger) => {
                tracing::info!(certificate = %younger.holder().serial, "the certificate was renewed");
                if let Err(error) = younger.save(&self.proof.folder) {
                    tracing::error!(%error, "the new certificate cannot be kept");
                }
                *credentials = Some(younger);
            }
            Err(error) => tracing::warn!(%error, "the certificate cannot be renewed now"),
        }
    }

    /// Looks after the certificate for as long as a connection stands.
    pub(crate) async fn look_after(&self, channel: Channel) {
        loop {
            self.renew(channel.clone(), false).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn begin(&self) -> Result<Credentials, ChannelError> {
        if let Some(kept) = Credentials::load(&self.proof.folder).map_err(refused)? {
            if kept.holder().until_s > now_s() {
                return Ok(kept);
            }
            if self.proof.token.is_none() {
                return Err(ChannelError::Refused(format!(
                    "this agent's certificate in {} has run out: start it once more with --join TOKEN",
                    self.proof.folder.display()
                )));
            }
        }
        let token = self.proof.token.as_ref().ok_or_else(|| {
            ChannelError::Refused(format!(
                "this agent has no certificate in {}: start it once with --join TOKEN, as the coordinator prints it",
                self.proof.folder.display()
            ))
        })?;
        let name = HolderName::new(self.name.as_str()).map_err(refused)?;
        let credentials = enrolment::enrol(&self.coordinator, token, name).await?;
        credentials.save(&self.proof.folder).map_err(refused)?;
        tracing::info!(holder = %credentials.holder(), folder = %self.proof.folder.display(), "joined");
        Ok(credentials)
    }
}

fn refused(error: impl std::fmt::Display) -> ChannelError {
    ChannelError::Refused(format!("failed to {error}"))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
