//! What profilers of a run wrote, to be saved as a file: it is never shown in a page, whatever it holds.

use axum::body::Body;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use http::{HeaderValue, Response, StatusCode};

use super::super::answer;
use super::super::guard::Visit;
use super::refusal;
use crate::control::ControlError;

/// What a profile is said to be: whatever its profiler writes.
pub(in crate::web) const MEDIA_TYPE: &str = "application/octet-stream";

/// Gives one.
pub(in crate::web) async fn profile(visit: Visit) -> Response<Body> {
    let Ok(number) = visit.part.parse::<u32>() else {
        return refusal::malformed("a profile is named by its number in the run's report");
    };
    let control = &visit.site.control;
    let found = async {
        let run = control.resolve(visit.id).await?;
        Ok::<_, ControlError>((run, control.profile(run, number).await?))
    };
    match found.await {
        Ok((run, profile)) => {
            let named = format!("attachment; filename=\"{run}-{number}-{}\"", profile.name);
            let length = HeaderValue::from(profile.size_bytes());
            let parts = profile.into_parts().map(Ok::<_, std::convert::Infallible>);
            let mut answer = answer::typed(StatusCode::OK, MEDIA_TYPE, "");
            *answer.body_mut() = Body::from_stream(stream::iter(parts));
            let named = HeaderValue::try_from(named);
            let named = named.expect("ids and names of profiles are digits, letters, '.', '_' and '-'");
            answer.headers_mut().insert(CONTENT_DISPOSITION, named);
            answer.headers_mut().insert(CONTENT_LENGTH, length);
            answer
        }
        Err(error) => refusal::of(error),
    }
}
