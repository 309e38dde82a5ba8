//! How a metric went from run to run of a job, and where it changed.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{Markup, html};

use super::super::answer;
use super::super::api::query::Query;
use super::super::api::refusal;
use super::super::guard::Visit;
use super::inside;
use crate::control::{Control, ControlError, TrendQuestion};
use crate::store::SummaryFilter;

/// Runs whose jobs are proposed: the newest.
const LOOKED_AT: usize = 200;
/// Metrics that every job with operations has.
const PROPOSED: [&str; 5] = ["throughput", "latency.p50", "latency.p95", "latency.p99", "error_ratio"];

/// Asks which metric, and shows it.
pub(in crate::web) async fn page(visit: Visit) -> Response<Body> {
    let control = &visit.site.control;
    let jobs = match jobs(control).await {
        Ok(jobs) => jobs,
        Err(error) => return refusal::page(error),
    };
    let query = match Query::of_form(&visit.query, &["metric", "job"]) {
        Ok(query) => query,
        Err(problem) => {
            let said = html! { p.said.is-bad role="alert" { (problem) } };
            return answer::page(StatusCode::BAD_REQUEST, asked("", "", &jobs, said));
        }
    };
    let job = query.one("job").unwrap_or_default();
    let Some(metric) = query.one("metric") else {
        return answer::page(StatusCode::OK, asked("", job, &jobs, html! {}));
    };
    let question = TrendQuestion { metric: metric.to_owned(), job: job.to_owned(), runs_max: 0 };
    match control.trend(question).await {
        Ok(trend) => {
            let shown = report::html::trended::section(&trend, |point| format!("/runs/{}", point.run));
            answer::page(StatusCode::OK, asked(metric, job, &jobs, shown))
        }
        Err(error @ (ControlError::Missing(_) | ControlError::Meant(_))) => {
            let said = html! { p.said role="alert" { (error) } };
            answer::page(StatusCode::OK, asked(metric, job, &jobs, said))
        }
        Err(error) => refusal::page(error),
    }
}

/// Names of the jobs that ran lately.
async fn jobs(control: &Control) -> Result<BTreeSet<String>, ControlError> {
    let filter = SummaryFilter { limit: Some(LOOKED_AT), ..SummaryFilter::default() };
    Ok(control.runs(filter).await?.into_iter().map(|run| run.name.to_string()).collect())
}

fn asked(metric: &str, job: &str, jobs: &BTreeSet<String>, shown: Markup) -> Markup {
    inside(
        "/trends",
        "Trends",
        html! {
            h1 { "Trends" }
            form.inline method="get" action="/trends" {
                div { label for="metric" { "Metric" } input.wide id="metric" name="metric" value=(metric) list="metrics" required placeholder="latency.p99" spellcheck="false" autocomplete="off"; }
                div { label for="job" { "Job" } input.wide id="job" name="job" value=(job) list="jobs" placeholder="the newest that has it" spellcheck="false" autocomplete="off"; }
                button { "Show" }
            }
            datalist id="metrics" { @for metric in PROPOSED { option value=(metric) {} } }
            datalist id="jobs" { @for job in jobs { option value=(job) {} } }
            p.help { "Metrics of an operation begin with its name: " code { "read.latency.p99" } "." }
            (shown)
        },
    )
}
