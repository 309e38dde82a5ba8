//! Puts the coordinator together: opens the store, starts the director, listens. Rooms: [`unfinished`] (what an earlier one
//! left under way), `idle` (when it may go).

mod idle;
pub mod unfinished;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::OptionFuture;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trust::join_token::JoinToken;
use trust::registry::RegistryError;
use trust::role::Role;

use crate::admission::audit::Audit;
use crate::admission::gate;
pub use crate::admission::registrar::RegistrarError;
use crate::admission::registrar::{self, Registrar};
use crate::control::Control;
use crate::director::errands::Errands;
use crate::director::{Beginning, Director, MESSAGES_MAX, Message};
use crate::export::{self, Destination, ExportError};
use crate::ingest::{Ingest, Intake};
use crate::profiles::{Profiles, Readings};
use crate::rpc::agent_service::AgentRpc;
use crate::rpc::control_service::ControlRpc;
use crate::rpc::trust_service::TrustRpc;
use crate::rpc::{self, Services};
use crate::schedule::{ACTIVE_RUNS_MAX, Deadlines};
use crate::secrets::SecretStore;
use crate::store::sled::SledStore;
use crate::store::{StoreError, StoreHandle};
use crate::web;

/// Where the authority is, in a store's folder.
pub const AUTHORITY_FOLDER: &str = "ca";
/// How long streams may take to end when the coordinator stops: agents keep theirs open for ever.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(2);

/// How a coordinator is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The store's folder; made if it is not there.
    pub store: PathBuf,
    /// Stop after so long without runs, agents and calls; `None`: never.
    pub stop_when_idle_for: Option<Duration>,
    /// Encrypt, and ask everybody for a certificate; `None`: neither.
    pub protection: Option<Protection>,
    /// How long what runs wait for may take.
    pub deadlines: Deadlines,
    /// Serve pages; `None`: none.
    pub web: Option<web::Options>,
    /// What jobs may use and nobody is told.
    pub secrets: SecretStore,
    /// Where figures of runs are sent.
    pub exports: Vec<Destination>,
}

/// How a coordinator that encrypts is known.
#[derive(Debug, Clone)]
pub struct Protection {
    /// Names and addresses under which its pages are asked for, for its certificate.
    pub hosts: Vec<String>,
    /// Where newcomers reach it: `https://host:port`; a port of 0 becomes the one that it listens on.
    pub url: String,
}

