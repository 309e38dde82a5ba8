//! Who asks, and may they? Nothing of a request's body is read before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use trust::certificate::Holder;
use trust::web_token::WebToken;

use super::entrance::Connection;
use super::origin::Origin;
use super::routes::{Method, Route};
use super::served::{Held, Served, StillCounts};
use super::{Site, answer, cookie, host_names, pages};
use crate::admission::audit::Deed;
use crate::admission::needs::Denial;
use crate::admission::peer::{Peer, Who};

/// How long the body of a request may take.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// A request that may be answered.
pub(super) struct Visit {
    /// Where.
    pub(super) site: Arc<Site>,
    /// Who asks.
    pub(super) peer: Peer,
    /// The session that it asks in, if it does.
    pub(super) session: Option<WebToken>,
    /// What stands for `{id}` in the path.
    pub(super) id: String,
    /// What stands for a second name in it.
    pub(super) part: String,
    /// What stands behind `?`.
    pub(super) query: String,
    /// What else was said of it.
    pub(super) headers: HeaderMap,
    /// What came with it.
    pub(super) body: Bytes,
}

/// How a caller is known.
enum Proof {
    /// Nobody is asked.
    Unasked,
    /// Not at all.
    Nothing,
    /// By a cookie, which a browser sends along whoever's page it shows.
    Session(WebToken),
    /// By a token that a program sends on purpose, of which this is the mark.
    Bearer(String),
}

/// Answers a request, if that may be.
pub(super) async fn admit(
    route: &'static Route,
    site: Arc<Site>,
    connection: &Connection,
    (id, part): (String, String),
    request: Request,
) -> Response<Body> {
    let ourselves = host_names::named(&request);
    let (parts, body) = request.into_parts();
    let Some((who, proof)) = identify(&site, &parts.headers) else {
        let peer = Peer { from: connection.from, who: Who::Newcomer };
        return wrong_token(&site, &peer, Deed::Call, "a bearer token").await;
    };
    let peer = Peer { from: connection.from, who };
    if let Err(denial) = route.needs.check(&peer.who) {
        return refused(route, &site, &peer, &denial).await;
    }
    if route.method == Method::Post {
        let origin = Origin::of(&parts.headers, site.is_encrypted, ourselves.as_ref());
        let is_safe = match proof {
            Proof::Bearer(_) => true,
            Proof::Session(_) => origin == Origin::Same,
            // Every browser says where a form comes from: what says nothing is a program, and that holds no cookie.
            Proof::Unasked | Proof::Nothing => origin != Origin::Foreign,
        };
        if !is_safe {
            return cross_site(route, &site, &peer, origin).await;
        }
    }
    let is_known = !matches!(proof, Proof::Nothing);
    let Ok(served) = is_known.then(|| Served::new(&site, connection)).transpose() else {
        return busy();
    };
    let body = match read(body, route.body_bytes_max).await {
        Ok(body) => body,
        Err(problem) => return problem,
    };
    let still_counts = still_counts(&site, &peer, &proof);
    let session = match proof {
        Proof::Session(session) => Some(session),
        Proof::Unasked | Proof::Nothing | Proof::Bearer(_) => None,
    };
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let answer =
        (route.answer)(Visit { site, peer, session, id, part, query, headers: parts.headers, body }).await;
    answer.map(|body| Body::new(Held::new(body, served, still_counts)))
}

/// Looks whether a known caller still counts, whenever somebody was sent away.
fn still_counts(site: &Site, peer: &Peer, proof: &Proof) -> Option<StillCounts> {
    let registrar = site.registrar.clone()?;
    let changes = registrar.changes();
    match proof {
        Proof::Unasked | Proof::Nothing => None,
        Proof::Bearer(mark) => {
            let mark = mark.clone();
            let until_s = peer.holder()?.until_s;
            Some(StillCounts::new(changes, until_s, move || registrar.bearer(&mark).is_some()))
        }
        Proof::Session(_) => {
            let Holder { serial, until_s, .. } = *peer.holder()?;
            Some(StillCounts::new(changes, until_s, move || registrar.is_valid(serial)))
        }
    }
}

