//! A server that writes down when each request arrived: what a load generator's punctuality looks like from outside.
//!
//! One thread, one epoll set, no timer. It answers any GET with a small 200 and understands nothing else, so that
//! reading costs it next to nothing: of a request it follows only where the head ends.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use rustix::time::{ClockId, clock_gettime};

/// Arrivals that are written down: two minutes at 30,000 a second, 32 MiB. Later ones are only counted.
const ARRIVALS_MAX: usize = 4 * 1024 * 1024;
/// Connections at once: what the engine opens at most, and a few strangers. Further ones are closed at once.
const CONNECTIONS_MAX: usize = 10_100;
/// Bytes read at once: a hundred requests, which is more than any generator pipelines here.
const READ_BYTES: usize = 16 * 1024;
/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 256;
/// Connections that wait to be accepted: all that a benchmark opens at once.
const LISTEN_BACKLOG: i32 = 1024;
/// Event data of the listener and of the order to stop; connections count from 0.
const LISTENER: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;

const HEAD_END: &[u8; 4] = b"\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A recorder that runs; dropping it stops it.
#[derive(Debug)]
pub struct ArrivalRecorder {
    address: SocketAddr,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<io::Result<Arrivals>>>,
}

/// What a recorder saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// When each request had been read, ns on CLOCK_MONOTONIC, in order.
    pub at_ns: Vec<u64>,
    /// Requests beyond those that are written down.
    pub only_counted: u64,
}

impl Arrivals {
    /// All requests.
    pub fn count(&self) -> u64 {
        self.at_ns.len() as u64 + self.only_counted
    }

    fn note(&mut self, at_ns: u64) {
        if self.at_ns.len() < ARRIVALS_MAX {
            self.at_ns.push(at_ns);
        } else {
            self.only_counted += 1;
        }
    }
}

impl ArrivalRecorder {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When it cannot listen, or the system refuses descriptors or a thread.
    pub fn start() -> io::Result<Self> {
        Self::listening(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?)
    }

    /// Starts several that share one port, connections being dealt among them by the system: for a client that one
    /// thread of a server could not keep busy.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_crew(size: usize) -> io::Result<Vec<Self>> {
        let first = listener_that_shares(0)?;
        let port = first.local_addr()?.port();
        let others = (1..size).map(|_| listener_that_shares(port));
        std::iter::once(Ok(first)).chain(others).map(|listener| Self::listening(listener?)).collect()
    }

    fn listening(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        epoll::add(&epoll, &*stop, EventData::new_u64(STOP), EventFlags::IN)?;
        let server =
            Server { listener, epoll, connections: HashMap::new(), next: 0, seen: Arrivals::default() };
        let thread = std::thread::Builder::new().name("arrivals".to_owned()).spawn(|| server.run())?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it answers, with a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Stops it and gives what it saw.
    ///
    /// # Errors
    /// When its thread failed.
    pub fn stop(mut self) -> io::Result<Arrivals> {
        self.end().unwrap_or_else(|| Err(io::Error::other("the recorder has ended already")))
    }

    fn end(&mut self) -> Option<io::Result<Arrivals>> {
        let thread = self.thread.take()?;
        // Fails only on a full counter, and then the thread has been told already.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        Some(thread.join().unwrap_or_else(|_| Err(io::Error::other("the recorder's thread panicked"))))
    }
}

impl Drop for ArrivalRecorder {
    fn drop(&mut self) {
        let _nobody_asks_any_more = self.end();
    }
}

/// A listener on 127.0.0.1 whose port others may listen on too; port 0 takes a free one.
fn listener_that_shares(port: u16) -> io::Result<TcpListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    rustix::net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&socket, LISTEN_BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// What the thread owns.
struct Server {
    listener: TcpListener,
    epoll: OwnedFd,
    connections: HashMap<u64, Connection>,
    next: u64,
    seen: Arrivals,
}

struct Connection {
    stream: TcpStream,
    heads: HeadEnds,
    /// Requests read and not yet answered.
    unanswered: usize,
}

