//! What programs here say to a coordinator themselves: the only place of this room that knows the wire's types.
//!
//! Rooms: [`control`] (what a client asks), [`simulated_agent`] (an agent without an engine).

pub mod control;
pub mod simulated_agent;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::channel;
use tonic::transport::{Channel, Endpoint};
use trust::credentials::Credentials;

/// How long a connection, and the first answer over it, may take: a coordinator of two cores greets thousands.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 windows, as an agent's.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Connects as an agent does; over TLS as whoever the credentials say.
async fn connect(url: &str, credentials: Option<&Credentials>) -> io::Result<Channel> {
    let config = credentials.map(trust::tls::client).transpose().map_err(io::Error::other)?;
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(io::Error::other)?
        .connect_timeout(CONNECT_WITHIN)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_WITHIN)
        .keep_alive_while_idle(true);
    channel::connect(&endpoint, config.map(Arc::new)).await.map_err(io::Error::other)
}
