//! The policy asked on behalf of one trial: what it refuses ends the trial, whoever asked.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::{Policy, Refusal};

/// Asks a policy for one trial, from any thread, and remembers the first refusal.
#[derive(Debug)]
pub struct Warden {
    policy: Arc<Policy>,
    refused: watch::Sender<Option<Refusal>>,
}

impl Warden {
    /// One that has refused nothing.
    pub fn new(policy: Arc<Policy>) -> Arc<Self> {
        Arc::new(Self { policy, refused: watch::Sender::new(None) })
    }

    /// The policy that is asked.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether a connection may be made to an address, to which a host's name led.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check_address(&self, host: &str, address: SocketAddr) -> Result<(), Refusal> {
        self.policy.targets.check(host, address).map_err(|refusal| self.refuse(refusal))
    }

    /// Whether a connection may be made to a socket.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check_socket(&self, path: &Path) -> Result<(), Refusal> {
        self.policy.targets.check_socket(path).map_err(|refusal| self.refuse(refusal))
    }

    /// Finds a program that may be started; `None`: any may.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn permitted_program(
        &self,
        program: &OsStr,
        path: Option<&OsStr>,
        directory: Option<&Path>,
    ) -> Result<Option<PathBuf>, Refusal> {
        self.policy.programs.permitted(program, path, directory).map_err(|refusal| self.refuse(refusal))
    }

    /// Notes that something was refused; the first stands.
    pub fn refuse(&self, refusal: Refusal) -> Refusal {
        self.refused.send_if_modified(|refused| {
            let is_first = refused.is_none();
            refused.get_or_insert_with(|| refusal.clone());
            is_first
        });
        refusal
    }

    /// What was refused first.
    pub fn refused(&self) -> Option<Refusal> {
        self.refused.borrow().clone()
    }

    /// Waits until something is refused.
    pub async fn refusal(&self) -> Refusal {
        let mut refused = self.refused.subscribe();
        loop {
            if let Some(refusal) = refused.borrow_and_update().clone() {
                return refusal;
            }
            if refused.changed().await.is_err() {
                // The sender is our own, so this is never reached.
                std::future::pending::<()>().await;
            }
        }
    }
}
