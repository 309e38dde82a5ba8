//! How the hosts fared of agents that made no load.

use std::collections::BTreeMap;

use comfy_table::CellAlignment;
use shared::run_report::{ObserverReport, RunReport, Scalar};
use shared::units::{human_bytes, human_share};

use super::operations::{ABSENT, narrow, plain_table};
use super::{AGENTS_LISTED_MAX, Page, more};

/// Columns: title, the host's metric, and which of its figures.
const COLUMNS: &[(&str, &str, fn(&Scalar) -> f64)] = &[
    ("CPU busy", "cpu_busy", |scalar| scalar.mean),
    ("at most", "cpu_busy", |scalar| scalar.max),
    ("I/O wait", "cpu_iowait", |scalar| scalar.mean),
    ("steal", "cpu_steal", |scalar| scalar.mean),
    ("memory", "memory_used_bytes", |scalar| scalar.max),
];

/// Adds a table of them, over all valid trials, if there were any.
pub(super) fn table(page: &mut Page, report: &RunReport) {
    let trials = report.variants.iter().flat_map(|variant| &variant.trials);
    let mut observers: BTreeMap<&str, Vec<&ObserverReport>> = BTreeMap::new();
    for observer in trials.filter(|trial| trial.valid).flat_map(|trial| &trial.observers) {
        observers.entry(observer.name.as_str()).or_default().push(observer);
    }
    if observers.is_empty() {
        return;
    }
    page.title("Observers, whose hosts made no load");
    let mut table = plain_table();
    table.set_header(["agent"].into_iter().chain(COLUMNS.iter().map(|column| column.0)));
    for (name, told) in observers.iter().take(AGENTS_LISTED_MAX) {
        let figures = COLUMNS.iter().map(|(_, metric, read)| figure(told, metric, *read));
        table.add_row([(*name).to_owned()].into_iter().chain(figures));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
    more(page, observers.len(), AGENTS_LISTED_MAX, "observers");
}

/// Means are averaged over trials, extremes are those of all.
fn figure(told: &[&ObserverReport], metric: &str, read: fn(&Scalar) -> f64) -> String {
    let scalars: Vec<&Scalar> = told.iter().filter_map(|observer| observer.host.get(metric)).collect();
    if scalars.is_empty() {
        return ABSENT.to_owned();
    }
    let mean = scalars.iter().map(|scalar| scalar.mean).sum::<f64>() / scalars.len() as f64;
    let max = scalars.iter().map(|scalar| scalar.max).fold(f64::MIN, f64::max);
    let value = read(&Scalar { mean, min: mean, max });
    if metric.ends_with("_bytes") { narrow(&human_bytes(value)) } else { narrow(&human_share(value)) }
}
