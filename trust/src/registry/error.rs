//! Why the registry does not do what it is asked.

use super::ledger::PromiseRefusal;
use crate::authority::AuthorityError;
use crate::certificate::HolderName;
use crate::credentials::CredentialsError;
use crate::files::FileError;

/// Why somebody gets no certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The token does not count.
    #[error(transparent)]
    Promise(#[from] PromiseRefusal),
    /// Somebody else has the name.
    #[error(
        "take the name {0}: it has a valid certificate already; choose another with --name, or revoke that one with `fleetmark ca revoke {0}`"
    )]
    NameTaken(HolderName),
    /// It was sent away.
    #[error("renew a certificate that was revoked")]
    Revoked,
    /// Nothing can be signed.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Nothing can be written down.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The authority.
    #[error("use the authority in {folder}: {source}")]
    Authority {
        /// Where.
        folder: String,
        /// What is wrong.
        source: AuthorityError,
    },
    /// The ledger.
    #[error("use {path}: {problem}")]
    Ledger {
        /// Which.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The coordinator's own credentials.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Two changes of authority at once.
    #[error(
        "rotate the authority: {0} certificates of the former one are still valid; wait until they are renewed, or revoke them"
    )]
    StillRotating(usize),
    /// Too much was promised.
    #[error("give a token: {0} are out already, which is the most; wait until some have run out")]
    TooManyTokens(usize),
}
