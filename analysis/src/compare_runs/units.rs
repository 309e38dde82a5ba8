//! Units of two sides: what is told in one unit here and in another there has no ratio.

use std::collections::{BTreeMap, BTreeSet};

use shared::run_figures::VariantFigures;
use shared::run_report::Estimate;

use super::{Side, is_claimed};

/// Most metrics named in one sentence; more are counted.
const NAMED_MAX: usize = 5;

/// What claims name and the sides tell in different units, a sentence each.
pub(super) fn claimed_in_several(a: &Side, b: &Side) -> Vec<String> {
    let claimed: BTreeSet<&str> =
        a.runs.iter().chain(&b.runs).flat_map(|run| &run.claimed).map(|it| it.metric.as_str()).collect();
    let is_claimed = |variant: &VariantFigures, estimate: &Estimate| {
        claimed.iter().any(|claimed| is_claimed(claimed, variant, estimate))
    };
    differing(a, b, is_claimed)
        .into_iter()
        .map(|(metric, units)| format!("{metric} is told in {}, which have no ratio", units.join(" and in ")))
        .collect()
}

/// What else the sides tell in different units, in one sentence; `None`: nothing.
pub(super) fn left_out(a: &Side, b: &Side) -> Option<String> {
    let differing = differing(a, b, |_, _| true);
    if differing.is_empty() {
        return None;
    }
    let named = differing.iter().take(NAMED_MAX);
    let named: Vec<String> =
        named.map(|(metric, units)| format!("{metric} ({})", units.join(" and "))).collect();
    let more = match differing.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("not compared, since the sides tell it in different units: {}{more}", named.join(", ")))
}

/// The metrics that are told in several units, with these in words.
fn differing(
    a: &Side,
    b: &Side,
    is_meant: impl Fn(&VariantFigures, &Estimate) -> bool,
) -> Vec<(String, Vec<String>)> {
    let mut units: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let sides = [a, b].into_iter();
    let variants = sides.flat_map(|side| side.runs.iter().filter_map(|run| run.variant(&side.variant)));
    for variant in variants {
        for estimate in variant.estimates.iter().filter(|estimate| is_meant(variant, estimate)) {
            units.entry(&estimate.metric).or_default().insert(&estimate.unit);
        }
    }
    let word = |unit: &&str| if unit.is_empty() { "plain numbers".to_owned() } else { (*unit).to_owned() };
    let several = units.into_iter().filter(|(_, units)| units.len() > 1);
    several.map(|(metric, units)| (metric.to_owned(), units.iter().map(word).collect())).collect()
}
