//! The thread that accepts connections and deals them out to the event loops in turn.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rustix::io::Errno;

use super::event_loop::Doorbell;
use super::permits::Permits;
use super::server_clock::ServerClock;

/// Most connections at once: above the 10,000 workers to which a load grows on its own, and bounded because
/// each may cost some 30 KiB in hostile hands.
pub(super) const CONNECTIONS_MAX: usize = 16_384;
/// How long to wait when the system has no descriptor or memory for another connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(10);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Accepts connections for ever, and gives each event loop its turn so that all carry the same load.
///
/// # Errors
/// When the listener or an event loop fails.
pub(super) fn accept_all(
    listener: &TcpListener,
    clock: ServerClock,
    permits: &Permits,
    loops: &[Doorbell],
) -> io::Result<()> {
    let mut turns = loops.iter().cycle();
    let mut has_warned = false;
    loop {
        let accepted = listener.accept();
        let now = clock.now();
        match accepted {
            Ok((stream, _)) => {
                let Some(permit) = permits.take() else {
                    turn_away(stream);
                    continue;
                };
                // A client that is gone already is no failure of the server.
                if stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).is_err() {
                    continue;
                }
                let event_loop = turns.next().ok_or_else(|| io::Error::other("there is no event loop"))?;
                if !event_loop.hand_over((stream, permit)) {
                    return Err(io::Error::other("an event loop ended"));
                }
            }
            Err(error) if is_exhausted(&error) => {
                if !has_warned {
                    eprintln!("fleetmark target cannot accept more connections: {error}; raise `ulimit -n`");
                    has_warned = true;
                }
                (now + EXHAUSTED_WAIT).sleep_until();
            }
            Err(error) if is_clients_fault(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Says that there is no room, as far as that can be said without waiting.
fn turn_away(stream: TcpStream) {
    if stream.set_nonblocking(true).is_ok() {
        let _ = (&stream).write(FULL);
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Whether the connection failed and not the listener (accept(2) passes on errors of the new socket).
fn is_clients_fault(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted)
        || matches!(
            Errno::from_io_error(error),
            Some(
                Errno::NETDOWN
                    | Errno::PROTO
                    | Errno::NOPROTOOPT
                    | Errno::HOSTDOWN
                    | Errno::NONET
                    | Errno::HOSTUNREACH
                    | Errno::OPNOTSUPP
                    | Errno::NETUNREACH
                    | Errno::PERM
            )
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_listener_end_the_server() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(is_exhausted(&error(Errno::MFILE)) && is_exhausted(&error(Errno::NFILE)));
        assert!(is_clients_fault(&error(Errno::CONNABORTED)) && is_clients_fault(&error(Errno::INTR)));
        assert!(!is_clients_fault(&error(Errno::BADF)) && !is_exhausted(&error(Errno::BADF)));
    }
}
