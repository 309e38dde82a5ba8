//! Whether two sides measured the same, on the same hosts.

use std::collections::BTreeSet;

use shared::fingerprint_comparison;
use shared::run_figures::RunFigures;
use shared::run_record::RunState;

use super::Side;

/// Why the sides cannot be compared, as sentences; empty: they can.
pub(crate) fn unlikeness(a: &Side, b: &Side) -> Vec<String> {
    let mut reasons: Vec<String> = [a, b].into_iter().flat_map(unsoundness).collect();
    let runs = |side: &Side| side.runs.iter().map(|run| run.run).collect::<BTreeSet<_>>();
    if a.variant == b.variant && !runs(a).is_disjoint(&runs(b)) {
        reasons.push(format!(
            "{} and {} have a run in common, which says nothing against itself",
            a.name, b.name
        ));
    }
    let shape = |side: &Side| side.runs.first()?.variant(&side.variant).map(|variant| variant.shape.clone());
    if let Some((one, other)) = shape(a).zip(shape(b)) {
        let differences = one.differences(&other);
        if !differences.is_empty() {
            reasons.push(format!(
                "{} and {} did not measure the same: {}",
                a.name,
                b.name,
                differences.join(", ")
            ));
        }
    }
    reasons
}

/// In what the hosts of the two sides differ, in words, each once.
pub(super) fn of_hosts(a: &Side, b: &Side) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for one in &a.runs {
        for other in &b.runs {
            for difference in fingerprint_comparison::differences(&one.hosts, &other.hosts) {
                let difference = difference.to_string();
                if !told.contains(&difference) {
                    told.push(difference);
                }
            }
        }
    }
    told
}

/// Why a side cannot be compared with anything, as sentences; empty: it can.
pub(crate) fn unsoundness(side: &Side) -> Vec<String> {
    side.runs.iter().filter_map(|run| unsound(side, run)).collect()
}

fn unsound(side: &Side, run: &RunFigures) -> Option<String> {
    let id = run.run;
    if run.state != RunState::Finished {
        return Some(format!("run {id} is {}: only finished runs can be compared", run.state.as_str()));
    }
    let Some(variant) = run.variant(&side.variant) else {
        let known: Vec<&str> = run.variants.iter().map(|variant| variant.name.as_str()).collect();
        return Some(format!("run {id} has no variant {:?}: it has {}", side.variant, known.join(", ")));
    };
    (!variant.is_whole())
        .then(|| format!("not all trials of run {id} are valid: `fleetmark show {id}` says why"))
}
