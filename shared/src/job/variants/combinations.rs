//! Which variants a job has, and their names.

use std::collections::BTreeSet;

use super::super::error::{Findings, quoted};
use super::super::names::text_of;
use super::super::node::Node;
use super::super::search::Search;
use super::VARIANTS_MAX;
use super::paths::{PATHS_MAX, check_paths, is_within};
use crate::plan::DEFAULT_VARIANT;

/// Longest name of a variant, in bytes: it stands in a column of every table.
const NAME_BYTES_MAX: usize = 256;

/// One variant as the file has it.
#[derive(Debug, Clone)]
pub(super) struct Combination<'a> {
    /// Its name.
    pub(super) name: String,
    /// What it sets, a later one over an earlier.
    pub(super) settings: Vec<Setting<'a>>,
    /// Where the file makes it.
    pub(super) place: Node<'a>,
}

/// One value that a variant sets.
#[derive(Debug, Clone)]
pub(super) struct Setting<'a> {
    /// Which.
    pub(super) path: &'a str,
    /// To what.
    pub(super) value: serde_json::Value,
    /// Where that stands.
    pub(super) place: Node<'a>,
}

/// Checks `[[variants]]` and `[sweep]` against themselves and each other.
pub(in crate::job) fn check(root: &Node<'_>, findings: &mut Findings) {
    let variants = list(root, "variants");
    let sweep = root.child("sweep");
    let mut names = BTreeSet::new();
    for variant in &variants {
        let name = variant.child("name");
        if let Some((node, name)) = name.and_then(|name| Some((name.clone(), name.text()?)))
            && !names.insert(name)
        {
            findings.push(node.error(format!("{} is the name of two variants", quoted(name))));
        }
        let Some(set) = variant.child("set") else { continue };
        check_paths(&set, findings);
        check_is_not_swept(&set, sweep.as_ref(), findings);
    }
    if let Some(sweep) = &sweep {
        check_paths(sweep, findings);
    }
    let count = count(root);
    if let Some(place) = sweep.or_else(|| root.child("variants")).filter(|_| count > VARIANTS_MAX) {
        let error = place.key_error(format!("{count} variants are too many: at most {VARIANTS_MAX} are run"));
        findings.push(error.with_help("sweep fewer values, or fewer paths at once"));
    }
}

/// How many variants there are, 1 without any.
pub(in crate::job) fn count(root: &Node<'_>) -> usize {
    let named = root.child("variants").map_or(1, |variants| variants.items().count().max(1));
    let sweep = root.child("sweep");
    let swept = sweep.iter().flat_map(Node::entries).map(|(_, values)| values.items().count().max(1));
    swept.fold(named, usize::saturating_mul)
}

/// The names of all variants; none where there are too many, which is told elsewhere.
pub(in crate::job) fn names(root: &Node<'_>) -> Vec<String> {
    if count(root) > VARIANTS_MAX {
        return Vec::new();
    }
    let combinations = of(root, &mut Findings::default());
    match combinations.is_empty() {
        true => vec![DEFAULT_VARIANT.to_owned()],
        false => combinations.into_iter().map(|combination| combination.name).collect(),
    }
}

/// The variant that somebody means: the one of that name, or the only one with all of these parts of a name.
pub(in crate::job) fn meant<'a>(names: &'a [String], text: &str) -> Option<&'a String> {
    let has_all = |name: &&String| text.split(',').all(|wanted| name.split(',').any(|part| part == wanted));
    let mut with_all = names.iter().filter(has_all);
    let only = with_all.next().filter(|_| with_all.next().is_none());
    names.iter().find(|name| *name == text).or(only)
}

/// All variants: those that are named in the order of the file, and of each every combination of what is swept, the last path
/// fastest. Empty: the default alone.
pub(super) fn of<'a>(root: &Node<'a>, findings: &mut Findings) -> Vec<Combination<'a>> {
    let mut combinations: Vec<Combination<'a>> = list(root, "variants").iter().filter_map(named).collect();
    for (path, values) in in_file_order(root.child("sweep")) {
        let values: Vec<Setting<'a>> = values.items().filter_map(|value| setting(path, value)).collect();
        combinations = if combinations.is_empty() {
            values.iter().map(swept).collect()
        } else {
            combinations.iter().flat_map(|one| values.iter().map(move |value| extended(one, value))).collect()
        };
    }
    check_names(&combinations, findings);
    combinations
}