/// Why a coordinator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// Figures cannot be exported.
    #[error("{0}")]
    Export(#[from] ExportError),
    /// The authority's folder cannot be used.
    #[error("{0}")]
    Registrar(#[from] RegistrarError),
    /// The record of who did what cannot be written.
    #[error("write {}: {source}", folder.display())]
    Audit {
        /// In which folder.
        folder: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error(
        "listen on {address}: {source}; is another coordinator running there? choose another with {option}"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What chooses another.
        option: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

/// A coordinator that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its pages are, as `http://address:port` on the machine itself; `None`: it serves none.
    pub pages: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    registrar: Option<Arc<Registrar>>,
}

/// Starts a coordinator.
///
/// # Errors
/// When its store does not open or its address cannot be listened on.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let (listener, address, pages) = listen(options.listen, options.web).await?;
    let store = open_store(options.store.clone()).await?;
    let adoptions = unfinished::read(&store, &options.secrets).await?;
    let registrar = open_authority(&options.store, options.protection.as_ref(), pages.as_ref(), address)?;
    // Whoever calls over loopback is asked for a certificate only where the calls are encrypted too.
    let asks_callers = registrar.clone().filter(|_| options.protection.is_some());
    let audit = Audit::start(&options.store)
        .map_err(|source| StartError::Audit { folder: options.store.clone(), source })?;

    let (director, messages) = mpsc::channel(MESSAGES_MAX);
    let intake = Arc::new(Intake::default());
    let errands = Errands::start(store.clone(), director.clone());
    let (refusals, refused) = mpsc::channel(ACTIVE_RUNS_MAX);
    audit.follow(refused);
    let owner = Director::new(Beginning::now(), options.deadlines, errands, intake.clone());
    let mut owner = owner.telling_refusals(refusals);
    unfinished::take_up(&store, &mut owner, adoptions).await;
    tokio::spawn(owner.run(messages));
    let ingest = Ingest::new(intake, store.clone(), director.clone());
    let calls = Arc::new(AtomicU64::new(0));
    let control = Control {
        director: director.clone(),
        store: store.clone(),
        audit: audit.clone(),
        secrets: Arc::new(options.secrets),
        readings: Readings::default(),
    };
    let stop_pages = CancellationToken::new();
    let exports = export::start(options.exports, &control, ingest.onlookers(), &stop_pages)?;
    let told = pages.as_ref().map(|pages| (pages.local_url(), pages.address.clone()));
    let (page_url, page_address) = told.unzip();
    let serve_pages = pages.map(|pages| {
        pages.serve(control.clone(), ingest.clone(), registrar.clone(), exports, stop_pages.clone())
    });
    let agents = AgentRpc {
        director: director.clone(),
        ingest,
        profiles: Profiles::new(director.clone(), store.clone()),
        audit: audit.clone(),
        registrar: asks_callers.clone(),
    };
    let control = ControlRpc {
        control,
        store: store.clone(),
        store_folder: options.store.clone(),
        calls: calls.clone(),
        audit: audit.clone(),
        registrar: asks_callers.clone(),
    };
    let trust = TrustRpc {
        registrar: registrar.clone(),
        asks_callers: asks_callers.is_some(),
        pages: page_address,
        audit: audit.clone(),
    };

    let (stop, stopped) = oneshot::channel::<()>();
    let idle = idle::wait(director.clone(), calls, options.stop_when_idle_for);
    let (drain, draining) = oneshot::channel::<()>();
    let connections = gate::incoming(listener, asks_callers.clone(), audit.clone());
    let serve = rpc::serve(Services { agents, control, trust }, audit, connections, async {
        let _either_way_it_is_time = draining.await;
    });
    let server = tokio::spawn(async move {
        let serve = tokio::spawn(serve);
        tokio::select! {
            _ = stopped => {}
            () = idle => tracing::info!("nothing to do; stopping"),
        }
        let _the_server_may_have_ended = drain.send(());
        stop_pages.cancel();
        let both_end = futures_util::future::join(serve, OptionFuture::from(serve_pages));
        let _streams_that_stay_open_are_cut = tokio::time::timeout(SHUTDOWN_WITHIN, both_end).await;
        let _the_director_may_have_ended = director.send(Message::Stop).await;
        store.close().await;
    });
    Ok(Running { address, pages: page_url, stop: Some(stop), server, registrar: asks_callers })
}

/// Takes the addresses of calls and of pages.
async fn listen(
    calls: SocketAddr,
    pages: Option<web::Options>,
) -> Result<(TcpListener, SocketAddr, Option<web::Serving>), StartError> {
    let failed = |address, option| move |source| StartError::Listen { address, option, source };
    let listener = TcpListener::bind(calls).await.map_err(failed(calls, "--listen"))?;
    let address = listener.local_addr().map_err(failed(calls, "--listen"))?;
    let pages = match pages {
        Some(options) => {
            let wanted = options.listen;
            web::Serving::bind(options).await.map_err(failed(wanted, "--http"))?
        }
        None => None,
    };
    Ok((listener, address, pages))
}

async fn open_store(folder: PathBuf) -> Result<StoreHandle, StoreError> {
    let opened = tokio::task::spawn_blocking(move || SledStore::open(&folder)).await;
    let store = opened.unwrap_or_else(|panicked| Err(StoreError::Panicked(panicked.to_string())))?;
    StoreHandle::start(Box::new(store))
}

/// Opens the authority in a store's folder, if calls or pages need one, and has it looked after.
fn open_authority(
    store: &Path,
    protection: Option<&Protection>,
    pages: Option<&web::Serving>,
    address: SocketAddr,
) -> Result<Option<Arc<Registrar>>, RegistrarError> {
    let pages = pages.filter(|pages| pages.needs_authority());
    if protection.is_none() && pages.is_none() {
        return Ok(None);
    }
    let mut hosts = protection.map(|protection| protection.hosts.clone()).unwrap_or_default();
    hosts.extend(pages.iter().flat_map(|pages| pages.hosts().iter().cloned()));
    hosts.sort();
    hosts.dedup();
    let url = protection.map(|protection| protection.url.clone()).unwrap_or_default();
    let own = url.strip_suffix(":0").map(|host| format!("{host}:{}", address.port()));
    let registrar = Arc::new(Registrar::open(&store.join(AUTHORITY_FOLDER), hosts, own.unwrap_or(url))?);
    tokio::spawn(registrar::tend(Arc::downgrade(&registrar)));
    Ok(Some(registrar))
}

impl Running {
    /// A token with which one newcomer gets a role, for so long; `None` when this coordinator does not encrypt.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn give_token(&self, role: Role, ttl: Duration) -> Result<Option<JoinToken>, RegistryError> {
        let registrar = self.registrar.as_deref();
        registrar.map(|registrar| registrar.give_token(role, 1, ttl.as_secs(), "")).transpose()
    }

    /// Stops it, and waits until its store is closed.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _it_may_have_stopped_by_itself = stop.send(());
        }
        self.stopped().await;
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        if let Err(error) = (&mut self.server).await {
            tracing::error!(%error, "the coordinator ended badly");
        }
    }
}
