//! Certificates: asked for, given, taken back; and the record of who did what.

use std::sync::Arc;
use std::time::Instant;

use proto::trust_service_server::TrustService;
use tonic::{Request, Response, Status};
use trust::certificate::{Holder, HolderName};
use trust::join_token::Secret;
use trust::registry::{EnrolError, Enrolled, RegistryError};
use trust::role::Role;
use trust::web_token::WebToken;

use super::caller;
use crate::admission::audit::{Audit, Deed};
use crate::admission::peer::Peer;
use crate::admission::registrar::Registrar;
use crate::web;

/// Largest signing request, bytes: one with a key of any usual kind has a tenth.
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// How many may use one token at most.
const USES_MAX: u32 = 10_000;
/// How long a token may count at most, seconds: thirty days.
const TTL_S_MAX: u64 = 30 * trust::DAY_S;
/// The same for a token of an API client: a year.
const BEARER_TTL_S_MAX: u64 = 366 * trust::DAY_S;
/// Lines of the record that one answer has when no number is asked for, and at most.
const LINES: usize = 1_000;
const LINES_MAX: usize = 10_000;

/// What serves the calls about certificates.
pub(crate) struct TrustRpc {
    /// `None`: this coordinator asks nobody who they are.
    pub(crate) registrar: Option<Arc<Registrar>>,
    /// Whether calls are asked for a certificate, and not only pages for a sign-in.
    pub(crate) asks_callers: bool,
    /// Where the pages are; `None`: there are none.
    pub(crate) pages: Option<web::Address>,
    pub(crate) audit: Audit,
}

impl TrustRpc {
    fn registrar(&self) -> Result<Arc<Registrar>, Status> {
        self.registrar.clone().ok_or_else(no_authority)
    }

    /// As whom a caller gets secrets of the web side: whoever may call without being asked is this machine's own user.
    fn web_holder(&self, peer: &Peer, registrar: &Registrar) -> Result<Holder, Status> {
        let holder = peer.holder().cloned().or_else(|| registrar.local());
        holder.ok_or_else(|| {
            Status::unavailable("the machine's own certificate was revoked; start the coordinator anew")
        })
    }

    async fn give_bearer(
        &self,
        peer: &Peer,
        pages: &web::Address,
        ttl_s: u64,
    ) -> Result<proto::CreateWebTokenResponse, Status> {
        if ttl_s > BEARER_TTL_S_MAX {
            return Err(Status::invalid_argument("a token for programs counts for 1 s to 366 days"));
        }
        let holder = self.web_holder(peer, &*self.registrar()?)?;
        let given = self.at_work(move |registrar| registrar.give_bearer(&holder, ttl_s)).await?;
        let (token, bearer) = given.map_err(|error| registry_status(&error))?;
        let what = format!("a bearer token {} for {bearer}, {ttl_s} s", bearer.serial);
        self.audit.done(Deed::Token, peer, what).await;
        Ok(web_token(&token, pages, &bearer, bearer.until_s))
    }

    async fn give_link(
        &self,
        peer: &Peer,
        pages: &web::Address,
        links: &web::Passes,
    ) -> Result<proto::CreateWebTokenResponse, Status> {
        let holder = self.web_holder(peer, &*self.registrar()?)?;
        let given = links.give(Arc::new(holder.clone()), Instant::now());
        let token = given
            .ok_or_else(|| Status::resource_exhausted("too many links are out; try again in five minutes"))?;
        self.audit.done(Deed::Token, peer, format!("a one-time link for {holder}")).await;
        let until_s = crate::unix_ms() / 1_000 + web::LINK_COUNTS.as_secs();
        Ok(web_token(&token, pages, &holder, until_s))
    }

    /// Does something that may wait for the disk.
    async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registrar) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let registrar = self.registrar()?;
        let done = tokio::task::spawn_blocking(move || work(&registrar)).await;
        done.map_err(|error| Status::internal(error.to_string()))
    }
}

#[tonic::async_trait]
impl TrustService for TrustRpc {
    async fn enrol(
        &self,
        request: Request<proto::EnrolRequest>,
    ) -> Result<Response<proto::EnrolResponse>, Status> {
        let peer = caller(&request)?;
        let proto::EnrolRequest { secret, name, signing_request } = request.into_inner();
        let secret =
            Secret::from_bytes(&secret).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let name = holder_name(name)?;
        check_size(&signing_request)?;
        let what = name.to_string();
        match self.at_work(move |registrar| registrar.enrol(&secret, name, &signing_request)).await? {
            Ok(enrolled) => {
                self.audit.done(Deed::Enrol, &peer, enrolled.holder.to_string()).await;
                Ok(Response::new(given(&enrolled)))
            }
            Err(error) => {
                self.audit.refused(Deed::Enrol, &peer, what, error.to_string()).await;
                Err(enrol_status(&error))
            }
        }
    }

