//! When a coordinator begins, by its clocks.

use crate::clock::ClockIdentity;
use crate::monotonic;

/// What the clocks show when a coordinator begins.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The wall clock, milliseconds since 1970 UTC.
    pub unix_ms: u64,
    /// The monotonic clock, nanoseconds.
    pub now_ns: u64,
    /// Which monotonic clock that is; `None`: not known.
    pub clock: Option<ClockIdentity>,
}

impl Beginning {
    /// A coordinator begins now, on this machine.
    pub fn now() -> Self {
        Self { unix_ms: crate::unix_ms(), now_ns: monotonic::now_ns(), clock: monotonic::identity() }
    }
}
