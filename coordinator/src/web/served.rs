//! What one request of a known caller takes, until its answer has gone out, or its caller does not count any more: whoever is sent away
//! hears no more of a run that is being watched.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError, watch};
use tokio::time::Instant;

use super::Site;
use super::entrance::Connection;
use super::presence::Busy;

/// What it takes.
pub(super) struct Served {
    _permit: OwnedSemaphorePermit,
    _busy: Busy,
}

impl Served {
    /// Takes it.
    ///
    /// # Errors
    /// When too many requests are under way.
    pub(super) fn new(site: &Arc<Site>, connection: &Connection) -> Result<Self, TryAcquireError> {
        let permit = site.requests.clone().try_acquire_owned()?;
        Ok(Self { _permit: permit, _busy: connection.presence.serve() })
    }
}

/// Longer than any answer is under way.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// Ends when a caller does not count any more.
pub(super) struct StillCounts(Pin<Box<dyn Future<Output = ()> + Send>>);

impl StillCounts {
    /// Looks each time that something changed, and ends at a moment, in seconds since 1970, in any case.
    pub(super) fn new(
        mut changes: watch::Receiver<()>,
        until_s: u64,
        counts: impl Fn() -> bool + Send + 'static,
    ) -> Self {
        let left = Duration::from_secs(until_s.saturating_sub(crate::unix_ms() / 1_000));
        let until = Instant::now() + left.min(FAR);
        Self(Box::pin(async move {
            while counts() {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() {
                        return tokio::time::sleep_until(until).await;
                    },
                    () = tokio::time::sleep_until(until) => return,
                }
            }
        }))
    }
}

/// An answer's body that gives back what its request took when it has gone out.
pub(super) struct Held {
    body: Body,
    still_counts: Option<StillCounts>,
    _served: Option<Served>,
}

impl Held {
    /// The body of an answer to somebody who may be sent away meanwhile.
    pub(super) fn new(body: Body, served: Option<Served>, still_counts: Option<StillCounts>) -> Self {
        Self { body, still_counts, _served: served }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(StillCounts(counts)) = &mut self.still_counts
            && counts.as_mut().poll(context).is_ready()
        {
            self.still_counts = None;
            self.body = Body::empty();
            return Poll::Ready(Some(Err(axum::Error::new("whoever asked does not count any more"))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use std::future::poll_fn;

    use futures_util::{StreamExt, stream};

    use super::*;

    /// A body that says one thing and then nothing for ever.
    fn endless() -> Body {
        let said = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b"first"))]);
        Body::from_stream(said.chain(stream::pending()))
    }

    async fn next(held: &mut Held) -> Option<Result<Frame<Bytes>, axum::Error>> {
        poll_fn(|context| Pin::new(&mut *held).poll_frame(context)).await
    }

    #[tokio::test]
    async fn an_answer_under_way_ends_when_its_caller_is_sent_away() {
        let (changed, changes) = watch::channel(());
        let counts = Arc::new(AtomicBool::new(true));
        let still_counts = StillCounts::new(changes, u64::MAX, {
            let counts = counts.clone();
            move || counts.load(Ordering::Relaxed)
        });
        let mut held = Held::new(endless(), None, Some(still_counts));
        assert!(next(&mut held).await.is_some_and(|frame| frame.is_ok()));
        // Somebody else was sent away: this one goes on.
        changed.send_replace(());
        assert!(futures_util::poll!(std::pin::pin!(next(&mut held))).is_pending());
        counts.store(false, Ordering::Relaxed);
        changed.send_replace(());
        assert!(next(&mut held).await.is_some_and(|frame| frame.is_err()));
        assert!(next(&mut held).await.is_none());
    }
}
