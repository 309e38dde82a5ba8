//! An operation from its request to what was taken out of the answer, redirects in between followed.

use shared::interval::ErrorKind;

use super::link::Link;
use super::pass::Pass;
use super::redirect::{self, Hop};
use super::url::Url;
use super::{HttpOperation, HttpPlan, checks, request};
use crate::values::percent_encoded;
use crate::workload::Outcome;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::place::Place;
use crate::workload::connection::progress::Progress;

/// Does an operation to its end. The caller bounds the whole by the operation's timeout.
pub(super) async fn converse(
    plan: &HttpPlan,
    operation: &HttpOperation,
    link: &mut Link,
    pass: &mut Pass,
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<(), Failure> {
    link.exchange(plan, operation, outcome, progress).await?;
    let script = &operation.script;
    if script.redirects > 0 || pass.has_cookies() {
        // Boxed, so that what only redirects need weighs on no other operation.
        Box::pin(follow(plan, operation, link, pass, outcome, progress)).await?;
    }
    let inspection = link.inspection();
    inspection.verdict(&operation.expectation)?;
    let wants = operation.expectation.wants;
    script.look_into(wants, inspection.answer(), &mut pass.values, &mut pass.buffer, outcome)
}

/// Goes where redirects lead, as often as the operation wants, and keeps the cookies of each answer.
async fn follow(
    plan: &HttpPlan,
    operation: &HttpOperation,
    link: &mut Link,
    pass: &mut Pass,
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let home = &operation.script.url;
    let own = &plan.targets[operation.target];
    let mut url = home.clone();
    let mut draft: Option<HttpOperation> = None;
    let mut hops = 0;
    loop {
        let sent = draft.as_ref().unwrap_or(operation);
        let (status, answer) = (link.inspection().status(), link.inspection().answer());
        pass.take_cookies(answer, &sent.request, &url);
        let location = answer.values("location").next().filter(|_| redirect::is_redirect(status));
        let Some(location) = location.filter(|_| operation.script.redirects > 0) else {
            return Ok(());
        };
        if hops == operation.script.redirects {
            let location = checks::cut(location);
            let message = format!("more than {hops} redirects: a {status} leads on to {location}");
            return Err(Failure::new(ErrorKind::Status, message));
        }
        hops += 1;
        let next = next_url(&url, &sent.request, location, home)?;
        let is_home = next.leads_where(home);
        let hop = Hop {
            url: &next,
            becomes_get: redirect::becomes_get(status, request::line_of(&sent.request).0),
            leaves_host: !next.leads_where(&url),
            keeps_cookie: operation.script.has_own_cookie,
        };
        let mut following = hop.request(sent);
        following.closes |= !is_home;
        following.http2 = operation.http2.clone().filter(|_| is_home);
        let completed = pass.complete(&mut following, &next);
        completed.map_err(|error| Failure::new(ErrorKind::Other, format!("the redirect: {error}")))?;
        if is_home {
            link.exchange(plan, &following, outcome, progress).await?;
        } else {
            link.exchange_elsewhere(&next, own, &following, outcome, progress).await?;
        }
        url = next;
        draft = Some(following);
    }
}

/// Where a Location leads from the request that was answered with it.
fn next_url(url: &Url, request: &[u8], location: &[u8], home: &Url) -> Result<Url, Failure> {
    let (_, path) = request::line_of(request);
    let sent = location.split(|byte| *byte == b'#').next().unwrap_or_default();
    let text = redirect::resolve(&url.base(), path, &percent_encoded(sent));
    let unusable = |reason: String| {
        Failure::protocol(format!("a redirect leads to {}, {reason}", checks::cut(location)))
    };
    let next = Url::parse(&text).map_err(|error| unusable(format!("which is no URL: {error}")))?;
    // A server must not lead us to the sockets of our own host.
    if matches!(next.place, Place::Socket(_)) && !next.leads_where(home) {
        return Err(unusable("a socket of this host, which is not followed".to_owned()));
    }
    Ok(next)
}
