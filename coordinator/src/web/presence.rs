//! What a connection may still take its time for. One that nobody is known on keeps a place in the waiting room, and loses it to a
//! newer one when there are too many; one on which a known caller is being served keeps none.

use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::admission::waiting_room::{Seat, WaitingRoom};

/// How long a new connection may take until its first request is there, the handshake included.
pub(super) const GREETING_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may stay without a request.
const IDLE_WITHIN: Duration = Duration::from_secs(60);
/// How long one request may take, from its head to the last byte of its answer: the largest report over a slow link.
const REQUEST_WITHIN: Duration = Duration::from_secs(10 * 60);

/// How a connection stands.
#[derive(Debug)]
pub(super) struct Presence {
    room: WaitingRoom,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// `None` while a known caller is served.
    seat: Option<Seat>,
    served: usize,
    until: Instant,
}

/// A known caller is being served, until this is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Presence>);

impl Presence {
    /// A connection that has just come.
    pub(super) fn new(room: WaitingRoom) -> Self {
        let seat = Some(room.enter());
        let state = State { seat, served: 0, until: Instant::now() + GREETING_WITHIN };
        Self { room, state: Mutex::new(state), changed: Notify::new() }
    }

    /// A request is there.
    pub(super) fn heard(&self) {
        let mut state = self.lock();
        if state.served == 0 {
            state.until = Instant::now() + IDLE_WITHIN;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A known caller is served from now on.
    pub(super) fn serve(self: &Arc<Self>) -> Busy {
        let mut state = self.lock();
        state.served += 1;
        state.seat = None;
        state.until = Instant::now() + REQUEST_WITHIN;
        drop(state);
        self.changed.notify_one();
        Busy(self.clone())
    }

    /// Waits until the connection has had its time, or its place is needed.
    pub(super) async fn is_over(&self) {
        loop {
            let (until, is_needed) = {
                let state = self.lock();
                (state.until, state.seat.as_ref().map(|seat| seat.is_needed.clone()))
            };
            let needed = async {
                match is_needed {
                    Some(is_needed) => is_needed.cancelled().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = needed => return,
                () = tokio::time::sleep_until(until) => return,
                () = self.changed.notified() => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.served -= 1;
        if state.served == 0 {
            state.seat = Some(self.0.room.enter());
            state.until = Instant::now() + IDLE_WITHIN;
        }
        drop(state);
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a connection may still take, in whole seconds.
    fn remains_s(presence: &Presence) -> u64 {
        let until = presence.lock().until;
        (until - Instant::now()).as_secs_f64().round() as u64
    }

    #[tokio::test]
    async fn whoever_says_nothing_goes_and_whoever_is_served_stays() {
        let presence = Arc::new(Presence::new(WaitingRoom::default()));
        assert_eq!(remains_s(&presence), GREETING_WITHIN.as_secs());
        presence.heard();
        assert_eq!(remains_s(&presence), IDLE_WITHIN.as_secs());
        let (busy, also_busy) = (presence.serve(), presence.serve());
        assert_eq!(remains_s(&presence), REQUEST_WITHIN.as_secs());
        drop(busy);
        assert_eq!(remains_s(&presence), REQUEST_WITHIN.as_secs());
        drop(also_busy);
        assert_eq!(remains_s(&presence), IDLE_WITHIN.as_secs());
        presence.lock().until = Instant::now();
        presence.is_over().await;
    }

    #[tokio::test]
    async fn strangers_push_out_strangers_and_nobody_who_is_served() {
        let room = WaitingRoom::default();
        let idle = Presence::new(room.clone());
        let served = Arc::new(Presence::new(room.clone()));
        let _busy = served.serve();
        let _crowd: Vec<Presence> = (0..10_000).map(|_| Presence::new(room.clone())).collect();
        idle.is_over().await;
        assert!(futures_util::poll!(std::pin::pin!(served.is_over())).is_pending());
    }
}
