//! The other side of the workload `network`: takes bytes, or sends messages back, a thread for each connection.
//!
//! A connection begins with eight bytes, a whole number with its lowest byte first: 0 means that all that comes is taken; any other
//! that so many bytes are a message, which goes back as it came.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::listen;
use super::options::ListenAddress;

/// Most connections at once: each is a thread. One more is closed at once.
const CONNECTIONS_MAX: usize = 4096;
/// Longest message, bytes: a whole one is kept for each connection.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// Bytes that are taken at once.
const READ_BYTES: usize = 128 << 10;
/// How long a connection may be silent: longer than any trial pauses.
const SILENCE_MAX: Duration = Duration::from_secs(600);

/// Listens until the process is ended by a signal. Says on stderr where.
///
/// # Errors
/// When it cannot listen, or connections can no longer be accepted.
pub(crate) fn run(address: &ListenAddress) -> anyhow::Result<()> {
    super::raise_descriptor_limit();
    let (listener, address) = listen(address)?;
    eprintln!("fleetmark target listens on tcp://{address}");
    serve(&listener).with_context(|| format!("failed to accept connections on {address}"))
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            // A client that went away before it was accepted is no failure of ours.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        let permit = Permit::of(&open);
        let Some(permit) = permit else { continue };
        let served = thread::Builder::new().name("target-link".to_owned()).spawn(move || {
            // How a client ends its connection is its own affair.
            let _it_may_break = answer(stream);
            drop(permit);
        });
        if let Err(error) = served {
            eprintln!("fleetmark target: a connection was closed for want of a thread: {error}");
        }
    }
}

/// One of [`CONNECTIONS_MAX`], until dropped.
struct Permit(Arc<AtomicUsize>);

impl Permit {
    fn of(open: &Arc<AtomicUsize>) -> Option<Self> {
        let before = open.fetch_add(1, Ordering::AcqRel);
        let permit = Self(Arc::clone(open));
        (before < CONNECTIONS_MAX).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    let mut meant = [0; 8];
    stream.read_exact(&mut meant)?;
    match u64::from_le_bytes(meant) {
        0 => {
            let mut bytes = vec![0; READ_BYTES];
            while stream.read(&mut bytes)? > 0 {}
            Ok(())
        }
        length if length <= MESSAGE_BYTES_MAX => {
            let mut message = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            loop {
                stream.read_exact(&mut message)?;
                stream.write_all(&message)?;
            }
        }
        // Whoever means that speaks something else.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_bytes_are_taken_and_strangers_are_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener));
        let greeted = |meant: u64| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&meant.to_le_bytes()).unwrap();
            stream
        };
        let mut messages = greeted(3);
        for message in [b"abc", b"def"] {
            messages.write_all(message).unwrap();
            let mut back = [0; 3];
            messages.read_exact(&mut back).unwrap();
            assert_eq!(&back, message);
        }
        greeted(0).write_all(&[7; 100_000]).unwrap();
        let ended = greeted(u64::MAX).read(&mut [0; 1]);
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }

    #[test]
    fn a_permit_is_given_back() {
        let open = Arc::new(AtomicUsize::new(CONNECTIONS_MAX - 1));
        let last = Permit::of(&open);
        assert!(last.is_some() && Permit::of(&open).is_none());
        drop(last);
        assert_eq!(open.load(Ordering::Acquire), CONNECTIONS_MAX - 1);
    }
}
