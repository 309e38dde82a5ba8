//! Operations, agents, claims and findings: as many as there is room for, and how many more there are.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table, Wrap};
use shared::event::progress::{AgentProgress, OperationProgress};
use shared::run_report::Verdict;
use shared::units::{human_count, human_ns, human_rate, human_share};

use super::ink::Ink;
use super::{TABLE_ROWS_MIN, WIDE_FROM_COLUMNS};
use crate::screen::model::{Claim, Model};

const ABSENT: &str = "–";

/// How many rows the tables want of a screen: what they hold, and never more than half of it.
pub(super) fn rows_wanted(model: &Model, area: Rect) -> u16 {
    let [left, right] = pairs(model).map(|pair| pair.map(|rows| u16::try_from(rows).unwrap_or(u16::MAX)));
    let column = |[above, below]: [u16; 2]| above.max(below).saturating_add(1);
    let wanted = if area.width >= WIDE_FROM_COLUMNS {
        column(left).max(column(right))
    } else {
        left[0].saturating_add(left[1]).max(right[0].saturating_add(right[1])).saturating_add(2)
    };
    wanted.clamp(TABLE_ROWS_MIN * 2, area.height / 2)
}

/// The rows of operations and agents, and of claims and findings.
fn pairs(model: &Model) -> [[usize; 2]; 2] {
    let of = |count: usize| count.max(1);
    let told = model.progress.as_ref();
    let operations = told.map_or(0, |progress| progress.operations.len());
    let agents = told.map_or(0, |progress| progress.agents.len());
    [[operations.max(1) + 1, of(agents) + 1], [of(model.claims.len()) * 2, of(model.findings.len())]]
}

/// Draws the four: side by side on a wide screen, else two above two.
pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let [operations, agents, claims, findings] = if area.width >= WIDE_FROM_COLUMNS {
        Layout::horizontal([Constraint::Fill(1); 4]).spacing(1).areas(area)
    } else {
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).spacing(1).areas(area);
        let [[above_left, below_left], [above_right, below_right]] = pairs(model);
        let split = |area: Rect, above: usize, below: usize| {
            let share = |rows: usize| Constraint::Fill(u16::try_from(rows + 1).unwrap_or(u16::MAX));
            Layout::vertical([share(above), share(below)]).areas::<2>(area)
        };
        let [operations, agents] = split(left, above_left, below_left);
        let [claims, findings] = split(right, above_right, below_right);
        [operations, agents, claims, findings]
    };
    self::operations(frame, model, operations, ink);
    self::agents(frame, model, agents, ink);
    self::claims(frame, model, claims, ink);
    self::findings(frame, model, findings, ink);
}

/// The claims on one line, for a screen without tables.
pub(super) fn verdicts_in_short<'a>(model: &Model, ink: Ink) -> Line<'a> {
    if model.claims.is_empty() {
        return match model.findings.front() {
            Some(told) => Line::styled(told.message.clone(), ink.of_severity(told.severity)),
            None => Line::styled("no claims", ink.aside()),
        };
    }
    let order =
        [Verdict::Invalid, Verdict::Refuted, Verdict::Inconclusive, Verdict::Supported, Verdict::None];
    let mut spans = vec![Span::styled("claims ", ink.aside())];
    for verdict in order {
        let count = model.claims.iter().filter(|claim| claim.verdict == verdict).count();
        if count > 0 {
            let words = format!("{count} {}  ", verdict_in_words(verdict));
            spans.push(Span::styled(words, ink.of_verdict(verdict)));
        }
    }
    Line::from(spans)
}

fn verdict_in_words(verdict: Verdict) -> &'static str {
    if verdict == Verdict::None { "not decided yet" } else { verdict.as_str() }
}

fn operations(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let told = model.progress.as_ref().map_or(&[][..], |progress| &progress.operations);
    let whole = model.progress.as_ref().filter(|_| told.is_empty()).map(|progress| OperationProgress {
        name: "all".to_owned(),
        count: progress.count,
        errors: progress.errors,
        recent_per_s: progress.recent_per_s,
        p50_ns: progress.p50_ns,
        p99_ns: progress.p99_ns,
    });
    let latency =
        |value: Option<u64>| value.map_or_else(|| ABSENT.to_owned(), |value| human_ns(value as f64));
    let rows = told.iter().chain(&whole).map(|operation| {
        Row::new([
            operation.name.clone(),
            human_rate(operation.recent_per_s),
            human_count(operation.errors as f64),
            latency(operation.p50_ns),
            latency(operation.p99_ns),
        ])
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(8),
        Constraint::Length(8),
    ];
    let header = Row::new(["name", "rate", "errors", "p50", "p99"]).style(ink.aside());
    let title = counted("Operations", told.len(), area, 2);
    frame.render_widget(Table::new(rows, widths).header(header).block(ink.titled(title)), area);
}

fn agents(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let told: &[AgentProgress] = model.progress.as_ref().map_or(&[], |progress| &progress.agents);
    let rows = told.iter().map(|agent| {
        Row::new([
            agent.name.to_string(),
            human_rate(agent.recent_per_s),
            agent.generator_cpu.map_or_else(|| ABSENT.to_owned(), human_share),
            agent.workers.to_string(),
        ])
    });
    let widths = [Constraint::Fill(1), Constraint::Length(8), Constraint::Length(8), Constraint::Length(8)];
    let header = Row::new(["name", "rate", "load CPU", "workers"]).style(ink.aside());
    let title = counted("Agents", told.len(), area, 2);
    frame.render_widget(Table::new(rows, widths).header(header).block(ink.titled(title)), area);
}

fn claims(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let mut title = counted("Claims", model.claims.len(), area, 1);
    if !model.claims.is_empty() && model.claims_after > 0 {
        title = format!("{title}, after {} trial{}", model.claims_after, super::plural(model.claims_after));
    }
    let block = ink.titled(title);
    if model.claims.is_empty() {
        return frame.render_widget(Paragraph::new("none").style(ink.aside()).block(block), area);
    }
    let lines = model.claims.iter().flat_map(|claim| claim_in_lines(claim, ink));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), area);
}

fn claim_in_lines<'a>(claim: &'a Claim, ink: Ink) -> [Line<'a>; 2] {
    let word = verdict_in_words(claim.verdict);
    [
        Line::from(claim.title.as_str()),
        Line::from(vec![
            Span::raw("  "),
            Span::styled(word, ink.of_verdict(claim.verdict)),
            Span::styled(format!("  {}", claim.value), ink.aside()),
        ]),
    ]
}

fn findings(frame: &mut Frame<'_>, model: &Model, area: Rect, ink: Ink) {
    let block = ink.titled(counted("Findings", model.findings.len(), area, 1));
    if model.findings.is_empty() {
        return frame.render_widget(Paragraph::new("none").style(ink.aside()).block(block), area);
    }
    let lines = model.findings.iter().map(|told| {
        Line::from(vec![
            Span::styled(told.severity.as_str(), ink.of_severity(told.severity)),
            Span::raw(format!(" trial {}: {}", told.trial.0 + 1, told.message)),
        ])
    });
    frame.render_widget(
        Paragraph::new(lines.collect::<Vec<_>>()).wrap(Wrap { trim: true }).block(block),
        area,
    );
}

/// A title that tells how many there are, where not all fit.
fn counted(title: &str, count: usize, area: Rect, around: u16) -> String {
    if count > usize::from(area.height.saturating_sub(around)) {
        format!("{title} ({count})")
    } else {
        title.to_owned()
    }
}
