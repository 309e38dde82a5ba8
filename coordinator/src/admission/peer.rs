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

    /// Whether nobody else hears what is said on the connection: it is encrypted, or never leaves this machine.
    pub(crate) fn is_private(&self) -> bool {
        match self.who {
            Who::Unasked => self.from.ip().to_canonical().is_loopback(),
            Who::Newcomer | Who::Known(_) => true,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_encryption_only_this_machine_is_private() {
        for (from, is_private) in
            [("127.0.0.1:1", true), ("[::1]:1", true), ("[::ffff:127.0.0.1]:1", true), ("10.0.0.1:1", false)]
        {
            let from = from.parse().unwrap();
            assert_eq!(Peer { from, who: Who::Unasked }.is_private(), is_private, "{from}");
            assert!(Peer { from, who: Who::Newcomer }.is_private(), "{from}");
        }
    }
}
