//! The engine's clock: the kernel's monotonic clock in nanoseconds, the same for every thread and process of the host.

use std::time::Duration;

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// How long before a moment the timer of the runtime is left for the kernel's own: tokio's timer is 1 ms
/// coarse and rounds up, so 2 ms is the least that never sleeps past the moment.
const COARSE_TIMER_MARGIN_NS: u64 = 2_000_000;

/// Now, in nanoseconds on `CLOCK_MONOTONIC`. Costs about 20 ns (vDSO).
#[inline]
pub fn now_ns() -> u64 {
    as_ns(clock_gettime(ClockId::Monotonic))
}

/// Which time namespace of the host this process runs in, and so which monotonic clock it reads; `None`: the kernel does
/// not tell.
pub fn namespace() -> Option<String> {
    std::fs::read_link("/proc/self/ns/time").ok()?.into_os_string().into_string().ok()
}

/// CPU time that the calling thread has used, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    as_ns(clock_gettime(ClockId::ThreadCPUTime))
}

/// Waits until a moment on `CLOCK_MONOTONIC`, to within the kernel's own timer (about 0.1 ms).
///
/// Blocks the calling thread for the last 2 ms: only for a thread that has nothing else to do yet.
pub(super) async fn wait_until(moment_ns: u64) {
    let coarse_ns = moment_ns.saturating_sub(COARSE_TIMER_MARGIN_NS).saturating_sub(now_ns());
    if coarse_ns > 0 {
        tokio::time::sleep(Duration::from_nanos(coarse_ns)).await;
    }
    let moment = Timespec {
        tv_sec: i64::try_from(moment_ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (moment_ns % 1_000_000_000) as _,
    };
    while now_ns() < moment_ns {
        // A signal may end the sleep early; any other error cannot happen with this clock and a valid time,
        // and the loop would then merely wait by looking.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &moment);
    }
}

fn as_ns(time: Timespec) -> u64 {
    // These clocks start at boot or with the thread, so both parts are non-negative and fit for 584 years.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
