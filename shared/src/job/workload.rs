//! `[workload]` and `[[workloads]]`: kinds, their settings and their operations; checked against the kinds' own keys where they are
//! known. Room: `several`, what `[[workloads]]` must have in common and apart.

mod several;

use std::collections::BTreeSet;

use super::error::{Findings, JobError, proposal, quoted};
use super::grammar::{KINDS, OPERATION, WORKLOAD, WORKLOADS};
use super::node::Node;
use super::schema::{Key, KindSchema};
use super::walk::Walker;
use super::{Kinds, OperationSpec, WorkloadSpec};
use crate::claim::Better;
use crate::ids::Name;
use crate::interval::OPERATIONS_MAX;
use crate::metric::{self, MetricName};

/// What stands before the name of a metric that operations define.
const METRIC_PREFIX: &str = "metric.";

/// Checks `[workload]` and `[[workloads]]`.
pub(super) fn check(walker: &mut Walker<'_>, root: &Node<'_>, kinds: Kinds<'_>) {
    let several = root.child("workloads");
    match (root.child("workload"), &several) {
        (Some(workload), _) => check_one(walker, &workload, kinds, &[WORKLOAD]),
        (None, None) if walker.is_whole => walker.findings.push(
            JobError::new(None, "workload", "\"workload\" is missing: nothing says what to do")
                .with_help("begin with [workload] and kind = \"http\""),
        ),
        (None, _) => {}
    }
    let Some(several) = several else { return };
    if !several.value().is_array() {
        return walker
            .findings
            .push(several.error("expected an array of tables").with_help("write [[workloads]]"));
    }
    for workload in several.items() {
        check_one(walker, &workload, kinds, &[WORKLOAD, WORKLOADS]);
    }
    several::check(walker.findings, &several);
}

/// Decodes `[workload]` or `[[workloads]]`; what is wrong with it has been found by [`check`], and is skipped here.
pub(super) fn decode(root: &Node<'_>, findings: &mut Findings) -> Option<WorkloadSpec> {
    match tables_of(root).as_slice() {
        [] => None,
        // One alone has all of the load.
        [only] => decode_one(only, findings),
        several => {
            let mixed = |node: &Node<'_>| {
                let name = Name::new(several::name_of(node)?).ok()?;
                let share = node.child("weight").map_or(Some(1.0), |weight| weight.number())?;
                Some((name, share, decode_one(node, findings)?))
            };
            Some(WorkloadSpec::mixed(several.iter().map(mixed).collect::<Option<_>>()?))
        }
    }
}

/// The tables of all workloads: `[workload]`, or each of `[[workloads]]`.
pub(super) fn tables_of<'a>(root: &Node<'a>) -> Vec<Node<'a>> {
    let several = root.child("workloads");
    root.child("workload").into_iter().chain(several.iter().flat_map(Node::items)).collect()
}

fn decode_one(node: &Node<'_>, findings: &mut Findings) -> Option<WorkloadSpec> {
    let kind = node.child("kind")?.text()?;
    let is_setting = |key: &str| WORKLOAD.iter().chain(WORKLOADS).all(|known| known.name != key);
    let settings = node.json_object(is_setting).map_err(|error| findings.push(error)).ok()?;
    let mut operations = Vec::new();
    let is_scenario = node.child("scenario").is_some();
    let items = if is_scenario { steps_of(node).collect() } else { operations_of(node).collect::<Vec<_>>() };
    for item in items {
        operations.push(decode_operation(&item, kind, findings)?);
    }
    if operations.is_empty() {
        let name = Name::new(kind).ok()?;
        operations.push(OperationSpec { name, weight: 1.0, settings: serde_json::Map::new() });
    }
    Some(WorkloadSpec { kind: kind.to_owned(), settings, operations, is_scenario, mix: Vec::new() })
}

