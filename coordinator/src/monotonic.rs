//! The kernel's monotonic clock, the one that agents on the same host read too.

use rustix::time::{ClockId, clock_gettime};

/// Now, in nanoseconds on `CLOCK_MONOTONIC`.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at boot, so both parts are non-negative and fit for 584 years.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
