//! Facts about which runs may stand in a baseline.

use shared::job::{Kinds, parse};
use shared::run_figures::{JobShape, VariantFigures};
use shared::run_report::Verdict;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, baseline_name, run_id};

const AUTHOR: &str = "operator anna at 127.0.0.1";

fn author() -> Author {
    Author { name: AUTHOR.to_owned(), at_ms: 9 }
}

fn variant(name: &str, workers: u32) -> VariantFigures {
    let job = format!("name = \"job\"\nworkload = {{ kind = \"http\" }}\nload.workers = {workers}\n");
    VariantFigures {
        name: name.to_owned(),
        shape: JobShape::of(&parse(&job, Kinds::Unchecked).unwrap(), 1),
        target_sha256: None,
        command_sha256: None,
        trials_valid: 3,
        trials_planned: 3,
        estimates: Vec::new(),
    }
}

/// A store of so many finished runs of one job, all alike; `change` makes one of them otherwise.
fn runs(count: u64, change: impl Fn(&mut RunFigures)) -> MemoryStore {
    let mut store = MemoryStore::new();
    for number in 1..=count {
        samples::finish(&mut store, number, 1);
        let mut figures = samples::figures(number);
        figures.job = "job".parse().unwrap();
        figures.variants = vec![variant("default", 4)];
        change(&mut figures);
        store.save_figures(&figures).unwrap();
    }
    store
}

fn held(baseline: &Baseline) -> Vec<RunId> {
    baseline.figures().map(|figures| figures.run).collect()
}

fn refusal(store: &mut MemoryStore, numbers: &[u64]) -> String {
    let numbers: Vec<RunId> = numbers.iter().copied().map(run_id).collect();
    set(store, baseline_name("main"), &numbers, &author()).unwrap_err().to_string()
}

#[test]
fn setting_takes_the_place_of_what_was_there_and_adding_does_not() {
    let mut store = runs(3, |_| ());
    let name = || baseline_name("main");
    set(&mut store, name(), &[run_id(1)], &author()).unwrap();
    let added = add(&mut store, name(), &[run_id(2), run_id(1)], &author()).unwrap();
    assert_eq!(held(&added), [1, 2].map(run_id), "a run that is there already is not added again");
    assert_eq!((added.runs[1].added_by.as_str(), added.runs[1].added_at_ms), (AUTHOR, 9));
    let set = set(&mut store, name(), &[run_id(3)], &author()).unwrap();
    assert_eq!(held(&set), [run_id(3)]);
    assert_eq!(store.baseline(&name()).unwrap(), Some(set));
}

#[test]
fn only_finished_valid_and_whole_runs_are_taken() {
    let mut cancelled = runs(1, |figures| figures.state = RunState::Cancelled);
    assert!(refusal(&mut cancelled, &[1]).contains("is cancelled"));
    let mut partial = runs(1, |figures| figures.variants[0].trials_valid = 2);
    assert!(refusal(&mut partial, &[1]).contains("not all trials"));
    // A claim against a baseline that is not there yet is no reason against becoming one.
    let mut refuted = runs(1, |figures| figures.verdict = Verdict::Invalid);
    set(&mut refuted, baseline_name("main"), &[run_id(1)], &author()).unwrap();
    assert!(refusal(&mut refuted, &[7]).contains("find run"));
    assert!(refusal(&mut refuted, &[]).contains("name the runs"));
}

#[test]
fn runs_of_another_shape_are_refused_with_what_differs() {
    let mut store = runs(2, |figures| {
        if figures.run == run_id(2) {
            figures.variants = vec![variant("default", 8)];
        }
    });
    let said = refusal(&mut store, &[1, 2]);
    assert!(said.contains("workers (4 and 8)"), "{said}");
    assert_eq!(store.baselines().unwrap(), [], "nothing is changed by a refusal");
    let mut other_variants = runs(2, |figures| {
        if figures.run == run_id(2) {
            figures.variants.push(variant("new", 4));
        }
    });
    let said = refusal(&mut other_variants, &[1, 2]);
    assert!(said.contains("variants (default and default new)"), "{said}");
}

#[test]
fn a_baseline_that_everything_is_added_to_keeps_the_newest() {
    let count = BASELINE_RUNS_MAX as u64 + 2;
    let mut store = runs(count, |_| ());
    for number in 1..=count {
        add(&mut store, baseline_name("main"), &[run_id(number)], &author()).unwrap();
    }
    let kept = held(&store.baseline(&baseline_name("main")).unwrap().unwrap());
    assert_eq!((kept.len(), kept[0]), (BASELINE_RUNS_MAX, run_id(3)));
}

#[test]
fn a_run_is_known_by_the_baselines_that_hold_it() {
    let mut store = runs(2, |_| ());
    set(&mut store, baseline_name("main"), &[run_id(1)], &author()).unwrap();
    assert_eq!(holding(&store, run_id(1)).unwrap(), [baseline_name("main")]);
    assert_eq!(holding(&store, run_id(2)).unwrap(), []);
}