impl Server {
    fn run(mut self) -> io::Result<Arrivals> {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_MAX);
        let mut buffer = vec![0; READ_BYTES];
        self.seen.at_ns.reserve(ARRIVALS_MAX);
        loop {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            // All are read before any is answered: answering must not make the next one look late.
            for event in &events {
                match event.data.u64() {
                    STOP => return Ok(self.seen),
                    LISTENER => self.accept()?,
                    token => self.read(token, &mut buffer),
                }
            }
            for event in &events {
                self.answer(event.data.u64());
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            if self.connections.len() >= CONNECTIONS_MAX {
                continue;
            }
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            epoll::add(&self.epoll, &stream, EventData::new_u64(self.next), EventFlags::IN)?;
            let connection = Connection { stream, heads: HeadEnds::default(), unanswered: 0 };
            self.connections.insert(self.next, connection);
            self.next += 1;
        }
    }

    fn read(&mut self, token: u64, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        match connection.stream.read(buffer) {
            Ok(count) if count > 0 => {
                let at_ns = now_ns();
                let ended = connection.heads.count(&buffer[..count]);
                connection.unanswered += ended;
                (0..ended).for_each(|_| self.seen.note(at_ns));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // Dropping the socket takes it out of the epoll set.
            Ok(_) | Err(_) => drop(self.connections.remove(&token)),
        }
    }

    fn answer(&mut self, token: u64) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let answers = ANSWER.repeat(std::mem::take(&mut connection.unanswered));
        // A client that does not even take a few short answers is not one that is measured here.
        if !answers.is_empty() && connection.stream.write_all(&answers).is_err() {
            self.connections.remove(&token);
        }
    }
}

/// How much of the end of a head has gone by: a request may be cut anywhere.
#[derive(Debug, Default)]
struct HeadEnds {
    matched: usize,
}

impl HeadEnds {
    /// How many heads end in these bytes.
    fn count(&mut self, bytes: &[u8]) -> usize {
        let mut ended = 0;
        for byte in bytes {
            self.matched = match *byte {
                byte if byte == HEAD_END[self.matched] => self.matched + 1,
                b'\r' => 1,
                _ => 0,
            };
            if self.matched == HEAD_END.len() {
                self.matched = 0;
                ended += 1;
            }
        }
        ended
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither part is ever negative on this clock.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_answered_and_written_down_in_order() {
        let recorder = ArrivalRecorder::start().unwrap();
        let mut stream = TcpStream::connect(recorder.address).unwrap();
        let before_ns = now_ns();
        stream.write_all(&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3)).unwrap();
        let mut answers = vec![0; 3 * ANSWER.len()];
        stream.read_exact(&mut answers).unwrap();
        assert_eq!(answers, ANSWER.repeat(3));
        let seen = recorder.stop().unwrap();
        assert_eq!(seen.count(), 3);
        assert!(seen.at_ns.is_sorted() && seen.at_ns[0] >= before_ns && seen.at_ns[2] <= now_ns());
    }

    #[test]
    fn a_crew_shares_one_port_and_all_requests_are_seen() {
        let crew = ArrivalRecorder::start_crew(2).unwrap();
        assert_eq!(crew[0].address, crew[1].address);
        for _ in 0..20 {
            let mut stream = TcpStream::connect(crew[0].address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let mut answer = vec![0; ANSWER.len()];
            stream.read_exact(&mut answer).unwrap();
        }
        let seen: u64 = crew.into_iter().map(|one| one.stop().unwrap().count()).sum();
        assert_eq!(seen, 20);
    }

    #[test]
    fn a_head_ends_wherever_the_stream_is_cut() {
        let stream = b"GET / HTTP/1.1\r\na: b\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        for cut in 0..stream.len() {
            let (one, other) = stream.split_at(cut);
            let mut heads = HeadEnds::default();
            assert_eq!(heads.count(one) + heads.count(other), 2, "cut at {cut}");
        }
    }

    #[test]
    fn beyond_its_bound_arrivals_are_only_counted() {
        let mut seen = Arrivals { at_ns: vec![0; ARRIVALS_MAX], only_counted: 0 };
        seen.note(1);
        assert_eq!((seen.at_ns.len(), seen.count()), (ARRIVALS_MAX, ARRIVALS_MAX as u64 + 1));
    }
}
