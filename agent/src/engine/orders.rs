//! What the engine's threads are told: wait, start, stop.

use std::any::Any;
use std::sync::Arc;

use tokio::sync::watch;

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
pub(super) struct Orders {
    order: watch::Sender<Order>,
}

impl Orders {
    /// Begins with [`Order::Prepare`].
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { order: watch::Sender::new(Order::Prepare) })
    }

    /// Arms the start, unless there was another order already.
    pub(super) fn start(&self, at_ns: u64) {
        self.replace_if(Order::Start(at_ns), |order| *order == Order::Prepare);
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

/// Waits for a start and says when; `None`: a stop came instead.
pub(super) async fn started(orders: &mut watch::Receiver<Order>) -> Option<u64> {
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

    #[test]
    fn the_first_failure_holds_until_an_abort() {
        let orders = Orders::new();
        orders.start(5);
        orders.start(6);
        assert_eq!(newest(&orders), Order::Start(5));
        orders.fail("first");
        orders.fail("second");
        assert_eq!(newest(&orders), Order::Fail("first".into()));
        orders.abort();
        orders.fail("third");
        assert_eq!(newest(&orders), Order::Abort);
    }
}
