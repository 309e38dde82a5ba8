//! Which certificates count: those of the authority that are in its ledger and were not revoked.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::certificate::{Holder, Serial};

/// The certificates that count now; shared between who changes them and who looks.
#[derive(Debug, Default)]
pub struct Valid(RwLock<HashSet<Serial>>);

/// Asks another verifier first, and then whether the certificate counts.
#[derive(Debug)]
pub(super) struct ValidOnly {
    inner: Arc<dyn ClientCertVerifier>,
    valid: Arc<Valid>,
}

impl Valid {
    /// Only these count from now on.
    pub fn set(&self, serials: HashSet<Serial>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = serials;
    }

    /// Whether a certificate counts.
    pub fn contains(&self, serial: Serial) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&serial)
    }
}

impl ValidOnly {
    pub(super) fn new(inner: Arc<dyn ClientCertVerifier>, valid: Arc<Valid>) -> Self {
        Self { inner, valid }
    }
}

impl ClientCertVerifier for ValidOnly {
    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        further: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(certificate, further, now)?;
        let holder = Holder::of(certificate).map_err(|error| Error::General(error.to_string()))?;
        if self.valid.contains(holder.serial) {
            return Ok(verified);
        }
        Err(Error::InvalidCertificate(CertificateError::Revoked))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