    async fn renew(
        &self,
        request: Request<proto::RenewRequest>,
    ) -> Result<Response<proto::EnrolResponse>, Status> {
        let peer = caller(&request)?;
        let holder = peer.holder().cloned();
        let holder = holder.ok_or_else(|| Status::failed_precondition("there is no certificate to renew"))?;
        let signing_request = request.into_inner().signing_request;
        check_size(&signing_request)?;
        match self.at_work(move |registrar| registrar.renew(&holder, &signing_request)).await? {
            Ok(enrolled) => {
                self.audit.done(Deed::Renew, &peer, enrolled.holder.to_string()).await;
                Ok(Response::new(given(&enrolled)))
            }
            Err(error) => {
                self.audit.refused(Deed::Renew, &peer, "its certificate", error.to_string()).await;
                Err(enrol_status(&error))
            }
        }
    }

    async fn create_token(
        &self,
        request: Request<proto::CreateTokenRequest>,
    ) -> Result<Response<proto::CreateTokenResponse>, Status> {
        let peer = caller(&request)?;
        let proto::CreateTokenRequest { role, uses, ttl_s, url } = request.into_inner();
        let role: Role = role
            .parse()
            .map_err(|error: trust::role::UnknownRole| Status::invalid_argument(error.to_string()))?;
        if !(1..=USES_MAX).contains(&uses) || !(1..=TTL_S_MAX).contains(&ttl_s) {
            return Err(Status::invalid_argument(format!(
                "a token may be used 1 to {USES_MAX} times, and counts for 1 s to 30 days"
            )));
        }
        if !self.asks_callers {
            return Err(no_authority());
        }
        let token = self.at_work(move |registrar| registrar.give_token(role, uses, ttl_s, &url)).await?;
        let token = token.map_err(|error| registry_status(&error))?;
        self.audit.done(Deed::Token, &peer, format!("{role}, {uses} uses, {ttl_s} s")).await;
        let (text, url, until_s) = (token.to_string(), token.url, token.until_s);
        Ok(Response::new(proto::CreateTokenResponse { token: text, url, until_s }))
    }

    async fn list_certificates(
        &self,
        _request: Request<proto::ListCertificatesRequest>,
    ) -> Result<Response<proto::ListCertificatesResponse>, Status> {
        let registrar = self.registrar()?;
        let bearers = registrar.bearers().into_iter().map(|bearer| proto::GivenBearer {
            serial: bearer.serial.to_string(),
            name: bearer.name.to_string(),
            role: bearer.role.to_string(),
            from_s: bearer.from_s,
            until_s: bearer.until_s,
            revoked_at_s: bearer.revoked_at_s,
        });
        let (given, authority) = registrar.certificates();
        let certificates = given.into_iter().map(|(given, is_current)| proto::GivenCertificate {
            serial: given.serial.to_string(),
            name: given.name.to_string(),
            role: given.role.to_string(),
            from_s: given.from_s,
            until_s: given.until_s,
            is_renewed: given.is_renewed,
            revoked_at_s: given.revoked_at_s,
            is_current,
        });
        Ok(Response::new(proto::ListCertificatesResponse {
            certificates: certificates.collect(),
            authority,
            bearers: bearers.collect(),
        }))
    }

    async fn revoke_certificate(
        &self,
        request: Request<proto::RevokeCertificateRequest>,
    ) -> Result<Response<proto::RevokeCertificateResponse>, Status> {
        let peer = caller(&request)?;
        let name = holder_name(request.into_inner().name)?;
        let wanted = name.clone();
        let revoked = self.at_work(move |registrar| registrar.revoke(&wanted)).await?;
        let (revoked, closed) = revoked.map_err(|error| registry_status(&error))?;
        if revoked.is_empty() {
            return Err(Status::not_found(format!(
                "nobody named {name} has a valid certificate; `fleetmark ca list` shows who has"
            )));
        }
        self.audit.done(Deed::Revoke, &peer, name.to_string()).await;
        Ok(Response::new(proto::RevokeCertificateResponse {
            serials: revoked.certificates.iter().map(|given| given.serial.to_string()).collect(),
            connections_closed: u32::try_from(closed).unwrap_or(u32::MAX),
            bearers: u32::try_from(revoked.bearers.len()).unwrap_or(u32::MAX),
        }))
    }

