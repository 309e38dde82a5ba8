//! Draws a run as it stands: a pure function of the model and the room there is.
//!
//! Rooms: [`charts`] (throughput and latency over time), [`tables`] (operations, agents, claims, findings), [`ink`] (colours).

mod charts;
pub(super) mod ink;
mod tables;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Wrap};
use shared::event::Progress;
use shared::event::progress::QUANTILES_TOLD;
use shared::units::{human_count, human_ns, human_rate};

use self::ink::Ink;
use super::model::{Model, Question, plural};

/// From here on there is room for axes; below, a line of bars.
const CHART_ROWS_MIN: u16 = 6;
/// From here on tables stand below the charts.
const TABLES_FROM_ROWS: u16 = 18;
/// From here on a table is more than a heading.
const TABLE_ROWS_MIN: u16 = 3;
/// From here on four tables stand side by side in pairs.
const WIDE_FROM_COLUMNS: u16 = 120;
/// Columns of the question.
const QUESTION_COLUMNS: u16 = 54;
/// Which percentiles are shown, from the most room to the least; none named: all that there are.
const PERCENTILES: [&[&str]; 3] = [&[], &["p50", "p95", "p99", "p99_9"], &["p50", "p99"]];
/// Smaller than this nothing can be read.
const SMALLEST: (u16, u16) = (20, 5);

/// Draws the run.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, ink: Ink) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return frame.render_widget(Paragraph::new("too small"), area);
    }
    let has_tables = area.height >= TABLES_FROM_ROWS;
    let figures = figures(model, area.width, ink);
    let figure_rows = u16::try_from(figures.len()).unwrap_or(1);
    let tables = if has_tables { tables::rows_wanted(model, area) } else { 0 };
    let [title, gauge, charts, numbers, below, verdicts, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(figure_rows),
        Constraint::Length(tables),
        Constraint::Length(u16::from(!has_tables)),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(heading(model, ink), title);
    charts::gauge(frame, model, gauge, ink);
    if charts.height >= CHART_ROWS_MIN {
        charts::over_time(frame, model, charts, ink);
    } else {
        charts::bars(frame, model, charts, ink);
    }
    frame.render_widget(Paragraph::new(figures), numbers);
    if has_tables {
        tables::draw(frame, model, below, ink);
    } else {
        frame.render_widget(Paragraph::new(tables::verdicts_in_short(model, ink)), verdicts);
    }
    frame.render_widget(last_line(model, ink), keys);
    if let Some(question) = model.question {
        ask(frame, question, model, ink);
    }
}

/// Which run, which trial, and what it is doing.
fn heading<'a>(model: &'a Model, ink: Ink) -> Line<'a> {
    let name = if model.name.is_empty() { model.run.as_str() } else { model.name.as_str() };
    let trial = if model.trial.number == 0 { String::new() } else { format!("  {}", model.trial.title()) };
    let invalid = match model.invalid {
        0 => String::new(),
        count => format!("  {count} trial{} invalid", plural(count)),
    };
    let step =
        if model.is_cancelling { "cancelling; what was measured is kept" } else { model.step.as_str() };
    Line::from(vec![
        Span::styled(name, ink.strong()),
        Span::raw(trial),
        Span::styled(format!("  {step}"), ink.aside()),
        Span::styled(invalid, ink.bad()),
    ])
}

/// Throughput, errors and percentiles in figures: one line where there is room, two where there is less.
fn figures<'a>(model: &Model, width: u16, ink: Ink) -> Vec<Line<'a>> {
    let Some(progress) = &model.progress else {
        return vec![Line::styled("nothing measured yet", ink.aside())];
    };
    let load = load(progress, ink);
    let percentiles = percentiles(progress, width, ink);
    if load.width() + percentiles.width() + 2 <= usize::from(width) {
        let mut line = load;
        line.push_span(Span::raw("  "));
        line.extend(percentiles);
        return vec![line];
    }
    vec![load, percentiles]
}

fn load<'a>(progress: &Progress, ink: Ink) -> Line<'a> {
    let errors = match progress.errors {
        0 => Span::styled("no errors", ink.aside()),
        count => {
            Span::styled(format!("{} error{}", human_count(count as f64), plural(count as usize)), ink.bad())
        }
    };
    Line::from(vec![
        Span::styled(human_rate(progress.recent_per_s), ink.strong()),
        Span::styled(format!("  {} done  ", human_count(progress.count as f64)), ink.aside()),
        errors,
    ])
}

/// As many percentiles as fit, and the longest.
fn percentiles<'a>(progress: &Progress, width: u16, ink: Ink) -> Line<'a> {
    let mut lines = PERCENTILES.iter().map(|names| percentiles_named(progress, names, ink));
    let fitting = lines.clone().find(|line| line.width() <= usize::from(width));
    fitting.or_else(|| lines.next_back()).unwrap_or_default()
}

fn percentiles_named<'a>(progress: &Progress, names: &[&str], ink: Ink) -> Line<'a> {
    let known = QUANTILES_TOLD.iter().zip(&progress.quantiles_ns);
    let known = known.filter(|((name, _), _)| names.is_empty() || names.contains(name));
    let mut spans = Vec::new();
    for ((name, _), value_ns) in known {
        spans.push(Span::styled(format!("{} ", name.replace('_', ".")), ink.aside()));
        spans.push(Span::raw(format!("{}  ", human_ns(*value_ns as f64))));
    }
    if let Some(max_ns) = progress.max_ns {
        spans.push(Span::styled("max ", ink.aside()));
        spans.push(Span::raw(human_ns(max_ns as f64)));
    }
    Line::from(spans)
}

/// What needs saying, or else which keys there are.
fn last_line<'a>(model: &'a Model, ink: Ink) -> Line<'a> {
    let hint = model.progress.as_ref().and_then(|progress| progress.hint.as_deref());
    match model.said.as_deref().or(hint) {
        Some(said) => Line::styled(crate::output::printable(said), ink.doubtful()),
        None => Line::styled("q quit", ink.aside()),
    }
}

/// The question, in the middle, over everything else.
fn ask(frame: &mut Frame<'_>, question: Question, model: &Model, ink: Ink) {
    let text = match question {
        Question::LeaveOrCancel => {
            "l  leave: the run goes on without you\nc  cancel it: what was measured is kept\nEsc  go on watching"
        }
        Question::Cancel => {
            "c  cancel it: what was measured is kept\nEsc  go on watching\n(it cannot go on alone: its agents are ours)"
        }
    };
    let area = frame.area();
    let (width, height) = (QUESTION_COLUMNS.min(area.width), 6.min(area.height));
    let area = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    let title = format!(" {} ", if model.name.is_empty() { "Quit?" } else { model.name.as_str() });
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }).block(ink.framed(title)), area);
}

#[cfg(test)]
mod tests;
