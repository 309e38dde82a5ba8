//! The pages: what a person with a browser sees. Everything in them is escaped where it is put in, and everything but movement works
//! without a script.
//!
//! Rooms: [`runs`] (the list), [`run`] (one of them), [`fleet`], [`compare`], [`trends`] and [`submit`].

pub(super) mod compare;
pub(super) mod fleet;
pub(super) mod run;
pub(super) mod runs;
pub(super) mod submit;
pub(super) mod trends;

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::answer;
use super::guard::Visit;
use crate::admission::needs::Needs;
use crate::admission::peer::Who;

/// Where one can go, and what it is called.
const PLACES: [(&str, &str); 5] = [
    ("/runs", "Runs"),
    ("/fleet", "Fleet"),
    ("/compare", "Compare"),
    ("/trends", "Trends"),
    ("/submit", "Submit"),
];

/// The front page. Strangers learn from it how to sign in, and nothing else.
pub(super) async fn front(visit: Visit) -> Response<Body> {
    if Needs::READER.check(&visit.peer.who).is_err() {
        return answer::page(StatusCode::OK, stranger());
    }
    let control = &visit.site.control;
    let agents = control.agents().await.map(|agents| agents.len());
    let runs = control.store.read(|store| store.runs().map(|runs| runs.len())).await.and_then(|runs| runs);
    let (Ok(agents), Ok(runs)) = (agents, runs) else {
        let help = Some("look at what the coordinator says, or into its log");
        let what = "The agents and runs cannot be counted now.";
        return answer::page(StatusCode::SERVICE_UNAVAILABLE, notice("Something is wrong", what, help));
    };
    answer::page(StatusCode::OK, known(&visit.peer.who, agents, runs))
}

/// A page that says one thing.
pub(super) fn notice(title: &str, what: &str, help: Option<&str>) -> Markup {
    frame(
        title,
        html! {
            h1 { (title) }
            p { (what) }
            @if let Some(help) = help { p.help { (help) } }
            p { a href="/" { "Front page" } }
        },
    )
}

/// The frame of pages for anybody.
pub(super) fn frame(title: &str, content: Markup) -> Markup {
    framed(title, html! {}, content)
}

/// The frame of pages for those who may read; `here` is the place that it is about.
pub(super) fn inside(here: &str, title: &str, content: Markup) -> Markup {
    let ways = html! {
        nav aria-label="Pages" {
            @for (path, name) in PLACES { a href=(path) aria-current=[(path == here).then_some("page")] { (name) } }
        }
    };
    framed(title, ways, content)
}

fn framed(title: &str, ways: Markup, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · fleetmark" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                script src="/script.js" defer {}
            }
            body {
                header { a.home href="/" { "fleetmark" } (ways) }
                main { (content) }
            }
        }
    }
}

/// What somebody reads who has not signed in.
pub(super) fn stranger() -> Markup {
    frame(
        "Sign in",
        html! {
            h1 { "You are not signed in" }
            p { "Where you ran " code { "fleetmark login" } ", or on the coordinator's own machine, type" }
            pre { code { "fleetmark web-login" } }
            p { "and open the link that it prints. It counts once, for five minutes." }
            p { "If you have one, you can also " a href="/login" { "paste its token" } "." }
        },
    )
}

fn known(who: &Who, agents: usize, runs: usize) -> Markup {
    inside(
        "/",
        "Coordinator",
        html! {
            h1 { "Coordinator" }
            dl {
                dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
                dt { "Agents attached" } dd { a href="/fleet" { (agents) } }
                dt { "Runs stored" } dd { a href="/runs" { (runs) } }
                dt { "Signed in" }
                dd {
                    @match who {
                        Who::Known(holder) => { "as " (holder.name) ", " (holder.role) }
                        Who::Unasked | Who::Newcomer => { "not needed here: this address asks nobody who they are" }
                    }
                }
            }
            @if let Who::Known(_) = who {
                form method="post" action="/logout" { button { "Sign out" } }
            }
            h2 { "For programs" }
            ul {
                li { a href="/api/v1/runs" { "/api/v1/runs" } " – runs, newest first" }
                li { a href="/api/v1/agents" { "/api/v1/agents" } " – agents, by name" }
                li { a href="/api/v1/openapi.json" { "/api/v1/openapi.json" } " – all that there is to ask for, as OpenAPI" }
                li { a href="/metrics" { "/metrics" } " – this coordinator's own figures, for Prometheus" }
            }
        },
    )
}

/// When something was, as people read it.
fn moment(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "–".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// As much of a run's id as tells it from others.
fn short(run: &str) -> &str {
    run.get(..13).unwrap_or(run)
}