/// Answers a token that does not count, and writes it down unless that happens too often.
pub(super) async fn wrong_token(site: &Site, peer: &Peer, deed: Deed, what: &str) -> Response<Body> {
    if site.wrong_tokens.is_too_often(peer.from.ip(), Instant::now()) {
        let help = Some("try again in a minute, with a token that counts");
        let message = "too many wrong tokens came from this address";
        let mut answer = answer::problem(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message, help);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
        return answer;
    }
    let reason = "it was never given here, has run out, was used, or was revoked";
    site.control.audit.refused(deed, peer, what, reason).await;
    let message = "this token does not count: it was never given here, has run out, was used, or was revoked";
    unauthorized(message)
}

/// Who asks; `None`: somebody with a token that does not count.
fn identify(site: &Site, headers: &HeaderMap) -> Option<(Who, Proof)> {
    let Some(registrar) = site.registrar.as_deref().filter(|_| site.requires_login) else {
        return Some((Who::Unasked, Proof::Unasked));
    };
    if let Some(shown) = headers.get(AUTHORIZATION) {
        let (scheme, token) = shown.to_str().ok()?.split_once(' ')?;
        let token: WebToken = token.trim().parse().ok()?;
        let mark = token.mark();
        let holder = registrar.bearer(&mark).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
        return Some((Who::Known(holder), Proof::Bearer(mark)));
    }
    let counts =
        |holder: &Holder| registrar.is_valid(holder.serial) && holder.until_s > crate::unix_ms() / 1_000;
    for session in cookie::sessions(headers, site.is_encrypted) {
        match site.sessions.look(&session, Instant::now()) {
            Some(holder) if counts(&holder) => return Some((Who::Known(holder), Proof::Session(session))),
            // Its holder was sent away: so is the session.
            Some(_) => drop(site.sessions.take(&session, Instant::now())),
            None => {}
        }
    }
    Some((Who::Newcomer, Proof::Nothing))
}

async fn refused(route: &Route, site: &Site, peer: &Peer, denial: &Denial) -> Response<Body> {
    if *denial == Denial::Unknown {
        let reason = "nobody has signed in";
        site.control.audit.refused(Deed::Call, peer, route.name(), reason).await;
        return match route.is_for_programs() {
            true => unauthorized("sign in first"),
            false => answer::page(StatusCode::UNAUTHORIZED, pages::stranger()),
        };
    }
    let reason = denial.to_string();
    site.control.audit.refused(Deed::Call, peer, route.name(), reason.clone()).await;
    match route.is_for_programs() {
        true => answer::problem(StatusCode::FORBIDDEN, "forbidden", &reason, None),
        false => answer::page(StatusCode::FORBIDDEN, pages::notice("This is not yours to do", &reason, None)),
    }
}

fn unauthorized(message: &str) -> Response<Body> {
    let help =
        "`fleetmark web-login` signs a browser in, `fleetmark web-login --bearer` gives a token for programs";
    let mut answer = answer::problem(StatusCode::UNAUTHORIZED, "unauthorized", message, Some(help));
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"fleetmark\""));
    answer
}

async fn cross_site(route: &Route, site: &Site, peer: &Peer, origin: Origin) -> Response<Body> {
    let reason = match origin {
        Origin::Unsaid => "nothing says that one of this coordinator's own pages asked for it",
        Origin::Same | Origin::Foreign => "a page of another site asked for it",
    };
    site.control.audit.refused(Deed::Call, peer, route.name(), reason).await;
    let help = Some("only this coordinator's own pages, and programs with a bearer token, may do this");
    match route.is_for_programs() {
        true => answer::problem(StatusCode::FORBIDDEN, "cross_site", reason, help),
        false => answer::page(StatusCode::FORBIDDEN, pages::notice("Not from there", reason, help)),
    }
}

fn busy() -> Response<Body> {
    let message = "too many requests are under way";
    let mut answer =
        answer::problem(StatusCode::SERVICE_UNAVAILABLE, "busy", message, Some("try again soon"));
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// Reads a body whole, within its bounds.
async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Response<Body>> {
    let too_large = || {
        let message = format!("what was sent has more than {bytes_max} bytes");
        answer::problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &message, None)
    };
    if HttpBody::size_hint(&body).lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let reading = axum::body::to_bytes(body, bytes_max);
    let read = tokio::time::timeout(BODY_WITHIN, reading).await.map_err(|_| {
        let message = format!("what was sent did not arrive within {} s", BODY_WITHIN.as_secs());
        answer::problem(StatusCode::REQUEST_TIMEOUT, "too_slow", &message, None)
    })?;
    read.map_err(|_| too_large())
}
