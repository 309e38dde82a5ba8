//! A key with its certificate and whom it trusts, in one file of whoever holds it: replaced as a whole, so that no key ever lies
//! beside another one's certificate.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificate::{CertificateError, Holder};
use crate::files::{self, FileError};

/// The key, its certificate, and then the authorities that are believed, as PEM.
const FILE: &str = "credentials.pem";
/// Characters of a line of PEM (RFC 7468, 2).
const LINE: usize = 64;
/// With what a key ends, and a whole file.
const END_OF_KEY: &str = "-----END PRIVATE KEY-----\n";
const END_OF_FILE: &str = "-----END CERTIFICATE-----\n";

/// A key whose certificate is still to be asked for.
pub struct Draft {
    key: KeyPair,
    request: Vec<u8>,
}

/// What its holder proves with who it is, and whom it believes.
#[derive(Clone)]
pub struct Credentials {
    key_pem: String,
    certificate: CertificateDer<'static>,
    authorities: Vec<CertificateDer<'static>>,
    holder: Holder,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// What stands in one.
    #[error("use {path}: it is damaged; remove it and join again")]
    Damaged {
        /// Which.
        path: String,
    },
    /// Not a certificate of ours.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No key.
    #[error("make a key: {0}")]
    Key(String),
}

impl Draft {
    /// A new key, of an elliptic curve (P-256).
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new() -> Result<Self, CredentialsError> {
        let failed = |error: rcgen::Error| CredentialsError::Key(error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let request = CertificateParams::default().serialize_request(&key).map_err(failed)?;
        let request = request.der().to_vec();
        Ok(Self { key, request })
    }

    /// Asks for a certificate, and proves that the key is held (PKCS #10, DER).
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// The credentials, once the certificate is there. DER, one each.
    ///
    /// # Errors
    /// When it is no certificate of ours.
    pub fn complete(
        self,
        certificate: Vec<u8>,
        authorities: Vec<Vec<u8>>,
    ) -> Result<Credentials, CredentialsError> {
        let certificate = CertificateDer::from(certificate);
        let authorities = authorities.into_iter().map(CertificateDer::from).collect();
        let holder = Holder::of(&certificate)?;
        Ok(Credentials { key_pem: self.key.serialize_pem(), certificate, authorities, holder })
    }
}

impl Credentials {
    /// Reads them from a folder; `None`: there are none.
    ///
    /// # Errors
    /// When they cannot be read, or are not what was written.
    pub fn load(folder: &Path) -> Result<Option<Self>, CredentialsError> {
        let path = folder.join(FILE);
        let Some(text) = files::read(&path)? else { return Ok(None) };
        let read = Self::read(&text).map_err(|error| match error {
            CredentialsError::Damaged { .. } => {
                CredentialsError::Damaged { path: path.display().to_string() }
            }
            other => other,
        });
        read.map(Some)
    }

    /// Reads them from what stands in their file.
    ///
    /// # Errors
    /// When that is not what was written.
    pub fn read(text: &str) -> Result<Self, CredentialsError> {
        let damaged = || CredentialsError::Damaged { path: FILE.to_owned() };
        let key_pem = text.find(END_OF_KEY).map(|end| text[..end + END_OF_KEY.len()].to_owned());
        let key_pem = key_pem.ok_or_else(damaged)?;
        PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| damaged())?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let mut certificates = certificates.map_err(|_| damaged())?;
        if certificates.len() < 2 || !text.ends_with(END_OF_FILE) {
            return Err(damaged());
        }
        let certificate = certificates.remove(0);
        let holder = Holder::of(&certificate)?;
        Ok(Self { key_pem, certificate, authorities: certificates, holder })
    }

    /// Writes them into a folder, which is made.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&self, folder: &Path) -> Result<(), CredentialsError> {
        files::make_folder(folder)?;
        let own = pem_of(std::slice::from_ref(&self.certificate));
        let text = format!("{}\n{own}{}", self.key_pem.trim_end(), pem_of(&self.authorities));
        files::write_secret(&folder.join(FILE), &text)?;
        Ok(())
    }

    /// Who they say one is.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Whether two thirds of their time are over.
    pub fn is_due(&self, now_s: u64) -> bool {
        let Holder { from_s, until_s, .. } = self.holder;
        now_s.saturating_sub(from_s) >= until_s.saturating_sub(from_s) / 3 * 2
    }

    /// The certificate that is shown.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Whose certificates are believed.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// The secret.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>, CredentialsError> {
        let unreadable = |error| CredentialsError::Key(format!("{error:?}"));
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(unreadable)
    }
}

/// The key is nobody's business.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credentials({})", self.holder)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Draft")
    }
}

/// Certificates as text (RFC 7468).
pub(crate) fn pem_of(certificates: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let encoded = STANDARD.encode(certificate);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(LINE));
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::DAY_S;
    use crate::authority::{Authority, Subject};
    use crate::certificate::HolderName;
    use crate::role::Role;

    const NOW_S: u64 = 1_800_000_000;

    fn credentials() -> Credentials {
        let authority = Authority::generate(NOW_S).unwrap();
        let draft = Draft::new().unwrap();
        let name = HolderName::new("a1").unwrap();
        let subject = Subject {
            name,
            role: Role::Agent,
            from_s: NOW_S,
            until_s: NOW_S + 29 * DAY_S,
            hosts: Vec::new(),
        };
        let (certificate, _) = authority.sign(draft.request(), &subject).unwrap();
        draft.complete(certificate.to_vec(), vec![authority.certificate().to_vec()]).unwrap()
    }

    #[test]
    fn they_read_back_and_tell_nobody_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("some/where");
        assert!(Credentials::load(&there).unwrap().is_none());
        let made = credentials();
        made.save(&there).unwrap();
        let read = Credentials::load(&there).unwrap().unwrap();
        assert_eq!(read.holder(), made.holder());
        assert_eq!(read.authorities(), made.authorities());
        assert!(!format!("{read:?}").contains("PRIVATE"));
    }

    #[test]
    fn damaged_ones_say_so() {
        let folder = tempfile::tempdir().unwrap();
        credentials().save(folder.path()).unwrap();
        let whole = fs::read_to_string(folder.path().join(FILE)).unwrap();
        for length in (0..whole.len()).step_by(7) {
            fs::write(folder.path().join(FILE), &whole[..length]).unwrap();
            let refused = Credentials::load(folder.path()).unwrap_err().to_string();
            assert!(refused.contains("join again"), "{length}: {refused}");
        }
    }

    #[test]
    fn they_are_renewed_at_two_thirds() {
        // Dated back by a day: thirty days in all.
        let credentials = credentials();
        assert!(!credentials.is_due(NOW_S + 19 * DAY_S - 1));
        assert!(credentials.is_due(NOW_S + 19 * DAY_S));
    }
}