/// Names of all operations, those without one under their kind's.
pub(super) fn operation_names<'a>(root: &Node<'a>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for workload in tables_of(root) {
        let before = names.len();
        names.extend(named_operations(&workload).into_iter().filter_map(|(name, _)| name));
        if names.len() == before {
            names.extend(workload.child("kind").and_then(|kind| kind.text()));
        }
    }
    // More are an error of their own; looking through them for every metric would take long.
    names.truncate(OPERATIONS_MAX);
    names
}

/// Which way a metric is better that operations take out of what they measure, as they say; `None`: none says it, or they differ.
pub(super) fn better_of(root: &Node<'_>, metric: &MetricName) -> Option<Better> {
    let name = metric.measure.strip_prefix(METRIC_PREFIX)?;
    let is_meant =
        |written: Option<&str>| metric.operation.as_deref().is_none_or(|meant| written == Some(meant));
    let operations = tables_of(root).into_iter().flat_map(|workload| named_operations(&workload));
    let mut said = operations.filter(|(written, _)| is_meant(*written)).filter_map(|(_, operation)| {
        let better = operation.descendant(&["metrics", name, "better"])?;
        match better.text()? {
            "lower" => Some(Better::Lower),
            "higher" => Some(Better::Higher),
            _ => None,
        }
    });
    let first = said.next()?;
    said.all(|other| other == first).then_some(first)
}

/// All operations and steps of a workload, each with its name: its kind's where it has none of its own.
fn named_operations<'a>(workload: &Node<'a>) -> Vec<(Option<&'a str>, Node<'a>)> {
    let kind = workload.child("kind").and_then(|kind| kind.text());
    let operations = operations_of(workload).chain(steps_of(workload));
    operations
        .map(|operation| (operation.child("name").map_or(kind, |name| name.text()), operation))
        .collect()
}

/// The elements of `operations`.
pub(super) fn operations_of<'a>(workload: &Node<'a>) -> impl Iterator<Item = Node<'a>> {
    elements(workload, "operations")
}

/// The elements of `scenario`.
pub(super) fn steps_of<'a>(workload: &Node<'a>) -> impl Iterator<Item = Node<'a>> {
    elements(workload, "scenario")
}

fn elements<'a>(workload: &Node<'a>, key: &str) -> impl Iterator<Item = Node<'a>> {
    let list = workload.child(key);
    list.map(|list| list.items().collect::<Vec<_>>()).unwrap_or_default().into_iter()
}

fn decode_operation(item: &Node<'_>, kind: &str, findings: &mut Findings) -> Option<OperationSpec> {
    let name = item.child("name").map_or(Some(kind), |name| name.text());
    let weight = item.child("weight").map_or(Some(1.0), |weight| weight.number());
    let is_setting = |key: &str| OPERATION.iter().all(|known| known.name != key);
    let settings = item.json_object(is_setting).map_err(|error| findings.push(error)).ok()?;
    Some(OperationSpec { name: Name::new(name?).ok()?, weight: weight?, settings })
}

fn check_one(walker: &mut Walker<'_>, node: &Node<'_>, kinds: Kinds<'_>, common: &[&[Key]]) {
    let kind = node.child("kind");
    let schema = kind.as_ref().and_then(|kind| check_kind(walker, kind, kinds));
    match schema {
        Some(schema) => walker.table(node, &[common, &[schema.workload_keys]].concat()),
        None => walker.open_table(node, common),
    }
    for list in ["operations", "scenario"] {
        check_list(walker, node, list, schema);
    }
    if let (Some(_), Some(scenario)) = (node.child("operations"), node.child("scenario")) {
        walker.findings.push(scenario.key_error("\"scenario\" contradicts \"operations\": give one of them"));
    }
    check_names(walker.findings, node, kind.and_then(|kind| kind.text()));
    let needs_operation =
        schema.is_some_and(|schema| schema.operation_keys.iter().any(|key| key.is_required));
    // A list that is no list has been told, and may well hold an operation.
    let is_empty = |key: &str| {
        node.child(key).is_none_or(|list| list.value().as_array().is_some_and(|array| array.is_empty()))
    };
    let has_operation = !is_empty("operations") || !is_empty("scenario");
    if needs_operation && !has_operation && walker.is_whole {
        let error = node.key_error("\"operations\" is missing: this kind needs at least one");
        walker.findings.push(error.with_help(format!("add [[{}.operations]]", node.path())));
    }
}

