//! `fleetmark target`: an HTTP/1.1 server whose behaviour is known, for demonstrations and to calibrate
//! fleetmark itself.
//!
//! `GET /health` is answered at once, and so is `GET /count`, which tells how many other requests there were; every
//! other path alike, after the delay asked for, which counts from when the request's last byte was read. A freeze
//! stops everything, these two included.
//!
//! tokio's timer is a millisecond coarse, so the server runs on event loops of its own: per thread an epoll
//! set, a heap of deadlines, and a timer that is precise to microseconds. Rooms:
//!
//! * [`options`], [`stall`]: what can be asked for.
//! * [`behaviour`], [`answers`], [`outbox`], [`tally`]: what is answered, when, in which order, and how often.
//! * [`request`]: requests taken off a byte stream.
//! * [`connection`], [`connections`], [`permits`], [`patience`]: the clients, how many there may be, and for
//!   how long they may do nothing.
//! * [`clock`], [`server_clock`], [`deadlines`]: time.
//! * [`acceptor`], [`event_loop`]: the threads.
//! * [`echo`], [`grpc_echo`]: what it answers beside HTTP, over TCP, UDP and gRPC.
//! * [`network`]: the other side of the workload `network`, which is no HTTP server.

mod acceptor;
mod answers;
mod behaviour;
mod clock;
mod connection;
mod connections;
mod deadlines;
mod echo;
mod event_loop;
mod grpc_echo;
mod network;
mod options;
mod outbox;
mod patience;
mod permits;
mod request;
mod server_clock;
mod stall;
mod tally;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use acceptor::{CONNECTIONS_MAX, accept_all};
use answers::AnswerBytes;
use behaviour::Behaviour;
use clock::Moment;
use event_loop::{Doorbell, EventLoop};
use permits::Permits;
use server_clock::ServerClock;
use tally::Tally;

pub(crate) use network::run as serve_network;
pub(crate) use options::{BodySize, ErrorShare, ListenAddress, SEED_DEFAULT, TargetOptions, ThreadCount};
pub(crate) use stall::Stall;

/// Runs a target until the process is ended by a signal. Says on stderr where it listens.
///
/// # Errors
/// When it cannot listen, or the system refuses threads or descriptors.
pub(crate) fn run(options: TargetOptions) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let server = Server::start(&options)?;
    let echoes = start_echoes(&options)?;
    eprintln!("fleetmark target listens on http://{}", server.address);
    for echo in echoes {
        eprintln!("fleetmark target echoes on {echo}");
    }
    server.accept()
}

/// A server that listens and whose loops run.
struct Server {
    address: SocketAddr,
    listener: TcpListener,
    clock: ServerClock,
    loops: Vec<Doorbell>,
}

impl Server {
    fn start(options: &TargetOptions) -> anyhow::Result<Self> {
        let (listener, address) = listen(&options.listen)?;
        let answers = Arc::new(AnswerBytes::new(options.body));
        let clock = ServerClock::new(Moment::now(), options.stall);
        let tally = Tally::default();
        let thread_count = options.threads.unwrap_or_else(ThreadCount::of_this_machine).count();
        let loops = (0..thread_count)
            .map(|index| {
                let behaviour = Behaviour::new(options, index, tally.clone());
                start_loop(index, clock, behaviour, Arc::clone(&answers))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { address, listener, clock, loops })
    }

    fn accept(self) -> anyhow::Result<()> {
        let permits = Permits::new(CONNECTIONS_MAX);
        accept_all(&self.listener, self.clock, &permits, &self.loops)
            .with_context(|| format!("failed to accept connections on {}", self.address))
    }
}

/// Starts the echoes that are asked for; returns where they are.
fn start_echoes(options: &TargetOptions) -> anyhow::Result<Vec<String>> {
    let mut echoes = Vec::new();
    if let Some(address) = &options.tcp_echo {
        let started = address.bind().and_then(echo::echo_connections);
        let started = started.map_err(|error| refused(error, address))?;
        echoes.push(format!("tcp://{started}"));
    }
    if let Some(address) = &options.grpc_echo {
        let started = address.bind().and_then(grpc_echo::echo_calls);
        let started = started.map_err(|error| refused(error, address))?;
        echoes.push(format!("grpc://{started}"));
    }
    if let Some(address) = &options.udp_echo {
        let started = address.bind_datagrams().and_then(echo::echo_datagrams);
        let started = started.map_err(|error| refused(error, address))?;
        echoes.push(format!("udp://{started}"));
    }
    Ok(echoes)
}

/// A listener, and the address that it has with its real port.
fn listen(listen: &ListenAddress) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bound = listen.bind().and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| refused(error, listen))
}

/// An address that cannot be listened on, and what to do about it.
fn refused(error: std::io::Error, address: &ListenAddress) -> anyhow::Error {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => ": choose another port, or port 0 for a free one",
        _ => "",
    };
    anyhow::Error::new(error).context(format!("failed to listen on {address}{advice}"))
}

fn start_loop(
    index: usize,
    clock: ServerClock,
    behaviour: Behaviour,
    answers: Arc<AnswerBytes>,
) -> anyhow::Result<Doorbell> {
    let (event_loop, doorbell) =
        EventLoop::new(clock, behaviour, answers).context("failed to make an event loop")?;
    thread::Builder::new()
        .name(format!("target-{index}"))
        .spawn(move || {
            if let Err(error) = event_loop.run() {
                eprintln!("fleetmark target: event loop {index} failed: {error}");
            }
        })
        .context("failed to start a thread")?;
    Ok(doorbell)
}

/// Each connection needs a descriptor, and the usual soft limit of 1,024 is far below what may connect.
pub(crate) fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Not being allowed to is no failure: whoever accepts says so when descriptors run out.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
