//! A scripted server: on each connection it reads a request, then plays its acts.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Time for a client to read an answer before more comes: a hundred times what it takes.
const PUSH_DELAY: Duration = Duration::from_millis(50);

/// What the server does next on a connection.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Reads one request and sends this.
    Answer(String),
    /// Reads one request and sends this byte by byte.
    Drip(String),
    /// Reads the head of a request and sends this.
    AnswerHead(&'static str),
    /// Reads what is left of the request's body and sends this.
    AnswerBody(&'static str),
    /// Sends this at five bytes a second.
    Slow(String),
    /// Sends this without having been asked, once the client has read what came before.
    Push(&'static str),
    /// Sends this again and again.
    Endless(&'static str),
    /// Closes the connection.
    Close,
    /// Closes it with a reset.
    Reset,
    /// Reads and says nothing until the client goes.
    Silence,
}

impl Act {
    pub(super) fn answer(text: &str) -> Self {
        Self::Answer(text.to_owned())
    }
}

/// What the server's threads tell the test.
#[derive(Debug, Default)]
struct Seen {
    closed: Mutex<usize>,
    changed: Condvar,
    heard: Mutex<Vec<u8>>,
}

/// A server that plays the same acts on every connection, for as long as the test's process lives.
pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Server {
    pub(super) fn start(acts: Vec<Act>) -> Self {
        Self::start_on("127.0.0.1:0", acts)
    }

    pub(super) fn start_on(listen: &str, acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind(listen).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let theirs = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (acts, seen) = (acts.clone(), Arc::clone(&theirs));
                thread::spawn(move || serve(stream.unwrap(), &acts, &seen));
            }
        });
        Self { address, seen }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits until so many connections were closed by the server.
    pub(super) fn wait_until_closed(&self, count: usize) {
        let closed = self.seen.closed.lock().unwrap();
        let patience = Duration::from_secs(30);
        let waited =
            self.seen.changed.wait_timeout_while(closed, patience, |closed| *closed < count).unwrap();
        assert!(!waited.1.timed_out(), "the server never closed");
    }

    /// All requests so far.
    pub(super) fn heard(&self) -> String {
        String::from_utf8(self.seen.heard.lock().unwrap().clone()).unwrap()
    }
}

/// Ends quietly when the client goes: every write may fail then.
fn serve(mut stream: TcpStream, acts: &[Act], seen: &Seen) {
    for act in acts {
        let played = match act {
            Act::Answer(text) => hear(&mut stream, seen).and_then(|()| stream.write_all(text.as_bytes())),
            Act::Drip(text) => hear(&mut stream, seen).and_then(|()| drip(&mut stream, text, Duration::ZERO)),
            Act::AnswerHead(text) => {
                hear_head(&mut stream, seen).and_then(|()| stream.write_all(text.as_bytes()))
            }
            Act::AnswerBody(text) => {
                hear_some(&mut stream, seen).and_then(|()| stream.write_all(text.as_bytes()))
            }
            Act::Slow(text) => drip(&mut stream, text, Duration::from_millis(200)),
            Act::Push(text) => {
                thread::sleep(PUSH_DELAY);
                stream.write_all(text.as_bytes())
            }
            Act::Endless(text) => {
                while stream.write_all(text.as_bytes()).is_ok() {}
                Ok(())
            }
            Act::Close => break,
            Act::Reset => {
                // Closing with unread bytes in the receive buffer makes the kernel send a reset.
                let _ = stream.peek(&mut [0]);
                break;
            }
            Act::Silence => std::io::copy(&mut stream, &mut std::io::sink()).map(drop),
        };
        if played.is_err() {
            break;
        }
    }
    drop(stream);
    *seen.closed.lock().unwrap() += 1;
    seen.changed.notify_all();
}

/// Reads up to the end of a request's head and of its body.
fn hear(stream: &mut TcpStream, seen: &Seen) -> std::io::Result<()> {
    let (mut request, mut piece) = (Vec::new(), [0; 1024]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                seen.heard.lock().unwrap().extend_from_slice(&request);
                return Ok(());
            }
        }
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => request.extend_from_slice(&piece[..read]),
        }
    }
}

/// Reads up to the end of a request's head, byte by byte.
fn hear_head(stream: &mut TcpStream, seen: &Seen) -> std::io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    seen.heard.lock().unwrap().extend_from_slice(&head);
    Ok(())
}

/// Reads whatever comes next.
fn hear_some(stream: &mut TcpStream, seen: &Seen) -> std::io::Result<()> {
    let mut piece = [0; 1024];
    let read = stream.read(&mut piece)?;
    seen.heard.lock().unwrap().extend_from_slice(&piece[..read]);
    Ok(())
}

fn drip(stream: &mut TcpStream, text: &str, pause: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    text.bytes().try_for_each(|byte| {
        thread::sleep(pause);
        stream.write_all(&[byte])
    })
}
