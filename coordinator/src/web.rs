//! Pages and the JSON API, over HTTP/1.1 and HTTP/2: for people with a browser, and for programs.
//!
//! On its way to what answers it, a request passes [`door`] (connections, TLS, bounds), [`entrance`] (is it meant for us?), the table in
//! [`routes`] (what is there, and who may have it) and [`guard`] (who asks, and may they?).
//!
//! Rooms besides: [`presence`] (what each connection may still take its time for), [`host_names`] (what we are called),
//! [`passes`] (one-time links and sessions), [`cookie`] (how a session is carried), [`origin`] (whose page asks), [`throttle`] (those
//! who try), [`answer`] (how answers look), [`pages`], [`files`], [`sign_in`], [`api`], [`events`], [`metrics`]
//! and [`openapi`] (what is answered), [`live`] (runs that somebody looks at) and [`drawn`] (pages of those that are over).

mod answer;
mod api;
mod cookie;
mod door;
mod drawn;
mod entrance;
mod events;
mod files;
mod guard;
mod host_names;
mod live;
mod metrics;
mod openapi;
mod origin;
mod pages;
mod passes;
mod presence;
mod routes;
mod served;
mod sign_in;
mod throttle;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use shared::job::schema::KindSchema;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admission::registrar::Registrar;
use crate::control::Control;
use crate::export::tally::Tallies;
use crate::ingest::Ingest;
use crate::live::told::RunNames;
use drawn::DrawnPages;
use host_names::HostNames;
use live::Lives;
pub(crate) use passes::{LINK_COUNTS, Passes};
use throttle::Throttle;

/// Requests of known callers that may be under way at once. Each may hold a job or a report in memory.
const REQUESTS_MAX: usize = 128 + WATCHERS_MAX;
/// Those of them that may watch a run, which takes as long as it goes on. Others always find room.
const WATCHERS_MAX: usize = 128;

/// How pages are served.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether the coordinator starts without pages when somebody else listens there: nobody asked for that address.
    pub may_be_missing: bool,
    /// The name or address under which others ask for them.
    pub host: String,
    /// All names and addresses under which they are asked for.
    pub hosts: Vec<String>,
    /// Whether they are served over TLS.
    pub is_encrypted: bool,
    /// Whether callers must sign in.
    pub requires_login: bool,
    /// The workloads that jobs which are submitted here may have.
    pub kinds: Vec<KindSchema>,
}

/// What answers share.
pub(crate) struct Site {
    control: Control,
    ingest: Ingest,
    /// Gives and takes what callers are known by; `None`: nobody is asked who they are.
    registrar: Option<Arc<Registrar>>,
    links: Arc<Passes>,
    sessions: Passes,
    wrong_tokens: Throttle,
    names: HostNames,
    is_encrypted: bool,
    requires_login: bool,
    kinds: Vec<KindSchema>,
    requests: Arc<Semaphore>,
    watchers: Arc<Semaphore>,
    lives: Arc<Lives>,
    drawn: DrawnPages,
    run_names: RunNames,
    exports: Tallies,
    stop: CancellationToken,
    started: Instant,
}

/// Where the pages are, for whoever gives out links to them.
#[derive(Clone)]
pub(crate) struct Address {
    /// `https://host:port`.
    pub(crate) url: String,
    /// Links that were given and not followed yet; `None`: nobody has to sign in.
    pub(crate) links: Option<Arc<Passes>>,
}

/// Pages that are served.
pub(crate) struct Serving {
    listens: SocketAddr,
    /// Where others find them.
    pub(crate) address: Address,
    listener: TcpListener,
    options: Options,
}

impl Serving {
    /// Takes an address; `None`: it is taken already, and nobody asked for it.
    ///
    /// # Errors
    /// When it cannot be listened on.
    pub(crate) async fn bind(options: Options) -> std::io::Result<Option<Self>> {
        let listener = match TcpListener::bind(options.listen).await {
            Ok(listener) => listener,
            Err(error) if options.may_be_missing => {
                tracing::warn!(address = %options.listen, %error, "no pages are served; --http names another address for them");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let listens = listener.local_addr()?;
        let scheme = if options.is_encrypted { "https" } else { "http" };
        let host =
            if options.host.contains(':') { format!("[{}]", options.host) } else { options.host.clone() };
        let links = options.requires_login.then(|| Arc::new(Passes::links()));
        let address = Address { url: format!("{scheme}://{host}:{}", listens.port()), links };
        Ok(Some(Self { listens, address, listener, options }))
    }

    /// Whether an authority is needed: for a certificate to show, or to know callers by.
    pub(crate) fn needs_authority(&self) -> bool {
        self.options.is_encrypted || self.options.requires_login
    }

    /// Names and addresses under which they are asked for.
    pub(crate) fn hosts(&self) -> &[String] {
        &self.options.hosts
    }

    /// Where they are found on the machine itself.
    pub(crate) fn local_url(&self) -> String {
        let scheme = if self.options.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.listens)
    }

    /// Serves until it is told to stop, and then until what is under way is through.
    pub(crate) fn serve(
        self,
        control: Control,
        ingest: Ingest,
        registrar: Option<Arc<Registrar>>,
        exports: Tallies,
        stop: CancellationToken,
    ) -> JoinHandle<()> {
        let Self { address, listener, options, .. } = self;
        let site = Site {
            lives: Lives::new(control.clone(), ingest.onlookers().clone()),
            drawn: DrawnPages::default(),
            run_names: RunNames::default(),
            exports,
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
            stop: stop.clone(),
            control,
            ingest,
            registrar,
            links: address.links.unwrap_or_else(|| Arc::new(Passes::links())),
            sessions: Passes::sessions(),
            wrong_tokens: Throttle::default(),
            names: HostNames::new(options.hosts),
            is_encrypted: options.is_encrypted,
            requires_login: options.requires_login,
            kinds: options.kinds,
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            started: Instant::now(),
        };
        tokio::spawn(door::serve(listener, Arc::new(site), stop))
    }
}
