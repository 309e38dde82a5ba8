//! Who signs: a key, and the certificate that all others are checked against.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::DAY_S;
use crate::certificate::{HolderName, Serial};
use crate::role::Role;

/// How long an authority is valid, days: it is changed by [`crate::registry::Registry::rotate`], not by running out.
const VALID_DAYS: u64 = 10 * 365;
/// How far certificates are dated back, seconds: holders whose clocks are slow by less can use theirs at once.
const DATED_BACK_S: u64 = DAY_S;
/// The name that every coordinator's certificate carries and every client looks for: an authority's coordinator is known by
/// its certificate, wherever it listens.
pub const COORDINATOR_HOST: &str = "coordinator.fleetmark";

/// SHA-256 of an authority's certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// A key that signs certificates.
pub struct Authority {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Whose.
    pub name: HolderName,
    /// What it allows.
    pub role: Role,
    /// From when on, seconds of Unix time; it is dated back by a day.
    pub from_s: u64,
    /// Until when, seconds of Unix time.
    pub until_s: u64,
    /// Further names and addresses under which a coordinator's pages are asked for.
    pub hosts: Vec<String>,
}

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The request is none, or not signed by the key that it names.
    #[error("read the signing request: {0}")]
    Request(rcgen::Error),
    /// The authority's own files are not what was written.
    #[error("read the authority's key and certificate: {0}")]
    Own(String),
    /// Signing itself.
    #[error("sign a certificate: {0}")]
    Sign(rcgen::Error),
}

impl Digest {
    /// Of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Authority {
    /// A new one, of an elliptic curve (P-256).
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate(now_s: u64) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError::Sign)?;
        let serial = Serial::random();
        let mut parameters = CertificateParams::default();
        parameters.not_before = moment(now_s.saturating_sub(DATED_BACK_S));
        parameters.not_after = moment(now_s.saturating_add(VALID_DAYS * DAY_S));
        parameters.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
        parameters.distinguished_name = named(&format!("fleetmark authority {serial}"), "authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters.self_signed(&key).map_err(AuthorityError::Sign)?;
        Ok(Self { certificate: certificate.der().clone(), key })
    }

    /// One that was written down.
    ///
    /// # Errors
    /// When it does not read.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let own = |what: String| AuthorityError::Own(what);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|error| own(format!("the certificate: {error:?}")))?;
        let key = KeyPair::from_pem(key).map_err(|error| own(format!("the key: {error}")))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| own("the certificate is none".to_owned()))?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(own("the key is not the certificate's".to_owned()));
        }
        Ok(Self { certificate, key })
    }

    /// Signs a certificate for the key that a request (PKCS #10) proves to hold. Nothing else of the request counts.
    ///
    /// # Errors
    /// When the request is none, or not signed by its own key.
    pub fn sign(
        &self,
        request: &[u8],
        subject: &Subject,
    ) -> Result<(CertificateDer<'static>, Serial), AuthorityError> {
        let request = CertificateSigningRequestDer::from(request);
        let proven = CertificateSigningRequestParams::from_der(&request).map_err(AuthorityError::Request)?;
        let serial = Serial::random();
        let is_coordinator = subject.role == Role::Coordinator;
        let mut parameters = CertificateParams::default();
        parameters.not_before = moment(subject.from_s.saturating_sub(DATED_BACK_S));
        parameters.not_after = moment(subject.until_s);
        parameters.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
        parameters.distinguished_name = named(subject.name.as_str(), subject.role.as_str());
        parameters.is_ca = IsCa::ExplicitNoCa;
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        if is_coordinator {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            let hosts = [COORDINATOR_HOST.to_owned()].into_iter().chain(subject.hosts.iter().cloned());
            parameters.subject_alt_names = hosts.filter_map(|host| alternative_name(&host)).collect();
        } else {
            parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key).map_err(AuthorityError::Sign)?;
        let signed = parameters.signed_by(&proven.public_key, &issuer).map_err(AuthorityError::Sign)?;
        Ok((signed.der().clone(), serial))
    }

    /// What all its certificates are checked against.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Of its certificate.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.certificate)
    }

    /// Its secret, to be written down.
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Authority({})", self.digest())
    }
}

fn named(name: &str, unit: &str) -> DistinguishedName {
    let mut whole = DistinguishedName::new();
    whole.push(DnType::OrganizationName, "fleetmark");
    whole.push(DnType::OrganizationalUnitName, unit);
    whole.push(DnType::CommonName, name);
    whole
}

fn alternative_name(host: &str) -> Option<SanType> {
    match host.parse() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) => host.to_owned().try_into().ok().map(SanType::DnsName),
    }
}

/// The latest moment that a certificate can tell, for numbers beyond it.
fn moment(at_s: u64) -> OffsetDateTime {
    const LATEST_S: i64 = 253_402_300_799;
    let at_s = i64::try_from(at_s).unwrap_or(LATEST_S).min(LATEST_S);
    OffsetDateTime::from_unix_timestamp(at_s).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Holder;
    use crate::credentials::Draft;

    const NOW_S: u64 = 1_800_000_000;

    fn subject(role: Role) -> Subject {
        let name = HolderName::new("db-1").unwrap();
        Subject { name, role, from_s: NOW_S, until_s: NOW_S + 30 * DAY_S, hosts: Vec::new() }
    }

    #[test]
    fn a_certificate_says_what_the_authority_says_and_not_what_was_asked() {
        let authority = Authority::generate(NOW_S).unwrap();
        let draft = Draft::new().unwrap();
        let (certificate, serial) = authority.sign(draft.request(), &subject(Role::Viewer)).unwrap();
        let holder = Holder::of(&certificate).unwrap();
        assert_eq!((holder.name.as_str(), holder.role, holder.serial), ("db-1", Role::Viewer, serial));
        assert_eq!((holder.from_s, holder.until_s), (NOW_S - DAY_S, NOW_S + 30 * DAY_S));
    }

    #[test]
    fn a_request_that_was_changed_is_not_signed() {
        let authority = Authority::generate(NOW_S).unwrap();
        let mut request = Draft::new().unwrap().request().to_vec();
        let last = request.len() - 1;
        request[last] ^= 1;
        assert!(authority.sign(&request, &subject(Role::Agent)).is_err());
        assert!(authority.sign(b"no request", &subject(Role::Agent)).is_err());
    }

    #[test]
    fn it_reads_back_and_notices_a_key_of_another() {
        let (one, other) = (Authority::generate(NOW_S).unwrap(), Authority::generate(NOW_S).unwrap());
        let pem = crate::credentials::pem_of(std::slice::from_ref(one.certificate()));
        let read = Authority::from_pem(&pem, &one.key_pem()).unwrap();
        assert_eq!(read.digest(), one.digest());
        let mixed = Authority::from_pem(&pem, &other.key_pem()).unwrap_err().to_string();
        assert!(mixed.contains("the key is not the certificate's"), "{mixed}");
    }
}
