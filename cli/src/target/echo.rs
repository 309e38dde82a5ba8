//! Echoes beside the HTTP server: what comes over TCP or UDP goes back as it is. A thread for each connection, and one for all
//! datagrams: for demonstrations and for tests, not for records.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use super::permits::Permits;

/// Most connections at once: each has a thread.
const CONNECTIONS_MAX: usize = 1_024;
/// Stack of such a thread, in bytes: it holds a buffer and little else.
const STACK_BYTES: usize = 128 * 1024;
/// How much is read at once; more than any datagram has.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long to wait when the system has no descriptor or thread for another connection.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(10);

/// Echoes connections for ever, on a thread of its own; returns where.
///
/// # Errors
/// When the listener has no address, or the system refuses a thread.
pub(super) fn echo_connections(listener: TcpListener) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let permits = Permits::new(CONNECTIONS_MAX);
    thread::Builder::new().name("tcp-echo".to_owned()).spawn(move || {
        for accepted in listener.incoming() {
            let (Ok(stream), Some(permit)) = (accepted, permits.take()) else {
                // Out of descriptors or permits; whoever was not accepted waits or is turned away.
                thread::sleep(EXHAUSTED_WAIT);
                continue;
            };
            let echoing = move || {
                let _permit = permit;
                // A client may go at any time.
                let _gone = echo(stream);
            };
            let builder = thread::Builder::new().name("tcp-echo".to_owned()).stack_size(STACK_BYTES);
            if builder.spawn(echoing).is_err() {
                thread::sleep(EXHAUSTED_WAIT);
            }
        }
    })?;
    Ok(address)
}

/// Echoes datagrams for ever, on a thread of its own; returns where.
///
/// # Errors
/// When the socket has no address, or the system refuses a thread.
pub(super) fn echo_datagrams(socket: UdpSocket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?;
    thread::Builder::new().name("udp-echo".to_owned()).spawn(move || {
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            // An error is that of one datagram, or of one client that has gone.
            if let Ok((length, client)) = socket.recv_from(&mut buffer) {
                let _lost = socket.send_to(&buffer[..length], client);
            }
        }
    })?;
    Ok(address)
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read])?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far longer than an echo takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn what_comes_over_a_connection_goes_back() {
        let address = echo_connections(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        for text in [b"one", b"two"] {
            stream.write_all(text).unwrap();
            let mut back = [0; 3];
            stream.read_exact(&mut back).unwrap();
            assert_eq!(&back, text);
        }
    }

    #[test]
    fn a_datagram_goes_back() {
        let address = echo_datagrams(UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.send_to(b"here", address).unwrap();
        let mut back = [0; 8];
        assert_eq!((socket.recv(&mut back).unwrap(), &back[..4]), (4, &b"here"[..]));
    }
}
