//! One run: while it goes on, where it stands and its charts, which move; when it is over, its report.

use axum::body::Body;
use http::{Response, StatusCode};
use maud::{Markup, PreEscaped, html};
use shared::run_record::RunRecord;
use shared::units::{human_count, human_ns, human_rate, human_share};

use super::super::answer;
use super::super::api::refusal;
use super::super::guard::Visit;
use super::super::live::Look;
use super::super::live::frame::{Frame, ProgressNow};
use super::{inside, moment};
use crate::admission::needs::Needs;
use crate::control::ControlError;

/// Shows it.
pub(in crate::web) async fn page(visit: Visit) -> Response<Body> {
    let site = &visit.site;
    let run = match site.control.resolve(visit.id.clone()).await {
        Ok(run) => run,
        Err(error) => return refusal::page(error),
    };
    if visit.id != run.to_string() {
        return answer::see_other(&format!("/runs/{run}"));
    }
    match site.lives.look(run).await {
        Ok(Look::Followed(followed)) => match site.control.record_if_active(run).await {
            Ok(Some(record)) => {
                let may_cancel = Needs::OPERATOR.check(&visit.peer.who).is_ok();
                return answer::page(StatusCode::OK, live(&record, &followed.fragment().await, may_cancel));
            }
            // It ended while we looked.
            Ok(None) => {}
            Err(error) => return refusal::page(error),
        },
        Ok(Look::Over) => {}
        Ok(Look::Busy) => {
            let page =
                super::notice("Too many runs are watched", "Each is kept in memory.", Some("try again soon"));
            return answer::page(StatusCode::SERVICE_UNAVAILABLE, page);
        }
        Err(error) => return refusal::page(error),
    }
    match site.drawn.of(&site.control, run).await {
        Ok(Some(drawn)) => answer::page(StatusCode::OK, over(&run.to_string(), &drawn)),
        Ok(None) => {
            let what = "What is stored of this run is too much to be drawn here.";
            let help = format!("fleetmark report {run} --html run.html");
            answer::page(StatusCode::OK, super::notice("A large run", what, Some(&help)))
        }
        Err(error) => refusal::page(error),
    }
}

/// The part of a page that moves.
pub(in crate::web) async fn moving(visit: Visit) -> Response<Body> {
    let looked = async {
        let run = visit.site.control.resolve(visit.id).await?;
        visit.site.lives.look(run).await
    };
    match looked.await {
        Ok(Look::Followed(followed)) => {
            answer::typed(StatusCode::OK, "text/html; charset=utf-8", followed.fragment().await)
        }
        Ok(Look::Over | Look::Busy) => {
            let help = Some("load its page anew");
            answer::problem(StatusCode::CONFLICT, "over", "the run is over", help)
        }
        Err(error) => refusal::of(error),
    }
}

/// Cancels it, and shows what came of that.
pub(in crate::web) async fn cancel(visit: Visit) -> Response<Body> {
    let cancelled = async {
        let run = visit.site.control.resolve(visit.id).await?;
        match visit.site.control.cancel(&visit.peer, run, "cancelled".to_owned()).await {
            Ok(()) | Err(ControlError::Over(_)) => Ok(run),
            Err(error) => Err(error),
        }
    };
    match cancelled.await {
        Ok(run) => answer::see_other(&format!("/runs/{run}")),
        Err(error) => refusal::page(error),
    }
}

fn live(record: &RunRecord, fragment: &str, may_cancel: bool) -> Markup {
    let place = format!("/runs/{}", record.id);
    inside(
        "/runs",
        record.name.as_str(),
        html! {
            h1 { (record.name) }
            // Safe: our own page, whose parts were escaped when they were put in.
            div data-events=(format!("/api/v1{place}/events")) data-live=(format!("{place}/live")) { (PreEscaped(fragment)) }
            @if may_cancel {
                form method="post" action=(format!("{place}/cancel")) { button.danger { "Cancel this run" } }
            }
            h2 { "The run" }
            dl.facts {
                dt { "Run" } dd { code { (record.id) } }
                dt { "Submitted" } dd { (moment(record.submitted_at_ms)) }
                @if !record.tags.is_empty() {
                    dt { "Tags" } dd { @for (key, value) in &record.tags { span.tag { (key) "=" (value) } " " } }
                }
            }
            details { summary { "The job as submitted" } pre.job { code { (record.job_toml) } } }
        },
    )
}

fn over(run: &str, drawn: &str) -> Markup {
    inside(
        "/runs",
        "Run",
        html! {
            // Safe: the report's own parts, each escaped when it was put in.
            (PreEscaped(drawn))
            p { a href=(format!("/api/v1/runs/{run}")) { "The report as JSON" } }
        },
    )
}

/// Where a run stands, and its charts, which are drawn already.
pub(in crate::web) fn fragment(frame: &Frame, charts: &str) -> Markup {
    let planned = frame.trials_planned.max(frame.trials_complete);
    html! {
        p.verdict.{ "is-" (frame.state.as_str()) } role="status" {
            (frame.state.as_str()) ": " (frame.trials_complete) " of " (planned) " trials done"
            @if let Some(trial) = &frame.trial {
                ", " @match &trial.variant { Some(variant) => { (variant) " under way" } None => "the next is being prepared" }
            }
        }
        @if let Some(message) = &frame.message { p.said { (message) } }
        @if let Some(progress) = &frame.progress { (now(frame, progress)) }
        @if !frame.findings.is_empty() {
            p { "Found in the last trial:" }
            ul { @for finding in &frame.findings { li { span.severity.{ "is-" (finding.severity.as_str()) } { (finding.severity.as_str()) } " " (finding.message) } } }
        }
        h2 { "Charts" }
        // Safe: drawn by our own charts, which escape every name.
        (PreEscaped(charts))
    }
}

fn now(frame: &Frame, progress: &ProgressNow) -> Markup {
    let time = |ns: Option<u64>| ns.map_or_else(|| "–".to_owned(), |ns| human_ns(ns as f64));
    let errors = progress.errors as f64 / progress.count.max(1) as f64;
    let planned_s = frame.trial.as_ref().and_then(|trial| trial.planned_s);
    html! {
        @if let Some(planned_s) = planned_s {
            progress.bar value=(progress.elapsed_s.min(planned_s)) max=(planned_s) aria-label="How much of the trial has passed" {}
        }
        dl.now {
            dt { "Since the trial's start" }
            dd { (format!("{:.0} s", progress.elapsed_s)) @if progress.is_warming_up { ", warming up" } }
            dt { "Throughput now" } dd { (human_rate(progress.recent_per_s)) }
            dt { "Ended" } dd { (human_count(progress.count as f64)) ", " (human_share(errors)) " errors" }
            dt { "Latency so far" } dd { "p50 " (time(progress.p50_ns)) ", p99 " (time(progress.p99_ns)) }
            dt { "Agents reporting" } dd { (progress.agents_reporting) }
        }
        @if let Some(hint) = &progress.hint { p.said { (hint) } }
    }
}
