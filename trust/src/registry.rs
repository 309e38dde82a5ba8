//! The authority's folder: who signs, whom certificates and tokens were given to, and who was sent away.
//!
//! ```text
//! FOLDER/authority.pem, authority-key.pem     who signs
//!        former.pem, former-key.pem           who signed before, until all its certificates were exchanged
//!        ledger.json                          tokens and certificates
//!        coordinator/                         the coordinator's own credentials
//!        local/                               an operator's, for commands on the same machine
//! ```
//!
//! Rooms: [`ledger`], what was given to whom; `error`, why not. One process at a time holds the folder: the one that holds the store.

mod error;
pub mod ledger;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

use crate::DAY_S;
use crate::authority::{Authority, AuthorityError, Digest, Subject};
use crate::certificate::{Holder, HolderName, Serial};
use crate::credentials::{Credentials, Draft, pem_of};
use crate::files;
use crate::join_token::{JoinToken, Secret};
use crate::role::Role;
use crate::web_token::WebToken;
pub use error::{EnrolError, RegistryError};
use ledger::{Bearer, Given, Ledger, Promise, Revoked};

/// How long a certificate is valid, days. Its holder renews it at two thirds.
const VALID_DAYS: u64 = 30;
/// How long the coordinator's own certificate is valid, days: it is looked after at each start.
const COORDINATOR_VALID_DAYS: u64 = 365;
/// Under which name the coordinator's own certificate is.
const COORDINATOR: &str = "coordinator";
/// Under which name, and in which folder of the authority's, the credentials of the machine's own user are.
pub const LOCAL: &str = "local";

/// The authority's folder.
#[derive(Debug)]
pub struct Registry {
    folder: PathBuf,
    authority: Authority,
    /// Who signed before; still trusted.
    former: Option<Authority>,
    ledger: Ledger,
}

