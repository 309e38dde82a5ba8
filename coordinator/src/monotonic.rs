//! The kernel's monotonic clock, the one that agents on the same host read too.

use rustix::time::{ClockId, clock_gettime};

use crate::clock::ClockIdentity;

/// Now, in nanoseconds on `CLOCK_MONOTONIC`.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at boot, so both parts are non-negative and fit for 584 years.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Which clock that is; `None`: the kernel does not tell, and then no agent is taken to read it too.
pub(crate) fn identity() -> Option<ClockIdentity> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/time").ok()?;
    ClockIdentity::new(Some(boot_id.trim()), namespace.to_str())
}
