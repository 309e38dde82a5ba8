//! A time limit for one operation after another that arms no timer for each.
//!
//! A timer armed and disarmed around every request costs more than parsing its answer. So the timer stays armed: when it
//! fires and the operation of that moment still has time, it is armed anew for that one's end. A worker whose operations have
//! all the same limit touches the timer once per limit, however many operations it does.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::engine::clock::now_ns;

/// An operation did not end within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue;

/// The time limit of one worker.
#[derive(Debug)]
pub struct Deadline {
    alarm: Option<Alarm>,
    /// One moment on both clocks: the runtime's, and nanoseconds of [`now_ns`].
    origin: (Instant, u64),
}

/// A timer that is armed.
#[derive(Debug)]
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When it fires, ns.
    at_ns: u64,
    /// Whom it wakes.
    waker: Waker,
}

impl Deadline {
    /// A limit that is not armed. Must be made on the runtime that will use it.
    pub fn new() -> Self {
        Self { alarm: None, origin: (Instant::now(), now_ns()) }
    }

    /// Awaits a future until so long after `begun_ns` ([`now_ns`]). It is pinned by the caller, so that it is not copied.
    ///
    /// # Errors
    /// When it did not end by then.
    pub async fn within<F: Future>(
        &mut self,
        limit: Duration,
        begun_ns: u64,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Overdue> {
        let at_ns = begun_ns.saturating_add(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_overdue(at_ns, context).map(Err),
        })
        .await
    }

    /// Whether a moment has passed; if not, makes sure that the caller is woken by then.
    #[inline]
    fn poll_overdue(&mut self, at_ns: u64, context: &mut Context<'_>) -> Poll<Overdue> {
        match &self.alarm {
            Some(alarm) if alarm.serves(at_ns, context) => Poll::Pending,
            _ => self.arm(at_ns, context),
        }
    }

    #[cold]
    fn arm(&mut self, at_ns: u64, context: &mut Context<'_>) -> Poll<Overdue> {
        if now_ns() >= at_ns {
            return Poll::Ready(Overdue);
        }
        let (origin, origin_ns) = self.origin;
        let at = origin + Duration::from_nanos(at_ns.saturating_sub(origin_ns));
        let mut sleep = match self.alarm.take() {
            Some(mut alarm) => {
                alarm.sleep.as_mut().reset(at);
                alarm.sleep
            }
            None => Box::pin(sleep_until(at)),
        };
        if sleep.as_mut().poll(context).is_ready() {
            // The runtime's clock is coarser than ours: both say by now that it is over, or nearly.
            return Poll::Ready(Overdue);
        }
        self.alarm = Some(Alarm { sleep, at_ns, waker: context.waker().clone() });
        Poll::Pending
    }
}

impl Alarm {
    /// Whether it will wake this caller, and not after that moment.
    #[inline]
    fn serves(&self, at_ns: u64, context: &Context<'_>) -> bool {
        self.at_ns <= at_ns && !self.sleep.is_elapsed() && self.waker.will_wake(context.waker())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use super::*;

    const SHORT: Duration = Duration::from_millis(5);
    const LONG: Duration = Duration::from_secs(3600);

    async fn limited<F: Future>(
        deadline: &mut Deadline,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Overdue> {
        deadline.within(limit, now_ns(), pin!(future)).await
    }

    #[tokio::test]
    async fn what_never_ends_is_given_up_at_its_limit_and_not_before() {
        let mut deadline = Deadline::new();
        for _ in 0..3 {
            let begun_ns = now_ns();
            assert_eq!(deadline.within(SHORT, begun_ns, pin!(pending::<()>())).await, Err(Overdue));
            assert!(now_ns() - begun_ns >= SHORT.as_nanos() as u64);
        }
    }

    #[tokio::test]
    async fn an_alarm_left_by_an_earlier_operation_does_not_cut_a_later_one() {
        let mut deadline = Deadline::new();
        assert_eq!(limited(&mut deadline, SHORT, ready(1)).await, Ok(1));
        assert_eq!(limited(&mut deadline, SHORT, tokio::task::yield_now()).await, Ok(()));
        // The alarm of the one before fires within this one.
        assert_eq!(limited(&mut deadline, LONG, tokio::time::sleep(SHORT * 3)).await, Ok(()));
    }

    #[tokio::test]
    async fn a_shorter_limit_is_kept_after_a_longer_one() {
        let mut deadline = Deadline::new();
        assert_eq!(limited(&mut deadline, LONG, tokio::task::yield_now()).await, Ok(()));
        assert_eq!(limited(&mut deadline, SHORT, pending::<()>()).await, Err(Overdue));
    }

    #[tokio::test]
    async fn another_task_is_woken_too() {
        let mut deadline = Deadline::new();
        assert_eq!(limited(&mut deadline, SHORT, tokio::task::yield_now()).await, Ok(()));
        let other = tokio::spawn(async move { limited(&mut deadline, SHORT, pending::<()>()).await });
        assert_eq!(other.await.unwrap(), Err(Overdue));
    }
}
