//! The tables of figures: a row per operation, agent or trial, with as many columns as fit.

use analysis::quantile::samples_needed;
use comfy_table::{CellAlignment, Table, presets};
use shared::run_report::{ALL_OPERATIONS, Distribution, Estimate, OperationReport, VariantReport};
use shared::units::{human_count, human_ns, human_share};

use super::Page;

/// Stands where a figure cannot be given.
pub(super) const ABSENT: &str = "–";
/// Blanks before the first column, and between two columns: those of comfy-table's padding.
pub(super) const INDENT: usize = 1;
pub(super) const GAP: usize = 2;
/// Counts up to here are told to the last digit.
const COUNT_EXACT_MAX: u64 = 99_999;

/// A column of figures.
struct Column {
    title: &'static str,
    /// Columns of a higher number are left out first where not all fit.
    dispensable: u8,
    /// The quantile it shows, for the footnote.
    quantile: Option<f64>,
    read: fn(&OperationReport) -> Option<String>,
}

impl Column {
    const fn figure(
        title: &'static str,
        dispensable: u8,
        read: fn(&OperationReport) -> Option<String>,
    ) -> Self {
        Self { title, dispensable, quantile: None, read }
    }

    const fn quantile(
        title: &'static str,
        dispensable: u8,
        quantile: f64,
        read: fn(&OperationReport) -> Option<String>,
    ) -> Self {
        Self { title, dispensable, quantile: Some(quantile), read }
    }
}

const COLUMNS: &[Column] = &[
    Column::figure("count", 4, |it| Some(count(it.count))),
    Column::figure("per s", 1, |it| it.throughput_per_s.map(human_count)),
    Column::figure("errors", 2, |it| it.error_ratio.map(|ratio| narrow(&human_share(ratio)))),
    Column::quantile("p50", 0, 0.5, |it| time(&it.latency_ns, |of| of.p50)),
    Column::quantile("p90", 7, 0.9, |it| time(&it.latency_ns, |of| of.p90)),
    Column::quantile("p95", 5, 0.95, |it| time(&it.latency_ns, |of| of.p95)),
    Column::quantile("p99", 0, 0.99, |it| time(&it.latency_ns, |of| of.p99)),
    Column::quantile("p99.9", 6, 0.999, |it| time(&it.latency_ns, |of| of.p99_9)),
    Column::figure("max", 3, |it| time(&it.latency_ns, |of| of.max)),
];

/// One row of a table.
pub(super) struct Row<'a> {
    /// What it is about.
    pub(super) name: String,
    /// Its figures.
    pub(super) operation: &'a OperationReport,
}

/// The tables of one variant; remembers which quantiles it could not give.
pub(super) struct Figures {
    width: usize,
    absent: Vec<(&'static str, u64)>,
}

impl Figures {
    /// Tables no wider than `width`.
    pub(super) fn new(width: usize) -> Self {
        Self { width, absent: Vec::new() }
    }