/// The schema of a kind that is known and built; says so when it is not.
fn check_kind<'k>(walker: &mut Walker<'_>, node: &Node<'_>, kinds: Kinds<'k>) -> Option<&'k KindSchema> {
    let kind = node.text()?;
    let Kinds::Known(schemas) = kinds else {
        if let Err(error) = Name::new(kind) {
            walker.findings.push(node.error(error.to_string()));
        }
        return None;
    };
    let schema = schemas.iter().find(|schema| schema.kind == kind);
    if schema.is_none() && KINDS.contains(&kind) {
        walker.findings.push(node.unsupported_value(&format!("the workload kind {}", quoted(kind))));
    } else if schema.is_none() {
        let built = schemas.iter().map(|schema| schema.kind);
        let others = KINDS.iter().copied().filter(|kind| schemas.iter().all(|schema| schema.kind != *kind));
        let error = node.error(format!("there is no workload kind {}", quoted(kind)));
        walker.findings.push(JobError { help: proposal(kind, built.chain(others)), ..error });
    }
    schema
}

fn check_list(walker: &mut Walker<'_>, workload: &Node<'_>, key: &str, schema: Option<&KindSchema>) {
    let Some(list) = workload.child(key) else { return };
    if !list.value().is_array() {
        let error = list.error("expected an array of tables");
        return walker.findings.push(error.with_help(format!("write [[{}]]", list.path())));
    }
    if list.items().count() > OPERATIONS_MAX {
        walker.findings.push(list.error(format!("expected at most {OPERATIONS_MAX} operations")));
    }
    for item in list.items() {
        if let Some(weight) = item.child("weight").filter(|_| key == "scenario") {
            let error = weight.key_error("\"weight\" contradicts a scenario, which runs its steps in order");
            walker.findings.push(error.with_help("leave it out, or write [[workload.operations]]"));
        }
        check_names_within(walker.findings, &item);
        match schema {
            Some(schema) => walker.table(&item, &[OPERATION, schema.operation_keys]),
            None => walker.open_table(&item, &[OPERATION]),
        }
    }
}

/// What an operation's `metrics` define is reported as `metric.<name>`.
fn check_names_within(findings: &mut Findings, operation: &Node<'_>) {
    for (name, metric) in operation.child("metrics").iter().flat_map(Node::entries) {
        if let Err(error) = Name::new(name) {
            findings
                .push(metric.key_error(error.to_string()).with_help("it becomes part of the metric's name"));
        }
    }
}

/// Names must be distinct, and must not be read as something else within a metric's name.
fn check_names(findings: &mut Findings, workload: &Node<'_>, kind: Option<&str>) {
    let mut taken = BTreeSet::new();
    for operation in operations_of(workload).chain(steps_of(workload)) {
        let written = operation.child("name");
        let Some(name) = written.as_ref().map_or(kind, |name| name.text()) else {
            continue;
        };
        let place = written.as_ref().unwrap_or(&operation);
        if metric::is_reserved(name) && Name::new(name).is_ok() {
            let message =
                format!("an operation cannot be called {}: metric names use that word", quoted(name));
            findings.push(place.error(message));
        }
        if !taken.insert(name) {
            let error = place.error(format!("there are two operations called {}", quoted(name)));
            let help = if written.is_some() { "give it another name" } else { "give each operation a name" };
            findings.push(error.with_help(help));
        }
    }
}
