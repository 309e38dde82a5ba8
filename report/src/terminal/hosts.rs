//! How the hosts fared, a line for each: those that made load, and those that only observed.

use std::collections::BTreeMap;

use comfy_table::CellAlignment;
use shared::host::HostMetric;
use shared::metric::Unit;
use shared::run_report::{RunReport, Scalar, TrialReport};
use shared::units::{human_bytes, human_count, human_share};

use super::operations::{ABSENT, narrow, plain_table};
use super::{AGENTS_LISTED_MAX, Page, more};

/// A column: its title, the host's metric, and whether it shows the highest of it instead of the mean.
struct Column {
    title: &'static str,
    metric: HostMetric,
    is_highest: bool,
}

/// Those of which no host tells anything are left out.
const COLUMNS: &[Column] = &[
    Column { title: "CPU busy", metric: HostMetric::CpuBusy, is_highest: false },
    Column { title: "at most", metric: HostMetric::CpuBusy, is_highest: true },
    Column { title: "foreign", metric: HostMetric::ForeignCpu, is_highest: false },
    Column { title: "steal", metric: HostMetric::CpuSteal, is_highest: false },
    Column { title: "MHz", metric: HostMetric::Frequency, is_highest: false },
    Column { title: "I/O wait", metric: HostMetric::CpuIowait, is_highest: false },
    Column { title: "memory", metric: HostMetric::MemoryUsed, is_highest: true },
    Column { title: "observed cores", metric: HostMetric::ProcessCpu, is_highest: false },
    Column { title: "its memory", metric: HostMetric::ProcessMemory, is_highest: true },
];

/// What one host told, trial by trial.
type Told<'a> = Vec<&'a BTreeMap<String, Scalar>>;

/// Adds a table of the hosts that made load, and one of those that observed, over all valid trials.
pub(super) fn tables(page: &mut Page, report: &RunReport) {
    let of_load = told(report, |trial| trial.agents.iter().map(|it| (it.name.as_str(), &it.host)).collect());
    table(page, "Hosts", "hosts", &of_load);
    let observers =
        told(report, |trial| trial.observers.iter().map(|it| (it.name.as_str(), &it.host)).collect());
    table(page, "Observers, whose hosts made no load", "observers", &observers);
}

/// What hosts told in valid trials, by the names of the agents on them. Agents of one host tell the same of it, but for what each
/// used itself: the first of them speaks.
fn told<'a>(
    report: &'a RunReport,
    of_trial: impl Fn(&'a TrialReport) -> Vec<(&'a str, &'a BTreeMap<String, Scalar>)>,
) -> BTreeMap<String, Told<'a>> {
    let boots: BTreeMap<&str, &str> = report
        .hosts
        .iter()
        .filter_map(|host| Some((host.agent.as_str(), host.fingerprint.boot_id.as_deref()?)))
        .collect();
    let mut by_host: BTreeMap<&str, BTreeMap<&str, Told<'a>>> = BTreeMap::new();
    let trials = report.variants.iter().flat_map(|variant| &variant.trials);
    for (agent, figures) in trials.filter(|trial| trial.valid).flat_map(of_trial) {
        let host = boots.get(agent).copied().unwrap_or(agent);
        by_host.entry(host).or_default().entry(agent).or_default().push(figures);
    }
    let line = |agents: BTreeMap<&str, Told<'a>>| {
        let others = agents.len().saturating_sub(1);
        let (first, told) = agents.into_iter().next()?;
        Some((if others == 0 { first.to_owned() } else { format!("{first} and {others} more") }, told))
    };
    by_host.into_values().filter_map(line).collect()
}

fn table(page: &mut Page, title: &str, what: &str, hosts: &BTreeMap<String, Told<'_>>) {
    let is_told = |column: &&Column| hosts.values().any(|told| figure(told, column).is_some());
    let columns: Vec<&Column> = COLUMNS.iter().filter(is_told).collect();
    if hosts.is_empty() || (columns.is_empty() && what == "hosts") {
        return;
    }
    page.title(title);
    let mut table = plain_table();
    table.set_header(["agent"].into_iter().chain(columns.iter().map(|column| column.title)));
    for (name, told) in hosts.iter().take(AGENTS_LISTED_MAX) {
        let figures = columns.iter().map(|column| figure(told, column).unwrap_or_else(|| ABSENT.to_owned()));
        table.add_row([name.clone()].into_iter().chain(figures));
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    page.table(&table);
    more(page, hosts.len(), AGENTS_LISTED_MAX, what);
}

/// Means are averaged over trials, the highest is that of all; `None`: nobody tells.
fn figure(told: &[&BTreeMap<String, Scalar>], column: &Column) -> Option<String> {
    let scalars: Vec<&Scalar> = told.iter().filter_map(|host| host.get(column.metric.name())).collect();
    if scalars.is_empty() {
        return None;
    }
    let value = if column.is_highest {
        scalars.iter().map(|scalar| scalar.max).fold(f64::MIN, f64::max)
    } else {
        scalars.iter().map(|scalar| scalar.mean).sum::<f64>() / scalars.len() as f64
    };
    Some(match column.metric.unit() {
        Unit::Size => narrow(&human_bytes(value)),
        Unit::Share => narrow(&human_share(value)),
        _ => human_count(value),
    })
}
