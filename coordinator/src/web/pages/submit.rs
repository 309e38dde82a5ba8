//! Submitting a job: its text, and all that is wrong with it as the command line shows it.

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::super::answer;
use super::super::api::refusal;
use super::super::guard::Visit;
use super::inside;
use crate::control::{ControlError, Submittal};

/// How a job's file is called that came without a name.
const FILE: &str = "job.toml";
/// A first job, for those who have none yet: the same that `fleetmark init` writes would need a target of theirs.
const FIRST: &str = r#"name = "first"

[workload]
kind = "http"

[[workload.operations]]
name = "read"
url = "http://127.0.0.1:8080/"

[load]
workers = 4
duration = "30s"
"#;

/// The empty form.
pub(in crate::web) async fn form(_visit: Visit) -> Response<Body> {
    answer::page(StatusCode::OK, filled(FIRST, html! {}))
}

/// Takes a job in, and goes on to its run; or shows what is wrong with it.
pub(in crate::web) async fn submit(visit: Visit) -> Response<Body> {
    let field = form_urlencoded::parse(&visit.body).find(|(name, _)| name == "job");
    let Some((_, text)) = field else {
        let said = html! { p.said.is-bad role="alert" { "The form came without a job." } };
        return answer::page(StatusCode::BAD_REQUEST, filled("", said));
    };
    // Browsers end the lines of a form with both letters.
    let text = text.replace("\r\n", "\n");
    let submittal =
        Submittal { job_toml: text.clone(), kinds: Some(visit.site.kinds.clone()), ..Submittal::default() };
    match visit.site.control.submit(&visit.peer, submittal).await {
        Ok(run) => answer::see_other(&format!("/runs/{run}")),
        Err(ControlError::Job(errors)) => {
            let carets = report::caret::render(FILE, &text, &errors, false);
            let said = html! { pre.errors role="alert" tabindex="0" { (carets) } };
            answer::page(StatusCode::UNPROCESSABLE_ENTITY, filled(&text, said))
        }
        Err(error) => {
            let said = html! { p.said.is-bad role="alert" { (error) } };
            answer::page(refusal::status(&error), filled(&text, said))
        }
    }
}

fn filled(text: &str, said: Markup) -> Markup {
    inside(
        "/submit",
        "Submit a job",
        html! {
            h1 { "Submit a job" }
            (said)
            form method="post" action="/submit" {
                label for="job" { "The job, as TOML" }
                // What follows a textarea's tag on the same line is its text; browsers drop one line end before it.
                textarea id="job" name="job" spellcheck="false" autocapitalize="off" required { "\n" (text) }
                button { "Submit" }
            }
            p.help { "Files that a job names travel only with " code { "fleetmark run" } "." }
        },
    )
}
