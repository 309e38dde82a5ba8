//! A PostgreSQL server: where it is, who we are there, and how it is spoken to.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use super::bounded::Bounded;
use super::encryption::Encryption;
use super::refusal;
use super::session::{Driven, Session};
use crate::policy::Warden;
use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::server_url::ServerUrl;
use crate::workload::connection::target::{Protocol, Resolve, Route, Target};
use crate::workload::connection::tls::{SystemRoots, Tls, TlsSettings};
use crate::workload::sql::counted::{Counted, Traffic};

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 5432;
/// What servers show of who is connected.
const APPLICATION: &str = "fleetmark";

/// A server made ready.
#[derive(Debug)]
pub(in crate::workload::sql) struct Server {
    target: Target,
    tls: Option<Tls>,
    config: Config,
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
        let mut config = Config::new();
        let user = url.user.as_deref().ok_or("names no user: write postgres://user@host/database")?;
        config.user(user).dbname(if url.path.is_empty() { user } else { &url.path });
        config.application_name(APPLICATION);
        if let Some(password) = &url.password {
            config.password(password);
        }
        let mut settings = tls;
        for (key, value) in &url.parameters {
            match (key.as_str(), value.as_str()) {
                ("sslmode", "disable") if settings.is_none() => {}
                ("sslmode", "require" | "verify-full") => settings = Some(settings.unwrap_or_default()),
                ("sslmode", other) => {
                    return Err(format!(
                        "asks for sslmode={other}, and only disable and require are known here"
                    ));
                }
                ("application_name", name) => {
                    config.application_name(name);
                }
                ("options", options) => {
                    config.options(options);
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
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        // It is asked for within the protocol, and so the connection itself begins without.
        let route =
            Route { place: url.place(DEFAULT_PORT), protocol: Protocol::Other, tls: None, tls_beyond: None };
        let target = Target::new(route, Resolve::Start, None, Arc::clone(warden));
        let target = target.map_err(|error| error.to_string())?;
        target.check_before(Resolve::Start).map_err(|refusal| refusal.to_string())?;
        Ok(Self { target, tls, config })
    }

    /// Opens a connection. The caller bounds the whole by `within`.
    pub(in crate::workload::sql) async fn open(
        &self,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<Session, Failure> {
        let (stream, traffic) = self.reach(within, progress).await?;
        let (client, driven): (_, Driven) = match &self.tls {
            None => {
                let connected = self.config.connect_raw(Bounded::new(stream), NoTls).await;
                let (client, connection) = connected.map_err(|error| refusal::connecting(&error))?;
                (client, Box::pin(connection))
            }
            Some(tls) => {
                let connected = self.config.connect_raw(stream, Encryption(tls.clone())).await;
                let (client, connection) = connected.map_err(|error| refusal::connecting(&error))?;
                (client, Box::pin(connection))
            }
        };
        Ok(Session::new(client, driven, traffic))
    }

    /// Asks the server to give up what a connection is doing, over another connection, as the protocol wants it.
    pub(in crate::workload::sql) async fn cancel(&self, session: &Session, within: Duration) {
        let Ok((stream, _)) = self.reach(within, &mut Progress::new()).await else { return };
        let token = session.cancel_token();
        // Whether it was in time, nobody says.
        let _nobody_says = match &self.tls {
            None => token.cancel_query_raw(stream, NoTls).await,
            Some(tls) => token.cancel_query_raw(stream, Encryption(tls.clone())).await,
        };
    }

    async fn reach(
        &self,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<(Counted, std::rc::Rc<Traffic>), Failure> {
        let stream = dial(&self.target, &mut 0, within, progress).await?;
        progress.stage = Stage::Greeting;
        let traffic = std::rc::Rc::default();
        Ok((Counted::new(stream, std::rc::Rc::clone(&traffic)), traffic))
    }
}
