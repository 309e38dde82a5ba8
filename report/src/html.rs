//! A run as one HTML file that can be mailed: the verdicts first, then what was measured, charts, hosts, findings, the job, and how
//! to run it again. It asks the network for nothing and holds no script; what came from outside is escaped where it is put in.
//!
//! Rooms: `verdicts`, `measured`, `slowest`, `profiles`, `hosts` and `again`, one for each part of the page; [`compared`] and [`trended`], parts of other
//! pages.

mod again;
pub mod compared;
mod hosts;
mod measured;
mod plans;
mod profiles;
mod slowest;
pub mod trended;
mod verdicts;

use std::io::Write;

use analysis::compare_hosts::{Question, compare_hosts};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};
use shared::host_comparison::LinkMatrix;
use shared::job::Placement;
use shared::run_report::{RunReport, Verdict};

use crate::chart::{self, agents, forest, heat_map, links, percentiles, sweep, time_line};
use crate::series::{self, Series};
use crate::{ExportFormat, ExportSource, Exporter, ReportError};

/// Its line in the table.
pub const FORMAT: ExportFormat =
    ExportFormat { name: "html", doc: "one HTML file with charts, which needs no network", exporter: &Html };

/// The style of its parts, which pages that show them need beside that of charts.
pub const STYLE: &str = include_str!("html/style.css");
/// Sweeps that are drawn; further ones are counted.
const SWEEPS_MAX: usize = 12;
/// Matrices of links that are drawn; further ones are counted.
const MATRICES_MAX: usize = 12;
/// Metrics of links without a picture of their own: the median says the same of a link as the mean, and the tail less.
const LEFT_TO_TABLES: [&str; 2] = [".latency.mean", ".latency.p99"];

/// A run as one HTML file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Html;

impl Exporter for Html {
    fn export(&self, source: &mut ExportSource<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
        let series = series::gather(source)?;
        Ok(out.write_all(page(source, &series).into_string().as_bytes())?)
    }
}

fn page(source: &ExportSource<'_>, series: &Series) -> Markup {
    let report = &source.assembled.report;
    let style = format!("{STYLE}{}", chart::STYLE);
    // Only this very style may apply: nothing that slipped through escaping could add one, load anything or run.
    let digest = STANDARD.encode(Sha256::digest(style.as_bytes()));
    let policy =
        format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.run.name) ": " (outcome(report)) " · fleetmark" }
                // Safe: both files are part of this program.
                style { (maud::PreEscaped(&style)) }
            }
            body {
                header { (head(report)) }
                main { (parts(source, series)) }
            }
        }
    }
}

/// What stands at the head of a run's page: its name, what came out, and the facts about it.
pub fn head(report: &RunReport) -> Markup {
    html! {
        h1 { (report.run.name) }
        p.verdict.{ "is-" (report.run.verdict.as_str()) } { (outcome(report)) }
        @if let Some(reason) = &report.run.reason { p.reason { (reason) } }
        (facts(report))
    }
}

/// Everything below the head, in its order.
pub fn parts(source: &ExportSource<'_>, series: &Series) -> Markup {
    let report = &source.assembled.report;
    html! {
        (verdicts::claims(report))
        (verdicts::search(report))
        (comparisons(source))
        (measured::operations(report))
        (charts(source, series))
        (measured::failures(report))
        (slowest::section(report))
        (profiles::section(report))
        (plans::section(report))
        (hosts::section(report))
        (verdicts::findings(report))
        (again::section(report))
    }
}

fn outcome(report: &RunReport) -> &'static str {
    match report.run.verdict {
        Verdict::None => "valid, nothing was claimed",
        verdict => verdict.as_str(),
    }
}

