//! What was promised to newcomers, and what was given to whom: one file of JSON.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RegistryError;
use crate::authority::Digest;
use crate::certificate::{Holder, HolderName, Serial};
use crate::files;
use crate::role::Role;

/// Tokens that may be out at once.
const PROMISES_MAX: usize = 1_000;
/// Tokens of API clients that may count at once: each request that shows one is held against them.
const BEARERS_MAX: usize = 1_000;

/// A token that is out. The secret itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// SHA-256 of the secret, in hexadecimal digits.
    pub mark: String,
    /// What its bearers become.
    pub role: Role,
    /// How many may still use it.
    pub uses_left: u32,
    /// Until when, seconds of Unix time.
    pub until_s: u64,
}

/// A certificate that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Its number.
    pub serial: Serial,
    /// To whom.
    pub name: HolderName,
    /// What it allows.
    pub role: Role,
    /// Digest of the authority that signed it, in hexadecimal digits.
    pub authority: String,
    /// From when on it is valid, seconds of Unix time.
    pub from_s: u64,
    /// Until when, seconds of Unix time.
    pub until_s: u64,
    /// Whether its holder was given a younger one for it.
    pub is_renewed: bool,
    /// When it was revoked, seconds of Unix time; `None`: it was not.
    pub revoked_at_s: Option<u64>,
}

/// A token of an API client. The token itself is nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bearer {
    /// SHA-256 of the token, in hexadecimal digits.
    pub mark: String,
    /// By which it is known, as certificates are by theirs.
    pub serial: Serial,
    /// Who asked for it: whoever shows it speaks as that one.
    pub name: HolderName,
    /// What it allows.
    pub role: Role,
    /// From when on it counts, seconds of Unix time.
    pub from_s: u64,
    /// Until when, seconds of Unix time.
    pub until_s: u64,
    /// When it was revoked, seconds of Unix time; `None`: it was not.
    pub revoked_at_s: Option<u64>,
}

impl Given {
    /// To whom it was given.
    pub fn holder(&self) -> Holder {
        let Self { serial, name, role, from_s, until_s, .. } = self.clone();
        Holder { name, role, serial, from_s, until_s }
    }
}

impl Bearer {
    /// As whom its bearer speaks.
    pub fn holder(&self) -> Holder {
        let Self { serial, name, role, from_s, until_s, .. } = self.clone();
        Holder { name, role, serial, from_s, until_s }
    }
}

/// What was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Certificates.
    pub certificates: Vec<Given>,
    /// Tokens of API clients.
    pub bearers: Vec<Bearer>,
}

impl Revoked {
    /// Whether nobody of that name had anything.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.bearers.is_empty()
    }
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PromiseRefusal {
    /// It was never given, or ran out long ago.
    #[error(
        "use the token: it was never given here, or is used up or forgotten; ask for a new one (`fleetmark ca token`)"
    )]
    Unknown,
    /// It was given, and used as often as it may be.
    #[error(
        "use the token: it has been used as often as it may be; ask for a new one (`fleetmark ca token`)"
    )]
    Used,
    /// Too late.
    #[error("use the token: it has run out; ask for a new one (`fleetmark ca token`)")]
    Expired,
}

/// What was promised and given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    tokens: Vec<Promise>,
    certificates: Vec<Given>,
    /// Absent in ledgers from before there was a web side.
    #[serde(default)]
    bearers: Vec<Bearer>,
}

impl Ledger {
    pub(super) fn read(path: &Path) -> Result<Self, RegistryError> {
        let Some(text) = files::read(path)? else { return Ok(Self::default()) };
        serde_json::from_str(&text).map_err(|error| RegistryError::Ledger {
            path: path.display().to_string(),
            problem: format!(
                "{error}; restore it from a backup: without it nobody's certificate can be renewed or revoked"
            ),
        })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), RegistryError> {
        let text = serde_json::to_string_pretty(self).expect("names and numbers always serialise");
        files::write_secret(path, &text)?;
        Ok(())
    }

