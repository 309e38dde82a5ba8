//! How newcomers become known: a token is exchanged for a certificate, and that for younger ones.

use std::sync::Arc;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use trust::certificate::HolderName;
use trust::credentials::{Credentials, Draft};
use trust::join_token::JoinToken;
use trust::tls;

use crate::channel::{self, ChannelError};
use crate::trust_service_client::TrustServiceClient;
use crate::{EnrolRequest, EnrolResponse, RenewRequest};

/// How long to wait for a certificate.
const WITHIN: Duration = Duration::from_secs(10);

/// Exchanges a token for credentials. The coordinator shows the authority that the token names before it is told anything.
///
/// # Errors
/// When the token does not count there, the coordinator is not the token's, or nobody answers.
pub async fn enrol(url: &str, token: &JoinToken, name: HolderName) -> Result<Credentials, ChannelError> {
    let config = tls::newcomer(token.authority).map_err(refused)?;
    let endpoint = endpoint(url)?.connect_timeout(WITHIN).timeout(WITHIN);
    let channel = channel::connect(&endpoint, Some(Arc::new(config))).await?;
    let draft = Draft::new().map_err(refused)?;
    let request = EnrolRequest {
        secret: token.secret.to_bytes(),
        name: name.to_string(),
        signing_request: draft.request().to_vec(),
    };
    let answer = TrustServiceClient::new(channel).enrol(request).await.map_err(|status| answered(&status))?;
    complete(draft, answer.into_inner())
}

/// Exchanges the credentials of a connection for younger ones.
///
/// # Errors
/// When they do not count any more, or nobody answers.
pub async fn renew(channel: Channel) -> Result<Credentials, ChannelError> {
    let draft = Draft::new().map_err(refused)?;
    let request = RenewRequest { signing_request: draft.request().to_vec() };
    let mut client = TrustServiceClient::new(channel);
    let answer = tokio::time::timeout(WITHIN, client.renew(request)).await;
    let answer = answer.map_err(|_| ChannelError::Unreachable("no certificate in time".to_owned()))?;
    complete(draft, answer.map_err(|status| answered(&status))?.into_inner())
}

/// Where a coordinator is.
///
/// # Errors
/// When it is no URL.
pub fn endpoint(url: &str) -> Result<Endpoint, ChannelError> {
    Endpoint::from_shared(url.to_owned()).map_err(|error| {
        ChannelError::Refused(format!("{url:?} is not an address like https://host:7411: {error}"))
    })
}

fn complete(draft: Draft, answer: EnrolResponse) -> Result<Credentials, ChannelError> {
    draft.complete(answer.certificate, answer.authorities).map_err(refused)
}

fn answered(status: &Status) -> ChannelError {
    match status.code() {
        Code::PermissionDenied
        | Code::AlreadyExists
        | Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::Unauthenticated
        | Code::Unimplemented => ChannelError::Refused(status.message().to_owned()),
        _ => channel::trouble(status),
    }
}

fn refused(error: impl std::fmt::Display) -> ChannelError {
    ChannelError::Refused(format!("failed to {error}"))
}