/// A certificate that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Whom it names.
    pub holder: Holder,
    /// It.
    pub certificate: CertificateDer<'static>,
    /// Whose certificates its holder is to believe.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Registry {
    /// Opens a folder; makes an authority when there is none. Says whether it did.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(folder: &Path, now_s: u64) -> Result<(Self, bool), RegistryError> {
        files::make_folder(folder)?;
        let found = read_authority(folder, "authority")?;
        let is_new = found.is_none();
        let authority = match found {
            Some(authority) => authority,
            None => {
                let authority = Authority::generate(now_s).map_err(|source| own(folder, source))?;
                write_authority(folder, "authority", &authority)?;
                authority
            }
        };
        let former = read_authority(folder, "former")?;
        let ledger = Ledger::read(&folder.join("ledger.json"))?;
        Ok((Self { folder: folder.to_owned(), authority, former, ledger }, is_new))
    }

    /// Gives a token, with which so many newcomers become what it says.
    ///
    /// # Errors
    /// When too many are out, or it cannot be written down.
    pub fn give_token(
        &mut self,
        role: Role,
        uses: u32,
        ttl_s: u64,
        url: &str,
        now_s: u64,
    ) -> Result<JoinToken, RegistryError> {
        let secret = Secret::random();
        let until_s = now_s.saturating_add(ttl_s);
        let mut ledger = self.ledger.clone();
        ledger.promise(Promise { mark: secret.mark(), role, uses_left: uses, until_s }, now_s)?;
        self.keep(ledger)?;
        Ok(JoinToken { authority: self.shown().digest(), role, until_s, secret, url: url.to_owned() })
    }

    /// Exchanges a token for a certificate of the key that the request proves to hold.
    ///
    /// # Errors
    /// When the token does not count, the name is taken, the request is none, or it cannot be written down.
    pub fn enrol(
        &mut self,
        secret: &Secret,
        name: HolderName,
        request: &[u8],
        now_s: u64,
    ) -> Result<Enrolled, EnrolError> {
        let mark = secret.mark();
        let role = self.ledger.promised(&mark, now_s)?;
        if self.ledger.is_taken(&name, role, now_s) {
            return Err(EnrolError::NameTaken(name));
        }
        let enrolled = self.sign(name, role, request, now_s)?;
        // Used up only once a certificate is there to be given: a request that is none costs nothing.
        let mut ledger = self.ledger.clone();
        ledger.use_up(&mark);
        ledger.give(given(&enrolled.holder, self.authority.digest()), now_s);
        self.keep(ledger)?;
        Ok(enrolled)
    }

    /// Exchanges a certificate for a younger one with the same name and role.
    ///
    /// # Errors
    /// When it was revoked, the request is none, or it cannot be written down.
    pub fn renew(&mut self, holder: &Holder, request: &[u8], now_s: u64) -> Result<Enrolled, EnrolError> {
        if !self.ledger.is_valid(holder.serial, now_s) {
            return Err(EnrolError::Revoked);
        }
        let enrolled = self.sign(holder.name.clone(), holder.role, request, now_s)?;
        let mut ledger = self.ledger.clone();
        ledger.replace(holder.serial, given(&enrolled.holder, self.authority.digest()), now_s);
        self.keep(ledger)?;
        Ok(enrolled)
    }

    /// Gives a token with which an API client speaks as a holder for so long. Only its digest is kept.
    ///
    /// # Errors
    /// When too many are out, or it cannot be written down.
    pub fn give_bearer(
        &mut self,
        holder: &Holder,
        ttl_s: u64,
        now_s: u64,
    ) -> Result<(WebToken, Holder), RegistryError> {
        let token = WebToken::random();
        let until_s = now_s.saturating_add(ttl_s);
        let bearer = Holder { serial: Serial::random(), from_s: now_s, until_s, ..holder.clone() };
        let mut ledger = self.ledger.clone();
        ledger.admit(noted(&bearer, token.mark()), now_s)?;
        self.keep(ledger)?;
        Ok((token, bearer))
    }

    /// Sends everybody of a name away. Returns what they had.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn revoke(&mut self, name: &HolderName, now_s: u64) -> Result<Revoked, RegistryError> {
        let mut ledger = self.ledger.clone();
        let revoked = ledger.revoke(name, now_s);
        if !revoked.is_empty() {
            self.keep(ledger)?;
        }
        Ok(revoked)
    }

    /// Makes a new authority. The one before it stays trusted, and the coordinator keeps the certificate that it signed, until
    /// everybody has exchanged theirs.
    ///
    /// # Errors
    /// When an earlier change is not through, or it cannot be written down.
    pub fn rotate(&mut self, now_s: u64) -> Result<(), RegistryError> {
        if let Some(former) = &self.former {
            let left = self.ledger.valid_under(former.digest(), now_s);
            if left > 0 {
                return Err(RegistryError::StillRotating(left));
            }
        }
        let new = Authority::generate(now_s).map_err(|source| own(&self.folder, source))?;
        // In this order a crash in between leaves the former one as it is: the authority, and trusted.
        write_authority(&self.folder, "former", &self.authority)?;
        write_authority(&self.folder, "authority", &new)?;
        self.former = Some(std::mem::replace(&mut self.authority, new));
        Ok(())
    }

    /// Lets go of the former authority if nobody needs it any more. Says whether it did: the coordinator then needs a new
    /// certificate.
    ///
    /// # Errors
    /// When its files cannot be removed.
    pub fn settle(&mut self, now_s: u64) -> Result<bool, RegistryError> {
        let Some(former) = &self.former else { return Ok(false) };
        if self.ledger.valid_under(former.digest(), now_s) > 0 {
            return Ok(false);
        }
        for name in ["former-key.pem", "former.pem"] {
            files::remove(&self.folder.join(name))?;
        }
        self.former = None;
        Ok(true)
    }

    /// The coordinator's own credentials, for the pages also under these names and addresses. They are made anew when they
    /// run out, when the authority that clients look for is another, or when the hosts are.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn coordinator(&self, hosts: &[String], now_s: u64) -> Result<Credentials, RegistryError> {
        let folder = self.folder.join(COORDINATOR);
        let hosts_file = folder.join("hosts");
        let hosts_text = hosts.join("\n");
        // Damaged ones are no loss here: whoever holds the authority makes them anew.
        let kept = Credentials::load(&folder).ok().flatten().filter(|kept| {
            !kept.is_due(now_s)
                && kept.authorities() == [self.shown().certificate().clone()]
                && files::read(&hosts_file).is_ok_and(|known| known.as_deref() == Some(&hosts_text))
        });
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let draft = Draft::new()?;
        let subject = Subject {
            name: HolderName::new(COORDINATOR).expect("the name keeps the rule"),
            role: Role::Coordinator,
            from_s: now_s,
            until_s: now_s + COORDINATOR_VALID_DAYS * DAY_S,
            hosts: hosts.to_vec(),
        };
        let (certificate, _) =
            self.shown().sign(draft.request(), &subject).map_err(|source| own(&self.folder, source))?;
        let made = draft.complete(certificate.to_vec(), vec![self.shown().certificate().to_vec()])?;
        made.save(&folder)?;
        files::write_secret(&hosts_file, &hosts_text)?;
        Ok(made)
    }

    /// Credentials of an operator for commands of this machine's own user, in the folder [`LOCAL`]: whoever can read them could read
    /// the authority's key as well.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn local(&mut self, now_s: u64) -> Result<(), RegistryError> {
        let folder = self.folder.join(LOCAL);
        let kept = Credentials::load(&folder).ok().flatten();
        let trusted = self.trusted();
        if kept.as_ref().is_some_and(|kept| {
            !kept.is_due(now_s)
                && self.ledger.is_valid(kept.holder().serial, now_s)
                && self.is_current(kept.holder().serial)
                && kept.authorities() == trusted
        }) {
            return Ok(());
        }
        let draft = Draft::new()?;
        let name = HolderName::new(LOCAL).expect("the name keeps the rule");
        let signed = self.sign(name, Role::Operator, draft.request(), now_s);
        let signed = signed.map_err(|source| own(&self.folder, source))?;
        let given = given(&signed.holder, self.authority.digest());
        let mut ledger = self.ledger.clone();
        match kept {
            Some(kept) => ledger.replace(kept.holder().serial, given, now_s),
            None => ledger.give(given, now_s),
        }
        self.keep(ledger)?;
        let authorities = trusted.iter().map(|authority| authority.to_vec()).collect();
        draft.complete(signed.certificate.to_vec(), authorities)?.save(&folder)?;
        Ok(())
    }

    /// Whose certificates are believed.
    pub fn trusted(&self) -> Vec<CertificateDer<'static>> {
        self.former.iter().chain([&self.authority]).map(|authority| authority.certificate().clone()).collect()
    }

    /// What newcomers are told to look for: the authority that signed the coordinator's own certificate.
    pub fn digest(&self) -> Digest {
        self.shown().digest()
    }

    /// Whether a certificate was signed by the authority that signs now.
    pub fn is_current(&self, serial: Serial) -> bool {
        self.ledger.authority_of(serial) == Some(self.authority.digest().to_string())
    }

    /// The certificates that were given, oldest first.
    pub fn certificates(&self) -> &[Given] {
        self.ledger.certificates()
    }

    /// The tokens of API clients that were given, oldest first.
    pub fn bearers(&self) -> &[Bearer] {
        self.ledger.bearers()
    }

    /// The certificates that count now. Any other one does not, even if the authority signed it.
    pub fn valid_serials(&self, now_s: u64) -> HashSet<Serial> {
        self.ledger.valid_serials(now_s)
    }

    /// The authority that signed the coordinator's certificate.
    fn shown(&self) -> &Authority {
        self.former.as_ref().unwrap_or(&self.authority)
    }

    fn sign(
        &self,
        name: HolderName,
        role: Role,
        request: &[u8],
        now_s: u64,
    ) -> Result<Enrolled, AuthorityError> {
        let subject =
            Subject { name, role, from_s: now_s, until_s: now_s + VALID_DAYS * DAY_S, hosts: Vec::new() };
        let (certificate, _) = self.authority.sign(request, &subject)?;
        let holder = Holder::of(&certificate).map_err(|error| AuthorityError::Own(error.to_string()))?;
        Ok(Enrolled { holder, certificate, authorities: self.trusted() })
    }

    /// Takes over a changed ledger once it is written down: what could not be is as if it had not been asked, and can be
    /// asked again.
    fn keep(&mut self, ledger: Ledger) -> Result<(), RegistryError> {
        ledger.write(&self.folder.join("ledger.json"))?;
        self.ledger = ledger;
        Ok(())
    }
}

