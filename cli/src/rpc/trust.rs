//! Asking the coordinator about certificates, and for the record of who did what.

use proto::trust_service_client::TrustServiceClient;
use tonic::transport::Channel;

use super::{Client, failure};

/// A token that was given.
pub(crate) struct GivenToken {
    pub(crate) token: String,
    pub(crate) url: String,
    pub(crate) until_s: u64,
}

/// A certificate that was given.
pub(crate) struct GivenCertificate {
    pub(crate) serial: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) until_s: u64,
    pub(crate) is_renewed: bool,
    pub(crate) is_revoked: bool,
    /// Whether the authority that signs now has signed it.
    pub(crate) is_current: bool,
}

impl Client {
    pub(crate) async fn create_token(
        &mut self,
        role: &str,
        uses: u32,
        ttl_s: u64,
        url: &str,
    ) -> anyhow::Result<GivenToken> {
        let request = proto::CreateTokenRequest { role: role.to_owned(), uses, ttl_s, url: url.to_owned() };
        let answer =
            self.trust().create_token(request).await.map_err(|status| failure(&status))?.into_inner();
        Ok(GivenToken { token: answer.token, url: answer.url, until_s: answer.until_s })
    }

    /// The certificates, and the digest of the authority that newcomers look for.
    pub(crate) async fn certificates(&mut self) -> anyhow::Result<(Vec<GivenCertificate>, String)> {
        let request = proto::ListCertificatesRequest {};
        let answer = self.trust().list_certificates(request).await.map_err(|status| failure(&status))?;
        let answer = answer.into_inner();
        let given = answer.certificates.into_iter().map(|given| GivenCertificate {
            serial: given.serial,
            name: given.name,
            role: given.role,
            until_s: given.until_s,
            is_renewed: given.is_renewed,
            is_revoked: given.revoked_at_s.is_some(),
            is_current: given.is_current,
        });
        Ok((given.collect(), answer.authority))
    }

    /// Takes certificates back; says how many, and how many connections were closed.
    pub(crate) async fn revoke(&mut self, name: &str) -> anyhow::Result<(usize, u32)> {
        let request = proto::RevokeCertificateRequest { name: name.to_owned() };
        let answer = self.trust().revoke_certificate(request).await.map_err(|status| failure(&status))?;
        let answer = answer.into_inner();
        Ok((answer.serials.len(), answer.connections_closed))
    }

    /// Makes a new authority; says its digest, and how many certificates are to be exchanged.
    pub(crate) async fn rotate(&mut self) -> anyhow::Result<(String, u32)> {
        let request = proto::RotateAuthorityRequest {};
        let answer = self.trust().rotate_authority(request).await.map_err(|status| failure(&status))?;
        let answer = answer.into_inner();
        Ok((answer.authority, answer.certificates_to_renew))
    }

    /// The newest lines of the record, oldest first: a JSON object each.
    pub(crate) async fn audit(&mut self, limit: u32) -> anyhow::Result<Vec<String>> {
        let request = proto::ReadAuditRequest { limit };
        let answer = self.trust().read_audit(request).await.map_err(|status| failure(&status))?;
        Ok(answer.into_inner().lines)
    }

    fn trust(&self) -> TrustServiceClient<Channel> {
        TrustServiceClient::new(self.channel.clone()).max_decoding_message_size(super::MESSAGE_BYTES_MAX)
    }
}
