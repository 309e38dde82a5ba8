//! The pages: what a person with a browser sees. They hold no scripts, and everything in them is escaped where it is put in.

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::answer;
use super::guard::Visit;
use crate::admission::needs::Needs;
use crate::admission::peer::Who;

const STYLE: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

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

/// The style of all pages.
pub(super) async fn style() -> Response<Body> {
    answer::file("text/css; charset=utf-8", STYLE)
}

/// The sign in a browser's tab.
pub(super) async fn icon() -> Response<Body> {
    answer::file("image/svg+xml", ICON)
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

/// The frame of all pages.
pub(super) fn frame(title: &str, content: Markup) -> Markup {
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
            }
            body {
                header { a href="/" { "fleetmark" } }
                main { (content) }
            }
        }
    }
}

fn stranger() -> Markup {
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
    frame(
        "Coordinator",
        html! {
            h1 { "Coordinator" }
            dl {
                dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
                dt { "Agents attached" } dd { (agents) }
                dt { "Runs stored" } dd { (runs) }
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
                li { a href="/metrics" { "/metrics" } " – this coordinator's own figures, for Prometheus" }
            }
        },
    )
}