fn facts(report: &RunReport) -> Markup {
    let run = &report.run;
    html! {
        dl.facts {
            dt { "Run" } dd { code { (run.id) } ", " (run.state.as_str()) }
            dt { "Started" } dd { (run.started_at) }
            dt { "Ended" } dd { (run.finished_at.as_deref().unwrap_or("not yet")) }
            dt { "Seed" } dd { (run.seed) }
            @if !run.tags.is_empty() {
                dt { "Tags" }
                dd { @for (key, value) in &run.tags { span.tag { (key) "=" (value) } " " } }
            }
            dt { "Measured by" } dd { "fleetmark " (run.fleetmark_version) ", analysis " (run.analysis_version) }
        }
    }
}

fn comparisons(source: &ExportSource<'_>) -> Markup {
    let drawn = forest::chart(&source.assembled.report.comparisons, source.job.limits.margin);
    html! { @if let Some(drawn) = drawn { section { h2 { "Comparisons" } (drawn) } } }
}

fn charts(source: &ExportSource<'_>, series: &Series) -> Markup {
    let sweeps = &source.assembled.report.sweeps;
    html! {
        section {
            h2 { "Charts" }
            @for sweep in sweeps.iter().take(SWEEPS_MAX) { (sweep::chart(sweep)) }
            @if sweeps.len() > SWEEPS_MAX {
                p { "… and " (sweeps.len() - SWEEPS_MAX) " more sweeps: the JSON report has them all." }
            }
            (links(source))
            (percentiles::chart(&percentiles::curves(source.assembled)))
            (time_line::chart(series))
            @for map in heat_map::charts(series) { (map) }
            @if let Some(agents) = agents::chart(series) { (agents) }
        }
    }
}

/// The links between hosts that met in pairs: of each operation what it moves and how long it takes.
fn links(source: &ExportSource<'_>) -> Markup {
    let is_of_pairs = source.job.fleet.placement == Placement::Pairs;
    let compared =
        is_of_pairs.then(|| compare_hosts(&source.assembled.report, Question::default()).ok()).flatten();
    let matrices = compared.map(|compared| compared.matrices).unwrap_or_default();
    let is_drawn = |matrix: &&LinkMatrix| !LEFT_TO_TABLES.iter().any(|left| matrix.metric.ends_with(left));
    let drawn: Vec<&LinkMatrix> = matrices.iter().filter(is_drawn).collect();
    html! {
        @for matrix in drawn.iter().take(MATRICES_MAX) { (links::chart(matrix)) }
        @if drawn.len() > MATRICES_MAX {
            p { "… and " (drawn.len() - MATRICES_MAX) " more: " code { "fleetmark compare --hosts" } " has them all." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn text_of_the_fixture() -> String {
        String::from_utf8(fixture::exported(&Html)).unwrap()
    }

    #[test]
    fn the_page_asks_the_network_for_nothing_and_holds_no_script() {
        let text = text_of_the_fixture();
        for forbidden in ["<script", "src=", "href=", "@import", "url(", " style=", "onclick"] {
            assert!(!text.contains(forbidden), "{forbidden} stands in it");
        }
        assert!(text.contains("default-src 'none'"), "{text}");
    }

    #[test]
    fn the_parts_stand_in_their_order_with_the_verdict_first() {
        let text = text_of_the_fixture();
        let titles = [
            "is-none",
            "What was measured",
            "Charts",
            "Failures",
            "Hosts",
            "Findings",
            "How to run it again",
        ];
        let places: Vec<_> =
            titles.iter().map(|title| text.find(title).unwrap_or_else(|| panic!("{title}"))).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn what_came_from_outside_is_escaped() {
        let text = text_of_the_fixture();
        assert!(
            text.contains("503 Service Unavailable") && !text.contains('\u{1b}'),
            "control characters are shown, not sent"
        );
    }

    #[test]
    fn figures_are_those_of_the_report() {
        let text = text_of_the_fixture();
        let report = fixture::assembled().report;
        let all = report.variants[0].operations.last().unwrap();
        let p99 = shared::units::human_ns(all.latency_ns.p99.unwrap() as f64);
        assert!(text.contains(&p99), "{p99}");
    }
}
