//! Whether a search makes sense: by itself, and beside the other sections.

use super::super::describe;
use super::super::error::{Findings, quoted};
use super::super::node::Node;
use super::super::variants::paths::check_path;
use super::decode::{are_whole, ends, resolution};
use super::{keep, values};
use crate::plan::TRIALS_MAX;
use crate::plan::search::Course;

/// Sections that say which values are run, as a search does; claims would have to hold at values that it tries beyond the answer.
const CONTRADICTING: [(&str, &str); 3] = [
    ("sweep", "a sweep runs every value, a search those that it takes to find one"),
    ("variants", "a search finds one value; compare variants in a job of their own"),
    ("claims", "a search also tries values at which nothing holds; what must hold is its \"keep\""),
];
/// Longest path that is varied, in bytes: it stands in the name of every value.
const VARY_BYTES_MAX: usize = 200;

/// Checks it.
pub(in crate::job) fn check(root: &Node<'_>, operations: &[&str], findings: &mut Findings) {
    let Some(search) = root.child("search") else { return };
    if let Some(vary) = search.child("vary") {
        check_vary(root, &vary, findings);
    }
    if let Some(between) = search.child("between") {
        check_between(&between, findings);
        check_values(root, &search, &between, findings);
    }
    if let Some(keep) = search.child("keep").filter(|keep| keep.text().is_some())
        && let Err(error) = keep::read(&keep, operations)
    {
        findings.push(error);
    }
    let too_fine = |share: f64| share < values::RESOLUTION_MIN;
    if let Some(fine) = search.child("resolution").filter(|it| it.share().is_some_and(too_fine)) {
        findings.push(fine.error("expected a share of 0.1 % or more: no trials tell anything finer apart"));
    }
    check_beside(root, findings);
}

/// A path that a sweep may take too, to a number.
fn check_vary(root: &Node<'_>, vary: &Node<'_>, findings: &mut Findings) {
    let Some(path) = vary.text() else { return };
    if path.len() > VARY_BYTES_MAX {
        return findings.push(vary.error(format!("expected a path of at most {VARY_BYTES_MAX} bytes")));
    }
    check_path(path, vary.error(""), findings);
    match value_at(root, path) {
        Some(value) if value.number().is_none() => {
            let message =
                format!("{} is {}; a search varies a number", quoted(path), describe::found(value.value()));
            findings.push(vary.error(message));
        }
        None if path.starts_with("params.") => {
            let error = vary.error(format!("there is no {} to vary", quoted(path)));
            findings.push(error.with_help("define it in [params]: any number will do"));
        }
        _ => {}
    }
}

fn check_between(between: &Node<'_>, findings: &mut Findings) {
    let ends: Vec<Option<f64>> = between.items().map(|end| end.number()).collect();
    let message = match ends.as_slice() {
        [Some(low), Some(_)] if *low <= 0.0 => {
            format!("the lowest value is {low}, and values are tried in equal ratios, which begin above zero")
        }
        [Some(low), Some(high)] if low >= high => {
            format!("the lowest value, {low}, is not below the highest, {high}")
        }
        [Some(_), Some(_)] => return,
        _ => "expected the lowest and the highest value, as in [100, 50000]".to_owned(),
    };
    findings.push(between.error(message));
}

/// Neither too many values nor too many trials.
fn check_values(root: &Node<'_>, search: &Node<'_>, between: &Node<'_>, findings: &mut Findings) {
    let Some((low, high)) = ends(between) else { return };
    let values = match values::between(low, high, resolution(search), are_whole(search)) {
        Ok(values) => values,
        Err(many) => {
            let message = format!("{many} values are too many: a search has at most {}", values::VALUES_MAX);
            let error = between.error(message);
            return findings.push(error.with_help("give a coarser resolution, or a narrower range"));
        }
    };
    let trials = root.descendant(&["load", "trials"]);
    if let Some((node, trials)) = trials.and_then(|node| Some((node.clone(), node.whole::<u32>()?))) {
        let values_max = Course::new(values, trials).values_tried_max();
        if values_max.saturating_mul(trials) > TRIALS_MAX {
            let message = format!(
                "{trials} trials of each of the up to {values_max} values that the search may try are more than the {TRIALS_MAX} that a run may have"
            );
            findings.push(node.error(message));
        }
    }
}

fn check_beside(root: &Node<'_>, findings: &mut Findings) {
    for (section, why) in CONTRADICTING {
        if let Some(other) = root.child(section) {
            let error = other.key_error(format!("{} contradicts \"search\"", quoted(section)));
            findings.push(error.with_help(why));
        }
    }
    let placement = root.descendant(&["fleet", "placement"]);
    let is_apart = |placement: &Node<'_>| placement.text().is_some_and(|text| text != "together");
    if let Some(placement) = placement.filter(is_apart) {
        let error = placement.error("agents that do not share a load would each need a search of their own");
        findings.push(error.with_help("search with placement = \"together\", or run a job for each host"));
    }
    let trials = root.descendant(&["load", "trials"]);
    if let Some(until) = trials.filter(|trials| trials.value().is_table()) {
        let error = until.error("a search settles each value by itself");
        findings.push(error.with_help("give the most trials of a value as a number; 8 is the default"));
    }
}

/// What stands at a path; entries of lists go by their names. `None`: nothing does.
fn value_at<'a>(root: &Node<'a>, path: &str) -> Option<Node<'a>> {
    let is_named = |node: &Node<'a>, name: &str| node.child("name").and_then(|it| it.text()) == Some(name);
    path.split('.').try_fold(root.clone(), |node, key| {
        node.child(key).or_else(|| node.items().find(|item| is_named(item, key)))
    })
}
