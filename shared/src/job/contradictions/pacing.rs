//! How workers pause and connect, against the load model, the scenario and the kind of workload.

use super::super::error::{Findings, quoted};
use super::super::grammar::load::{CONNECTING_MAX, CONNECTIONS_MAX};
use super::super::node::Node;
use super::super::workload;
use crate::units::print_duration;

/// Keys of `[load]` about connections.
const CONNECTION_KEYS: [&str; 4] =
    ["connect_rate", "connections_per_worker", "streams_per_connection", "new_connection_every"];
/// Kinds whose operations open no connections.
const KINDS_WITHOUT_CONNECTIONS: [&str; 5] = ["command", "cpu", "memory", "disk", "process"];
/// Kinds whose connections are as many, and used for as long, as their operations say; only how fast they are opened is the load's.
const KINDS_WITH_SET_CONNECTIONS: [&str; 1] = ["network"];
/// Kinds whose workers have one connection each, or share those of a pool.
const KINDS_WITH_ONE_CONNECTION: [&str; 3] = ["sql", "redis", "udp"];
/// Kinds whose connections carry one operation after the other.
const KINDS_WITHOUT_STREAMS: [&str; 4] = ["sql", "redis", "udp", "tcp"];

pub(super) fn check(root: &Node<'_>, findings: &mut Findings) {
    let Some(load) = root.child("load") else { return };
    if load.child("model").is_some_and(|model| model.text() == Some("open")) {
        check_open(root, &load, findings);
    }
    check_kind(root, &load, findings);
    check_connections(&load, findings);
}

fn check_open(root: &Node<'_>, load: &Node<'_>, findings: &mut Findings) {
    let is_scenario = workload::tables_of(root).iter().any(|workload| workload.child("scenario").is_some());
    if let Some(think) = load.child("think").filter(|_| !is_scenario) {
        let error =
            think.key_error("\"think\" contradicts the open model, whose operations are due by its rate");
        findings.push(
            error.with_help("leave it out; only between the steps of a scenario can its workers pause"),
        );
    }
    if let Some(pace) = load.child("pace") {
        let error =
            pace.key_error("\"pace\" contradicts the open model, whose operations are due by its rate");
        findings.push(error.with_help("leave it out, or write model = \"closed\""));
    }
}

fn check_kind(root: &Node<'_>, load: &Node<'_>, findings: &mut Findings) {
    let workloads = workload::tables_of(root);
    let kinds: Option<Vec<&str>> = workloads.iter().map(|workload| workload.child("kind")?.text()).collect();
    let Some(kinds) = kinds else { return };
    let Some(kind) = kinds.first() else { return };
    for key in CONNECTION_KEYS {
        let Some(told) = load.child(key) else { continue };
        let reasons: Option<Vec<&str>> = kinds.iter().map(|kind| why_meaningless(kind, key)).collect();
        let Some(reason) = reasons.and_then(|reasons| reasons.first().copied()) else { continue };
        findings.push(told.key_error(format!("{} has no meaning: {kind} {reason}", quoted(key))));
    }
}

/// What workers of a kind do instead of what a key about connections says; `None`: they do as it says.
fn why_meaningless(kind: &str, key: &str) -> Option<&'static str> {
    if KINDS_WITHOUT_CONNECTIONS.contains(&kind) {
        return Some("opens no connections");
    }
    match key {
        "connections_per_worker" if KINDS_WITH_ONE_CONNECTION.contains(&kind) => {
            return Some("has one connection for each worker: ask for more of them (load.workers)");
        }
        "streams_per_connection" if KINDS_WITHOUT_STREAMS.contains(&kind) => {
            return Some(
                "does one operation after the other over a connection: ask for more workers (load.workers)",
            );
        }
        _ => {}
    }
    let is_set = KINDS_WITH_SET_CONNECTIONS.contains(&kind) && key != "connect_rate";
    is_set.then_some("opens connections as its operations say")
}

/// What workers open together must be few enough, and quick enough at the rate that is asked for.
fn check_connections(load: &Node<'_>, findings: &mut Findings) {
    let per_worker = load.child("connections_per_worker");
    let each = per_worker.as_ref().map_or(Some(1), |count| count.integer()).unwrap_or(1).max(1);
    let Some(workers) = load.child("workers").and_then(|workers| workers.integer()) else { return };
    let connections = workers.saturating_mul(each);
    if let Some(per_worker) = per_worker.filter(|_| connections > CONNECTIONS_MAX as i64) {
        let message = format!(
            "{workers} workers with {each} connections each are more than {CONNECTIONS_MAX} connections"
        );
        findings.push(per_worker.error(message).with_help("lower it, or load.workers"));
    }
    let Some((node, rate)) = load.child("connect_rate").and_then(|node| Some((node.clone(), node.number()?)))
    else {
        return;
    };
    if rate > 0.0 && connections as f64 / rate > CONNECTING_MAX.as_secs_f64() {
        let message = format!(
            "opening {connections} connections at {rate} per second takes longer than {}",
            print_duration(CONNECTING_MAX)
        );
        findings.push(node.error(message).with_help("raise it, or lower load.workers"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_kind_takes_only_the_rate_at_which_it_connects() {
        let refused =
            |kind| CONNECTION_KEYS.iter().filter(|key| why_meaningless(kind, key).is_some()).count();
        assert_eq!([refused("network"), refused("command"), refused("http")], [3, 4, 0]);
        assert_eq!(why_meaningless("network", "connect_rate"), None);
    }

    #[test]
    fn what_a_kind_would_ignore_is_refused() {
        let refused = |kind| {
            let refused = CONNECTION_KEYS.into_iter().filter(|key| why_meaningless(kind, key).is_some());
            refused.collect::<Vec<_>>()
        };
        for kind in KINDS_WITH_ONE_CONNECTION {
            assert_eq!(refused(kind), ["connections_per_worker", "streams_per_connection"], "{kind}");
        }
        assert_eq!(refused("tcp"), ["streams_per_connection"]);
        assert_eq!(refused("grpc"), [""; 0]);
    }
}
