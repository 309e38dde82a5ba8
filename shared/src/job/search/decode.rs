//! `[search]` as a type. What does not read has been told by the checks.

use super::super::node::Node;
use super::super::workload;
use super::{RESOLUTION_DEFAULT, Search, keep, values};

/// Decodes it; its steps are read when all else of the job is fine.
pub(in crate::job) fn decode(root: &Node<'_>) -> Option<Search> {
    let search = root.child("search")?;
    let (low, high) = ends(&search.child("between")?)?;
    let resolution = resolution(&search);
    let keep = search.child("keep")?;
    Some(Search {
        vary: search.child("vary")?.text()?.to_owned(),
        keep: keep::read(&keep, &workload::operation_names(root)).ok()?,
        keep_text: keep.text()?.split_whitespace().collect::<Vec<_>>().join(" "),
        resolution,
        values: values::between(low, high, resolution, are_whole(&search)).ok()?,
        steps: Vec::new(),
    })
}

/// The lowest and the highest value; `None`: they are not two that can be searched between.
pub(super) fn ends(between: &Node<'_>) -> Option<(f64, f64)> {
    let ends: Vec<f64> = between.items().filter_map(|end| end.number()).collect();
    match ends.as_slice() {
        [low, high] if 0.0 < *low && low < high && between.items().count() == 2 => Some((*low, *high)),
        _ => None,
    }
}

/// How far apart neighbouring values are at most.
pub(super) fn resolution(search: &Node<'_>) -> f64 {
    let written = search.child("resolution").and_then(|resolution| resolution.share());
    written.filter(|share| *share >= values::RESOLUTION_MIN).unwrap_or(RESOLUTION_DEFAULT)
}

/// Whether both ends are whole numbers, so that what lies between them is too.
pub(super) fn are_whole(search: &Node<'_>) -> bool {
    let between = search.child("between");
    between.iter().flat_map(Node::items).all(|end| end.integer().is_some())
}
