//! The tables below the operations: the phases of a request, and what was taken out of responses.

use comfy_table::CellAlignment;
use shared::metric::{MetricKind, PHASES};
use shared::run_report::{ALL_OPERATIONS, Distribution, MetricReport, OperationReport};
use shared::units::{human_bytes, human_count, human_ns, human_rate, human_share};

use super::Page;
use super::ink::cut;
use super::operations::{ABSENT, Figures, GAP, INDENT, count, letters, name, narrow, plain_table};

/// Most lines of a table; more make a screenful that nobody reads.
const LINES_MAX: usize = 20;
/// Longest name of a line, in characters.
const NAME_LETTERS_MAX: usize = 32;

/// Columns of both tables, with how dispensable each is, and the quantile that it shows.
const COLUMNS: &[(&str, u8, Option<f64>)] = &[
    ("count", 3, None),
    ("mean", 0, None),
    ("stdev", 5, None),
    ("p50", 1, Some(0.5)),
    ("p95", 4, Some(0.95)),
    ("p99", 1, Some(0.99)),
    ("min", 6, None),
    ("max", 2, None),
];

/// A line: its name, and a figure for each column; what cannot be told is absent, what makes no sense is empty.
struct Line {
    name: String,
    /// Whether it is a figure about another metric (`test_a.median`).
    is_figure: bool,
    figures: [Option<String>; COLUMNS.len()],
}

/// Adds a table of phases and one of metrics, where there are any.
pub(super) fn tables(page: &mut Page, figures: &mut Figures, operations: &[OperationReport]) {
    let of_each = || operations.iter().filter(|operation| operation.name != ALL_OPERATIONS);
    let is_only = operations.len() == 1;
    let named = |operation: &OperationReport, what: &str| {
        let text = if is_only { what.to_owned() } else { format!("{} {what}", name(operation)) };
        cut(&text, NAME_LETTERS_MAX)
    };
    let phases = |operation: &OperationReport| {
        let told = PHASES.iter().filter_map(|phase| Some((*phase, operation.distribution(phase)?)));
        told.map(|(phase, of)| Line {
            name: named(operation, phase),
            is_figure: false,
            figures: phase_figures(of),
        })
        .collect::<Vec<_>>()
    };
    let phases: Vec<Line> = of_each().flat_map(phases).collect();
    table(page, figures, ("Phases of requests", "phase"), &phases);
    // All operations together say something new where several have a metric of that name.
    let is_shared = |metric: &str| of_each().filter(|it| it.metrics.contains_key(metric)).count() > 1;
    let metrics = |operation: &OperationReport| {
        let is_told = |metric: &str| operation.name != ALL_OPERATIONS || is_shared(metric);
        let told = operation.metrics.iter().filter(|(metric, _)| is_told(metric));
        told.map(|(metric, of)| Line {
            name: named(operation, metric),
            is_figure: metric.contains('.'),
            figures: metric_figures(of),
        })
        .collect::<Vec<_>>()
    };
    let mut metrics: Vec<Line> = operations.iter().flat_map(metrics).collect();
    // What was measured comes before figures about it.
    metrics.sort_by_key(|line| line.is_figure);
    table(page, figures, ("Metrics", "metric"), &metrics);
}

fn table(page: &mut Page, figures: &mut Figures, (title, first): (&str, &str), lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    page.title(title);
    let listed = &lines[..lines.len().min(LINES_MAX)];
    let places = fitting(page.width, first, listed);
    let mut table = plain_table();
    table.set_header([first].into_iter().chain(places.iter().map(|place| COLUMNS[*place].0)));
    for line in listed {
        let shown =
            places.iter().map(|place| line.figures[*place].clone().unwrap_or_else(|| ABSENT.to_owned()));
        table.add_row([line.name.clone()].into_iter().chain(shown));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
    if lines.len() > listed.len() {
        page.line(&format!(" … and {} more: --json tells all", lines.len() - listed.len()));
    }
    for place in places {
        let (title, _, quantile) = COLUMNS[place];
        if let Some(quantile) = quantile.filter(|_| listed.iter().any(|line| line.figures[place].is_none())) {
            figures.note(title, quantile);
        }
    }
}

/// Places of the columns that say something and fit beside the first one.
fn fitting(width: usize, first: &str, lines: &[Line]) -> Vec<usize> {
    let says_something = |place: &usize| {
        lines.iter().any(|line| line.figures[*place].as_deref().is_none_or(|it| !it.is_empty()))
    };
    let mut places: Vec<usize> = (0..COLUMNS.len()).filter(says_something).collect();
    let names = lines.iter().map(|line| letters(&line.name)).chain([letters(first)]).max().unwrap_or(0);
    let column = |place: &usize| {
        let figures = lines.iter().map(|line| line.figures[*place].as_deref().map_or(1, letters));
        figures.chain([letters(COLUMNS[*place].0)]).max().unwrap_or(0)
    };
    let needed =
        |places: &[usize]| INDENT + names + places.iter().map(|place| column(place) + GAP).sum::<usize>();
    while needed(&places) > width
        && let Some(most) = places.iter().map(|place| COLUMNS[*place].1).max().filter(|most| *most > 0)
    {
        places.retain(|place| COLUMNS[*place].1 != most);
    }
    places
}

fn phase_figures(of: &Distribution) -> [Option<String>; COLUMNS.len()] {
    let time = |ns: Option<u64>| ns.map(|ns| narrow(&human_ns(ns as f64)));
    let exact = |ns: Option<f64>| ns.map(|ns| narrow(&human_ns(ns)));
    [
        Some(count(of.count)),
        exact(of.mean),
        exact(of.stdev),
        time(of.p50),
        time(of.p95),
        time(of.p99),
        time(of.min),
        time(of.max),
    ]
}

fn metric_figures(of: &MetricReport) -> [Option<String>; COLUMNS.len()] {
    let figure = |value: Option<f64>| value.map(|value| valued(value, of));
    let quantile = |value: Option<u64>| match of.kind {
        MetricKind::Histogram => figure(value.map(|value| value as f64)),
        MetricKind::Gauge | MetricKind::Ratio => Some(String::new()),
    };
    // Of zeros and ones the share says all.
    let beyond_share = |value: Option<f64>| match of.kind {
        MetricKind::Ratio => Some(String::new()),
        MetricKind::Gauge | MetricKind::Histogram => figure(value),
    };
    [
        Some(count(of.count)),
        figure(of.mean),
        beyond_share(of.stdev),
        quantile(of.p50),
        quantile(of.p95),
        quantile(of.p99),
        beyond_share(of.min),
        beyond_share(of.max),
    ]
}

/// A value of a metric, in its unit.
fn valued(value: f64, of: &MetricReport) -> String {
    match (of.kind, of.unit.as_str()) {
        (MetricKind::Ratio, _) => narrow(&human_share(value)),
        (_, "ns") => narrow(&human_ns(value)),
        (_, "bytes") => narrow(&human_bytes(value)),
        (_, "per_s") => human_rate(value),
        (_, "") => human_count(value),
        (_, unit) => format!("{} {}", human_count(value), cut(unit, NAME_LETTERS_MAX)),
    }
}
