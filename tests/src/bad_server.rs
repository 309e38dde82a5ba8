//! HTTP servers that misbehave, each in one way, on real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

/// How a server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Closes each connection as soon as it is there.
    ClosesAtOnce,
    /// Closes within the body that it promised.
    ClosesWithin,
    /// Answers with something that is no HTTP.
    TalksGarbage,
    /// Reads, and says nothing.
    NeverAnswers,
    /// Answers everything with 500.
    Fails,
    /// Answers everything with 200 and a body that nobody asked for.
    SaysSomethingElse,
}

impl Manner {
    /// What it writes in answer to a request; `None`: nothing, and the connection stays.
    fn answer(self) -> Option<&'static [u8]> {
        match self {
            Manner::ClosesAtOnce | Manner::NeverAnswers => None,
            Manner::ClosesWithin => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nnot all of it"),
            Manner::TalksGarbage => Some(b"\x15\x03\x01\x00\x02\x02\x28 this is no HTTP\r\n\r\n"),
            Manner::Fails => Some(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\n\r\nbroken"),
            Manner::SaysSomethingElse => Some(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
        }
    }

    /// Whether it closes the connection after its answer.
    fn closes(self) -> bool {
        matches!(self, Manner::ClosesWithin | Manner::TalksGarbage)
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
        if manner == Manner::ClosesAtOnce {
            continue;
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
    let mut lines = BufReader::new(stream);
    while read_head(&mut lines) {
        match manner.answer() {
            Some(answer) if stream.write_all(answer).is_err() => return,
            Some(_) if manner.closes() => {
                let _it_may_be_closed = stream.shutdown(Shutdown::Both);
                return;
            }
            _ => {}
        }
    }
}

/// Reads a request's head; `false`: the connection ended.
fn read_head(lines: &mut BufReader<&TcpStream>) -> bool {
    /// Longer lines than any request of a test.
    const LINE_BYTES_MAX: u64 = 8 * 1024;
    loop {
        let mut line = String::new();
        match lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) if line == "\r\n" => return true,
            Ok(_) => {}
        }
    }
}
