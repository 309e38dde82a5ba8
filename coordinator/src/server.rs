//! Puts the coordinator together: opens the store, starts the director, listens.

mod idle;
mod unfinished;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;

use crate::director::{Director, MESSAGES_MAX, Message};
use crate::ingest::{Ingest, Intake};
use crate::rpc;
use crate::rpc::agent_service::AgentRpc;
use crate::rpc::control_service::ControlRpc;
use crate::schedule::Deadlines;
use crate::store::sled::SledStore;
use crate::store::{StoreError, StoreHandle};

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
    /// How long what runs wait for may take.
    pub deadlines: Deadlines,
}

/// Why a coordinator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not open.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error(
        "listen on {address}: {source}; is another coordinator running there? choose another with --listen"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// A coordinator that runs.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

/// Starts a coordinator.
///
/// # Errors
/// When its store does not open or its address cannot be listened on.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|source| StartError::Listen { address: options.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| StartError::Listen { address: options.listen, source })?;
    let store_folder = options.store.clone();
    let folder = options.store.clone();
    let store = tokio::task::spawn_blocking(move || SledStore::open(&folder))
        .await
        .unwrap_or_else(|panicked| Err(StoreError::Panicked(panicked.to_string())))?;
    let store = StoreHandle::start(Box::new(store))?;
    let adoptions = unfinished::read(&store).await?;

    let (director, messages) = mpsc::channel(MESSAGES_MAX);
    let intake = Arc::new(Intake::default());
    let mut owner =
        Director::new(options.deadlines, messages, director.clone(), store.clone(), intake.clone());
    for (record, error) in owner.adopt(adoptions) {
        unfinished::end(&store, record, &error).await;
    }
    tokio::spawn(owner.run());
    let ingest = Ingest::new(intake, store.clone(), director.clone());
    let calls = Arc::new(AtomicU64::new(0));
    let agents = AgentRpc { director: director.clone(), ingest };
    let control =
        ControlRpc { director: director.clone(), store: store.clone(), store_folder, calls: calls.clone() };

    let (stop, stopped) = oneshot::channel::<()>();
    let idle = idle::wait(director.clone(), calls, options.stop_when_idle_for);
    let (drain, draining) = oneshot::channel::<()>();
    let serve =
        rpc::router(agents, control).serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
            let _either_way_it_is_time = draining.await;
        });
    let server = tokio::spawn(async move {
        let serve = tokio::spawn(serve);
        tokio::select! {
            _ = stopped => {}
            () = idle => tracing::info!("nothing to do; stopping"),
        }
        let _the_server_may_have_ended = drain.send(());
        let _streams_that_stay_open_are_cut = tokio::time::timeout(SHUTDOWN_WITHIN, serve).await;
        let _the_director_may_have_ended = director.send(Message::Stop).await;
        store.close().await;
    });
    Ok(Running { address, stop: Some(stop), server })
}

impl Running {
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
