//! HTTP servers that misbehave, each in one way, on real sockets.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::bad_http2::{self, Misdeed};

/// Pause of a server that sends byte by byte.
const DRIP_PAUSE: Duration = Duration::from_secs(1);

/// How a server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Closes each connection as soon as it is there.
    ClosesAtOnce,
    /// Resets each connection as soon as something is asked there.
    Resets,
    /// Closes within the head of its answer.
    ClosesWithinHead,
    /// Closes within the body that it promised.
    ClosesWithin,
    /// Answers with something that is no HTTP.
    TalksGarbage,
    /// Answers before it was asked.
    GreetsInPlainText,
    /// Reads, and says nothing.
    NeverAnswers,
    /// Answers one byte a second.
    Drips,
    /// Answers everything with 500.
    Fails,
    /// Answers everything with 200 and a body that nobody asked for.
    SaysSomethingElse,
    /// Sends more than the length that it told.
    SendsMoreThanItSaid,
    /// Announces a chunk of 2^63 bytes.
    SendsMonstrousChunk,
    /// Sends headers for ever.
    NeverEndsItsHead,
    /// Promises 10 GiB, and sends them.
    SendsTenGibibytes,
    /// Speaks HTTP/2 from the first byte, and misbehaves there.
    Http2(Misdeed),
}

impl Manner {
    /// What it writes in answer to a request; `None`: nothing, and the connection stays.
    fn answer(self) -> Option<&'static [u8]> {
        match self {
            Manner::ClosesAtOnce
            | Manner::Resets
            | Manner::GreetsInPlainText
            | Manner::NeverAnswers
            | Manner::Http2(_) => None,
            Manner::ClosesWithinHead => Some(b"HTTP/1.1 200 OK\r\ncontent-le"),
            Manner::ClosesWithin => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot all of it"),
            Manner::TalksGarbage => Some(b"\x15\x03\x01\x00\x02\x02\x28 this is no HTTP\r\n\r\n"),
            Manner::Fails => Some(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\n\r\nbroken"),
            Manner::SaysSomethingElse | Manner::Drips => {
                Some(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            }
            Manner::SendsMoreThanItSaid => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello"),
            Manner::SendsMonstrousChunk => {
                Some(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8000000000000000\r\nhello")
            }
            Manner::NeverEndsItsHead => Some(b"HTTP/1.1 200 OK\r\n"),
            Manner::SendsTenGibibytes => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n"),
        }
    }

    /// What it writes after that, again and again until the other side has enough.
    fn refrain(self) -> &'static [u8] {
        match self {
            Manner::NeverEndsItsHead => b"x-more: and more\r\n",
            Manner::SendsTenGibibytes => &[b'a'; 64 * 1024],
            _ => b"",
        }
    }

    /// Whether it closes the connection after its answer.
    fn closes(self) -> bool {
        matches!(self, Manner::ClosesWithinHead | Manner::ClosesWithin | Manner::TalksGarbage)
    }
}

/// A server that misbehaves; gone when dropped.
#[derive(Debug)]
pub struct BadServer {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl BadServer {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let acceptor = thread::spawn(move || accept(&listener, manner, &flag));
        Self { address, is_over, acceptor: Some(acceptor) }
    }

    /// Where it misbehaves.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The same, for those who expect TLS there.
    pub fn secure_url(&self) -> String {
        format!("https://{}/", self.address)
    }
}

impl Drop for BadServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Only a connection wakes it.
        let _it_may_be_gone = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _its_panic_was_printed = acceptor.join();
        }
    }
}

/// A port at which connections are refused, held so that nobody else takes it meanwhile.
#[derive(Debug)]
pub struct ClosedPort {
    _held: OwnedFd,
    /// The port.
    pub port: u16,
}

impl ClosedPort {
    /// Takes a free port and does not listen there.
    ///
    /// # Panics
    /// When there is none.
    pub fn hold() -> Self {
        let held = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = getsockname(&held).expect("its address");
        let address = SocketAddrV4::try_from(address).expect("an IPv4 address");
        Self { _held: held, port: address.port() }
    }
}

fn accept(listener: &TcpListener, manner: Manner, is_over: &AtomicBool) {
    let mut served: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
    for stream in listener.incoming() {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        match manner {
            Manner::ClosesAtOnce => continue,
            Manner::Resets => {
                let _the_client_may_be_gone = stream.peek(&mut [0]);
                set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket lingers as it is told");
                continue;
            }
            _ => {}
        }
        served.retain(|(_, thread)| !thread.is_finished());
        let Ok(handle) = stream.try_clone() else { continue };
        served.push((handle, thread::spawn(move || serve(&stream, manner))));
    }
    for (stream, thread) in served {
        let _it_may_be_closed = stream.shutdown(Shutdown::Both);
        let _its_panic_was_printed = thread.join();
    }
}

/// Answers one connection's requests, which carry no body, until it ends.
fn serve(mut stream: &TcpStream, manner: Manner) {
    if let Manner::Http2(misdeed) = manner {
        return bad_http2::serve(stream, misdeed);
    }
    if manner == Manner::GreetsInPlainText && stream.write_all(b"220 ready\r\n").is_err() {
        return;
    }
    let mut lines = BufReader::new(stream);
    while read_head(&mut lines) {
        let Some(answer) = manner.answer() else { continue };
        let written = match manner {
            Manner::Drips => drip(stream, answer),
            _ => stream.write_all(answer),
        };
        let refrain = manner.refrain();
        if written.is_err() || (!refrain.is_empty() && repeat(stream, refrain).is_err()) {
            return;
        }
        if manner.closes() {
            let _it_may_be_closed = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn drip(mut stream: &TcpStream, answer: &[u8]) -> io::Result<()> {
    answer.iter().try_for_each(|byte| {
        thread::sleep(DRIP_PAUSE);
        stream.write_all(&[*byte])
    })
}

fn repeat(mut stream: &TcpStream, refrain: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(refrain)?;
    }
}

/// Reads a request's head; `false`: the connection ended.
fn read_head(lines: &mut BufReader<&TcpStream>) -> bool {
    /// Longer lines than any request of a test.
    const LINE_BYTES_MAX: u64 = 8 * 1024;
    loop {
        let mut line = Vec::new();
        match lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) if line == b"\r\n" => return true,
            Ok(_) => {}
        }
    }
}
