//! The list of runs: newest first, with what came out of each at a glance; two of them can be picked and compared.

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{Markup, html};
use shared::run_record::RunSummary;
use shared::run_report::Verdict;

use super::super::answer;
use super::super::api::query::{Query, STATES, VERDICTS};
use super::super::api::refusal;
use super::super::guard::Visit;
use super::{inside, moment};
use crate::store::SummaryFilter;

/// Runs on one page.
const PAGE_RUNS: usize = 50;
const WORDS: [&str; 5] = ["name", "state", "verdict", "tag", "before"];

/// Shows it.
pub(in crate::web) async fn page(visit: Visit) -> Response<Body> {
    let query = match Query::of_form(&visit.query, &WORDS) {
        Ok(query) => query,
        Err(problem) => {
            return answer::page(StatusCode::BAD_REQUEST, listed(None, &[], None, Some(&problem)));
        }
    };
    let filter = match query.filter() {
        Ok(filter) => filter,
        Err(problem) => {
            return answer::page(StatusCode::BAD_REQUEST, listed(Some(&query), &[], None, Some(&problem)));
        }
    };
    let control = &visit.site.control;
    let before = match query.one("before") {
        None => None,
        Some(before) => match control.resolve(before.to_owned()).await {
            Ok(before) => Some(before),
            Err(error) => return refusal::page(error),
        },
    };
    // One more than is shown: whether there is another page.
    let filter = SummaryFilter { before, limit: Some(PAGE_RUNS + 1), ..filter };
    match control.runs(filter).await {
        Ok(mut runs) => {
            let is_more = runs.len() > PAGE_RUNS;
            runs.truncate(PAGE_RUNS);
            let older = runs.last().filter(|_| is_more).map(|run| older(&query, &run.id.to_string()));
            answer::page(StatusCode::OK, listed(Some(&query), &runs, older, None))
        }
        Err(error) => refusal::page(error),
    }
}

/// The address of the page that goes on after a run.
fn older(query: &Query<'_>, last: &str) -> String {
    let mut words = form_urlencoded::Serializer::new(String::new());
    for word in WORDS.iter().filter(|word| **word != "before") {
        for value in query.all(word) {
            words.append_pair(word, value);
        }
    }
    format!("/runs?{}", words.append_pair("before", last).finish())
}

fn listed(
    query: Option<&Query<'_>>,
    runs: &[RunSummary],
    older: Option<String>,
    problem: Option<&str>,
) -> Markup {
    let chosen = |word| query.and_then(|query| query.one(word)).unwrap_or_default().to_owned();
    let is_filtered = WORDS.iter().any(|word| !chosen(word).is_empty());
    inside(
        "/runs",
        "Runs",
        html! {
            h1 { "Runs" }
            form.inline method="get" action="/runs" {
                div { label for="name" { "Job" } input id="name" name="name" value=(chosen("name")) spellcheck="false"; }
                (choice("state", "State", &chosen("state"), STATES.map(|state| state.as_str())))
                (choice("verdict", "Verdict", &chosen("verdict"), VERDICTS.map(|verdict| verdict.as_str())))
                div { label for="tag" { "Tag" } input id="tag" name="tag" value=(chosen("tag")) placeholder="key=value" spellcheck="false"; }
                button { "Filter" }
                @if is_filtered { a href="/runs" { "Show all" } }
            }
            @if let Some(problem) = problem { p.said.is-bad role="alert" { (problem) } }
            div id="list" data-refresh="3" {
                @if runs.is_empty() {
                    p { @if is_filtered { "No run is like that." } @else { "No runs are stored yet." } }
                } @else {
                    (table(runs))
                }
            }
            div.pages {
                @if !chosen("before").is_empty() { a href="/runs" { "Newest" } }
                @if let Some(older) = older { a href=(older) { "Older runs" } }
            }
        },
    )
}

fn choice<const N: usize>(name: &str, title: &str, chosen: &str, values: [&'static str; N]) -> Markup {
    html! {
        div {
            label for=(name) { (title) }
            select id=(name) name=(name) {
                option value="" { "any" }
                @for value in values { option value=(value) selected[value == chosen] { (value) } }
            }
        }
    }
}

fn table(runs: &[RunSummary]) -> Markup {
    html! {
        form method="get" action="/compare" {
            div.scroll tabindex="0" role="region" aria-label="Runs" {
                table.list {
                    thead { tr { @for name in ["verdict", "job", "state", "trials", "submitted", "tags", "pick"] { th scope="col" { (name) } } } }
                    tbody { @for run in runs { (row(run)) } }
                }
            }
            button { "Compare the two that are picked" }
        }
    }
}

fn row(run: &RunSummary) -> Markup {
    let (sign, word) = glance(run);
    html! {
        tr {
            td.verdict.{ "is-" (word) } { span aria-hidden="true" { (sign) } " " (word) }
            th scope="row" { a href=(format!("/runs/{}", run.id)) { (run.name) } }
            td.{ "is-" (run.state.as_str()) } { @if run.damage.is_some() { "damaged" } @else { (run.state.as_str()) } }
            td { (run.trials_complete) "/" (run.trials_planned) }
            td { (moment(run.submitted_at_ms)) }
            td { @for (key, value) in &run.tags { span.tag { (key) "=" (value) } " " } }
            td { input type="checkbox" name="run" value=(run.id) aria-label=(format!("pick {} of {}", run.name, moment(run.submitted_at_ms))); }
        }
    }
}

/// What came out, as a sign and a word: colour alone tells nothing to those who do not see it.
fn glance(run: &RunSummary) -> (&'static str, &'static str) {
    if !run.state.is_over() {
        return ("…", "open");
    }
    let sign = match run.verdict {
        Verdict::Supported => "✓",
        Verdict::Refuted => "✗",
        Verdict::Inconclusive => "?",
        Verdict::Invalid => "!",
        Verdict::None => "–",
    };
    (sign, run.verdict.as_str())
}
