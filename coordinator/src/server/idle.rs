//! When an embedded coordinator may go: nothing runs, nobody is attached, and nobody has called for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::director::Message;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Waits until there has been nothing to do for `patience`; for ever without one.
pub(super) async fn wait(director: mpsc::Sender<Message>, calls: Arc<AtomicU64>, patience: Option<Duration>) {
    let Some(patience) = patience else { return std::future::pending().await };
    let mut quiet_since = Instant::now();
    let mut calls_before = calls.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let (reply, answer) = oneshot::channel();
        let is_busy =
            director.send(Message::Activity { reply }).await.is_ok() && answer.await.unwrap_or(false);
        let calls_now = calls.load(Ordering::Relaxed);
        if is_busy || calls_now != calls_before {
            quiet_since = Instant::now();
            calls_before = calls_now;
        } else if quiet_since.elapsed() >= patience {
            return;
        }
    }
}