    /// Adds a table under a title.
    pub(super) fn table(&mut self, page: &mut Page, title: &str, first_column: &str, rows: &[Row<'_>]) {
        page.title(title);
        let columns = self.fitting(first_column, rows);
        let mut table = plain_table();
        table.set_header(std::iter::once(first_column).chain(columns.iter().map(|column| column.title)));
        for row in rows {
            let figures = columns
                .iter()
                .map(|column| (column.read)(row.operation).unwrap_or_else(|| ABSENT.to_owned()));
            table.add_row(std::iter::once(row.name.clone()).chain(figures));
        }
        table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        page.table(&table);
        for column in columns {
            self.note_absent(column, rows);
        }
    }

    /// Says why some quantiles are missing.
    pub(super) fn footnote(&self, page: &mut Page) {
        if self.absent.is_empty() {
            return;
        }
        let needs: Vec<String> =
            self.absent.iter().map(|(title, needed)| format!("{} for {title}", thousands(*needed))).collect();
        let text = format!("{ABSENT}  too few successes to tell; needed at least: {}", needs.join(", "));
        page.line("");
        page.aside(&text);
    }

    /// The columns that fit beside the first one, in their order.
    fn fitting(&self, first_column: &str, rows: &[Row<'_>]) -> Vec<&'static Column> {
        let first =
            rows.iter().map(|row| letters(&row.name)).chain([letters(first_column)]).max().unwrap_or(0);
        let mut columns: Vec<&Column> = COLUMNS.iter().collect();
        let needed = |columns: &[&Column]| {
            let widths = columns.iter().map(|column| column_width(column, rows) + GAP);
            INDENT + first + widths.sum::<usize>()
        };
        while needed(&columns) > self.width
            && let Some(most) = columns.iter().map(|column| column.dispensable).max().filter(|most| *most > 0)
        {
            columns.retain(|column| column.dispensable != most);
        }
        columns
    }

    /// Remembers that a quantile could not be given.
    pub(super) fn note(&mut self, title: &'static str, quantile: f64) {
        if self.absent.iter().all(|(known, _)| *known != title) {
            self.absent.push((title, samples_needed(quantile)));
        }
    }

    fn note_absent(&mut self, column: &Column, rows: &[Row<'_>]) {
        let Some(quantile) = column.quantile else { return };
        if rows.iter().any(|row| (column.read)(row.operation).is_none()) {
            self.note(column.title, quantile);
        }
    }
}

/// What several trials say together: the metrics that people ask for first, of each agent or pair that stands alone.
pub(super) fn estimates(page: &mut Page, variant: &VariantReport, title: &str) {
    const SHOWN: [&str; 4] = ["throughput", "latency.p50", "latency.p95", "latency.p99"];
    let of_one = variant.agents.first().map_or(0, |agent| agent.operations.len());
    let operations = variant.operations.len().max(of_one);
    let is_shown = |estimate: &&Estimate| {
        let metric = estimate.metric.as_str();
        // With one operation its metrics bear its name, otherwise those of all together bear none.
        let measure = if operations == 1 {
            metric.split_once('.').map_or(metric, |(_, measure)| measure)
        } else {
            metric
        };
        SHOWN.contains(&measure) && estimate.mean.is_some()
    };
    let shown: Vec<&Estimate> = variant.estimates.iter().filter(is_shown).collect();
    if shown.is_empty() {
        return;
    }
    page.title(title);
    let whose = |estimate: &Estimate| {
        let pair = estimate.pair.as_ref().map(ToString::to_string);
        pair.or_else(|| estimate.agent.as_ref().map(ToString::to_string))
    };
    let first = shown.iter().find_map(|estimate| {
        estimate.pair.as_ref().map(|_| "pair").or_else(|| estimate.agent.as_ref().map(|_| "agent"))
    });
    let mut table = plain_table();
    table.set_header(first.into_iter().chain(["metric", "mean", "95 % interval"]));
    for estimate in shown {
        let figure = |value: f64| {
            if estimate.unit == "ns" { human_ns(value) } else { format!("{}/s", human_count(value)) }
        };
        let interval = estimate.ci95.map(|[low, high]| format!("{} to {}", figure(low), figure(high)));
        let mean = estimate.mean.map(figure);
        let figures = [estimate.metric.clone(), mean.unwrap_or_default(), interval.unwrap_or_default()];
        table.add_row(whose(estimate).into_iter().chain(figures));
    }
    table
        .column_iter_mut()
        .skip(1 + usize::from(first.is_some()))
        .take(1)
        .for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
}

/// A table without lines, indented, its columns two blanks apart.
pub(super) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// An operation's name for people.
pub(super) fn name(operation: &OperationReport) -> String {
    if operation.name == ALL_OPERATIONS { "all".to_owned() } else { operation.name.clone() }
}

fn time(distribution: &Distribution, read: fn(&Distribution) -> Option<u64>) -> Option<String> {
    read(distribution).map(|ns| narrow(&human_ns(ns as f64)))
}

/// A count, exact while it is short.
pub(super) fn count(count: u64) -> String {
    if count <= COUNT_EXACT_MAX { count.to_string() } else { human_count(count as f64) }
}

/// Without the blank before its unit: nine columns have to share a line.
pub(super) fn narrow(figure: &str) -> String {
    figure.replace(' ', "")
}

fn column_width(column: &Column, rows: &[Row<'_>]) -> usize {
    let figures = rows.iter().map(|row| (column.read)(row.operation).map_or(1, |figure| letters(&figure)));
    figures.chain([letters(column.title)]).max().unwrap_or(0)
}

/// How many columns a text takes.
pub(super) fn letters(text: &str) -> usize {
    text.chars().count()
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
