//! A metric from run to run, with its change points.

use maud::Markup;
use shared::history::{TrendPoint, TrendSeries};

use super::scale::{Scale, Spread};
use super::sheet::{Panel, Sheet};
use super::{Table, Width, figure};
use crate::figures;

const HEIGHT: f64 = 200.0;
/// Half the width of the triangle at a change point.
const TRIANGLE: f64 = 5.0;
/// Letters of the day in a run's time.
const DAY_LETTERS: usize = "2026-01-31".len();

/// Draws it: a point for each run in their order, the interval of each, and the mean of what lies between two changes.
pub fn chart(metric: &str, series: &TrendSeries) -> Markup {
    let title = match &series.subject {
        Some(subject) => format!("{metric}, {}, {subject}", series.variant),
        None => format!("{metric}, {}", series.variant),
    };
    let description = match series.change_points.len() {
        0 => format!("{} runs, oldest first; no change is shown.", series.points.len()),
        1 => format!("{} runs, oldest first; changed once.", series.points.len()),
        count => format!("{} runs, oldest first; changed {count} times.", series.points.len()),
    };
    let legend = ["mean of a run, with its 95 % interval".to_owned(), "mean between changes".to_owned()];
    figure(&title, &description, &legend, &table(series), |width| draw(metric, series, width))
}

fn draw(metric: &str, series: &TrendSeries, width: Width) -> Option<Sheet> {
    let last = series.points.len().checked_sub(1)?;
    let mut sheet = Sheet::new(width);
    let panel = sheet.panel(HEIGHT);
    let across = Scale::over(Spread::Linear, [0.0, last.max(1) as f64], panel.across)?;
    let reaches = series
        .points
        .iter()
        .flat_map(|point| [point.mean].into_iter().chain(point.ci95.into_iter().flatten()));
    let up = Scale::over(Spread::Linear, reaches, panel.up)?.to_marks(panel.marks());
    sheet.axis_up(&panel, &up, metric, |value| figures::figure(value, &series.unit));
    let days = series.points.iter().enumerate().map(|(place, point)| {
        (across.at(place as f64), point.submitted_at.chars().take(DAY_LETTERS).collect::<String>())
    });
    let mut known = String::new();
    // A day is marked at its first run.
    let firsts = days.filter(|(_, day)| std::mem::replace(&mut known, day.clone()) != *day);
    sheet.axis_across(&panel, "day submitted", firsts.collect::<Vec<_>>());
    for (place, point) in series.points.iter().enumerate() {
        let x = across.at(place as f64);
        if let Some([low, high]) = point.ci95 {
            sheet.line("s0 solid", [Some((x, up.at(low))), Some((x, up.at(high)))]);
        }
    }
    levels(&mut sheet, series, &across, &up);
    for (place, point) in series.points.iter().enumerate() {
        sheet.point("s0", (across.at(place as f64), up.at(point.mean)), &says(series, point));
    }
    changes(&mut sheet, series, &panel, &across);
    Some(sheet)
}

/// The mean of the runs between two changes, as a line as long as they reach.
fn levels(sheet: &mut Sheet, series: &TrendSeries, across: &Scale, up: &Scale) {
    let changes = series.change_points.iter();
    let starts = [0].into_iter().chain(changes.clone().map(|change| change.at));
    let ends = changes.map(|change| change.at).chain([series.points.len()]);
    for (start, end) in starts.zip(ends) {
        let Some(between) = series.points.get(start..end).filter(|between| !between.is_empty()) else {
            continue;
        };
        let mean = between.iter().map(|point| point.mean).sum::<f64>() / between.len() as f64;
        let at = |place: usize| Some((across.at(place as f64), up.at(mean)));
        sheet.line("s1", [at(start), at(end - 1)]);
    }
}

fn changes(sheet: &mut Sheet, series: &TrendSeries, panel: &Panel, across: &Scale) {
    let (bottom, top) = panel.up;
    for change in &series.change_points {
        let x = across.at(change.at as f64);
        let by =
            change.ratio.map_or_else(String::new, |ratio| format!(" by {:+.1} %", (ratio - 1.0) * 100.0));
        let (before, after) =
            (figures::figure(change.before, &series.unit), figures::figure(change.after, &series.unit));
        let says = format!("changed{by}: {before} before, {after} after; first in run {}", change.run);
        sheet.line("host", [Some((x, bottom)), Some((x, top))]);
        sheet.triangle("found", (x, top), TRIANGLE, &says);
    }
}

fn says(series: &TrendSeries, point: &TrendPoint) -> String {
    let told = figures::with_interval(Some(point.mean), point.ci95, &series.unit);
    let known = ["describe", "commit"].iter().find_map(|key| point.tags.get(*key));
    let commit = known.map_or_else(String::new, |commit| format!(", {commit}"));
    format!("{}{commit}: {told}", point.submitted_at)
}

fn table(series: &TrendSeries) -> Table {
    let header =
        ["submitted", "run", "trials", "mean (95 % interval)", "changed"].map(str::to_owned).to_vec();
    let rows = series.points.iter().enumerate().map(|(place, point)| {
        let is_changed = series.change_points.iter().any(|change| change.at == place);
        vec![
            point.submitted_at.clone(),
            point.run.to_string(),
            point.trials.to_string(),
            figures::with_interval(Some(point.mean), point.ci95, &series.unit),
            if is_changed { "▲".to_owned() } else { String::new() },
        ]
    });
    Table { header, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::history::TrendChange;
    use shared::ids::RunId;

    use super::*;

    fn series(means: &[f64], changes: &[usize]) -> TrendSeries {
        let run = |place: usize| RunId::new(1_700_000_000_000 + place as u64, [7; 10]);
        let point = |(place, mean): (usize, &f64)| TrendPoint {
            run: run(place),
            submitted_at: format!("2026-01-{:02}T00:00:00Z", place + 1),
            tags: BTreeMap::from([("commit".to_owned(), "<abc>".to_owned())]),
            trials: 5,
            mean: *mean,
            ci95: Some([mean * 0.95, mean * 1.05]),
        };
        let change = |at: &usize| TrendChange {
            at: *at,
            run: run(*at),
            before: means[0],
            after: means[*at],
            ratio: Some(means[*at] / means[0]),
            p_value: 0.01,
        };
        TrendSeries {
            variant: "default".to_owned(),
            subject: None,
            unit: "ns".to_owned(),
            points: means.iter().enumerate().map(point).collect(),
            change_points: changes.iter().map(change).collect(),
        }
    }

    #[test]
    fn a_change_is_marked_and_said_with_its_size() {
        let text = chart("latency.p95", &series(&[1e6, 1e6, 2e6, 2e6], &[2])).into_string();
        assert!(text.contains("changed by +100.0 %: 1.00 ms before, 2.00 ms after"), "{text}");
        assert!(text.contains("4 runs, oldest first; changed once."), "{text}");
        assert!(!text.contains("<abc>"), "what came from outside is escaped: {text}");
    }

    #[test]
    fn one_run_is_a_point_and_none_says_so() {
        assert!(chart("latency.p95", &series(&[1e6], &[])).into_string().contains("1 runs"));
        assert!(chart("latency.p95", &series(&[], &[])).into_string().contains("Nothing was measured"));
    }
}