    async fn rotate_authority(
        &self,
        request: Request<proto::RotateAuthorityRequest>,
    ) -> Result<Response<proto::RotateAuthorityResponse>, Status> {
        let peer = caller(&request)?;
        let asked = peer.clone();
        let rotated = self.at_work(move |registrar| registrar.rotate(&asked)).await?;
        let (authority, to_renew) = rotated.map_err(|error| registry_status(&error))?;
        self.audit.done(Deed::Rotate, &peer, authority.clone()).await;
        let certificates_to_renew = u32::try_from(to_renew).unwrap_or(u32::MAX);
        Ok(Response::new(proto::RotateAuthorityResponse { authority, certificates_to_renew }))
    }

    async fn read_audit(
        &self,
        request: Request<proto::ReadAuditRequest>,
    ) -> Result<Response<proto::ReadAuditResponse>, Status> {
        let wanted = request.into_inner().limit as usize;
        let limit = if wanted == 0 { LINES } else { wanted.min(LINES_MAX) };
        let audit = self.audit.clone();
        let lines = tokio::task::spawn_blocking(move || audit.newest(limit)).await;
        let lines = lines.map_err(|error| Status::internal(error.to_string()))?;
        let lines = lines.map_err(|error| Status::internal(format!("failed to read the record: {error}")))?;
        Ok(Response::new(proto::ReadAuditResponse { lines }))
    }

    async fn create_web_token(
        &self,
        request: Request<proto::CreateWebTokenRequest>,
    ) -> Result<Response<proto::CreateWebTokenResponse>, Status> {
        let peer = caller(&request)?;
        let ttl_s = request.into_inner().bearer_ttl_s;
        let pages = self.pages.as_ref().ok_or_else(|| {
            Status::failed_precondition("this coordinator serves no pages: start it with --http ADDR")
        })?;
        let given = match (&pages.links, ttl_s) {
            (Some(links), 0) => self.give_link(&peer, pages, links).await?,
            (Some(_), ttl_s) => self.give_bearer(&peer, pages, ttl_s).await?,
            (None, _) => proto::CreateWebTokenResponse { url: pages.url.clone(), ..Default::default() },
        };
        Ok(Response::new(given))
    }
}

fn no_authority() -> Status {
    Status::failed_precondition(
        "this coordinator has no authority: it listens on loopback only, or was started with --insecure",
    )
}

fn web_token(
    token: &WebToken,
    pages: &web::Address,
    holder: &Holder,
    until_s: u64,
) -> proto::CreateWebTokenResponse {
    proto::CreateWebTokenResponse {
        token: token.to_string(),
        url: pages.url.clone(),
        until_s,
        name: holder.name.to_string(),
        role: holder.role.to_string(),
    }
}

fn holder_name(name: String) -> Result<HolderName, Status> {
    HolderName::new(name).map_err(|error| Status::invalid_argument(format!("failed to {error}")))
}

fn check_size(signing_request: &[u8]) -> Result<(), Status> {
    if signing_request.len() <= REQUEST_BYTES_MAX {
        return Ok(());
    }
    Err(Status::invalid_argument(format!("a signing request has at most {REQUEST_BYTES_MAX} bytes")))
}

fn given(enrolled: &Enrolled) -> proto::EnrolResponse {
    proto::EnrolResponse {
        certificate: enrolled.certificate.to_vec(),
        authorities: enrolled.authorities.iter().map(|authority| authority.to_vec()).collect(),
    }
}

fn enrol_status(error: &EnrolError) -> Status {
    let message = format!("failed to {error}");
    match error {
        EnrolError::Promise(_) | EnrolError::Revoked => Status::permission_denied(message),
        EnrolError::NameTaken(_) => Status::already_exists(message),
        EnrolError::Authority(trust::authority::AuthorityError::Request(_)) => {
            Status::invalid_argument(message)
        }
        EnrolError::Authority(_) => Status::internal(message),
        EnrolError::Registry(error) => registry_status(error),
    }
}

fn registry_status(error: &RegistryError) -> Status {
    let message = format!("failed to {error}");
    match error {
        RegistryError::TooManyTokens(_) => Status::resource_exhausted(message),
        RegistryError::StillRotating(_) => Status::failed_precondition(message),
        _ => Status::internal(message),
    }
}
