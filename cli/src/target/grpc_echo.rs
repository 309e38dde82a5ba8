//! An echo over gRPC beside the HTTP server: the service `fleetmark.echo.Echo`, each of whose methods sends back the messages
//! that it is sent, as they are (`examples/grpc/echo.proto`). For demonstrations and for tests, not for records.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{SendResponse, handshake};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Response};
use tokio::task::{LocalSet, spawn_local};

use super::permits::Permits;

/// What paths of the service begin with.
const SERVICE: &str = "/fleetmark.echo.Echo/";
/// Its methods.
const METHODS: [&str; 4] = ["Say", "Collect", "Repeat", "Chat"];
/// Most connections at once.
const CONNECTIONS_MAX: usize = 1_024;
/// How long to wait when the system has no descriptor for another connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(10);
/// `grpc-status` of a success, and of a method that there is not.
const OK: &str = "0";
const UNIMPLEMENTED: &str = "12";

/// Echoes calls for ever, on a thread of its own; returns where.
///
/// # Errors
/// When the listener has no address, or the system refuses a thread or a runtime.
pub(super) fn echo_calls(listener: TcpListener) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("grpc-echo".to_owned()).spawn(move || {
        let served = LocalSet::new().block_on(&runtime, accept_all(listener));
        if let Err(error) = served {
            eprintln!("fleetmark target: the echo over gRPC failed: {error}");
        }
    })?;
    Ok(address)
}

async fn accept_all(listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let permits = Permits::new(CONNECTIONS_MAX);
    loop {
        let (Ok((stream, _)), Some(permit)) = (listener.accept().await, permits.take()) else {
            tokio::time::sleep(EXHAUSTED_WAIT).await;
            continue;
        };
        // Without it answers only come later.
        let _as_it_is = stream.set_nodelay(true);
        spawn_local(async move {
            let _permit = permit;
            // A client may go at any time, or speak something else.
            let _gone = serve(stream).await;
        });
    }
}

async fn serve(stream: tokio::net::TcpStream) -> Result<(), h2::Error> {
    let mut connection = handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        let path = request.uri().path().strip_prefix(SERVICE);
        let is_known = path.is_some_and(|method| METHODS.contains(&method));
        spawn_local(async move {
            let answered = match is_known {
                true => echo(request.into_body(), respond).await,
                false => refuse(respond),
            };
            // A call that was broken off is nobody's any more.
            drop(answered);
        });
    }
    Ok(())
}

async fn echo(mut body: RecvStream, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let mut stream = respond.send_response(head(), false)?;
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        let length = chunk.len();
        send(&mut stream, chunk).await?;
        // Only what went back makes room for more.
        body.flow_control().release_capacity(length)?;
    }
    stream.send_trailers(ending(OK))
}

async fn send(stream: &mut SendStream<Bytes>, mut rest: Bytes) -> Result<(), h2::Error> {
    while !rest.is_empty() {
        stream.reserve_capacity(rest.len());
        let Some(capacity) = poll_fn(|context| stream.poll_capacity(context)).await else { return Ok(()) };
        stream.send_data(rest.split_to(capacity?.min(rest.len())), false)?;
    }
    Ok(())
}

fn refuse(mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let mut response = head();
    response.headers_mut().extend(ending(UNIMPLEMENTED));
    respond.send_response(response, true).map(drop)
}

fn head() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

fn ending(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers
}
