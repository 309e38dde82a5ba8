//! The policy asked on behalf of one trial: what it refuses ends the trial, whoever asked.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use shared::plan::LoadShare;
use tokio::sync::watch;

use super::limits::is_length_open;
use super::{Policy, Refusal};
use crate::undertakings::Undertakings;

/// Asks a policy for one trial, from any thread, and remembers the first refusal.
#[derive(Debug)]
pub struct Warden {
    policy: Arc<Policy>,
    undertakings: Arc<Undertakings>,
    refused: watch::Sender<Option<Refusal>>,
    /// How long the trial may take, if its length shows only while it runs.
    length_max: Option<Duration>,
}

impl Warden {
    /// One that has refused nothing.
    pub fn new(policy: Arc<Policy>) -> Arc<Self> {
        Self::made(policy, Arc::default(), None)
    }

    /// One for a trial that may have to be ended for its length, and that notes there what it leaves to be undone.
    pub fn over(policy: Arc<Policy>, undertakings: Arc<Undertakings>, load: &LoadShare) -> Arc<Self> {
        let length_max = policy.limits.duration.filter(|_| is_length_open(load));
        Self::made(policy, undertakings, length_max)
    }

    fn made(policy: Arc<Policy>, undertakings: Arc<Undertakings>, length_max: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { policy, undertakings, refused: watch::Sender::new(None), length_max })
    }

    /// The policy that is asked.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where a workload notes what it leaves to be undone.
    pub fn undertakings(&self) -> &Arc<Undertakings> {
        &self.undertakings
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

    /// Finds a database's file that may be opened; `None`: any may.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn permitted_database(&self, path: &Path) -> Result<Option<PathBuf>, Refusal> {
        self.policy.databases.permitted(path).map_err(|refusal| self.refuse(refusal))
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

    /// Whether the trial may have to be ended for its length.
    pub fn bounds_length(&self) -> bool {
        self.length_max.is_some()
    }

    /// Waits until a trial that began then has taken longer than the policy allows, which is then refused.
    pub async fn watch_over(self: Arc<Self>, begins_in: Duration) {
        let Some(most) = self.length_max else { return };
        tokio::time::sleep(begins_in.saturating_add(most)).await;
        self.refuse(Refusal::Overdue(most));
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
