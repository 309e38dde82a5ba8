//! What is fine by itself and makes no sense together. Room: [`pacing`], how workers pause and connect.

mod pacing;

use super::data::DATA_COLUMNS_MAX;
use super::error::{Findings, quoted};
use super::node::Node;
use super::template::Template;

/// Pairs of keys of `[load]` of which only one may be given; the second is told.
const LOAD_EITHER_OR: [(&str, &str); 3] =
    [("stages", "rate"), ("stages", "duration"), ("duration", "iterations")];
/// Keys of `[load]` that only an open model has.
const OPEN_ONLY: [&str; 3] = ["rate", "stages", "arrivals"];
/// How a target's readiness can be asked.
const READY_SCHEMES: [&str; 2] = ["http://", "tcp://"];

/// Checks sections against themselves and each other.
pub(super) fn check(root: &Node<'_>, findings: &mut Findings) {
    if let Some(load) = root.child("load") {
        check_load(&load, findings);
    }
    check_workers(root, findings);
    check_pairs(root, findings);
    pacing::check(root, findings);
    if let Some(ready) = root.descendant(&["target", "ready"]) {
        check_ready(&ready, findings);
    }
    if let Some(data) = root.child("data") {
        if data.entries().count() > DATA_COLUMNS_MAX {
            findings.push(data.key_error(format!("expected at most {DATA_COLUMNS_MAX} columns of data")));
        }
        data.entries().for_each(|(_, column)| check_data(&column, findings));
    }
    if let (Some(_), Some(profile)) = (root.child("search"), root.child("profile")) {
        let message =
            "\"profile\" contradicts \"search\": which values a search tries is not known beforehand";
        findings.push(profile.key_error(message).with_help("profile a job with the value that it found"));
    }
    if let (Some(_), Some(several)) = (root.child("workload"), root.child("workloads")) {
        findings.push(several.key_error("\"workloads\" contradicts \"workload\": give one of them"));
    }
}

fn check_load(load: &Node<'_>, findings: &mut Findings) {
    for (first, second) in LOAD_EITHER_OR {
        if let (Some(_), Some(told)) = (load.child(first), load.child(second)) {
            findings.push(told.key_error(format!("{second:?} contradicts {first:?}: give one of them")));
        }
    }
    let model = load.child("model");
    // A model that is misspelt has been told; what it was meant to be is not known.
    match model.as_ref().map(Node::text) {
        Some(Some("open")) if load.child("rate").is_none() && load.child("stages").is_none() => {
            if let Some(model) = &model {
                findings.push(model.error("the open model needs \"rate\" or \"stages\""));
            }
        }
        None | Some(Some("closed")) => check_closed(load, findings),
        _ => {}
    }
}

fn check_closed(load: &Node<'_>, findings: &mut Findings) {
    for key in OPEN_ONLY {
        if let Some(told) = load.child(key) {
            let error = told.key_error(format!(
                "{key:?} contradicts the closed model, which sends as fast as answers come"
            ));
            findings.push(error.with_help(format!("leave out {key:?}, or write model = \"open\"")));
        }
    }
    if let Some(workers) = load.child("workers").filter(|workers| workers.text() == Some("auto")) {
        let error = workers.error("\"auto\" contradicts the closed model, whose workers are its load");
        findings.push(error.with_help("give a number of workers, or write model = \"open\""));
    }
}

/// Under `together` every agent needs a worker.
fn check_workers(root: &Node<'_>, findings: &mut Findings) {
    let workers = root.descendant(&["load", "workers"]);
    let agents = root.descendant(&["fleet", "agents"]).and_then(|agents| agents.integer());
    let placement = root.descendant(&["fleet", "placement"]);
    let is_together = placement.is_none_or(|placement| placement.text() == Some("together"));
    let (Some(node), Some(agents), true) = (workers, agents, is_together) else {
        return;
    };
    if let Some(workers) = node.integer().filter(|workers| (1..agents).contains(workers)) {
        let message = format!("{workers} workers are too few for {agents} agents: each needs at least one");
        findings.push(node.error(message).with_help("raise workers or lower fleet.agents"));
    }
}

/// Who is measured is decided by the pairs themselves.
fn check_pairs(root: &Node<'_>, findings: &mut Findings) {
    let placement = root.descendant(&["fleet", "placement"]);
    if placement.is_none_or(|placement| placement.text() != Some("pairs")) {
        return;
    }
    if let Some(agents) = root.descendant(&["fleet", "agents"])
        && agents.integer() == Some(1)
    {
        findings.push(agents.error("1 agent makes no pair: placement = \"pairs\" needs two at least"));
    }
    if let Some(selector) = root.descendant(&["target", "where"]) {
        let message =
            "\"where\" contradicts placement = \"pairs\": each pair's second agent starts the target";
        findings.push(selector.key_error(message).with_help("leave it out; [fleet] where says who meets"));
    }
}

fn check_ready(ready: &Node<'_>, findings: &mut Findings) {
    let Some(text) = ready.text() else { return };
    // What begins with a name cannot be judged before the name has a value.
    let begins_with_name =
        Template::parse(text).is_ok() && text.starts_with("{{") && !text.starts_with("{{{{");
    let address = READY_SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_readable = match address {
        Some(address) if text.starts_with("tcp://") => {
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && !port.is_empty())
        }
        Some(address) => !address.is_empty() && !address.starts_with('/'),
        None => begins_with_name,
    };
    if !is_readable {
        let message = format!(
            "expected \"http://host:port/path\" or \"tcp://host:port\", found the text {}",
            quoted(text)
        );
        findings.push(ready.error(message));
    }
}

fn check_data(data: &Node<'_>, findings: &mut Findings) {
    if !data.value().is_table() {
        return;
    }
    let sources: Vec<_> = ["range", "values", "csv"].iter().filter_map(|key| data.child(key)).collect();
    match sources.as_slice() {
        [] => findings.push(data.error("expected one of \"range\", \"values\" and \"csv\"")),
        [_] => {}
        [_, others @ ..] => {
            for other in others {
                findings.push(other.key_error("only one of \"range\", \"values\" and \"csv\" can be given"));
            }
        }
    }
    match (data.child("csv"), data.child("column")) {
        (Some(csv), None) => {
            findings.push(csv.key_error("\"csv\" needs \"column\": which column of the file"))
        }
        (None, Some(column)) => findings.push(column.key_error("\"column\" needs \"csv\": the file")),
        _ => {}
    }
    if let Some(range) = data.child("range") {
        check_range(&range, findings);
    }
    if let Some(values) =
        data.child("values").filter(|values| values.value().as_array().is_some_and(|list| list.is_empty()))
    {
        findings.push(values.error("expected at least one value"));
    }
}

fn check_range(range: &Node<'_>, findings: &mut Findings) {
    let ends: Vec<_> = range.items().map(|end| end.integer()).collect();
    let problem = match ends.as_slice() {
        [Some(first), Some(last)] if first > last => {
            format!("the first number, {first}, is above the last, {last}")
        }
        [Some(first), Some(last)] if last.checked_sub(*first).is_none_or(|count| count == i64::MAX) => {
            "expected a range of fewer than 2^63 numbers".to_owned()
        }
        [Some(_), Some(_)] => return,
        _ => "expected the first and the last number, as in [1, 10000]".to_owned(),
    };
    findings.push(range.error(problem));
}
