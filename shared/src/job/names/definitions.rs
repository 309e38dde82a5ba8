//! Where names come from: params, data columns, and values that operations take out of answers.

use std::collections::{BTreeMap, BTreeSet};

use super::super::builtin::BuiltIn;
use super::super::error::{Findings, quoted};
use super::super::node::Node;
use super::super::workload;

/// The names that a job file defines.
#[derive(Debug)]
pub(in super::super) struct Definitions<'a> {
    /// Params with their values as texts; `None` for one that is no scalar.
    params: BTreeMap<&'a str, Option<String>>,
    data: BTreeSet<&'a str>,
    extracted: BTreeSet<&'a str>,
    has_target: bool,
    has_peers: bool,
}

impl<'a> Definitions<'a> {
    /// Collects them.
    pub(in super::super) fn of(root: &Node<'a>) -> Self {
        let params = root.child("params");
        let params = params.iter().flat_map(Node::entries);
        let value_of = |value: &Node<'_>| value.json().ok().as_ref().and_then(super::text_of);
        Self {
            params: params.map(|(name, value)| (name, value_of(&value))).collect(),
            data: root.child("data").iter().flat_map(Node::entries).map(|(name, _)| name).collect(),
            extracted: extractions(root).iter().flat_map(Node::entries).map(|(name, _)| name).collect(),
            has_target: root.child("target").is_some(),
            has_peers: root.descendant(&["fleet", "placement"]).is_some_and(|it| it.text() == Some("pairs")),
        }
    }

    /// Params with their values, apart from the file.
    pub(in super::super) fn params(&self) -> BTreeMap<String, String> {
        let owned = |(name, value): (&&str, &Option<String>)| Some(((*name).to_owned(), value.clone()?));
        self.params.iter().filter_map(owned).collect()
    }

    /// The value of a param; `None` when there is no such param, or its value is no scalar.
    pub(in super::super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_deref()
    }

    pub(super) fn has_param(&self, name: &str) -> bool {
        self.params.contains_key(name)
    }

    /// Whether it is data or an extracted value, which only the agents know.
    pub(super) fn is_deferred(&self, name: &str) -> bool {
        self.data.contains(name) || self.extracted.contains(name)
    }

    pub(super) fn has_target(&self) -> bool {
        self.has_target
    }

    /// Whether agents meet in pairs.
    pub(super) fn has_peers(&self) -> bool {
        self.has_peers
    }

    /// All names, for proposals.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> + Clone {
        self.params.keys().chain(&self.data).chain(&self.extracted).copied()
    }

    /// Says so where a name is defined twice, or can never stand in a template.
    pub(super) fn check(&self, root: &Node<'_>, findings: &mut Findings) {
        let definitions = |section: &str| {
            let section = root.child(section);
            section.iter().flat_map(Node::entries).collect::<Vec<_>>()
        };
        for (name, param) in definitions("params") {
            let elsewhere = self.is_deferred(name).then_some("as a param and as data or an extracted value");
            check_one(name, &param, elsewhere, findings);
        }
        for (name, column) in definitions("data") {
            let elsewhere = self.extracted.contains(name).then_some("as data and as an extracted value");
            check_one(name, &column, elsewhere, findings);
        }
        for (name, extracted) in extractions(root).iter().flat_map(Node::entries) {
            check_one(name, &extracted, None, findings);
        }
    }
}

/// The `extract` tables of all operations. Two may define one name: the later value replaces the earlier.
fn extractions<'a>(root: &Node<'a>) -> Vec<Node<'a>> {
    workload::tables_of(root).iter().flat_map(extractions_of).collect()
}

/// The `extract` tables of one workload's operations.
pub(super) fn extractions_of<'a>(workload: &Node<'a>) -> Vec<Node<'a>> {
    let operations = workload::operations_of(workload).chain(workload::steps_of(workload));
    operations.filter_map(|operation| operation.child("extract")).collect()
}

fn check_one(name: &str, definition: &Node<'_>, elsewhere: Option<&str>, findings: &mut Findings) {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let error = if !matches!(BuiltIn::parse(name), Ok(None)) {
        let message = format!("{} is doubly defined: fleetmark itself gives it a value", quoted(name));
        definition.key_error(message).with_help("choose another name")
    } else if let Some(elsewhere) = elsewhere {
        let message = format!("{} is doubly defined: {elsewhere}", quoted(name));
        definition.key_error(message).with_help("choose another name")
    } else if name.is_empty() || !name.chars().all(is_bare) {
        let message = format!("{} cannot stand in a template", quoted(name));
        definition.key_error(message).with_help("use letters, digits, _ and - only")
    } else {
        return;
    };
    findings.push(error);
}
