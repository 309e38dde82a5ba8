//! Making a connection: looking the name up if that is due, connecting, and the TLS handshake.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use shared::interval::ErrorKind;
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::failure::Failure;
use super::place::Place;
use super::progress::{Progress, Stage};
use super::stream::Stream;
use super::target::{Target, Unresolved, usable};
use crate::policy::Refusal;

/// Pause before a Unix socket whose queue is full is tried again: the kernel refuses at once, where TCP would wait.
const SOCKET_RETRY_DELAY: Duration = Duration::from_millis(1);

/// Connects to a target, beginning with one of its addresses; `address` is left at the one that answered.
///
/// The caller bounds the whole by `within`; here it is only divided, so that an address that never answers leaves
/// time for those after it.
pub(in crate::workload) async fn dial(
    target: &Target,
    address: &mut usize,
    within: Duration,
    progress: &mut Progress,
) -> Result<Stream, Failure> {
    let stream = match &target.route.place {
        Place::Socket(path) => {
            target.warden.check_socket(path).map_err(refused)?;
            return dial_socket(path, progress).await;
        }
        Place::Host { host, port } if target.addresses.is_empty() => {
            let found = resolve(host, *port, progress).await?;
            connect(target, host, &found, &mut 0, within, progress).await?
        }
        Place::Host { host, .. } => {
            connect(target, host, &target.addresses, address, within, progress).await?
        }
    };
    let Some(tls) = &target.tls else { return Ok(Stream::Tcp(stream)) };
    progress.stage = Stage::ShakingHands;
    let begun = progress.mark();
    let stream = tls.handshake(stream).await?;
    progress.shaken(begun);
    Ok(Stream::Tls(stream))
}

/// Looks a name up on the runtime's blocking threads.
async fn resolve(host: &str, port: u16, progress: &mut Progress) -> Result<Vec<SocketAddr>, Failure> {
    progress.stage = Stage::Resolving;
    let begun = progress.mark();
    let found = lookup_host((host, port)).await.and_then(usable);
    let found =
        found.map_err(|error| Failure::new(ErrorKind::Connect, Unresolved::new(host, &error).to_string()))?;
    progress.resolved(begun);
    Ok(found)
}

/// Connects to the first address that answers. Each but the last has its share of the time. The policy is asked about
/// the very address that is connected to, whatever the name led to before.
async fn connect(
    target: &Target,
    host: &str,
    addresses: &[SocketAddr],
    next: &mut usize,
    within: Duration,
    progress: &mut Progress,
) -> Result<TcpStream, Failure> {
    progress.stage = Stage::Connecting;
    let begun = progress.mark();
    let share = within / addresses.len() as u32;
    let mut message = String::new();
    for left in (0..addresses.len()).rev() {
        let address = addresses[*next % addresses.len()];
        target.warden.check_address(host, address).map_err(refused)?;
        let connecting = TcpStream::connect(address);
        let connected = if left == 0 { connecting.await } else { in_time(share, connecting).await };
        match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => {
                progress.connected(begun);
                return Ok(stream);
            }
            Err(error) => {
                let separator = if message.is_empty() { "" } else { "; " };
                message.push_str(&format!("{separator}connecting to {address}: {error}"));
            }
        }
        *next = (*next + 1) % addresses.len();
    }
    Err(Failure::new(ErrorKind::Connect, message))
}

/// A connection that the policy does not allow. The warden has noted it, so that the trial ends.
fn refused(refusal: Refusal) -> Failure {
    Failure::new(ErrorKind::Other, format!("this agent refuses: {refusal}"))
}

async fn dial_socket(path: &Path, progress: &mut Progress) -> Result<Stream, Failure> {
    progress.stage = Stage::Connecting;
    let begun = progress.mark();
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => {
                progress.connected(begun);
                return Ok(Stream::Unix(stream));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(SOCKET_RETRY_DELAY).await,
            Err(error) => {
                let message = format!("connecting to the socket {}: {error}", path.display());
                return Err(Failure::new(ErrorKind::Connect, message));
            }
        }
    }
}

async fn in_time(
    share: Duration,
    connecting: impl Future<Output = io::Result<TcpStream>>,
) -> io::Result<TcpStream> {
    match timeout(share, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(io::Error::other(format!("no answer within {share:?}"))),
    }
}
