//! Signing in by a one-time link, and out again.
//!
//! The link's page only holds a form with its token: what opens links by itself (previews, scanners) uses none up, the browser goes on to
//! an address without it, and no page sends a referrer. Nothing here writes an address down.

use std::time::Instant;

use axum::body::Body;
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{Response, StatusCode};
use maud::{Markup, html};
use trust::web_token::WebToken;

use super::guard::{self, Visit};
use super::{answer, cookie, pages};
use crate::admission::audit::Deed;
use crate::admission::peer::{Peer, Who};

/// The form's one field.
const TOKEN: &str = "token";

/// The page to paste a token into.
pub(super) async fn form(visit: Visit) -> Response<Body> {
    if !visit.site.requires_login {
        return answer::see_other("/");
    }
    answer::page(StatusCode::OK, blank(None))
}

/// The page of a link.
pub(super) async fn link(visit: Visit) -> Response<Body> {
    if !visit.site.requires_login {
        return answer::see_other("/");
    }
    match visit.id.parse::<WebToken>() {
        Ok(token) => answer::page(StatusCode::OK, filled_in(&token)),
        Err(_) => answer::page(StatusCode::NOT_FOUND, blank(Some("That link is not whole: copy all of it."))),
    }
}

/// Takes a link's token for a session.
pub(super) async fn login(visit: Visit) -> Response<Body> {
    let Visit { site, peer, session, body, .. } = visit;
    if !site.requires_login {
        return answer::see_other("/");
    }
    let mut fields = form_urlencoded::parse(&body);
    let token = fields.find(|(name, _)| name == TOKEN).and_then(|(_, value)| value.trim().parse().ok());
    let now = Instant::now();
    let holder = token.and_then(|token: WebToken| site.links.take(&token, now));
    let counts = |serial| site.registrar.as_deref().is_some_and(|registrar| registrar.is_valid(serial));
    let Some(holder) = holder.filter(|holder| counts(holder.serial)) else {
        let refusal = guard::wrong_token(&site, &peer, Deed::Login, "a one-time link").await;
        let why = "That link does not count: it was used already, or is older than five minutes. \
                   `fleetmark web-login` prints a new one.";
        let mut page = answer::page(refusal.status(), blank(Some(why)));
        if let Some(after) = refusal.headers().get(RETRY_AFTER) {
            page.headers_mut().insert(RETRY_AFTER, after.clone());
        }
        return page;
    };
    let peer = Peer { from: peer.from, who: Who::Known(holder.clone()) };
    // One browser has one session: the one that it had ends.
    if let Some(former) = session {
        site.sessions.take(&former, now);
    }
    let Some(session) = site.sessions.give(holder, now) else {
        let message = "too many are signed in; try again later";
        return answer::problem(StatusCode::SERVICE_UNAVAILABLE, "busy", message, None);
    };
    site.control.audit.done(Deed::Login, &peer, "a session").await;
    let mut answer = answer::see_other("/");
    answer.headers_mut().insert(SET_COOKIE, cookie::kept(&session, site.is_encrypted));
    answer
}

/// Ends a session.
pub(super) async fn logout(visit: Visit) -> Response<Body> {
    if let Some(session) = &visit.session {
        visit.site.sessions.take(session, Instant::now());
        visit.site.control.audit.done(Deed::Logout, &visit.peer, "a session").await;
    }
    let mut answer = answer::see_other("/");
    answer.headers_mut().insert(SET_COOKIE, cookie::forgotten(visit.site.is_encrypted));
    answer
}

fn blank(problem: Option<&str>) -> Markup {
    pages::frame(
        "Sign in",
        html! {
            h1 { "Sign in" }
            @if let Some(problem) = problem { p role="alert" { (problem) } }
            form method="post" action="/login" {
                label for="token" { "Token of a link that " code { "fleetmark web-login" } " printed" }
                input id="token" name=(TOKEN) autocomplete="off" spellcheck="false" required autofocus;
                button { "Sign in" }
            }
        },
    )
}

fn filled_in(token: &WebToken) -> Markup {
    pages::frame(
        "Sign in",
        html! {
            h1 { "Sign in" }
            p { "This link signs this browser in, once." }
            form method="post" action="/login" {
                input type="hidden" name=(TOKEN) value=(token.to_string());
                button autofocus { "Sign in" }
            }
        },
    )
}
