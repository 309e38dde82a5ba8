//! Who calls: what a connection proved.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use trust::certificate::Holder;

/// The other end of a connection. It goes along with each of its calls.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// From where.
    pub(crate) from: SocketAddr,
    /// What it proved.
    pub(crate) who: Who,
}

/// What the other end of a connection proved.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Nothing, and nobody asked: this coordinator neither encrypts nor asks who calls.
    Unasked,
    /// Nothing, but it spoke TLS: it may ask for a certificate.
    Newcomer,
    /// That it is the holder of a certificate that counts.
    Known(Arc<Holder>),
}

impl Peer {
    /// Whose certificate was shown.
    pub(crate) fn holder(&self) -> Option<&Holder> {
        match &self.who {
            Who::Known(holder) => Some(holder),
            Who::Unasked | Who::Newcomer => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            Who::Unasked => write!(formatter, "{}", self.from.ip()),
            Who::Newcomer => write!(formatter, "a newcomer at {}", self.from.ip()),
            Who::Known(holder) => write!(formatter, "{holder} at {}", self.from.ip()),
        }
    }
}