    pub(super) fn promise(&mut self, promise: Promise, now_s: u64) -> Result<(), RegistryError> {
        self.tokens.retain(|known| known.until_s > now_s);
        if self.tokens.len() >= PROMISES_MAX {
            return Err(RegistryError::TooManyTokens(self.tokens.len()));
        }
        self.tokens.push(promise);
        Ok(())
    }

    /// What the bearer of a token becomes.
    pub(super) fn promised(&self, mark: &str, now_s: u64) -> Result<Role, PromiseRefusal> {
        let promise = self.tokens.iter().find(|known| known.mark == mark).ok_or(PromiseRefusal::Unknown)?;
        match promise {
            Promise { until_s, .. } if *until_s <= now_s => Err(PromiseRefusal::Expired),
            Promise { uses_left: 0, .. } => Err(PromiseRefusal::Used),
            Promise { role, .. } => Ok(*role),
        }
    }

    pub(super) fn use_up(&mut self, mark: &str) {
        if let Some(promise) = self.tokens.iter_mut().find(|known| known.mark == mark) {
            promise.uses_left = promise.uses_left.saturating_sub(1);
        }
    }

    pub(super) fn is_taken(&self, name: &HolderName, role: Role, now_s: u64) -> bool {
        self.valid(now_s).any(|given| !given.is_renewed && given.name == *name && given.role == role)
    }

    pub(super) fn is_valid(&self, serial: Serial, now_s: u64) -> bool {
        self.valid(now_s).any(|given| given.serial == serial)
    }

    pub(super) fn valid_under(&self, authority: Digest, now_s: u64) -> usize {
        let authority = authority.to_string();
        self.valid(now_s).filter(|given| !given.is_renewed && given.authority == authority).count()
    }

    /// Notes what was given, and forgets what has run out.
    pub(super) fn give(&mut self, given: Given, now_s: u64) {
        self.certificates.retain(|known| known.until_s > now_s);
        self.certificates.push(given);
    }

    /// Notes what was given for an older one. That stays valid to its end: the answer may not have reached its holder.
    pub(super) fn replace(&mut self, older: Serial, given: Given, now_s: u64) {
        if let Some(older) = self.certificates.iter_mut().find(|known| known.serial == older) {
            older.is_renewed = true;
        }
        self.give(given, now_s);
    }

    /// Notes a token of an API client, and forgets those that have run out.
    pub(super) fn admit(&mut self, bearer: Bearer, now_s: u64) -> Result<(), RegistryError> {
        self.bearers.retain(|known| known.until_s > now_s);
        let counting = self.bearers.iter().filter(|known| known.revoked_at_s.is_none()).count();
        if counting >= BEARERS_MAX {
            return Err(RegistryError::TooManyTokens(counting));
        }
        self.bearers.push(bearer);
        Ok(())
    }

    /// Takes all that those of a name have.
    pub(super) fn revoke(&mut self, name: &HolderName, now_s: u64) -> Revoked {
        let mut revoked = Revoked::default();
        for given in &mut self.certificates {
            if given.name == *name && given.until_s > now_s && given.revoked_at_s.is_none() {
                given.revoked_at_s = Some(now_s);
                revoked.certificates.push(given.clone());
            }
        }
        for bearer in &mut self.bearers {
            if bearer.name == *name && bearer.until_s > now_s && bearer.revoked_at_s.is_none() {
                bearer.revoked_at_s = Some(now_s);
                revoked.bearers.push(bearer.clone());
            }
        }
        revoked
    }

    pub(super) fn bearers(&self) -> &[Bearer] {
        &self.bearers
    }

    pub(super) fn authority_of(&self, serial: Serial) -> Option<String> {
        self.certificates.iter().find(|given| given.serial == serial).map(|given| given.authority.clone())
    }

    pub(super) fn certificates(&self) -> &[Given] {
        &self.certificates
    }

    pub(super) fn valid_serials(&self, now_s: u64) -> HashSet<Serial> {
        self.valid(now_s).map(|given| given.serial).collect()
    }

    fn valid(&self, now_s: u64) -> impl Iterator<Item = &Given> {
        self.certificates.iter().filter(move |given| given.until_s > now_s && given.revoked_at_s.is_none())
    }
}
