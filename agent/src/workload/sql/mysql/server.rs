//! A MySQL or MariaDB server: where it is, who we are there, and how it is spoken to.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::greeting::{Identity, enter};
use super::session::Session;
use super::wire::Wire;
use crate::policy::Warden;
use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::server_url::ServerUrl;
use crate::workload::connection::target::{Protocol, Resolve, Route, Target};
use crate::workload::connection::tls::{SystemRoots, Tls, TlsSettings};
use crate::workload::sql::counted::Counted;
use crate::workload::sql::errand::Connection;

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 3306;

/// A server made ready.
pub(in crate::workload::sql) struct Server {
    target: Target,
    tls: Option<Tls>,
    identity: Identity,
}

impl Server {
    /// Makes a server ready: its addresses, its TLS. Says what is wrong with its URL.
    pub(in crate::workload::sql) fn new(
        url: &ServerUrl,
        tls: Option<TlsSettings>,
        warden: &Arc<Warden>,
    ) -> Result<Self, String> {
        if url.host.is_empty() {
            return Err("lacks a host".to_owned());
        }
        let user = url.user.clone().ok_or("names no user: write mysql://user@host/database")?;
        let database = Some(url.path.clone()).filter(|path| !path.is_empty());
        let mut settings = tls;
        for (key, value) in &url.parameters {
            match (key.as_str(), value.to_ascii_lowercase().as_str()) {
                ("ssl-mode", "disabled") | ("require_ssl", "false") if settings.is_none() => {}
                ("ssl-mode", "required" | "verify_identity") | ("require_ssl", "true") => {
                    settings = Some(settings.unwrap_or_default());
                }
                ("ssl-mode", _) => {
                    return Err(format!(
                        "asks for ssl-mode={value}, and only disabled, required and verify_identity are known here"
                    ));
                }
                (other, _) => return Err(format!("has the parameter {other:?}, which is not known here")),
            }
        }
        let tls = match &settings {
            None => None,
            Some(tls) => {
                let made = Tls::new(tls, &url.host, Protocol::Other, &mut SystemRoots::default());
                Some(made.map_err(|error| error.to_string())?)
            }
        };
        // It is asked for within the protocol, and so the connection itself begins without.
        let route =
            Route { place: url.place(DEFAULT_PORT), protocol: Protocol::Other, tls: None, tls_beyond: None };
        let target = Target::new(route, Resolve::Start, None, Arc::clone(warden));
        let target = target.map_err(|error| error.to_string())?;
        target.check_before(Resolve::Start).map_err(|refusal| refusal.to_string())?;
        let identity = Identity { user, password: url.password.clone(), database };
        Ok(Self { target, tls, identity })
    }

    /// Opens a connection. The caller bounds the whole by `within`.
    pub(in crate::workload::sql) async fn open(
        &self,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<Session, Failure> {
        let stream = dial(&self.target, &mut 0, within, progress).await?;
        progress.stage = Stage::Greeting;
        let traffic = Rc::default();
        let wire = Wire::new(Counted::new(stream, Rc::clone(&traffic)), traffic);
        enter(wire, &self.identity, self.tls.as_ref()).await.map(Session::new)
    }

    /// Has the server give up what a connection is doing, over another connection.
    pub(in crate::workload::sql) async fn cancel(&self, session: &Session, within: Duration) {
        let Ok(mut other) = self.open(within, &mut Progress::new()).await else { return };
        // It may have ended by itself meanwhile.
        let _given_up = other.order(&format!("KILL QUERY {}", session.connection)).await;
        other.close().await;
    }
}

/// Without who we are.
impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("target", &self.target).finish_non_exhaustive()
    }
}
