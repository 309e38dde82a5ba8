//! What operations take out of answers, only those of the same workload know: workers of a mix share nothing else.

use std::collections::BTreeSet;

use super::super::error::{Findings, quoted};
use super::super::node::Node;
use super::super::template::Template;
use super::super::workload;
use super::definitions::extractions_of;

/// Says so where a text of one workload names what only another takes out of its answers.
pub(super) fn check(root: &Node<'_>, findings: &mut Findings) {
    let workloads = workload::tables_of(root);
    if workloads.len() < 2 {
        return;
    }
    let extracted: Vec<BTreeSet<&str>> = workloads.iter().map(extracted_by).collect();
    for (place, workload) in workloads.iter().enumerate() {
        let others = extracted.iter().enumerate().filter(|(other, _)| *other != place);
        let others: BTreeSet<&str> = others.flat_map(|(_, names)| names).copied().collect();
        check_texts(workload, &(&others - &extracted[place]), findings);
    }
}

fn extracted_by<'a>(workload: &Node<'a>) -> BTreeSet<&'a str> {
    extractions_of(workload).iter().flat_map(Node::entries).map(|(name, _)| name).collect()
}

fn check_texts(node: &Node<'_>, unknown: &BTreeSet<&str>, findings: &mut Findings) {
    if unknown.is_empty() {
        return;
    }
    node.entries().for_each(|(_, entry)| check_texts(&entry, unknown, findings));
    node.items().for_each(|item| check_texts(&item, unknown, findings));
    // A text that is no template has been told.
    let Some(Ok(template)) = node.text().map(Template::parse) else { return };
    for name in template.names().collect::<BTreeSet<_>>().intersection(unknown) {
        let message =
            format!("{} is taken out of answers by another workload, and known only there", quoted(name));
        findings.push(node.error(message).with_help("take it out in this workload too, or use [data]"));
    }
}
