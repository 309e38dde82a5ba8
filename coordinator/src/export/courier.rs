//! One destination: seconds in their order, each until it is taken or refused for good.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};

use super::post::Post;
use super::sample::Sampled;
use super::tally::Tally;

/// How long one attempt may take: far longer than any collector that keeps up.
const ATTEMPT_TAKES_AT_MOST: Duration = Duration::from_secs(10);
/// How long it waits after an attempt that failed, and at most after several.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Who carries seconds to one destination.
#[derive(Debug)]
pub(super) struct Courier {
    post: Post,
    seconds: broadcast::Receiver<Arc<Sampled>>,
    tally: Arc<Tally>,
    /// Whether the last attempt failed: that is told once, and that it is over.
    is_failing: bool,
}

impl Courier {
    /// One that has carried nothing yet.
    pub(super) fn new(post: Post, seconds: broadcast::Receiver<Arc<Sampled>>, tally: Arc<Tally>) -> Self {
        Self { post, seconds, tally, is_failing: false }
    }

    /// Carries until there will be no more.
    pub(super) async fn run(mut self) {
        loop {
            match self.seconds.recv().await {
                Ok(sampled) => self.carry(&sampled).await,
                Err(RecvError::Lagged(seconds)) => self.tally.note_dropped(seconds),
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn carry(&mut self, sampled: &Sampled) {
        let body = self.post.destination().protocol.encode(sampled);
        let mut rest = FIRST_REST;
        loop {
            let failure = match timeout(ATTEMPT_TAKES_AT_MOST, self.post.send(&body)).await {
                Ok(Ok((status, _))) if status.is_success() => return self.taken(),
                Ok(Ok((status, said))) if is_final(status) => return self.refused(status, &said),
                Ok(Ok((status, said))) => format!("it answers {status}: {said}"),
                Ok(Err(error)) => error.to_string(),
                Err(_overdue) => format!("it does not answer within {ATTEMPT_TAKES_AT_MOST:?}"),
            };
            self.post.hang_up();
            self.tally.note_failure();
            if !std::mem::replace(&mut self.is_failing, true) {
                tracing::warn!(to = %self.post.destination(), %failure, "figures cannot be exported; it is tried again");
            }
            sleep(rest).await;
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    fn taken(&mut self) {
        self.tally.note_sent();
        if std::mem::take(&mut self.is_failing) {
            tracing::info!(to = %self.post.destination(), "figures are exported again");
        }
    }

    fn refused(&mut self, status: StatusCode, said: &str) {
        self.tally.note_refused();
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(to = %self.post.destination(), %status, said, "figures are refused, and not sent again");
        }
    }
}

/// Whether sending the same again would be answered the same.
fn is_final(status: StatusCode) -> bool {
    let may_pass = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !may_pass.contains(&status)
}
