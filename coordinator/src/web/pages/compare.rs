//! Two runs, baselines, or variants of them against each other.

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{Markup, html};
use shared::run_record::RunSummary;

use super::super::answer;
use super::super::api::query::Query;
use super::super::api::{refusal, terms};
use super::super::guard::Visit;
use super::{inside, moment};
use crate::control::{Control, ControlError};
use crate::store::SummaryFilter;

/// Runs that are proposed: the newest.
const PROPOSED: usize = 100;
const WORDS: [&str; 4] = ["a", "b", "run", "margin"];

/// Asks which two, and shows what can be said of them.
pub(in crate::web) async fn page(visit: Visit) -> Response<Body> {
    let control = &visit.site.control;
    let proposed = match proposals(control).await {
        Ok(proposed) => proposed,
        Err(error) => return refusal::page(error),
    };
    let problem = |problem: String, a: &str, b: &str| {
        let said = html! { p.said.is-bad role="alert" { (problem) } };
        answer::page(StatusCode::BAD_REQUEST, asked((a, b), &proposed, said))
    };
    let query = match Query::of_form(&visit.query, &WORDS) {
        Ok(query) => query,
        Err(text) => return problem(text, "", ""),
    };
    let (a, b) = match sides(&query) {
        Ok(Some(sides)) => sides,
        Ok(None) => return answer::page(StatusCode::OK, asked(("", ""), &proposed, html! {})),
        Err(text) => return problem(text, "", ""),
    };
    let terms = match terms(&query) {
        Ok(terms) => terms,
        Err(text) => return problem(text, &a, &b),
    };
    match control.compare(&a, &b, terms).await {
        Ok(comparison) => {
            let shown = report::html::compared::section(&comparison);
            answer::page(StatusCode::OK, asked((&a, &b), &proposed, shown))
        }
        Err(error) => problem(error.to_string(), &a, &b),
    }
}

/// The two that are meant: named, or picked in the list of runs, and then the older one is held against.
fn sides(query: &Query<'_>) -> Result<Option<(String, String)>, String> {
    let mut picked = query.all("run");
    picked.sort_unstable();
    match (query.one("a"), query.one("b"), picked.as_slice()) {
        (None, None, []) => Ok(None),
        (Some(a), Some(b), []) => Ok(Some((a.to_owned(), b.to_owned()))),
        (None, None, [a, b]) => Ok(Some(((*a).to_owned(), (*b).to_owned()))),
        (None, None, picked) => Err(format!("pick two runs, not {}", picked.len())),
        _ => Err("name both sides".to_owned()),
    }
}

/// What can be named: a name, and what stands behind it.
async fn proposals(control: &Control) -> Result<Vec<(String, String)>, ControlError> {
    let filter = SummaryFilter { limit: Some(PROPOSED), ..SummaryFilter::default() };
    let runs = control.runs(filter).await?;
    let baselines = control.store.read(|store| store.baselines()).await??;
    let of_baseline = |name: String| (name, "baseline".to_owned());
    let of_run = |run: &RunSummary| {
        let told = [run.name.to_string(), moment(run.submitted_at_ms), run.verdict.as_str().to_owned()];
        (run.id.to_string(), told.join(", "))
    };
    let baselines = baselines.into_iter().map(|listed| of_baseline(listed.name.to_string()));
    Ok(baselines.chain(runs.iter().filter(|run| run.state.is_over()).map(of_run)).collect())
}

fn asked((a, b): (&str, &str), proposed: &[(String, String)], shown: Markup) -> Markup {
    inside(
        "/compare",
        "Compare",
        html! {
            h1 { "Compare" }
            form.inline method="get" action="/compare" {
                div { label for="a" { "First: what is held against" } input.wide id="a" name="a" value=(a) list="known" required spellcheck="false" autocomplete="off"; }
                div { label for="b" { "Second: what is judged" } input.wide id="b" name="b" value=(b) list="known" required spellcheck="false" autocomplete="off"; }
                button { "Compare" }
            }
            datalist id="known" { @for (name, about) in proposed { option value=(name) { (about) } } }
            p.help { "A run, a unique beginning of its id, " code { "latest" } ", or a baseline; with " code { ":variant" } " where there are several." }
            (shown)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_were_picked_the_older_one_is_held_against() {
        let read = |text| sides(&Query::of_form(text, &WORDS).unwrap());
        let two = |a: &str, b: &str| Ok(Some((a.to_owned(), b.to_owned())));
        assert_eq!(read("run=019b&run=019a"), two("019a", "019b"));
        assert_eq!(read("a=main&b=latest"), two("main", "latest"));
        assert_eq!(read("a=&b="), Ok(None));
        assert_eq!(read("run=1&run=2&run=3"), Err("pick two runs, not 3".to_owned()));
        assert_eq!(read("a=main"), Err("name both sides".to_owned()));
    }
}
