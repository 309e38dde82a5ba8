//! The names that templates use: each must be a param or something fleetmark knows, and be defined once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::error::{Findings, JobError, proposal, quoted};
use super::node::Node;
use super::template::Template;
use super::workload;

/// Names that a target gives.
pub(super) const TARGET_NAMES: [&str; 2] = ["target.host", "target.port"];
/// Names of the contract that nothing stands behind yet.
const UNSUPPORTED_NAMES: [&str; 6] = ["random.uuid", "sequence", "worker", "agent", "now", "peer.host"];
/// Beginnings of names of the contract that nothing stands behind yet.
const UNSUPPORTED_PREFIXES: [&str; 2] = ["random.int(", "env:"];

/// The values of `[params]` as texts; those that are no scalars are left out.
pub(super) fn params(root: &Node<'_>) -> BTreeMap<String, String> {
    let params = root.child("params");
    let entries = params.iter().flat_map(Node::entries);
    entries.filter_map(|(name, value)| Some((name.to_owned(), text_of(&value.json().ok()?)?))).collect()
}

/// A scalar as templates show it.
pub(super) fn text_of(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Checks every name in every text of workload, target and hooks.
pub(super) fn check(root: &Node<'_>, text: &str, findings: &mut Findings) {
    let sources = Sources::of(root);
    sources.check_definitions(root, findings);
    for section in ["workload", "workloads", "target", "hooks"] {
        if let Some(node) = root.child(section) {
            sources.check_texts(&node, text, findings);
        }
    }
}

/// Where names come from.
struct Sources<'a> {
    params: BTreeSet<&'a str>,
    /// Data columns and extracted values: not built, and refused where they are defined.
    elsewhere: BTreeSet<&'a str>,
    has_target: bool,
}

impl<'a> Sources<'a> {
    fn of(root: &Node<'a>) -> Self {
        let keys = |node: Option<Node<'a>>| {
            node.map(|node| node.entries().map(|(key, _)| key).collect::<BTreeSet<_>>())
        };
        let mut elsewhere = keys(root.child("data")).unwrap_or_default();
        let several = root.child("workloads");
        for workload in root.child("workload").into_iter().chain(several.iter().flat_map(Node::items)) {
            for operation in workload::operations_of(&workload).chain(workload::steps_of(&workload)) {
                elsewhere.extend(keys(operation.child("extract")).unwrap_or_default());
            }
        }
        let params = keys(root.child("params")).unwrap_or_default();
        Self { params, elsewhere, has_target: root.child("target").is_some() }
    }

    fn check_definitions(&self, root: &Node<'_>, findings: &mut Findings) {
        let is_bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
        let params = root.child("params");
        for (name, param) in params.iter().flat_map(Node::entries) {
            if is_builtin(name) {
                let message =
                    format!("{} is doubly defined: fleetmark itself gives it a value", quoted(name));
                findings.push(param.key_error(message).with_help("choose another name"));
            } else if self.elsewhere.contains(name) {
                let message = format!(
                    "{} is doubly defined: as a param and as data or an extracted value",
                    quoted(name)
                );
                findings.push(param.key_error(message).with_help("choose another name"));
            } else if name.is_empty() || !name.chars().all(is_bare) {
                let message = format!("{} cannot stand in a template", quoted(name));
                findings.push(param.key_error(message).with_help("use letters, digits, _ and - only"));
            }
        }
    }

    fn check_texts(&self, node: &Node<'_>, source: &str, findings: &mut Findings) {
        node.entries().for_each(|(_, entry)| self.check_texts(&entry, source, findings));
        node.items().for_each(|item| self.check_texts(&item, source, findings));
        let Some(text) = node.text() else { return };
        match Template::parse(text) {
            Ok(template) => {
                // Each once: a hostile text repeats a name very often.
                for name in template.names().collect::<BTreeSet<_>>() {
                    self.check_name(name, node, source, findings);
                }
            }
            Err(error) => findings.push(node.error(error.to_string())),
        }
    }

    fn check_name(&self, name: &str, node: &Node<'_>, source: &str, findings: &mut Findings) {
        // Looking for a place takes a walk over the text, which is wasted on an error that is only counted.
        let span = if findings.is_full() { node.span() } else { span_of(name, node, source) };
        let error = |message: String| JobError::new(span.clone(), node.path(), message);
        if TARGET_NAMES.contains(&name) {
            if !self.has_target {
                let message = format!("{} has no value: there is no [target]", quoted(name));
                findings.push(error(message).with_help("add [target] with what to start"));
            }
        } else if is_builtin(name) {
            findings.push(error(format!("the name {} is not supported by this version", quoted(name))));
        } else if !self.params.contains(name) && !self.elsewhere.contains(name) {
            let known = self.params.iter().chain(&TARGET_NAMES).chain(&UNSUPPORTED_NAMES).copied();
            let help = if findings.is_full() { None } else { proposal(name, known) };
            findings.push(JobError { help, ..error(format!("unknown name {}", quoted(name))) });
        }
    }
}

fn is_builtin(name: &str) -> bool {
    let has_prefix = UNSUPPORTED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    has_prefix || TARGET_NAMES.contains(&name) || UNSUPPORTED_NAMES.contains(&name)
}

/// Where a name stands inside its text; the whole text when it is written with escapes.
fn span_of(name: &str, node: &Node<'_>, source: &str) -> Option<Range<usize>> {
    let whole = node.span()?;
    let found = source.get(whole.clone()).and_then(|raw| {
        let opened = raw.match_indices(name).find(|(at, _)| raw[..*at].trim_end().ends_with("{{"));
        opened.map(|(at, _)| whole.start + at..whole.start + at + name.len())
    });
    Some(found.unwrap_or(whole))
}
