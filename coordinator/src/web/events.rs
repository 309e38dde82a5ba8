//! How a run goes on, as server-sent events: a frame a second at most, each with its number, from where a watcher left off to the end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Response, StatusCode};
use shared::ids::RunId;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::answer;
use super::api::query::Query;
use super::api::refusal;
use super::guard::Visit;
use super::live::Look;
use super::live::ending::Ending;
use super::live::followed::{Followed, Next};
use super::live::frame::Frame;
use crate::control::{Control, ControlError};

/// Where a watcher left off.
const LAST_EVENT_ID: &str = "last-event-id";
const MEDIA_TYPE: &str = "text/event-stream";
/// How often a watcher hears something: what stands between us cuts connections that are silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After how long a browser comes back whose stream broke.
const RETRY: &str = "retry: 1000\n\n";

/// Tells how a run goes on until it is over, or with `follow=false` as far as it is told by now; of one that is over, how it ended.
pub(super) async fn events(visit: Visit) -> Response<Body> {
    let follows = Query::parse(&visit.query, &["follow"])
        .and_then(|query| Ok(query.parsed("follow", "true or false")?.unwrap_or(true)));
    let follows = match follows {
        Ok(follows) => follows,
        Err(problem) => return refusal::malformed(&problem),
    };
    let Ok(permit) = visit.site.watchers.clone().try_acquire_owned() else {
        return busy("too many watch runs");
    };
    let after = visit.headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let control = &visit.site.control;
    let run = match control.resolve(visit.id).await {
        Ok(run) => run,
        Err(error) => return refusal::of(error),
    };
    match visit.site.lives.look(run).await {
        Ok(Look::Followed(followed)) => {
            let watcher = Watcher {
                changes: followed.changes(),
                followed,
                after: after.unwrap_or(0),
                stop: visit.site.stop.clone(),
                _permit: permit,
                begun: false,
                follows,
            };
            typed(Body::from_stream(stream::unfold(watcher, Watcher::next)))
        }
        Ok(Look::Over) => match ended(control, run, after.unwrap_or(0)).await {
            Ok(frame) => typed(Body::from(frame)),
            Err(error) => refusal::of(error),
        },
        Ok(Look::Busy) => busy("too many runs are watched"),
        Err(error) => refusal::of(error),
    }
}

fn busy(message: &str) -> Response<Body> {
    answer::problem(StatusCode::SERVICE_UNAVAILABLE, "busy", message, Some("try again soon"))
}

fn typed(body: Body) -> Response<Body> {
    let mut answer = answer::typed(StatusCode::OK, MEDIA_TYPE, "");
    *answer.body_mut() = body;
    answer
}

/// The end of a run, as the frame that comes next.
async fn ended(control: &Control, run: RunId, after: u64) -> Result<Vec<u8>, ControlError> {
    let ending = Ending::read(control, run).await?;
    let mut frame = Frame::of_record(&ending.record);
    frame.take(&ending.event);
    frame.sequence = after.saturating_add(1);
    let json = serde_json::to_vec(&frame).expect("a frame has text keys and finite numbers only");
    Ok(event(frame.sequence, &json))
}

/// A frame as it is sent. JSON has no line ends in it.
fn event(sequence: u64, json: &[u8]) -> Vec<u8> {
    [format!("id: {sequence}\ndata: ").as_bytes(), json, b"\n\n"].concat()
}

/// Somebody who watches a run.
struct Watcher {
    followed: Arc<Followed>,
    changes: watch::Receiver<u64>,
    after: u64,
    stop: CancellationToken,
    begun: bool,
    /// Whether it waits for what is not told yet.
    follows: bool,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    /// What is sent next; `None`: it is over.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some((Ok(Bytes::from_static(RETRY.as_bytes())), self));
        }
        loop {
            self.changes.mark_unchanged();
            match self.followed.after(self.after) {
                Next::Frame(sequence, json) => {
                    self.after = sequence;
                    return Some((Ok(Bytes::from(event(sequence, &json))), self));
                }
                Next::End => return None,
                Next::Nothing if !self.follows => return None,
                Next::Nothing => {}
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => return Some((Ok(Bytes::from_static(b": alive\n\n")), self)),
                () = self.stop.cancelled() => return None,
            }
        }
    }
}
