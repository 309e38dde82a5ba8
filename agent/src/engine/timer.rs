//! A timer that is true to the kernel's own: an absolute timerfd that the thread's runtime waits for.
//!
//! tokio's timer is 1 ms coarse. Measured over 1,000 to 30,000 arrivals per second, a wait of its `sleep_until` is late by
//! 1.2 to 1.7 ms at p99, and one on an absolute timerfd by 0.08 to 0.12 ms.

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use super::clock::now_ns;
use crate::child::system::awaitable;

/// A moment so near is waited for by looking: arming the timer and being woken takes longer.
const LOOK_WITHIN_NS: u64 = 3_000;
/// How far a beat of a timer that fires again and again may be from the moment that is awaited: what rounding to whole
/// nanoseconds adds up to over a few thousand beats, and far below what being woken takes.
const BEAT_OFF_NS_MAX: u64 = 1_000;

/// One timer of one thread.
#[derive(Debug)]
pub(super) struct Timer {
    fd: AsyncFd<OwnedFd>,
    armed: Cell<Beat>,
}

/// The moments at which a timer fires: `first_ns`, and then every `every_ns` if that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Beat {
    first_ns: u64,
    every_ns: u64,
}

impl Timer {
    /// A timer on the runtime of the calling thread.
    ///
    /// # Errors
    /// When there are too many open files.
    pub(super) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { fd: awaitable(fd)?, armed: Cell::default() })
    }

    /// Waits until a moment on `CLOCK_MONOTONIC`; returns at once if it has passed.
    pub(super) async fn wait_until(&self, moment_ns: u64) {
        self.wait_in_rhythm(moment_ns, 0).await;
    }

    /// The same, when the moments after this one are expected every so often (0: not known): a timer that already fires
    /// in that rhythm needs no system call to be waited for.
    pub(super) async fn wait_in_rhythm(&self, moment_ns: u64, every_ns: u64) {
        let left_ns = moment_ns.saturating_sub(now_ns());
        if left_ns > LOOK_WITHIN_NS {
            if self.armed.get().falls_on(moment_ns)
                || self.arm(Beat { first_ns: moment_ns, every_ns }).is_ok()
            {
                self.expired(moment_ns).await;
            } else {
                // Not to be expected of a valid timer; then the coarse way.
                tokio::time::sleep(std::time::Duration::from_nanos(left_ns)).await;
            }
        }
        while now_ns() < moment_ns {
            std::hint::spin_loop();
        }
    }

    fn arm(&self, beat: Beat) -> io::Result<()> {
        let timespec = |ns: u64| Timespec {
            tv_sec: i64::try_from(ns / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (ns % 1_000_000_000) as _,
        };
        let setting = Itimerspec { it_interval: timespec(beat.every_ns), it_value: timespec(beat.first_ns) };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &setting)?;
        self.armed.set(beat);
        Ok(())
    }

    /// Waits until the timer fired for a moment. What it counts is never read: each firing wakes anew, and setting it
    /// clears the count.
    async fn expired(&self, moment_ns: u64) {
        loop {
            let Ok(mut ready) = self.fd.readable().await else { return };
            ready.clear_ready();
            if now_ns().saturating_add(BEAT_OFF_NS_MAX) >= moment_ns {
                return;
            }
        }
    }
}

impl Beat {
    /// Whether it fires at a moment, near enough. One that fires only once is over by the time it is asked again.
    fn falls_on(self, moment_ns: u64) -> bool {
        let since_ns = moment_ns.saturating_add(BEAT_OFF_NS_MAX).saturating_sub(self.first_ns);
        self.every_ns > 2 * BEAT_OFF_NS_MAX
            && moment_ns > self.first_ns
            && since_ns % self.every_ns <= 2 * BEAT_OFF_NS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_falls_on_its_multiples_and_on_nothing_else() {
        let beat = Beat { first_ns: 1_000_000, every_ns: 100_000 };
        for (moment_ns, falls) in [
            (1_000_000, false),
            (1_100_000, true),
            (1_099_100, true),
            (1_100_900, true),
            (1_101_100, false),
            (1_150_000, false),
            (900_000, false),
        ] {
            assert_eq!(beat.falls_on(moment_ns), falls, "{moment_ns}");
        }
        assert!(!Beat { first_ns: 1_000_000, every_ns: 0 }.falls_on(2_000_000));
    }

    #[tokio::test]
    async fn waits_in_and_out_of_rhythm_never_end_early() {
        let timer = Timer::new().unwrap();
        let begun_ns = now_ns();
        for (after_us, every_us) in
            [(200, 100), (300, 100), (400, 100), (455, 0), (700, 100), (2_000, 0), (2_100, 100)]
        {
            let moment_ns = begun_ns + after_us * 1_000;
            timer.wait_in_rhythm(moment_ns, every_us * 1_000).await;
            assert!(now_ns() >= moment_ns);
        }
    }
}
