//! Gives and takes certificates, and closes the connections of those that were taken.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use trust::certificate::{Holder, HolderName, Serial};
use trust::join_token::{JoinToken, Secret};
use trust::registry::ledger::{Bearer, Given, Revoked};
use trust::registry::{EnrolError, Enrolled, LOCAL, Registry, RegistryError};
use trust::role::Role;
use trust::tls::{self, TlsError, Valid};
use trust::web_token::WebToken;

use super::peer::Peer;

/// How often to look for what runs out, which takes a month at least.
const TEND_EVERY: Duration = Duration::from_secs(60 * 60);

/// Most connections at once of one certificate: an agent has one, and a person's scripts some hundreds at the very most.
pub(super) const CONNECTIONS_OF_ONE_MAX: usize = 1_024;

/// The authority of this coordinator at work.
pub(crate) struct Registrar {
    registry: Mutex<Registry>,
    valid: Arc<Valid>,
    tls: RwLock<Greeting>,
    /// The tokens of API clients that were not revoked, by their digest.
    bearers: RwLock<HashMap<String, Arc<Holder>>>,
    connections: Arc<Mutex<Connections>>,
    /// Names and addresses of this host, for its certificate.
    hosts: Vec<String>,
    /// Where newcomers reach it.
    url: String,
    /// Moves on whenever it may count somebody else than before.
    counted: watch::Sender<()>,
}

/// How connections are greeted.
struct Greeting {
    calls: Arc<ServerConfig>,
    pages: Arc<ServerConfig>,
}

/// Why there is no registrar.
#[derive(Debug, thiserror::Error)]
pub enum RegistrarError {
    /// The authority's folder.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

#[derive(Default)]
struct Connections {
    last: u64,
    open: HashMap<u64, (Serial, CancellationToken)>,
}

/// A connection whose certificate may be taken; it is forgotten when this is dropped.
pub(super) struct Standing {
    number: u64,
    connections: Arc<Mutex<Connections>>,
    /// Cancelled when the certificate is taken.
    pub(super) cut: CancellationToken,
}

impl Registrar {
    /// Opens the authority's folder, and makes an authority when there is none.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub(crate) fn open(folder: &Path, hosts: Vec<String>, url: String) -> Result<Self, RegistrarError> {
        let now_s = now_s();
        let (mut registry, is_new) = Registry::open(folder, now_s)?;
        registry.settle(now_s)?;
        registry.local(now_s)?;
        if is_new {
            tracing::info!(authority = %registry.digest(), "made an authority");
        }
        let valid = Arc::new(Valid::default());
        valid.set(registry.valid_serials(now_s));
        let greeting = greeting(&registry, &hosts, &valid)?;
        Ok(Self {
            bearers: RwLock::new(counting(registry.bearers())),
            registry: Mutex::new(registry),
            valid,
            tls: RwLock::new(greeting),
            connections: Arc::default(),
            hosts,
            url,
            counted: watch::Sender::new(()),
        })
    }

    /// How connections are greeted now.
    pub(super) fn tls(&self) -> Arc<ServerConfig> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// How connections that ask for pages are greeted now.
    pub(crate) fn tls_of_pages(&self) -> Arc<ServerConfig> {
        self.tls.read().unwrap_or_else(PoisonError::into_inner).pages.clone()
    }

    /// Notes that a connection stands; `None`: its certificate has [`CONNECTIONS_OF_ONE_MAX`] already.
    pub(super) fn stand(&self, serial: Serial) -> Option<Standing> {
        let mut connections = lock(&self.connections);
        let theirs = connections.open.values().filter(|(other, _)| *other == serial).count();
        if theirs >= CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        connections.last += 1;
        let (number, cut) = (connections.last, CancellationToken::new());
        connections.open.insert(number, (serial, cut.clone()));
        Some(Standing { number, connections: self.connections.clone(), cut })
    }

    /// Whether a certificate counts now.
    pub(crate) fn is_valid(&self, serial: Serial) -> bool {
        self.valid.contains(serial)
    }

