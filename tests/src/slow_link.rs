//! A link between agents and coordinator that takes its time: a TCP proxy on loopback that holds back all that it
//! passes on, each way for a time of its own, and now and then for a longer one.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What is passed on at once.
const CHUNK_BYTES: usize = 4096;
/// Chunks that may be under way on one connection: 4 MiB, more than the windows of the protocol let pass.
const CHUNKS_MAX: usize = 1_024;

/// How long either way may take, milliseconds; drawn anew for each chunk, which never overtakes another.
#[derive(Debug, Clone)]
pub struct Delays {
    /// From agents to the coordinator.
    pub up_ms: RangeInclusive<u64>,
    /// From the coordinator to agents.
    pub down_ms: RangeInclusive<u64>,
}

/// Chunks that the link holds back for much longer, and with them all that follow.
#[derive(Debug, Clone, Copy)]
pub struct Stalls {
    /// Their share of all chunks, 0 to 1.
    pub share: f64,
    /// How much longer than others they take.
    pub length: Duration,
}

/// How the link passes on what comes.
#[derive(Debug, Clone)]
struct Manner {
    delays: Delays,
    stalls: Option<Stalls>,
}

/// The proxy; dropping it ends all that goes through it.
#[derive(Debug)]
pub struct SlowLink {
    /// Where agents call it.
    pub url: String,
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    is_over: Arc<AtomicBool>,
}

impl SlowLink {
    /// Starts one before a coordinator. `seed` decides the delays.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    pub fn start(coordinator: &str, delays: Delays, seed: u64) -> Self {
        let coordinator: SocketAddr =
            coordinator.trim_start_matches("http://").parse().expect("a coordinator's address");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let is_over = Arc::new(AtomicBool::new(false));
        let manner = Arc::new(Mutex::new(Manner { delays, stalls: None }));
        let (over, shared) = (Arc::clone(&is_over), Arc::clone(&manner));
        thread::spawn(move || {
            let (mut dice, mut sockets) = (StdRng::seed_from_u64(seed), Vec::new());
            for agent in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                // An agent that is not let through sees its connection end.
                sockets.extend(join(agent, coordinator, &shared, &mut dice).into_iter().flatten());
            }
            for socket in sockets {
                let _it_may_have_ended = socket.shutdown(Shutdown::Both);
            }
        });
        Self { url: format!("http://{address}"), address, manner, is_over }
    }

    /// From now on it takes so long.
    pub fn take(&self, delays: Delays) {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).delays = delays;
    }

    /// From now on it stalls.
    pub fn stall(&self, stalls: Stalls) {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).stalls = Some(stalls);
    }
}

impl Drop for SlowLink {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // The accepting thread looks up only when somebody calls.
        let _it_may_have_ended = TcpStream::connect(self.address);
    }
}

impl Manner {
    /// How long the next chunk is held back.
    fn delay(&self, is_up: bool, dice: &mut StdRng) -> Duration {
        let delay_ms = if is_up { &self.delays.up_ms } else { &self.delays.down_ms };
        let usual =
            Duration::from_micros(dice.random_range(delay_ms.start() * 1_000..=delay_ms.end() * 1_000));
        let stall = self.stalls.filter(|stalls| dice.random_bool(stalls.share));
        usual + stall.map_or(Duration::ZERO, |stall| stall.length)
    }
}

/// Connects an agent to the coordinator; gives both ends.
fn join(
    agent: TcpStream,
    coordinator: SocketAddr,
    manner: &Arc<Mutex<Manner>>,
    dice: &mut StdRng,
) -> std::io::Result<[TcpStream; 2]> {
    let server = TcpStream::connect(coordinator)?;
    agent.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for (from, to, is_up) in [(&agent, &server, true), (&server, &agent, false)] {
        let (held, due) = mpsc::sync_channel(CHUNKS_MAX);
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        let (manner, mut dice) = (Arc::clone(manner), StdRng::seed_from_u64(dice.random()));
        let delay = move || {
            let manner = manner.lock().unwrap_or_else(PoisonError::into_inner).clone();
            manner.delay(is_up, &mut dice)
        };
        thread::spawn(move || hold(from, &held, delay));
        thread::spawn(move || release(&due, to));
    }
    Ok([agent, server])
}

/// Reads what comes, and says until when it is held back.
fn hold(
    mut from: TcpStream,
    held: &mpsc::SyncSender<(Instant, Vec<u8>)>,
    mut delay: impl FnMut() -> Duration,
) {
    let mut chunk = [0; CHUNK_BYTES];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if held.send((Instant::now() + delay(), chunk[..count].to_vec())).is_err() {
            break;
        }
    }
    let _the_other_end_may_be_gone = from.shutdown(Shutdown::Both);
}

/// Passes on what is due, in order.
fn release(due: &mpsc::Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (at, chunk) in due {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    let _the_other_end_may_be_gone = to.shutdown(Shutdown::Both);
}
