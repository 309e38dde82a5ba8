//! What several workloads must have in common and apart.

use std::collections::BTreeSet;

use super::super::error::{Findings, quoted};
use super::super::node::Node;
use super::named_operations;
use crate::interval::OPERATIONS_MAX;

/// Checks the elements of `[[workloads]]` against each other.
pub(super) fn check(findings: &mut Findings, several: &Node<'_>) {
    if several.items().next().is_none() {
        findings.push(several.error("expected at least one workload"));
    }
    check_names(findings, several);
    check_operations(findings, several);
}

/// What one of them is called: its `name`, or else its kind.
pub(super) fn name_of<'a>(workload: &Node<'a>) -> Option<&'a str> {
    workload.child("name").or_else(|| workload.child("kind"))?.text()
}

/// What they are called must tell them apart, in paths and in messages.
fn check_names(findings: &mut Findings, several: &Node<'_>) {
    let mut taken = BTreeSet::new();
    for workload in several.items() {
        let Some(name) = name_of(&workload).filter(|name| !taken.insert(*name)) else { continue };
        let place = workload.child("name").or_else(|| workload.child("kind")).unwrap_or(workload);
        let error = place.error(format!("there are two workloads called {}", quoted(name)));
        findings.push(error.with_help("give each a name of its own: name = \"…\""));
    }
}

/// Metrics name operations and not workloads, so names are distinct over all of them.
fn check_operations(findings: &mut Findings, several: &Node<'_>) {
    let (mut taken, mut count) = (BTreeSet::new(), 0_usize);
    for workload in several.items() {
        let mut own = named_operations(&workload);
        if own.is_empty() {
            own.push((workload.child("kind").and_then(|kind| kind.text()), workload));
        }
        count = count.saturating_add(own.len());
        // Two within one workload have been told.
        let others = taken.clone();
        for (name, operation) in own {
            let Some(name) = name else { continue };
            if others.contains(name) {
                let place = operation.child("name").unwrap_or(operation);
                let error = place.error(format!("another workload has an operation called {}", quoted(name)));
                findings.push(error.with_help("give it another name: metrics name operations only"));
            }
            taken.insert(name);
        }
    }
    if count > OPERATIONS_MAX {
        let message = format!("the workloads have {count} operations; at most {OPERATIONS_MAX} are run");
        findings.push(several.key_error(message));
    }
}
