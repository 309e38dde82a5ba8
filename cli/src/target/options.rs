//! What the command line may ask of the target, as types that cannot be invalid.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::{io, thread};

use shared::delay::Delay;
use shared::units::{UnitError, parse_share, parse_size};

use super::stall::Stall;

/// Longest body of an answer: it is kept in memory once.
pub(crate) const BODY_SIZE_MAX: usize = 64 * 1024 * 1024;
/// Most event loops: one serves tens of thousands of requests per second, and the machine must be left to
/// whoever measures.
pub(crate) const THREADS_MAX: usize = 64;
/// Event loops when nothing is said, on machines with so many cores.
const THREADS_DEFAULT: usize = 2;

/// The seed when none is given: a target behaves the same each time unless it is told otherwise.
pub(crate) const SEED_DEFAULT: u64 = 1;

/// How the target behaves.
#[derive(Debug, Clone)]
pub(crate) struct TargetOptions {
    /// Where it listens.
    pub(crate) listen: ListenAddress,
    /// How long answers take; zero by default.
    pub(crate) latency: Delay,
    /// Freezes of the whole server; `None`: none.
    pub(crate) stall: Option<Stall>,
    /// The share of answers that have status 500.
    pub(crate) errors: ErrorShare,
    /// The length of bodies; `None`: the body is `ok`.
    pub(crate) body: Option<BodySize>,
    /// Seed of delays and errors. Each event loop draws from its own stream of it.
    pub(crate) seed: u64,
    /// Where connections are echoed; `None`: nowhere.
    pub(crate) tcp_echo: Option<ListenAddress>,
    /// Where calls of gRPC are echoed; `None`: nowhere.
    pub(crate) grpc_echo: Option<ListenAddress>,
    /// Where datagrams are echoed; `None`: nowhere.
    pub(crate) udp_echo: Option<ListenAddress>,
    /// Event loops; `None`: two, or one on a machine with one core.
    pub(crate) threads: Option<ThreadCount>,
}

/// Where to listen: `host:port`, `[address]:port`, or `:port` for all addresses. Port 0 takes a free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenAddress(String);

/// The share of answers that are errors, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct ErrorShare(f64);

/// The length of a body in bytes, at most [`BODY_SIZE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodySize(usize);

/// How many event loops, from 1 to [`THREADS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadCount(NonZeroUsize);

/// Why an option's value is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionError {
    /// Not an address with a port.
    #[error(
        "{0:?} is not an address to listen on: write host:port, [address]:port, or :port for all addresses"
    )]
    Address(String),
    /// Neither a share nor a size.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// A body above [`BODY_SIZE_MAX`].
    #[error("a body of {0} bytes is longer than the longest allowed, {BODY_SIZE_MAX} bytes")]
    BodyTooLong(u64),
    /// A number of threads out of bounds.
    #[error("{0:?} is not a number of threads from 1 to {THREADS_MAX}")]
    Threads(String),
}

impl ListenAddress {
    /// Begins to listen here.
    ///
    /// # Errors
    /// When the address does not resolve, is not this machine's, or is in use.
    pub(super) fn bind(&self) -> io::Result<TcpListener> {
        match self.of_all_addresses() {
            Some(addresses) => TcpListener::bind(&addresses[..]),
            None => TcpListener::bind(&self.0),
        }
    }

    /// Begins to take datagrams here.
    ///
    /// # Errors
    /// When the address does not resolve, is not this machine's, or is in use.
    pub(super) fn bind_datagrams(&self) -> io::Result<UdpSocket> {
        match self.of_all_addresses() {
            Some(addresses) => UdpSocket::bind(&addresses[..]),
            None => UdpSocket::bind(&self.0),
        }
    }

    /// What stands for all addresses of this machine with a port, if only a port was given.
    fn of_all_addresses(&self) -> Option<[SocketAddr; 2]> {
        let port = self.0.strip_prefix(':')?.parse().expect("the port was read when the address was");
        // The IPv6 address takes IPv4 connections too; the other one is for machines without IPv6.
        Some([
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        ])
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for ListenAddress {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let wrong = || OptionError::Address(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        port.parse::<u16>().map_err(|_| wrong())?;
        // An IPv6 address without brackets leaves open where its port begins.
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        if (host.contains(':') && !is_bracketed) || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self(text.to_owned()))
    }
}

impl ErrorShare {
    /// The share, from 0 to 1.
    pub(super) fn share(self) -> f64 {
        self.0
    }
}

impl FromStr for ErrorShare {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        Ok(Self(parse_share(text)?))
    }
}

impl BodySize {
    /// The length in bytes.
    pub(super) fn bytes(self) -> usize {
        self.0
    }
}

impl FromStr for BodySize {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let size_bytes = parse_size(text)?;
        usize::try_from(size_bytes)
            .ok()
            .filter(|bytes| *bytes <= BODY_SIZE_MAX)
            .map(Self)
            .ok_or(OptionError::BodyTooLong(size_bytes))
    }
}

impl ThreadCount {
    /// Two, or one on a machine with one core.
    pub(super) fn of_this_machine() -> Self {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self(cores.min(NonZeroUsize::new(THREADS_DEFAULT).expect("the default is not zero")))
    }

    /// The number.
    pub(super) fn count(self) -> usize {
        self.0.get()
    }
}

impl FromStr for ThreadCount {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        text.parse()
            .ok()
            .filter(|count: &NonZeroUsize| count.get() <= THREADS_MAX)
            .map(Self)
            .ok_or_else(|| OptionError::Threads(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_a_port() {
        for text in ["127.0.0.1:8080", ":8080", "[::1]:0", "localhost:1"] {
            assert!(text.parse::<ListenAddress>().is_ok(), "{text}");
        }
        for text in
            ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "::1:80", "h:65536", "a b:1", "http://h:1"]
        {
            let refused = text.parse::<ListenAddress>().unwrap_err();
            assert_eq!(refused, OptionError::Address(text.to_owned()));
        }
    }

    #[test]
    fn a_port_alone_listens_on_all_addresses() {
        let listener = ":0".parse::<ListenAddress>().unwrap().bind().unwrap();
        assert!(listener.local_addr().unwrap().ip().is_unspecified());
    }

    #[test]
    fn shares_are_read_as_numbers_and_percentages() {
        assert_eq!("0.01".parse(), Ok(ErrorShare(0.01)));
        assert_eq!("1%".parse(), Ok(ErrorShare(0.01)));
        for text in ["", "x", "-0.1", "1.5", "101%"] {
            assert!(text.parse::<ErrorShare>().is_err(), "{text}");
        }
    }

    #[test]
    fn bodies_have_a_longest_length() {
        assert_eq!("1KiB".parse(), Ok(BodySize(1024)));
        assert_eq!("64MiB".parse(), Ok(BodySize(BODY_SIZE_MAX)));
        assert_eq!("65MiB".parse::<BodySize>(), Err(OptionError::BodyTooLong(65 * 1024 * 1024)));
        assert!("big".parse::<BodySize>().is_err());
    }

    #[test]
    fn there_is_at_least_one_thread() {
        assert_eq!("64".parse::<ThreadCount>().map(ThreadCount::count), Ok(64));
        for text in ["0", "65", "-1", "two"] {
            assert_eq!(text.parse::<ThreadCount>(), Err(OptionError::Threads(text.to_owned())));
        }
        assert!((1..=2).contains(&ThreadCount::of_this_machine().count()));
    }
}
