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

/// A token for programs that was given.
pub(crate) struct GivenBearer {
    pub(crate) serial: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) until_s: u64,
    pub(crate) is_revoked: bool,
}

/// All that was given.
pub(crate) struct AllGiven {
    pub(crate) certificates: Vec<GivenCertificate>,
    pub(crate) bearers: Vec<GivenBearer>,
    /// The digest of the authority that newcomers look for.
    pub(crate) authority: String,
}

/// A secret of the web side.
pub(crate) struct WebToken {
    /// `None`: the pages ask nobody to sign in.
    pub(crate) token: Option<String>,
    pub(crate) url: String,
    pub(crate) until_s: u64,
    pub(crate) name: String,
    pub(crate) role: String,
}

impl Client {
    /// Asks for a token for programs that counts for so long, or for a link that signs one browser in (0).
    pub(crate) async fn web_token(&mut self, bearer_ttl_s: u64) -> anyhow::Result<WebToken> {
        let request = proto::CreateWebTokenRequest { bearer_ttl_s };
        let answer = self.trust().create_web_token(request).await.map_err(|status| failure(&status))?;
        let proto::CreateWebTokenResponse { token, url, until_s, name, role } = answer.into_inner();
        Ok(WebToken { token: (!token.is_empty()).then_some(token), url, until_s, name, role })
    }

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

    /// All that was given.
    pub(crate) async fn given(&mut self) -> anyhow::Result<AllGiven> {
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
        let bearers = answer.bearers.into_iter().map(|given| GivenBearer {
            serial: given.serial,
            name: given.name,
            role: given.role,
            until_s: given.until_s,
            is_revoked: given.revoked_at_s.is_some(),
        });
        let (certificates, bearers) = (given.collect(), bearers.collect());
        Ok(AllGiven { certificates, bearers, authority: answer.authority })
    }

    /// Takes certificates and tokens back; says how many of each, and how many connections were closed.
    pub(crate) async fn revoke(&mut self, name: &str) -> anyhow::Result<(usize, u32, u32)> {
        let request = proto::RevokeCertificateRequest { name: name.to_owned() };
        let answer = self.trust().revoke_certificate(request).await.map_err(|status| failure(&status))?;
        let answer = answer.into_inner();
        Ok((answer.serials.len(), answer.bearers, answer.connections_closed))
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
