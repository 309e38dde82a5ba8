//! A network between agents and coordinator that can be cut: a TCP proxy on loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is passed on at once.
const CHUNK_BYTES: usize = 4096;
/// How often it is looked whether enough has passed for a cut.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The proxy; dropping it cuts all that goes through it.
#[derive(Debug)]
pub struct Proxy {
    /// Where agents call it.
    pub url: String,
    address: SocketAddr,
    wires: Arc<Mutex<Wires>>,
}

#[derive(Debug, Default)]
struct Wires {
    /// Both ends of all connections since the last cut.
    sockets: Vec<TcpStream>,
    /// Nobody gets through.
    is_closed: bool,
    is_over: bool,
    /// Bytes, of both directions together, that still pass before the next cut; `None`: all.
    bytes_left: Option<usize>,
    cuts: usize,
}

impl Proxy {
    /// Starts one before a coordinator.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    pub fn start(coordinator: &str) -> Self {
        let coordinator: SocketAddr =
            coordinator.trim_start_matches("http://").parse().expect("a coordinator's address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let wires = Arc::new(Mutex::new(Wires::default()));
        let shared = wires.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if lock(&shared).is_over {
                    return;
                }
                // A client that is not let through sees its connection end.
                let _the_coordinator_may_be_away = connect(client, coordinator, &shared);
            }
        });
        Self { url: format!("http://{address}"), address, wires }
    }

    /// Cuts all connections now.
    pub fn cut(&self) {
        lock(&self.wires).cut();
    }

    /// Cuts all connections once so many more bytes have passed, so most likely within a message; or after `within` if
    /// fewer do. Returns when they are cut.
    pub fn cut_after(&self, bytes: usize, within: Duration) {
        let deadline = Instant::now() + within;
        let before = self.cuts();
        lock(&self.wires).bytes_left = Some(bytes);
        while self.cuts() == before {
            if Instant::now() >= deadline {
                return self.cut();
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Cuts all connections and lets nobody through until [`Proxy::open`].
    pub fn close(&self) {
        let mut wires = lock(&self.wires);
        wires.is_closed = true;
        wires.cut();
    }

    /// Lets everybody through again.
    pub fn open(&self) {
        lock(&self.wires).is_closed = false;
    }

    /// How often connections were cut.
    pub fn cuts(&self) -> usize {
        lock(&self.wires).cuts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut wires = lock(&self.wires);
        wires.is_over = true;
        wires.cut();
        drop(wires);
        // The accepting thread looks up only when somebody calls.
        let _it_may_have_ended = TcpStream::connect(self.address);
    }
}

impl Wires {
    fn cut(&mut self) {
        for socket in self.sockets.drain(..) {
            let _it_may_have_ended = socket.shutdown(Shutdown::Both);
        }
        self.bytes_left = None;
        self.cuts += 1;
    }

    /// How many of so many bytes may pass.
    fn admit(&mut self, bytes: usize) -> usize {
        match &mut self.bytes_left {
            None => bytes,
            Some(left) => {
                let admitted = bytes.min(*left);
                *left -= admitted;
                admitted
            }
        }
    }
}

fn connect(client: TcpStream, coordinator: SocketAddr, wires: &Arc<Mutex<Wires>>) -> std::io::Result<()> {
    let server = TcpStream::connect(coordinator)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut held = lock(wires);
    if held.is_closed {
        return Ok(());
    }
    held.sockets.extend([client.try_clone()?, server.try_clone()?]);
    drop(held);
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
        let wires = wires.clone();
        thread::spawn(move || pass_on(from, to, &wires));
    }
    Ok(())
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, wires: &Mutex<Wires>) {
    let mut chunk = [0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        let admitted = lock(wires).admit(count);
        let is_passed = to.write_all(&chunk[..admitted]).is_ok();
        if admitted < count {
            lock(wires).cut();
        }
        if !is_passed || admitted < count {
            break;
        }
    }
    let _either_end_may_be_gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn lock(wires: &Mutex<Wires>) -> MutexGuard<'_, Wires> {
    wires.lock().unwrap_or_else(PoisonError::into_inner)
}
