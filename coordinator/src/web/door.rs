//! Connections: accepted, encrypted where that is asked for, and served within bounds.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Site;
use super::entrance::{Connection, Entrance};
use super::presence::{GREETING_WITHIN, Presence};
use super::routes;
use crate::admission::waiting_room::WaitingRoom;

/// How long the head of a request may take over HTTP/1.1, and how long to wait for the next one.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// Most bytes of a request's head: a browser sends one or two kibibytes.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Requests that one connection may have under way over HTTP/2.
const STREAMS_MAX: u32 = 32;
/// How long to wait when the system has no room for a connection, before the next is accepted.
const BREATHER: Duration = Duration::from_millis(50);
/// What the first record of TLS begins with: handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;
/// What somebody reads who asked for `http://` here.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nThis coordinator encrypts: ask it by https://\n";

/// Accepts and serves until it is told to stop; then until all that was under way is through.
pub(super) async fn serve(listener: TcpListener, site: Arc<Site>, stop: CancellationToken) {
    let room = WaitingRoom::default();
    let router = routes::router(site.clone());
    let (under_way, mut all_through) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the pages cannot be accepted");
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        let presence = Arc::new(Presence::new(room.clone()));
        let Ok(local) = stream.local_addr() else { continue };
        let connection = Arc::new(Connection { from, local: local.ip(), presence });
        let entrance = Entrance::new(site.clone(), router.clone(), connection.clone());
        let (site, stop, under_way) = (site.clone(), stop.clone(), under_way.clone());
        tokio::spawn(async move {
            let _until_it_is_through = under_way;
            welcome(stream, &site, entrance, &connection, stop).await;
        });
    }
    drop((listener, under_way));
    let _closed_when_the_last_is_through = all_through.recv().await;
}

/// Encrypts where that is asked for, and serves.
async fn welcome(
    stream: TcpStream,
    site: &Site,
    entrance: Entrance,
    connection: &Connection,
    stop: CancellationToken,
) {
    let _it_is_only_slower = stream.set_nodelay(true);
    let Some(registrar) = site.registrar.as_ref().filter(|_| site.is_encrypted) else {
        return attend(stream, entrance, &connection.presence, stop).await;
    };
    let greeting = greet(stream, TlsAcceptor::from(registrar.tls_of_pages()), connection.from);
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(GREETING_WITHIN, greeting) => greeted.ok().flatten(),
        () = connection.presence.is_over() => None,
        () = stop.cancelled() => None,
    };
    if let Some(stream) = greeted {
        attend(stream, entrance, &connection.presence, stop).await;
    }
}

async fn greet(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    from: SocketAddr,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 1 && first[0] != TLS_HANDSHAKE {
        let _it_may_be_gone = stream.write_all(SPEAK_TLS).await;
        let _either_way_it_is_over = stream.shutdown().await;
        return None;
    }
    // Browsers that do not know the authority yet break off here, each time that their user is asked: nothing for the record.
    acceptor
        .accept(stream)
        .await
        .inspect_err(|error| tracing::debug!(%from, %error, "no TLS with a browser"))
        .ok()
}

/// Serves one connection until it ends, has had its time, or gives way to a newer one.
async fn attend<S>(stream: S, entrance: Entrance, presence: &Presence, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX);
    let service = TowerToHyperService::new(entrance);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            _whatever_came_of_it = serving.as_mut() => return,
            () = presence.is_over() => return,
            () = stop.cancelled(), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
