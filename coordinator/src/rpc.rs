//! The gRPC services: the only place of the coordinator that knows the wire's types.

pub mod agent_service;
pub(crate) mod codec;
pub(crate) mod control_service;
mod doorkeeper;
mod roles;
pub(crate) mod trust_service;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use proto::agent_service_server::AgentServiceServer;
use proto::control_service_server::ControlServiceServer;
use proto::convert::ConvertError;
use proto::trust_service_server::TrustServiceServer;
use tonic::transport::Server;
use tonic::{Request, Status};

use agent_service::AgentRpc;
use control_service::ControlRpc;
use doorkeeper::Doorkeeper;
use trust_service::TrustRpc;

use crate::admission::audit::Audit;
use crate::admission::gate::Guarded;
use crate::admission::peer::Peer;

/// Largest message of an agent: a batch of 64 intervals of usual size, and one of the largest size.
const AGENT_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest message of a client: a job with its files.
const CLIENT_MESSAGE_BYTES_MAX: usize = 72 * 1024 * 1024;
/// Largest message about certificates.
const TRUST_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Calls that one connection may have under way: an agent has two, a client a few.
const STREAMS_MAX: u32 = 256;
/// Most bytes of a call's headers.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// HTTP/2 windows: h2 grants 64 KiB by default, which a batch of intervals fills several times over.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The services.
pub(crate) struct Services {
    pub(crate) agents: AgentRpc,
    pub(crate) control: ControlRpc,
    pub(crate) trust: TrustRpc,
}

/// Serves connections until it is told to stop, each call only to whom its table allows.
///
/// # Errors
/// When nothing can be served at all.
pub(crate) async fn serve(
    services: Services,
    audit: Audit,
    connections: impl Stream<Item = io::Result<Guarded>>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let agents = AgentServiceServer::new(services.agents)
        .max_decoding_message_size(AGENT_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(CLIENT_MESSAGE_BYTES_MAX);
    let control = ControlServiceServer::new(services.control)
        .max_decoding_message_size(CLIENT_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(CLIENT_MESSAGE_BYTES_MAX);
    let trust = TrustServiceServer::new(services.trust).max_decoding_message_size(TRUST_MESSAGE_BYTES_MAX);
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_WITHIN))
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .layer(Doorkeeper::new(audit))
        .add_service(agents)
        .add_service(control)
        .add_service(trust)
        .serve_with_incoming_shutdown(connections, stop)
        .await
}

/// Who makes a call.
fn caller<T>(request: &Request<T>) -> Result<Peer, Status> {
    let peer = request.extensions().get::<Peer>().cloned();
    peer.ok_or_else(|| Status::internal("the connection does not say whose it is"))
}

/// A message that breaks the wire's rules.
fn malformed(error: ConvertError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// The coordinator is going down.
fn stopping<T>(_: T) -> Status {
    Status::unavailable("the coordinator is stopping")
}

/// Refuses a peer whose protocol is another.
fn check_protocol(theirs: u32, who: &str) -> Result<(), Status> {
    if theirs == proto::PROTOCOL_VERSION {
        return Ok(());
    }
    let (ours, advice) =
        (proto::PROTOCOL_VERSION, if theirs < proto::PROTOCOL_VERSION { who } else { "the coordinator" });
    Err(Status::failed_precondition(format!(
        "{who} speaks protocol {theirs} and this coordinator {ours}: update {advice} to the other's fleetmark version"
    )))
}
