//! A trend for people: a line of blocks with its change points marked, and a table of the newest runs.

use comfy_table::CellAlignment;
use shared::history::{Trend, TrendPoint, TrendSeries};
use shared::units::{human_bytes, human_count, human_ns, human_rate};

use super::Page;
use super::ink::{Ink, cut};
use super::operations::{INDENT, plain_table};

/// Heights of a column of the plot.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Widest plot: each column is then a run, or the mean of some.
const COLUMNS_MAX: usize = 80;
/// Series shown; more make a screenful that nobody reads.
const SERIES_MAX: usize = 8;
/// Newest runs listed of each series.
const RUNS_LISTED_MAX: usize = 20;
/// Letters of a commit, and of other words about a run.
const COMMIT_LETTERS: usize = 12;
const WORD_LETTERS: usize = 24;

/// A trend as text, so many columns wide.
pub fn render(trend: &Trend, width: u16, is_coloured: bool) -> String {
    let mut page = Page { ink: Ink { is_coloured }, width: usize::from(width), text: String::new() };
    let title = format!("{} of job {}", trend.metric, trend.job);
    let title = page.ink.bold(&title);
    page.line(&title);
    for series in trend.series.iter().take(SERIES_MAX) {
        section(&mut page, series, trend.series.len() == 1);
    }
    if trend.series.len() > SERIES_MAX {
        page.line(&format!(" … and {} more series: --json tells all", trend.series.len() - SERIES_MAX));
    }
    footer(&mut page, trend);
    page.text
}

fn section(page: &mut Page, series: &TrendSeries, is_only: bool) {
    if !is_only || series.subject.is_some() {
        let subject = series.subject.as_ref().map(|subject| format!(" {}", cut(subject, WORD_LETTERS)));
        page.title(&format!("{}{}", cut(&series.variant, page.width), subject.unwrap_or_default()));
    } else {
        page.line("");
    }
    plot(page, series);
    page.line("");
    table(page, series);
}

/// Two lines: the values, from the lowest to the highest of them, and a mark below each change point.
fn plot(page: &mut Page, series: &TrendSeries) {
    let means: Vec<f64> = series.points.iter().map(|point| point.mean).collect();
    let (Some(low), Some(high)) =
        (means.iter().copied().reduce(f64::min), means.iter().copied().reduce(f64::max))
    else {
        return;
    };
    let columns = means.len().min(COLUMNS_MAX).min(page.width.saturating_sub(INDENT).max(1));
    let column_of = |place: usize| place * columns / means.len();
    let mut sums = vec![(0.0, 0_u32); columns];
    for (place, mean) in means.iter().enumerate() {
        let (sum, count) = &mut sums[column_of(place)];
        (*sum, *count) = (*sum + mean, *count + 1);
    }
    let block = |(sum, count): &(f64, u32)| {
        let share = if high > low { (sum / f64::from(*count) - low) / (high - low) } else { 0.5 };
        BLOCKS[((share * BLOCKS.len() as f64) as usize).min(BLOCKS.len() - 1)]
    };
    let indent = " ".repeat(INDENT);
    let line: String = sums.iter().map(block).collect();
    page.line(&format!("{indent}{line}"));
    if !series.change_points.is_empty() {
        let mut marks = vec![' '; columns];
        series.change_points.iter().for_each(|change| marks[column_of(change.at)] = '▲');
        let marks: String = marks.into_iter().collect();
        page.line(&format!("{indent}{}", marks.trim_end()));
    }
    let range =
        format!("{indent}{} to {} over {} runs", value(low, series), value(high, series), means.len());
    let range = page.ink.faint(&range);
    page.line(&range);
}

fn table(page: &mut Page, series: &TrendSeries) {
    let skipped = series.points.len().saturating_sub(RUNS_LISTED_MAX);
    if skipped > 0 {
        page.line(&format!(" … {skipped} older runs: --json tells all"));
    }
    let mut table = plain_table();
    table.set_header(["run", "submitted", "commit", "trials", "mean", "95 % interval", ""]);
    for (place, point) in series.points.iter().enumerate().skip(skipped) {
        let interval =
            point.ci95.map(|[low, high]| format!("{} to {}", value(low, series), value(high, series)));
        table.add_row([
            point.run.to_string(),
            point.submitted_at.chars().take("2026-11-21T10:06".len()).collect::<String>().replace('T', " "),
            commit(point),
            point.trials.to_string(),
            value(point.mean, series),
            interval.unwrap_or_else(|| "–".to_owned()),
            change(series, place),
        ]);
    }
    table
        .column_iter_mut()
        .skip(3)
        .take(3)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
}

/// What a run is known by: what git calls it, or its commit.
fn commit(point: &TrendPoint) -> String {
    let known = |key: &str, letters: usize| point.tags.get(key).map(|word| cut(word, letters));
    known("describe", WORD_LETTERS)
        .or_else(|| known("commit", COMMIT_LETTERS))
        .or_else(|| known("tag", WORD_LETTERS))
        .unwrap_or_else(|| "–".to_owned())
}

fn change(series: &TrendSeries, place: usize) -> String {
    let Some(change) = series.change_points.iter().find(|change| change.at == place) else {
        return String::new();
    };
    let by = change.ratio.map(|ratio| format!(" by {:+.1} %", (ratio - 1.0) * 100.0));
    format!("▲ changed{}", by.unwrap_or_default())
}

fn footer(page: &mut Page, trend: &Trend) {
    page.line("");
    if trend.series.iter().any(|series| !series.change_points.is_empty()) {
        page.aside(
            "▲ The values before and after differ by more than chance explains. Whether the program changed or the \
             machine did, a fresh run with both versions as variants tells.",
        );
    }
    if trend.runs_left_out > 0 {
        let count = trend.runs_left_out;
        page.aside(&format!("Left out: {count} runs that failed, do not count, or do not have the metric."));
    }
    if trend.has_older {
        page.aside("There are older runs: --limit N looks at more of them.");
    }
}

fn value(value: f64, series: &TrendSeries) -> String {
    match series.unit.as_str() {
        "ns" => human_ns(value),
        "bytes" => human_bytes(value),
        "per_s" => human_rate(value),
        "" => human_count(value),
        unit => format!("{} {}", human_count(value), cut(unit, WORD_LETTERS)),
    }
}

#[cfg(test)]
mod tests;
