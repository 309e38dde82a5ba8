//! The monotonic clock in nanoseconds, sleeping until a moment of it, and a timer for an epoll set.

use std::ops::{Add, Sub};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

/// A moment of `CLOCK_MONOTONIC`, in nanoseconds. `std::time::Instant` does not give its number away, which
/// an absolute timer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) u64);

impl Moment {
    /// Reads the clock.
    pub(super) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        // The monotonic clock counts up from boot, so neither part is ever negative.
        Self(now.tv_sec.unsigned_abs() * NANOSECONDS_PER_SECOND + now.tv_nsec.unsigned_abs())
    }

    /// Sleeps until this moment; returns at once when it has passed.
    pub(super) fn sleep_until(self) {
        while clock_nanosleep_absolute(ClockId::Monotonic, &self.to_timespec()) == Err(Errno::INTR) {}
    }

    fn to_timespec(self) -> Timespec {
        Timespec {
            tv_sec: i64::try_from(self.0 / NANOSECONDS_PER_SECOND)
                .expect("64-bit nanoseconds are fewer seconds than an i64 holds"),
            tv_nsec: i64::try_from(self.0 % NANOSECONDS_PER_SECOND)
                .expect("a remainder below a thousand million fits"),
        }
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, more: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(more.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Moment {
    type Output = Duration;

    /// How long from `earlier` to `self`; zero when `earlier` is the later one.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A timer that becomes readable at an absolute moment, with the precision of the kernel's
/// high-resolution timers (an epoll timeout would be rounded to milliseconds).
pub(super) struct Timer {
    descriptor: OwnedFd,
    armed_for: Option<Moment>,
}

impl Timer {
    /// A timer that is not armed.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub(super) fn new() -> rustix::io::Result<Self> {
        let descriptor =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        Ok(Self { descriptor, armed_for: None })
    }

    /// Makes sure that the timer goes off at `due` or earlier; an alarm too early costs one idle wake-up,
    /// whereas arming costs a system call each time.
    ///
    /// # Errors
    /// When the kernel refuses, which it has no cause to.
    pub(super) fn arm(&mut self, due: Moment) -> rustix::io::Result<()> {
        if self.armed_for.is_some_and(|armed| armed <= due) {
            return Ok(());
        }
        let once =
            Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: due.to_timespec() };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed_for = Some(due);
        Ok(())
    }

    /// Notes that the timer went off. Watched edge-triggered, it needs no reading.
    pub(super) fn went_off(&mut self) {
        self.armed_for = None;
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleep_never_ends_before_its_moment() {
        let due = Moment::now() + Duration::from_micros(300);
        due.sleep_until();
        assert!(Moment::now() >= due);
    }

    #[test]
    fn the_time_between_two_moments_is_never_negative() {
        assert_eq!(Moment(5) - Moment(2), Duration::from_nanos(3));
        assert_eq!(Moment(2) - Moment(5), Duration::ZERO);
    }

    #[test]
    fn moments_far_in_the_future_do_not_wrap() {
        assert_eq!(Moment(u64::MAX - 1) + Duration::from_secs(9), Moment(u64::MAX));
        assert_eq!(Moment(1_500_000_000).to_timespec(), Timespec { tv_sec: 1, tv_nsec: 500_000_000 });
    }
}
