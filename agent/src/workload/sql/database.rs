//! The databases that there are, behind one face: which one a URL means, a server or a file made ready, an open connection.

use std::sync::Arc;
use std::time::Duration;

use super::errand::{self, Connection};
use super::settings::SqlOperation;
use super::statement::Filled;
use super::{mysql, postgres, sqlite};
use crate::policy::Warden;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::server_url::ServerUrl;
use crate::workload::connection::tls::TlsSettings;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    MySql,
    Sqlite,
}

/// A database made ready.
#[derive(Debug)]
pub(super) enum Database {
    Postgres(Box<postgres::server::Server>),
    MySql(Box<mysql::server::Server>),
    Sqlite(sqlite::file::DatabaseFile),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Session {
    link: Link,
    /// How many operations were begun on it.
    pub(super) operations: u64,
}

/// A connection of some database.
#[derive(Debug)]
enum Link {
    Postgres(Box<postgres::session::Session>),
    MySql(Box<mysql::session::Session>),
    Sqlite(sqlite::thread::Session),
}

/// What came of an operation.
#[derive(Debug)]
pub(super) struct Performed {
    /// How many rows were read, or what failed.
    pub(super) rows: Result<u64, Failure>,
    /// When that was, if it was not done by who waits for it.
    pub(super) elsewhere: Option<Elsewhere>,
}

/// When something was done on another thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elsewhere {
    /// How long it took until that thread began, ns.
    pub(super) waking_ns: u64,
    /// When it was done, ns.
    pub(super) ended_ns: u64,
}

impl Dialect {
    /// What a URL's scheme means.
    pub(super) fn of(scheme: &str) -> Result<Self, String> {
        match scheme {
            "postgres" | "postgresql" => Ok(Self::Postgres),
            "mysql" | "mariadb" => Ok(Self::MySql),
            "sqlite" => Ok(Self::Sqlite),
            other => {
                Err(format!("begins with {other}://, not with postgres://, mysql://, mariadb:// or sqlite:/"))
            }
        }
    }

    /// How a transaction begins there.
    pub(super) fn begin(self, isolation: Option<&str>) -> Result<String, String> {
        match (self, isolation) {
            (_, None) | (Self::Sqlite, Some("serializable")) => Ok("BEGIN".to_owned()),
            (Self::Postgres, Some(level)) => {
                Ok(format!("BEGIN ISOLATION LEVEL {}", level.to_ascii_uppercase()))
            }
            (Self::MySql, Some(level)) => {
                Ok(format!("SET TRANSACTION ISOLATION LEVEL {}; BEGIN", level.to_ascii_uppercase()))
            }
            (Self::Sqlite, Some(level)) => {
                Err(format!("{level:?} is not to be had: transactions in SQLite are serializable"))
            }
        }
    }
}

impl Database {
    /// Makes a database ready. Says what is wrong with its URL.
    pub(super) fn new(
        url: &ServerUrl,
        tls: Option<TlsSettings>,
        warden: &Arc<Warden>,
    ) -> Result<Self, String> {
        match Dialect::of(&url.scheme)? {
            Dialect::Postgres => {
                postgres::server::Server::new(url, tls, warden).map(|server| Self::Postgres(Box::new(server)))
            }
            Dialect::MySql => {
                mysql::server::Server::new(url, tls, warden).map(|server| Self::MySql(Box::new(server)))
            }
            Dialect::Sqlite if tls.is_some() => {
                Err("is a file, which no connection leads to: leave tls out".to_owned())
            }
            Dialect::Sqlite => sqlite::file::DatabaseFile::new(url, warden).map(Self::Sqlite),
        }
    }

    /// Opens a connection. The caller bounds the whole by `within`.
    pub(super) async fn open(
        &self,
        operations: &Arc<[SqlOperation]>,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<Session, Failure> {
        let link = match self {
            Self::Postgres(server) => Link::Postgres(Box::new(server.open(within, progress).await?)),
            Self::MySql(server) => Link::MySql(Box::new(server.open(within, progress).await?)),
            Self::Sqlite(file) => {
                progress.stage = Stage::Connecting;
                Link::Sqlite(sqlite::thread::Session::open(file, operations, within).await?)
            }
        };
        Ok(Session { link, operations: 0 })
    }

    /// Has the database give up what a connection is doing.
    pub(super) async fn cancel(&self, session: &Session, within: Duration) {
        match (self, &session.link) {
            (Self::Postgres(server), Link::Postgres(session)) => server.cancel(session, within).await,
            (Self::MySql(server), Link::MySql(session)) => server.cancel(session, within).await,
            (Self::Sqlite(_), Link::Sqlite(session)) => session.interrupt(),
            // Another database's connection is not its to give up.
            _ => {}
        }
    }
}

impl Session {
    /// Whether it was not closed while nobody looked.
    pub(super) async fn is_open(&mut self) -> bool {
        match &mut self.link {
            Link::Postgres(session) => session.is_open().await,
            Link::MySql(session) => session.is_open().await,
            Link::Sqlite(session) => session.is_open(),
        }
    }

    /// Bytes sent and received since it was opened.
    pub(super) fn traffic(&self) -> (u64, u64) {
        match &self.link {
            Link::Postgres(session) => session.traffic(),
            Link::MySql(session) => session.traffic(),
            Link::Sqlite(session) => (0, session.bytes_read()),
        }
    }

    /// Prepares the statements of all operations that want it.
    pub(super) async fn prepare(&mut self, operations: &[SqlOperation]) -> Result<(), Failure> {
        match &mut self.link {
            Link::Postgres(session) => errand::prepare(&mut **session, operations).await,
            Link::MySql(session) => errand::prepare(&mut **session, operations).await,
            Link::Sqlite(session) => session.prepare().await,
        }
    }

    /// Does one operation with its values.
    pub(super) async fn perform(
        &mut self,
        operations: &[SqlOperation],
        place: usize,
        filled: &mut Filled,
    ) -> Performed {
        match &mut self.link {
            Link::Postgres(session) => {
                let rows = errand::perform(&mut **session, operations, place, filled).await;
                Performed { rows, elsewhere: None }
            }
            Link::MySql(session) => {
                let rows = errand::perform(&mut **session, operations, place, filled).await;
                Performed { rows, elsewhere: None }
            }
            Link::Sqlite(session) => session.perform(place, filled).await,
        }
    }

    /// How the database means to do an operation with its values.
    pub(super) async fn explain(
        &mut self,
        operations: &[SqlOperation],
        place: usize,
        filled: &mut Filled,
    ) -> Result<String, Failure> {
        let operation = &operations[place];
        match &mut self.link {
            Link::Postgres(session) => Ok(errand::explain(&mut **session, operation, filled).await),
            Link::MySql(session) => Ok(errand::explain(&mut **session, operation, filled).await),
            Link::Sqlite(session) => session.explain(place, filled).await,
        }
    }

    /// Runs something that takes no values and whose rows do not matter.
    pub(super) async fn order(&mut self, text: &str) -> Result<(), Failure> {
        match &mut self.link {
            Link::Postgres(session) => session.order(text).await,
            Link::MySql(session) => session.order(text).await,
            Link::Sqlite(session) => session.order(text).await,
        }
    }

    /// Waits until it is closed.
    pub(super) async fn close(self) {
        match self.link {
            Link::Postgres(session) => session.close().await,
            Link::MySql(session) => session.close().await,
            Link::Sqlite(session) => session.close().await,
        }
    }
}
