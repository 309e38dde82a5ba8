//! Facts about baselines, and about figures beside runs.

use shared::baseline::{Baseline, ListedBaseline};

use super::Fixture;
use crate::store::samples::{self, baseline, baseline_name, run_id};
use crate::store::{ResultStore, StoreError, transfer};

fn names(store: &dyn ResultStore) -> Vec<String> {
    store.baselines().unwrap().iter().map(|listed| listed.name.to_string()).collect()
}

fn whole(baseline: &Baseline) -> ListedBaseline {
    ListedBaseline { name: baseline.name.clone(), baseline: Some(baseline.clone()), damage: None }
}

pub(crate) fn figures_read_back_and_go_with_their_run<F: Fixture>() {
    let mut fixture = F::new();
    samples::create(fixture.store(), 2);
    assert!(matches!(fixture.store().save_figures(&samples::figures(2)), Err(StoreError::UnknownRun(_))));
    assert_eq!(fixture.store().figures(run_id(2)).unwrap(), None);
    samples::finish(fixture.store(), 1, 5);
    assert_eq!(fixture.store().figures(run_id(1)).unwrap(), None);
    fixture.store().save_figures(&samples::figures(1)).unwrap();
    // Made durable by whatever is written next.
    samples::finish(fixture.store(), 3, 1);
    fixture.crash();
    let store = fixture.store();
    assert_eq!(store.figures(run_id(1)).unwrap(), Some(samples::figures(1)));
    store.remove_run(run_id(1)).unwrap();
    assert!(matches!(store.figures(run_id(1)), Err(StoreError::UnknownRun(_))));
}

pub(crate) fn a_baseline_reads_back_whole_after_a_crash<F: Fixture>() {
    let mut fixture = F::new();
    // Larger than one chunk.
    let main = baseline("main", &(1..=60).collect::<Vec<_>>());
    fixture.store().save_baseline(&main).unwrap();
    fixture.store().save_baseline(&baseline("v1.2", &[1])).unwrap();
    fixture.crash();
    let store = fixture.store();
    assert_eq!(store.baseline(&main.name).unwrap(), Some(main.clone()));
    assert_eq!(store.baselines().unwrap(), [whole(&main), whole(&baseline("v1.2", &[1]))]);
    assert_eq!(store.baseline(&baseline_name("none")).unwrap(), None);
    assert_eq!(store.check().unwrap().damage, []);
    assert_eq!(store.runs().unwrap(), [], "a baseline is no run");
}

pub(crate) fn a_baseline_takes_the_place_of_the_one_before<F: Fixture>() {
    let mut fixture = F::new();
    fixture.store().save_baseline(&baseline("main", &(1..=60).collect::<Vec<_>>())).unwrap();
    fixture.store().save_baseline(&baseline("main", &[2])).unwrap();
    fixture.crash();
    assert_eq!(fixture.store().baselines().unwrap(), [whole(&baseline("main", &[2]))]);
    assert_eq!(fixture.store().check().unwrap().damage, []);
}

pub(crate) fn a_removed_baseline_is_gone_and_its_runs_stay<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 1);
    fixture.store().save_baseline(&baseline("main", &[1])).unwrap();
    fixture.store().remove_baseline(&baseline_name("main")).unwrap();
    for _ in 0..2 {
        let store = fixture.store();
        assert_eq!(names(store), [""; 0]);
        let again = store.remove_baseline(&baseline_name("main"));
        assert!(matches!(again, Err(StoreError::UnknownBaseline(_))));
        assert_eq!(store.runs().unwrap(), [run_id(1)]);
        fixture.crash();
    }
    fixture.store().save_baseline(&baseline("main", &[1])).unwrap();
    assert_eq!(names(fixture.store()), ["main"]);
}

pub(crate) fn compacting_keeps_baselines_and_figures<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 3);
    fixture.store().save_figures(&samples::figures(1)).unwrap();
    fixture.store().save_baseline(&baseline("old", &[1])).unwrap();
    fixture.store().save_baseline(&baseline("main", &[1])).unwrap();
    fixture.store().remove_baseline(&baseline_name("old")).unwrap();
    fixture.store().compact().unwrap();
    for _ in 0..2 {
        let store = fixture.store();
        assert_eq!(store.baselines().unwrap(), [whole(&baseline("main", &[1]))]);
        assert_eq!(store.figures(run_id(1)).unwrap(), Some(samples::figures(1)));
        assert_eq!(store.check().unwrap().damage, []);
        fixture.crash();
    }
}

pub(crate) fn an_export_carries_baselines<F: Fixture>() {
    let (mut from, mut to) = (F::new(), F::new());
    samples::finish(from.store(), 1, 3);
    from.store().save_baseline(&baseline("main", &[1])).unwrap();
    let mut stream = Vec::new();
    let exported = transfer::export(from.store(), &mut stream).unwrap();
    assert_eq!(exported.baselines, [baseline_name("main")]);
    let imported = transfer::import(to.store(), &mut stream.as_slice()).unwrap();
    assert_eq!((imported.runs, imported.baselines), (vec![run_id(1)], vec![baseline_name("main")]));
    to.crash();
    assert_eq!(to.store().baseline(&baseline_name("main")).unwrap(), Some(baseline("main", &[1])));
}
