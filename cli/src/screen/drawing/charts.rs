//! What moves: how far the trial is, and throughput and latency over its time.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, LineGauge, Paragraph, Sparkline};
use shared::units::{human_ns, human_rate};

use super::ink::Ink;
use crate::screen::model::{Model, Point};

/// How far a chart reaches before a trial has lasted longer, seconds.
const SECONDS_MIN: f64 = 10.0;
/// What a chart's top has above its highest value.
const HEADROOM: f64 = 1.1;
/// From here on both charts stand side by side.
const BESIDE_FROM_COLUMNS: u16 = 72;

/// How far the running trial is.
pub(super) fn gauge(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let Some(progress) = &model.progress else {
        return frame.render_widget(Paragraph::new(Line::styled(model.run.as_str(), ink.aside())), area);
    };
    let (share, left) = model.trial.done(progress);
    let left = left.map_or_else(String::new, |left| format!("  {:.0} s left", left.as_secs_f64().ceil()));
    let gauge = LineGauge::default()
        .ratio(share.clamp(0.0, 1.0))
        .label(format!("{:3.0} %{left}", share * 100.0))
        .filled_style(ink.first())
        .unfilled_style(ink.aside());
    frame.render_widget(gauge, area);
}

/// Throughput and latency over time, with axes.
pub(super) fn over_time(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let both = [Constraint::Fill(1), Constraint::Fill(1)];
    let [left, right] = if area.width >= BESIDE_FROM_COLUMNS {
        Layout::horizontal(both).spacing(1).areas(area)
    } else {
        [area, Rect::ZERO]
    };
    let per_s = series(model, |point| Some(point.per_s));
    let title = Line::from("Throughput");
    time_chart(frame, left, title, &[("", ink.first(), per_s)], human_rate, ink);
    if right.is_empty() {
        return;
    }
    let p50 = series(model, |point| point.p50_ns.map(|value| value as f64));
    let p99 = series(model, |point| point.p99_ns.map(|value| value as f64));
    let lines = [("p50", ink.first(), p50), ("p99", ink.second(), p99)];
    time_chart(frame, right, Line::from("Latency of each second, p50 and p99"), &lines, human_ns, ink);
}

/// Throughput as bars, where there is no room for axes: the last seconds that fit.
pub(super) fn bars(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let skipped = model.points.len().saturating_sub(usize::from(area.width));
    let bars: Vec<u64> = model.points.iter().skip(skipped).map(|point| point.per_s.round() as u64).collect();
    frame.render_widget(Sparkline::default().data(&bars).style(ink.first()), area);
}

/// A line: its name, how it looks, and its points.
type Drawn<'a> = (&'a str, Style, Vec<(f64, f64)>);

fn series(model: &Model, value: impl Fn(&Point) -> Option<f64>) -> Vec<(f64, f64)> {
    model.points.iter().filter_map(|point| Some((point.at_s, value(point)?))).collect()
}

fn time_chart(
    frame: &mut Frame<'_>,
    area: Rect,
    title: Line<'_>,
    lines: &[Drawn<'_>],
    in_words: fn(f64) -> String,
    ink: Ink,
) {
    let drawn = || lines.iter().flat_map(|(_, _, points)| points);
    let first = drawn().map(|(at_s, _)| *at_s).fold(f64::INFINITY, f64::min).min(0.0);
    let last = drawn().map(|(at_s, _)| *at_s).fold(first + SECONDS_MIN, f64::max);
    let top = drawn().map(|(_, value)| *value).fold(0.0, f64::max) * HEADROOM;
    let top = if top > 0.0 { top } else { 1.0 };
    let datasets = lines.iter().map(|(name, style, points)| {
        Dataset::default()
            .name(*name)
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(*style)
            .data(points)
    });
    let seconds = [format!("{first:.0} s"), format!("{last:.0} s")];
    let values = [in_words(0.0), in_words(top / 2.0), in_words(top)];
    let chart = Chart::new(datasets.collect())
        .block(ink.titled(title))
        .legend_position(None)
        .x_axis(Axis::default().bounds([first, last]).labels(seconds).style(ink.aside()))
        .y_axis(Axis::default().bounds([0.0, top]).labels(values).style(ink.aside()));
    frame.render_widget(chart, area);
}