fn given(holder: &Holder, authority: Digest) -> Given {
    Given {
        serial: holder.serial,
        name: holder.name.clone(),
        role: holder.role,
        authority: authority.to_string(),
        from_s: holder.from_s,
        until_s: holder.until_s,
        is_renewed: false,
        revoked_at_s: None,
    }
}

fn noted(holder: &Holder, mark: String) -> Bearer {
    let Holder { name, role, serial, from_s, until_s } = holder.clone();
    Bearer { mark, serial, name, role, from_s, until_s, revoked_at_s: None }
}

fn own(folder: &Path, source: AuthorityError) -> RegistryError {
    RegistryError::Authority { folder: folder.display().to_string(), source }
}

fn read_authority(folder: &Path, name: &str) -> Result<Option<Authority>, RegistryError> {
    let certificate = files::read(&folder.join(format!("{name}.pem")))?;
    let key = files::read(&folder.join(format!("{name}-key.pem")))?;
    match (certificate, key) {
        (None, None) => Ok(None),
        // A crash while it was made or removed: nobody has seen its certificate yet, or needs it any more.
        (None, Some(_)) => Ok(None),
        (certificate, key) => {
            let (certificate, key) = (certificate.unwrap_or_default(), key.unwrap_or_default());
            Authority::from_pem(&certificate, &key).map(Some).map_err(|source| own(folder, source))
        }
    }
}

/// The key comes first: a certificate never lies there without its key.
fn write_authority(folder: &Path, name: &str, authority: &Authority) -> Result<(), RegistryError> {
    files::write_secret(&folder.join(format!("{name}-key.pem")), &authority.key_pem())?;
    let certificate = pem_of(std::slice::from_ref(authority.certificate()));
    files::write_public(&folder.join(format!("{name}.pem")), &certificate)?;
    Ok(())
}

#[cfg(test)]
mod tests;
