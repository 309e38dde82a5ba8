//! What the engine's threads are told: wait, start, stop.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::watch;

use super::StartRefusal;
use super::clock::wait_until;

/// A start this near is as good as passed: load threads that sleep are woken before it.
const WAKING_NS: u64 = 2_000_000;

/// The newest order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Get ready and wait.
    Prepare,
    /// Begin at this moment, ns on the monotonic clock.
    Start(u64),
    /// Stop: the engine cannot go on, for this reason.
    Fail(Arc<str>),
    /// Stop, and say nothing more.
    Abort,
}

/// Where orders are given; the first stop holds, save that an abort ends everything.
#[derive(Debug)]
pub struct Orders {
    order: watch::Sender<Order>,
}

impl Orders {
    /// Begins with [`Order::Prepare`].
    pub fn new() -> Arc<Self> {
        Arc::new(Self { order: watch::Sender::new(Order::Prepare) })
    }

    /// Arms the start, or moves it to a later moment.
    ///
    /// The clock is read with the order in hand: a thread that looks at the order once an earlier start has come sees every
    /// move that was still in time, so that all threads begin at the same one.
    ///
    /// # Errors
    /// When the moment has passed, or an earlier one has begun or ended: the order is then left as it was.
    pub fn start(&self, at_ns: u64, now_ns: impl FnOnce() -> u64) -> Result<(), StartRefusal> {
        let mut answer = Ok(());
        self.order.send_if_modified(|current| {
            answer = check(current, at_ns, now_ns());
            if answer.is_ok() {
                *current = Order::Start(at_ns);
            }
            answer.is_ok()
        });
        answer
    }

    /// Stops for a reason, unless everything stops already.
    pub(super) fn fail(&self, reason: &str) {
        self.replace_if(Order::Fail(reason.into()), |order| {
            matches!(order, Order::Prepare | Order::Start(_))
        });
    }

    /// Stops because a thread panicked.
    pub(super) fn fail_by_panic(&self, thread: &str, panic: &(dyn Any + Send)) {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        self.fail(&format!("{thread} panicked: {}", text.unwrap_or("no text was given")));
    }

    /// Stops everything.
    pub(super) fn abort(&self) {
        self.replace_if(Order::Abort, |order| *order != Order::Abort);
    }

    /// Follows the orders; the first look sees the newest.
    pub(super) fn follow(&self) -> watch::Receiver<Order> {
        let mut receiver = self.order.subscribe();
        receiver.mark_changed();
        receiver
    }

    fn replace_if(&self, order: Order, is_open: impl FnOnce(&Order) -> bool) {
        self.order.send_if_modified(|current| {
            let replaces = is_open(current);
            if replaces {
                *current = order;
            }
            replaces
        });
    }
}

/// Whether a trial can start at a moment.
fn check(current: &Order, at_ns: u64, now_ns: u64) -> Result<(), StartRefusal> {
    match current {
        Order::Start(earlier_ns) if *earlier_ns <= now_ns => {
            Err(StartRefusal::Begun { late_ns: now_ns - earlier_ns })
        }
        Order::Start(earlier_ns) if at_ns < *earlier_ns => Err(StartRefusal::Earlier),
        Order::Prepare | Order::Start(_) if at_ns < now_ns.saturating_add(WAKING_NS) => {
            Err(StartRefusal::Passed { late_ns: now_ns.saturating_sub(at_ns) })
        }
        Order::Prepare | Order::Start(_) => Ok(()),
        Order::Fail(_) | Order::Abort => Err(StartRefusal::Stopped),
    }
}

/// Waits until the trial begins, and says when that was on the monotonic clock; `None`: a stop came instead.
pub(super) async fn begun(orders: &mut watch::Receiver<Order>) -> Option<u64> {
    let mut start_ns = started(orders).await?;
    loop {
        wait_until(start_ns).await;
        // It may have been moved meanwhile.
        match started(orders).await? {
            same_ns if same_ns == start_ns => return Some(start_ns),
            moved_ns => start_ns = moved_ns,
        }
    }
}

/// Waits for a start and says when; `None`: a stop came instead.
async fn started(orders: &mut watch::Receiver<Order>) -> Option<u64> {
    match orders.wait_for(|order| *order != Order::Prepare).await.as_deref() {
        Ok(Order::Start(at_ns)) => Some(*at_ns),
        _ => None,
    }
}

/// Waits for a stop.
pub(super) async fn stopped(orders: &mut watch::Receiver<Order>) {
    // An error means that nobody is left to give orders, which is a stop as well.
    let _ = orders.wait_for(|order| matches!(order, Order::Fail(_) | Order::Abort)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(orders: &Orders) -> Order {
        orders.follow().borrow().clone()
    }

    const MS: u64 = 1_000_000;

    #[test]
    fn a_start_is_moved_to_a_later_moment_until_it_has_come() {
        let orders = Orders::new();
        let start = |at_ms: u64, now_ms: u64| orders.start(at_ms * MS, || now_ms * MS);
        assert_eq!(start(5, 9), Err(StartRefusal::Passed { late_ns: 4 * MS }));
        assert_eq!(start(10, 9), Err(StartRefusal::Passed { late_ns: 0 }));
        assert_eq!(start(50, 9), Ok(()));
        assert_eq!(start(40, 10), Err(StartRefusal::Earlier));
        assert_eq!(start(60, 49), Ok(()));
        assert_eq!(start(90, 60), Err(StartRefusal::Begun { late_ns: 0 }));
        assert_eq!(newest(&orders), Order::Start(60 * MS));
        orders.abort();
        assert_eq!(start(90, 70), Err(StartRefusal::Stopped));
    }

    #[test]
    fn the_first_failure_holds_until_an_abort() {
        let orders = Orders::new();
        orders.fail("first");
        orders.fail("second");
        assert_eq!(newest(&orders), Order::Fail("first".into()));
        orders.abort();
        orders.fail("third");
        assert_eq!(newest(&orders), Order::Abort);
    }
}
