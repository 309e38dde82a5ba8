//! A worker's socket to one target, and how the kernel's answers read.
//!
//! It is connected, so that only the target's own datagrams come in, and so that the kernel tells when nobody listens there.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;

use shared::interval::ErrorKind;
use tokio::io::Interest;
use tokio::net::{UdpSocket, lookup_host};

use crate::workload::connection::failure::Failure;
use crate::workload::connection::place::Place;
use crate::workload::connection::target::{Target, Unresolved, usable};

/// Most that a datagram carries over IPv4: 65,535 bytes without the headers of IP and UDP.
pub(super) const DATAGRAM_BYTES_MAX: usize = 65_507;
/// Most datagrams that are passed over before a request, so that a server that never stops sending holds nobody: more than the
/// kernel's usual buffer holds.
const STALE_MAX: usize = 4_096;

/// What a load thread reads datagrams into: one buffer, as each is looked at before the next is read.
#[derive(Debug, Clone)]
pub(super) struct Tray(Rc<RefCell<Box<[u8]>>>);

/// A socket, and how many operations it was used for.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
    /// Operations that were begun on it.
    pub(super) operations: u64,
}

impl Tray {
    /// An empty one.
    pub(super) fn new() -> Self {
        // One byte more than any datagram has.
        Self(Rc::new(RefCell::new(vec![0; DATAGRAM_BYTES_MAX + 1].into())))
    }
}

impl Socket {
    /// Opens one to a target, whose policy is asked about the very address.
    pub(super) async fn open(target: &Target, turn: usize) -> Result<Self, Failure> {
        let Place::Host { host, port } = &target.route.place else {
            return Err(Failure::new(ErrorKind::Connect, "datagrams go to a host and a port".to_owned()));
        };
        let found = match target.addresses.is_empty() {
            true => Some(lookup_host((host.as_str(), *port)).await.and_then(usable).map_err(|error| {
                Failure::new(ErrorKind::Connect, Unresolved::new(host, &error).to_string())
            })?),
            false => None,
        };
        let addresses = found.as_ref().unwrap_or(&target.addresses);
        let address = addresses[turn % addresses.len()];
        target.warden.check_address(host, address).map_err(|refusal| {
            // The warden has noted it, so that the trial ends.
            Failure::new(ErrorKind::Other, format!("this agent refuses: {refusal}"))
        })?;
        let any = match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let opened = async {
            let socket = UdpSocket::bind((any, 0)).await?;
            socket.connect(address).await?;
            Ok(socket)
        };
        let socket = opened.await.map_err(|error: io::Error| {
            Failure::new(ErrorKind::Connect, format!("opening a socket to {address}: {error}"))
        })?;
        Ok(Self { socket, address, operations: 0 })
    }

    /// Passes over what came, and what went wrong, since the last operation ended: it answers nothing that is still asked.
    pub(super) fn pass_over_stale(&self, tray: &Tray) {
        // An error is that of an earlier datagram; the next one says again what is wrong.
        let _of_before = self.socket.take_error();
        for _ in 0..STALE_MAX {
            if let Err(error) = self.socket.try_recv(&mut tray.0.borrow_mut())
                && error.kind() == io::ErrorKind::WouldBlock
            {
                return;
            }
        }
    }

    /// Sends a datagram.
    pub(super) async fn send(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.socket.send(bytes).await.map(drop).map_err(|error| self.failed(&error))
    }

    /// Awaits a datagram, and lets it be looked at.
    pub(super) async fn receive<T>(
        &self,
        tray: &Tray,
        mut look: impl FnMut(&[u8]) -> T,
    ) -> Result<T, Failure> {
        loop {
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await;
            if ready.map_err(|error| self.failed(&error))?.is_error() {
                self.socket
                    .try_io(Interest::ERROR, || self.pending_error())
                    .or_else(|error| self.unless_none(error))?;
            }
            let mut buffer = tray.0.borrow_mut();
            match self.socket.try_recv(&mut buffer) {
                Ok(length) => return Ok(look(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// What the kernel has to say of datagrams that were sent. Nothing: it would have to be waited for.
    fn pending_error(&self) -> io::Result<()> {
        match self.socket.take_error()? {
            Some(error) => Err(error),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn unless_none(&self, error: io::Error) -> Result<(), Failure> {
        if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(self.failed(&error)) }
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let address = self.address;
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::new(
                ErrorKind::Connect,
                format!("nobody listens at {address}: its host refused the datagram (ICMP port unreachable)"),
            ),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Failure::new(ErrorKind::Connect, format!("{address} cannot be reached: {error}"))
            }
            _ => Failure::new(ErrorKind::Other, format!("the datagram to {address}: {error}")),
        }
    }
}
