//! An HTTP server that remembers what it was asked, hands out tokens, and refuses wrong ones.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Longest line of a request, and longest body: longer than any of a test.
const PART_BYTES_MAX: u64 = 64 * 1024;

/// A server that remembers; gone when dropped.
///
/// `POST /login` gives a token in JSON and a cookie that belongs to it, `GET /use` wants both of one login, and
/// `GET /item/N` answers with `x-cache: HIT` when N is even, and with N in `x-took` and as `n` in JSON. Everything else is 404.
#[derive(Debug)]
pub struct Witness {
    address: SocketAddr,
    memory: Arc<Memory>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Memory {
    is_over: AtomicBool,
    logins: AtomicU64,
    /// Method, path and status of each request.
    seen: Mutex<Vec<String>>,
}

/// A request, as far as the server cares.
struct Request {
    method: String,
    path: String,
    /// Names in small letters.
    headers: Vec<(String, String)>,
}

impl Witness {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let memory = Arc::new(Memory::default());
        let theirs = Arc::clone(&memory);
        let acceptor = thread::spawn(move || accept(&listener, &theirs));
        Self { address, memory, acceptor: Some(acceptor) }
    }

    /// Where it listens, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, as `GET /item/1 200`.
    ///
    /// # Panics
    /// When one of its threads did.
    pub fn seen(&self) -> Vec<String> {
        self.memory.seen.lock().expect("no thread of the server panicked").clone()
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.memory.is_over.store(true, Ordering::SeqCst);
        // Only a connection wakes it.
        let _it_may_be_gone = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _its_panic_was_printed = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, memory: &Arc<Memory>) {
    let mut served: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
    for stream in listener.incoming() {
        if memory.is_over.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        let memory = Arc::clone(memory);
        served.push((handle, thread::spawn(move || serve(&stream, &memory))));
    }
    for (stream, thread) in served {
        let _it_may_be_closed = stream.shutdown(Shutdown::Both);
        let _its_panic_was_printed = thread.join();
    }
}

/// Answers one connection's requests until it ends.
fn serve(mut stream: &TcpStream, memory: &Memory) {
    let mut lines = BufReader::new(stream);
    while let Some(request) = Request::read(&mut lines) {
        let (status, headers, body) = memory.answer(&request);
        memory.note(format!("{} {} {status}", request.method, request.path));
        let head = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

impl Memory {
    fn note(&self, line: String) {
        self.seen.lock().expect("no thread of the server panicked").push(line);
    }

    /// Status, header lines and body.
    fn answer(&self, request: &Request) -> (u16, String, String) {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/login") => {
                let login = self.logins.fetch_add(1, Ordering::SeqCst);
                let cookie = format!("set-cookie: session=s{login}; Path=/; HttpOnly\r\n");
                (200, cookie, format!("{{\"token\":\"t{login}\"}}"))
            }
            ("GET", "/use") => {
                let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer t"));
                let session = request.header("cookie").and_then(|value| value.strip_prefix("session=s"));
                let is_one_login = token.is_some_and(|token| !token.is_empty()) && token == session;
                (if is_one_login { 200 } else { 401 }, String::new(), String::new())
            }
            ("GET", path) => {
                match path.strip_prefix("/item/").and_then(|number| number.parse::<u64>().ok()) {
                    Some(number) => {
                        let cache = if number.is_multiple_of(2) { "HIT" } else { "MISS" };
                        let headers = format!("x-cache: {cache}\r\nx-took: {number}\r\n");
                        (200, headers, format!("{{\"n\":{number}}}"))
                    }
                    None => (404, String::new(), String::new()),
                }
            }
            _ => (404, String::new(), String::new()),
        }
    }
}

impl Request {
    /// The next request, its body read and left behind; `None`: the connection ended.
    fn read(lines: &mut BufReader<&TcpStream>) -> Option<Self> {
        let first = line(lines)?;
        let mut words = first.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let line = line(lines)?;
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let request = Self { method, path, headers };
        let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        let mut body = lines.by_ref().take(u64::min(length, PART_BYTES_MAX));
        std::io::copy(&mut body, &mut std::io::sink()).ok()?;
        Some(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A line without its break; `None`: the connection ended.
fn line(lines: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = String::new();
    match lines.by_ref().take(PART_BYTES_MAX).read_line(&mut line) {
        Ok(1..) => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        Ok(0) | Err(_) => None,
    }
}