/// A value of a search each; what is wrong with one is told where the search says between which they lie.
pub(super) fn of_search<'a>(root: &Node<'a>, search: &'a Search) -> Vec<Combination<'a>> {
    let Some(place) = root.descendant(&["search", "between"]) else { return Vec::new() };
    let setting = |value: &f64| Setting { path: &search.vary, value: json(*value), place: place.clone() };
    search.values.iter().map(|value| swept(&setting(value))).collect()
}

/// A number as people write it: without a fraction where it has none.
fn json(value: f64) -> serde_json::Value {
    let is_whole = value.fract() == 0.0 && value.abs() < 2_f64.powi(53);
    if is_whole { (value as i64).into() } else { value.into() }
}

fn list<'a>(root: &Node<'a>, key: &str) -> Vec<Node<'a>> {
    root.child(key).map(|list| list.items().collect()).unwrap_or_default()
}

fn in_file_order<'a>(sweep: Option<Node<'a>>) -> Vec<(&'a str, Node<'a>)> {
    let mut entries: Vec<_> = sweep.iter().flat_map(Node::entries).collect();
    entries.sort_by_key(|(_, values)| values.key_span().map(|span| span.start));
    entries
}

fn named<'a>(variant: &Node<'a>) -> Option<Combination<'a>> {
    let place = variant.child("name")?;
    let set = variant.child("set");
    let settings = in_file_order(set).into_iter().filter_map(|(path, value)| setting(path, value)).collect();
    Some(Combination { name: place.text()?.to_owned(), settings, place })
}

fn setting<'a>(path: &'a str, place: Node<'a>) -> Option<Setting<'a>> {
    Some(Setting { path, value: place.json().ok()?, place })
}

fn swept<'a>(value: &Setting<'a>) -> Combination<'a> {
    Combination { name: part(value), settings: vec![value.clone()], place: value.place.clone() }
}

fn extended<'a>(one: &Combination<'a>, value: &Setting<'a>) -> Combination<'a> {
    let name = match one.name.as_str() {
        DEFAULT_VARIANT => part(value),
        name => format!("{name},{}", part(value)),
    };
    let settings = one.settings.iter().chain([value]).cloned().collect();
    Combination { name, settings, place: one.place.clone() }
}

/// What a swept value adds to a name.
fn part(value: &Setting<'_>) -> String {
    format!("{}={}", value.path, text_of(&value.value).unwrap_or_default())
}

/// A path that is both swept and set would have the swept value alone.
fn check_is_not_swept(set: &Node<'_>, sweep: Option<&Node<'_>>, findings: &mut Findings) {
    // More paths than there may be have been told.
    let swept = sweep.iter().flat_map(|sweep| sweep.entries()).map(|(path, _)| path);
    let swept: Vec<&str> = swept.take(PATHS_MAX).collect();
    for (path, entry) in set.entries().take(PATHS_MAX) {
        if let Some(other) = swept.iter().find(|other| is_within(path, other) || is_within(other, path)) {
            let message = format!("{} is set here, and [sweep] varies {}", quoted(path), quoted(other));
            findings.push(entry.key_error(message).with_help("do one of the two"));
        }
    }
}

fn check_names(combinations: &[Combination<'_>], findings: &mut Findings) {
    let mut names = BTreeSet::new();
    for Combination { name, settings, place } in combinations {
        let last = settings.last().map_or(place, |setting| &setting.place);
        if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let message = format!(
                "the variant would be named {}; a name has at most {NAME_BYTES_MAX} bytes and no control characters",
                quoted(name)
            );
            findings.push(last.error(message).with_help("give it a name of its own with [[variants]]"));
        } else if !names.insert(name) {
            findings.push(last.error(format!("two variants would be named {}", quoted(name))));
        }
    }
}
