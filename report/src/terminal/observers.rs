//! How the hosts fared of agents that made no load.

use std::collections::BTreeMap;

use comfy_table::CellAlignment;
use shared::run_report::{ObserverReport, RunReport, Scalar};
use shared::units::{human_bytes, human_share};

use super::operations::{ABSENT, narrow, plain_table};
use super::{AGENTS_LISTED_MAX, Page, more};

/// A column: its title, the host's metric, and whether it shows the highest of it instead of the mean.
struct Column {
    title: &'static str,
    metric: &'static str,
    is_highest: bool,
}

const COLUMNS: &[Column] = &[
    Column { title: "CPU busy", metric: "cpu_busy", is_highest: false },
    Column { title: "at most", metric: "cpu_busy", is_highest: true },
    Column { title: "I/O wait", metric: "cpu_iowait", is_highest: false },
    Column { title: "steal", metric: "cpu_steal", is_highest: false },
    Column { title: "memory", metric: "memory_used_bytes", is_highest: true },
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
    table.set_header(["agent"].into_iter().chain(COLUMNS.iter().map(|column| column.title)));
    for (name, told) in observers.iter().take(AGENTS_LISTED_MAX) {
        let figures = COLUMNS.iter().map(|column| figure(told, column));
        table.add_row([(*name).to_owned()].into_iter().chain(figures));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
    more(page, observers.len(), AGENTS_LISTED_MAX, "observers");
}

/// Means are averaged over trials, the highest is that of all.
fn figure(told: &[&ObserverReport], column: &Column) -> String {
    let scalars: Vec<&Scalar> = told.iter().filter_map(|observer| observer.host.get(column.metric)).collect();
    if scalars.is_empty() {
        return ABSENT.to_owned();
    }
    let value = if column.is_highest {
        scalars.iter().map(|scalar| scalar.max).fold(f64::MIN, f64::max)
    } else {
        scalars.iter().map(|scalar| scalar.mean).sum::<f64>() / scalars.len() as f64
    };
    narrow(&if column.metric.ends_with("_bytes") { human_bytes(value) } else { human_share(value) })
}
