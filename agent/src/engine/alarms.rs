//! The moments that workers of one thread pause until, all on one timer that is true to the kernel's own.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, Waker};

use tokio::sync::Notify;

use super::clock::now_ns;
use super::timer::Timer;

/// The alarms of one load thread. Each worker has at most one at a time, so their number is bounded by the workers'.
#[derive(Debug)]
pub(super) struct Alarms {
    timer: Timer,
    set: RefCell<BinaryHeap<Reverse<Alarm>>>,
    /// Tells alarms for one moment apart.
    number: Cell<u64>,
    /// An earlier alarm than all others was set.
    changed: Notify,
    is_over: Cell<bool>,
}

/// Whom to wake when.
#[derive(Debug)]
struct Alarm {
    at_ns: u64,
    number: u64,
    waker: Waker,
}

impl Alarms {
    /// No alarms yet, on the runtime of the calling thread.
    ///
    /// # Errors
    /// When there are too many open files.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            timer: Timer::new()?,
            set: RefCell::default(),
            number: Cell::new(0),
            changed: Notify::new(),
            is_over: Cell::new(false),
        })
    }

    /// Waits until a moment on `CLOCK_MONOTONIC`, or until [`Alarms::ring_all`].
    pub(super) async fn until(&self, at_ns: u64) {
        let mut is_set = false;
        poll_fn(|context| {
            if self.is_over.get() || now_ns() >= at_ns {
                return Poll::Ready(());
            }
            // A worker may be woken for another reason while it pauses: its alarm is then still set.
            if !is_set {
                is_set = true;
                self.set(at_ns, context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Wakes whose moment has come, for as long as it is awaited.
    pub(super) async fn ring(&self) -> Infallible {
        loop {
            match self.earliest_ns() {
                None => self.changed.notified().await,
                Some(at_ns) => {
                    tokio::select! {
                        biased;
                        () = self.timer.wait_until(at_ns) => {}
                        () = self.changed.notified() => {}
                    }
                    self.ring_until(now_ns());
                }
            }
        }
    }

    /// Wakes everybody, for good: there is nothing left to pause for.
    pub(super) fn ring_all(&self) {
        self.is_over.set(true);
        self.ring_until(u64::MAX);
    }

    fn set(&self, at_ns: u64, waker: Waker) {
        let is_earliest = self.earliest_ns().is_none_or(|earliest_ns| at_ns < earliest_ns);
        let number = self.number.get();
        self.number.set(number.wrapping_add(1));
        self.set.borrow_mut().push(Reverse(Alarm { at_ns, number, waker }));
        if is_earliest {
            self.changed.notify_one();
        }
    }

    fn earliest_ns(&self) -> Option<u64> {
        self.set.borrow().peek().map(|Reverse(alarm)| alarm.at_ns)
    }

    fn ring_until(&self, at_ns: u64) {
        while self.earliest_ns().is_some_and(|earliest_ns| earliest_ns <= at_ns) {
            // The borrow ends before anybody is woken.
            let alarm = self.set.borrow_mut().pop();
            if let Some(Reverse(alarm)) = alarm {
                alarm.waker.wake();
            }
        }
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ns, self.number).cmp(&(other.at_ns, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn alarms_ring_in_the_order_of_their_moments_and_never_early() {
        let alarms = Alarms::new().unwrap();
        let rung = RefCell::new(Vec::new());
        let begun_ns = now_ns();
        let sleeper = |name: char, after_ns: u64| {
            let (alarms, rung) = (&alarms, &rung);
            async move {
                alarms.until(begun_ns + after_ns).await;
                assert!(now_ns() >= begun_ns + after_ns);
                rung.borrow_mut().push(name);
            }
        };
        tokio::select! {
            never = alarms.ring() => match never {},
            _ = async {
                tokio::join!(sleeper('c', 9_000_000), sleeper('a', 3_000_000), sleeper('b', 6_000_000), sleeper('0', 0))
            } => {}
        }
        assert_eq!(*rung.borrow(), ['0', 'a', 'b', 'c']);
    }

    #[tokio::test]
    async fn all_alarms_ring_at_once_when_told() {
        let alarms = Alarms::new().unwrap();
        let far_ns = now_ns() + 3_600_000_000_000;
        tokio::join!(alarms.until(far_ns), alarms.until(far_ns), async { alarms.ring_all() });
        assert_eq!(alarms.earliest_ns(), None);
    }
}