    /// Tells whenever somebody may not count any more.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.counted.subscribe()
    }

    /// Whether somebody's certificate is of a former authority.
    pub(crate) fn is_outdated(&self, peer: &Peer) -> bool {
        peer.holder().is_some_and(|holder| !lock(&self.registry).is_current(holder.serial))
    }

    /// Who the machine's own user is: the holder of the certificate in the authority's folder.
    pub(crate) fn local(&self) -> Option<Holder> {
        let registry = lock(&self.registry);
        let local = registry.certificates().iter().rev().find(|given| {
            given.name.as_str() == LOCAL && given.role == Role::Operator && self.is_valid(given.serial)
        });
        local.map(Given::holder)
    }

    /// As whom an API client speaks that shows a token with this digest.
    pub(crate) fn bearer(&self, mark: &str) -> Option<Arc<Holder>> {
        let bearers = self.bearers.read().unwrap_or_else(PoisonError::into_inner);
        bearers.get(mark).filter(|holder| holder.until_s > now_s()).cloned()
    }

    /// The tokens of API clients that were given.
    pub(crate) fn bearers(&self) -> Vec<Bearer> {
        lock(&self.registry).bearers().to_vec()
    }

    /// Gives a token with which an API client speaks as a holder.
    ///
    /// # Errors
    /// As the registry's.
    pub(crate) fn give_bearer(
        &self,
        holder: &Holder,
        ttl_s: u64,
    ) -> Result<(WebToken, Holder), RegistryError> {
        let mut registry = lock(&self.registry);
        let given = registry.give_bearer(holder, ttl_s, now_s())?;
        self.note_bearers(&registry);
        Ok(given)
    }

    /// Gives a token; an empty URL becomes our own.
    ///
    /// # Errors
    /// As the registry's.
    pub(crate) fn give_token(
        &self,
        role: Role,
        uses: u32,
        ttl_s: u64,
        url: &str,
    ) -> Result<JoinToken, RegistryError> {
        let url = if url.is_empty() { &self.url } else { url };
        lock(&self.registry).give_token(role, uses, ttl_s, url, now_s())
    }

    /// Gives a certificate for a token.
    ///
    /// # Errors
    /// As the registry's.
    pub(crate) fn enrol(
        &self,
        secret: &Secret,
        name: HolderName,
        request: &[u8],
    ) -> Result<Enrolled, EnrolError> {
        let mut registry = lock(&self.registry);
        let enrolled = registry.enrol(secret, name, request, now_s())?;
        self.valid.set(registry.valid_serials(now_s()));
        Ok(enrolled)
    }

    /// Gives a certificate for an older one.
    ///
    /// # Errors
    /// As the registry's.
    pub(crate) fn renew(&self, holder: &Holder, request: &[u8]) -> Result<Enrolled, EnrolError> {
        let mut registry = lock(&self.registry);
        let enrolled = registry.renew(holder, request, now_s())?;
        self.changed(&mut registry)?;
        Ok(enrolled)
    }

    /// Takes all that a name has, and closes its connections; says how many.
    ///
    /// # Errors
    /// As the registry's.
    pub(crate) fn revoke(&self, name: &HolderName) -> Result<(Revoked, usize), RegistryError> {
        let mut registry = lock(&self.registry);
        let revoked = registry.revoke(name, now_s())?;
        self.changed(&mut registry)?;
        let connections = lock(&self.connections);
        let theirs = connections
            .open
            .values()
            .filter(|(serial, _)| revoked.certificates.iter().any(|given| given.serial == *serial));
        let closed = theirs.map(|(_, cut)| cut.cancel()).count();
        Ok((revoked, closed))
    }

    /// Makes a new authority, as somebody asked; says its digest, and how many certificates are to be exchanged.
    ///
    /// # Errors
    /// As the registry's.
    pub(crate) fn rotate(&self, peer: &Peer) -> Result<(String, usize), RegistryError> {
        let mut registry = lock(&self.registry);
        registry.rotate(now_s())?;
        registry.local(now_s())?;
        self.changed(&mut registry)?;
        // Whoever comes back is told to exchange its certificate; whoever asked is still to be answered.
        let asked = peer.holder().map(|holder| holder.serial);
        lock(&self.connections)
            .open
            .values()
            .filter(|(serial, _)| !registry.is_current(*serial) && Some(*serial) != asked)
            .for_each(|(_, cut)| cut.cancel());
        let current = |given: &&Given| registry.is_current(given.serial);
        let valid = registry.valid_serials(now_s());
        let counted =
            registry.certificates().iter().filter(|given| valid.contains(&given.serial) && !given.is_renewed);
        let to_renew = counted.filter(|given| !current(given)).count();
        let newest = registry.trusted().last().map(|newest| trust::authority::Digest::of(newest).to_string());
        Ok((newest.unwrap_or_default(), to_renew))
    }

    /// Who has which certificate, whether the authority that signs now signed it, and that authority's digest.
    pub(crate) fn certificates(&self) -> (Vec<(Given, bool)>, String) {
        let registry = lock(&self.registry);
        let given = registry.certificates().iter();
        let given = given.map(|given| (given.clone(), registry.is_current(given.serial))).collect();
        (given, registry.digest().to_string())
    }

    /// Looks after what runs out: the coordinator's own certificate, and that of the machine's own user.
    ///
    /// # Errors
    /// As the registry's.
    fn tend(&self) -> Result<(), RegistryError> {
        let mut registry = lock(&self.registry);
        registry.local(now_s())?;
        self.changed(&mut registry)
    }

    /// What follows from a change of what counts.
    fn changed(&self, registry: &mut Registry) -> Result<(), RegistryError> {
        registry.settle(now_s())?;
        self.valid.set(registry.valid_serials(now_s()));
        self.note_bearers(registry);
        self.counted.send_replace(());
        match greeting(registry, &self.hosts, &self.valid) {
            Ok(greeting) => *self.tls.write().unwrap_or_else(PoisonError::into_inner) = greeting,
            Err(RegistrarError::Registry(error)) => return Err(error),
            Err(RegistrarError::Tls(error)) => tracing::error!(%error, "greeting goes on as before"),
        }
        Ok(())
    }

    fn note_bearers(&self, registry: &Registry) {
        *self.bearers.write().unwrap_or_else(PoisonError::into_inner) = counting(registry.bearers());
    }
}

