//! One worker's connection to the other side, and what goes over it: at the beginning eight bytes that say what is meant (0: take
//! all that comes; else so many bytes are a message, and go back), then nothing but the bytes themselves.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use shared::interval::ErrorKind;

use super::settings::Exchange;
use super::stream::{Stream, until};
use crate::policy::{Refusal, Warden};

/// Bytes of one operation of a stream.
pub(super) const STREAM_BYTES: usize = 1 << 20;
/// Bytes that are handed over at once: as many as iperf3 does.
const WRITE_BYTES: usize = 128 << 10;

/// A connection that is open, and greeted.
#[derive(Debug)]
pub(super) struct Link {
    stream: Stream,
    exchange: Exchange,
    bytes: Vec<u8>,
}

/// How an exchange failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The agent's owner does not allow the address. The warden has noted it, so that the trial ends.
    #[error("this agent refuses: {0}")]
    Refused(Refusal),
    /// No connection.
    #[error("connecting to {address}: {error}")]
    Connect {
        /// Where.
        address: String,
        /// Why not.
        error: io::Error,
    },
    /// It broke, or took too long.
    #[error("the connection: {0}")]
    Broken(#[from] io::Error),
}

impl LinkError {
    /// The contract's word for it.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            LinkError::Refused(_) => ErrorKind::Other,
            LinkError::Connect { error, .. } if error.kind() == io::ErrorKind::TimedOut => ErrorKind::Timeout,
            LinkError::Connect { .. } => ErrorKind::Connect,
            LinkError::Broken(error) if error.kind() == io::ErrorKind::TimedOut => ErrorKind::Timeout,
            LinkError::Broken(_) => ErrorKind::Closed,
        }
    }
}

impl Link {
    /// Connects, and says what is meant.
    pub(super) fn open(
        address: &str,
        exchange: Exchange,
        deadline: Instant,
        warden: &Warden,
    ) -> Result<Self, LinkError> {
        let mut stream = Stream::new(connect(address, deadline, warden)?)?;
        let (message, kept) = match exchange {
            Exchange::Stream => (0, WRITE_BYTES),
            Exchange::RoundTrip(bytes) => (bytes as u64, bytes),
            Exchange::Connect => return Ok(Self { stream, exchange, bytes: Vec::new() }),
        };
        stream.write_all(&message.to_le_bytes(), deadline)?;
        Ok(Self { stream, exchange, bytes: vec![0x5a; kept] })
    }

    /// Does one operation; returns the bytes sent and received.
    pub(super) fn exchange(&mut self, deadline: Instant) -> Result<[u64; 2], LinkError> {
        match self.exchange {
            Exchange::Stream => {
                for _ in 0..STREAM_BYTES / WRITE_BYTES {
                    self.stream.write_all(&self.bytes, deadline)?;
                }
                Ok([STREAM_BYTES as u64, 0])
            }
            Exchange::RoundTrip(bytes) => {
                self.stream.write_all(&self.bytes, deadline)?;
                self.stream.read_exact(&mut self.bytes, deadline)?;
                Ok([bytes as u64; 2])
            }
            Exchange::Connect => {
                // Reset, not ended: a port that rests for a minute after each connection would soon be the last.
                rustix::net::sockopt::set_socket_linger(self.stream.socket(), Some(Duration::ZERO))
                    .map_err(io::Error::from)?;
                Ok([0, 0])
            }
        }
    }
}

/// The addresses of a name. The system's own look-up takes as long as it likes, so that it has a thread of its own, and whoever asked goes
/// when the time is up; a worker asks again only then, so that there are few of them.
fn look_up(address: &str, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(literal) = address.parse() {
        return Ok(vec![literal]);
    }
    let (sender, answer) = mpsc::channel();
    let name = address.to_owned();
    thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        // Whoever asked may be gone.
        drop(sender.send(name.to_socket_addrs().map(Vec::from_iter)));
    })?;
    let overdue = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "its name was not looked up in time"));
    answer.recv_timeout(until(deadline)?).unwrap_or_else(overdue)
}

/// Tries one address after the other; the policy is asked about the very address that is connected to.
fn connect(address: &str, deadline: Instant, warden: &Warden) -> Result<TcpStream, LinkError> {
    let failed = |error| LinkError::Connect { address: address.to_owned(), error };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name leads to no address");
    for found in look_up(address, deadline).map_err(failed)? {
        warden.check_address(host, found).map_err(LinkError::Refused)?;
        match until(deadline).and_then(|left| TcpStream::connect_timeout(&found, left)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}
