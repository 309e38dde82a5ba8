//! One metric over the runs of a job, as part of a page.

use maud::{Markup, html};
use shared::history::{Trend, TrendPoint, TrendSeries};

use crate::figures::{self, ABSENT};

/// Series shown; further ones are counted.
const SERIES_MAX: usize = 16;
/// Newest runs listed of each series; further ones are counted.
const RUNS_MAX: usize = 200;

/// What a trend shows. `link` gives the address of a run's page.
pub fn section(trend: &Trend, link: impl Fn(&TrendPoint) -> String) -> Markup {
    html! {
        section {
            h2 { (trend.metric) " of job " (trend.job) }
            @for series in trend.series.iter().take(SERIES_MAX) { (table(series, &link)) }
            @if trend.series.len() > SERIES_MAX { p { "… and " (trend.series.len() - SERIES_MAX) " more series: the JSON has them all." } }
            @if trend.series.iter().any(|series| !series.change_points.is_empty()) {
                p { "▲ The values before and after differ by more than chance explains. Whether the program changed or the machine \
                     did, a fresh run with both versions as variants tells." }
            }
            @if trend.runs_left_out > 0 {
                p.faint { "Left out: " (trend.runs_left_out) " runs that failed, do not count, or do not have the metric." }
            }
            @if trend.has_older { p.faint { "There are older runs, which were not looked at." } }
        }
    }
}

fn table(series: &TrendSeries, link: &impl Fn(&TrendPoint) -> String) -> Markup {
    let title = match &series.subject {
        Some(subject) => format!("{}, {subject}", series.variant),
        None => series.variant.clone(),
    };
    let skipped = series.points.len().saturating_sub(RUNS_MAX);
    html! {
        h3 { (title) }
        @if skipped > 0 { p { "… " (skipped) " older runs: the JSON has them all." } }
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table {
                thead { tr { @for name in ["submitted", "commit", "trials", "mean", "95 % interval", "changed"] { th scope="col" { (name) } } } }
                tbody {
                    @for (place, point) in series.points.iter().enumerate().skip(skipped).rev() {
                        tr {
                            th scope="row" { a href=(link(point)) { (point.submitted_at) } }
                            td { (commit(point)) }
                            td { (point.trials) }
                            td { (figures::figure(point.mean, &series.unit)) }
                            td { (interval(point, &series.unit)) }
                            td { (change(series, place)) }
                        }
                    }
                }
            }
        }
    }
}

/// What a run is known by: what git calls it, or its commit.
fn commit(point: &TrendPoint) -> &str {
    let known = ["describe", "commit", "tag"].iter().find_map(|key| point.tags.get(*key));
    known.map_or(ABSENT, String::as_str)
}

fn interval(point: &TrendPoint, unit: &str) -> String {
    let told =
        |[low, high]: [f64; 2]| format!("{} to {}", figures::figure(low, unit), figures::figure(high, unit));
    point.ci95.map_or_else(|| ABSENT.to_owned(), told)
}

fn change(series: &TrendSeries, place: usize) -> String {
    let Some(change) = series.change_points.iter().find(|change| change.at == place) else {
        return String::new();
    };
    let by = change.ratio.map(|ratio| format!(" by {:+.1} %", (ratio - 1.0) * 100.0));
    format!("▲ changed{}", by.unwrap_or_default())
}