/// Looks after what runs out, for as long as the registrar is there.
pub(crate) async fn tend(registrar: Weak<Registrar>) {
    loop {
        tokio::time::sleep(TEND_EVERY).await;
        let Some(registrar) = registrar.upgrade() else { return };
        let tended = tokio::task::spawn_blocking(move || registrar.tend()).await;
        if let Ok(Err(error)) = tended {
            tracing::error!(%error, "certificates that run out cannot be renewed now");
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        lock(&self.connections).open.remove(&self.number);
    }
}

fn greeting(registry: &Registry, hosts: &[String], valid: &Arc<Valid>) -> Result<Greeting, RegistrarError> {
    let shown = registry.coordinator(hosts, now_s())?;
    let calls = tls::server(&shown, &registry.trusted(), valid.clone())?;
    Ok(Greeting { calls: Arc::new(calls), pages: Arc::new(tls::pages(&shown)?) })
}

/// The tokens of API clients that were not revoked, by their digest.
fn counting(bearers: &[Bearer]) -> HashMap<String, Arc<Holder>> {
    let counting = bearers.iter().filter(|bearer| bearer.revoked_at_s.is_none());
    counting.map(|bearer| (bearer.mark.clone(), Arc::new(bearer.holder()))).collect()
}

fn now_s() -> u64 {
    crate::unix_ms() / 1_000
}

/// What is behind it is whole at any moment, whoever panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_connections_than_anybody_needs() {
        let folder = tempfile::tempdir().unwrap();
        let registrar = Registrar::open(folder.path(), Vec::new(), "https://h:1".to_owned()).unwrap();
        let (one, other) = ("ab".repeat(16).parse().unwrap(), "cd".repeat(16).parse().unwrap());
        let mut standing: Vec<_> = (0..CONNECTIONS_OF_ONE_MAX).map(|_| registrar.stand(one)).collect();
        assert!(standing.iter().all(Option::is_some));
        assert!(registrar.stand(one).is_none());
        assert!(registrar.stand(other).is_some(), "each has its own");
        standing.pop();
        assert!(registrar.stand(one).is_some());
    }
}
