//! The gRPC services: the only place of the coordinator that knows the wire's types.

pub mod agent_service;
pub(crate) mod codec;
pub(crate) mod control_service;

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use proto::agent_service_server::AgentServiceServer;
use proto::control_service_server::ControlServiceServer;
use proto::convert::ConvertError;
use tonic::Status;
use tonic::transport::Server;
use tonic::transport::server::Router;

use agent_service::AgentRpc;
use control_service::ControlRpc;

/// Largest message of an agent: a batch of 64 intervals of usual size, and one of the largest size.
const AGENT_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest message of a client: a job with its files.
const CLIENT_MESSAGE_BYTES_MAX: usize = 72 * 1024 * 1024;
/// HTTP/2 windows: h2 grants 64 KiB by default, which a batch of intervals fills several times over.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Both services, ready to be served.
pub(crate) fn router(agents: AgentRpc, control: ControlRpc) -> Router {
    let agents = AgentServiceServer::new(agents)
        .max_decoding_message_size(AGENT_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(CLIENT_MESSAGE_BYTES_MAX);
    let control = ControlServiceServer::new(control)
        .max_decoding_message_size(CLIENT_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(CLIENT_MESSAGE_BYTES_MAX);
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_WITHIN))
        .tcp_nodelay(true)
        .add_service(agents)
        .add_service(control)
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
