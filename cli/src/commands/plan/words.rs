//! What a plan says about how workers go about their work, and about the data that they take turns with.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::job::data::read_csv_column;
use shared::job::{DataColumn, DataSource, Job, Load, Placement, WorkloadPart, WorkloadSpec};
use shared::plan::PlannedCell;
use shared::units::print_duration;

/// How agents meet and who looks on, where that is not the default.
pub(super) fn placement(job: &Job) -> Vec<String> {
    let placement = match job.fleet.placement {
        Placement::Together => None,
        Placement::Each if job.takes_turns() => {
            Some("every agent makes all of the load by itself, one after another".to_owned())
        }
        Placement::Each => Some("every agent makes all of the load by itself, all at once".to_owned()),
        Placement::Pairs => Some(
            "every two agents meet, in both directions, as many pairs at once as there can be".to_owned(),
        ),
    };
    let observers = job.fleet.observers.as_ref();
    let observers =
        observers.map(|selector| format!("agents where {selector} only report how their hosts fare"));
    placement.into_iter().chain(observers).collect()
}

/// What is measured side by side in a trial; empty where all agents share one load.
pub(super) fn cells(cells: &[PlannedCell]) -> String {
    let what = if cells.iter().any(|cell| cell.peer.is_some()) { "pair" } else { "agent" };
    match cells.len() {
        0 => String::new(),
        1 => format!("  1 {what}"),
        several => format!("  {several} {what}s at once"),
    }
}

/// How many workers there are.
pub(super) fn workers(job: &Job) -> String {
    let of_each = if job.fleet.placement == Placement::Together { "" } else { " each" };
    match job.load.workers {
        None => "one worker for each".to_owned(),
        Some(workers) => format!("{workers} worker{}{of_each}", if workers == 1 { "" } else { "s" }),
    }
}

/// A sentence for everything that is not the default, and for every column of data.
pub(super) fn all(job: &Job, files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut sentences = ways(&job.load, &job.workload);
    sentences.extend(data(&job.data, files));
    sentences
}

/// A sentence for everything about the workers' ways that is not the default.
fn ways(load: &Load, workload: &WorkloadSpec) -> Vec<String> {
    let mut ways = Vec::new();
    let parts = workload.parts();
    let weights: f64 = parts.iter().map(WorkloadPart::weight).sum();
    for part in &parts {
        let names: Vec<&str> = part.operations.iter().map(|operation| operation.name.as_str()).collect();
        match (part.name, part.is_scenario) {
            (None, true) => ways.push(format!("each iteration is a scenario: {}", names.join(", then "))),
            (None, false) => {}
            (Some(name), is_scenario) => {
                let share = 100.0 * part.weight() / weights;
                let between = if is_scenario { ", then " } else { ", " };
                let what = if is_scenario { "the scenario " } else { "" };
                let names = names.join(between);
                ways.push(format!("{share:.1}% of iterations are of {name} ({}): {what}{names}", part.kind));
            }
        }
    }
    if let Some(think) = load.think {
        let what = if workload.has_scenario() { "step" } else { "operation" };
        ways.push(format!("a worker pauses {think} after each {what}"));
    }
    if let Some(pace) = load.pace {
        ways.push(format!("a worker begins an iteration at most every {}", print_duration(pace)));
    }
    if let Some(rate) = load.connect_rate {
        ways.push(format!("at most {rate} connections are opened per second"));
    }
    if load.connections_per_worker > 1 {
        ways.push(format!("each worker has {} connections", load.connections_per_worker));
    }
    if load.streams_per_connection > 1 {
        ways.push(format!("each connection carries {} requests at once", load.streams_per_connection));
    }
    if let Some(operations) = load.new_connection_every {
        ways.push(format!("a connection is opened anew after {operations} operations"));
    }
    if load.pins_threads {
        ways.push("each load thread is bound to a core of its own".to_owned());
    }
    ways
}

/// A sentence for every column of data.
fn data(columns: &BTreeMap<String, DataColumn>, files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let sentence = |(name, column): (&String, &DataColumn)| {
        let order = column.order;
        let count = count(column, files);
        let source = match &column.source {
            DataSource::Csv { file, column } => format!(" of the column {column:?} of {file}"),
            DataSource::Range { .. } | DataSource::Values(_) => String::new(),
        };
        let plural = if count == 1 { "" } else { "s" };
        format!("{{{{{name}}}}} takes {count} value{plural}{source} in {order} order")
    };
    columns.iter().map(sentence).collect()
}

/// The columns of data for programs to read.
pub(super) fn data_json(columns: &BTreeMap<String, DataColumn>, files: &BTreeMap<String, Vec<u8>>) -> Value {
    let entry = |(name, column): (&String, &DataColumn)| {
        (name.clone(), json!({ "values": count(column, files), "order": column.order.to_string() }))
    };
    columns.iter().map(entry).collect::<serde_json::Map<_, _>>().into()
}

/// How many values a column has. Its file has been read before: one that is not there has none.
fn count(column: &DataColumn, files: &BTreeMap<String, Vec<u8>>) -> u64 {
    match &column.source {
        DataSource::Range { first, last } => last.abs_diff(*first).saturating_add(1),
        DataSource::Values(values) => values.len() as u64,
        DataSource::Csv { file, column } => {
            let values = files.get(file).and_then(|content| read_csv_column(content, column).ok());
            values.map_or(0, |values| values.len() as u64)
        }
    }
}
