//! Facts about the store as a whole: lists, checks, compacting, export and import.

use std::collections::BTreeMap;

use shared::ids::Name;

use super::{Fixture, assert_whole};
use crate::store::samples::{self, run_id};
use crate::store::{StoreCheck, StoreError, SummaryFilter, transfer};

pub(crate) fn lists_show_the_newest_first_and_what_the_filter_admits<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    (1..=3).for_each(|number| samples::finish(store, number, 1));
    samples::create(store, 4);
    let listed = |filter: SummaryFilter| -> Vec<_> {
        store.summaries(&filter).unwrap().iter().map(|summary| summary.id).collect()
    };
    assert_eq!(listed(SummaryFilter::default()), [4, 3, 2, 1].map(run_id));
    assert_eq!(listed(SummaryFilter { limit: Some(2), ..SummaryFilter::default() }), [4, 3].map(run_id));
    let before = SummaryFilter { before: Some(run_id(3)), limit: Some(1), ..SummaryFilter::default() };
    assert_eq!(listed(before), [run_id(2)]);
    let name = Some(Name::new("job-2").unwrap());
    assert_eq!(listed(SummaryFilter { name, limit: Some(1), ..SummaryFilter::default() }), [run_id(2)]);
    let tags = BTreeMap::from([("number".to_owned(), "1".to_owned())]);
    assert_eq!(listed(SummaryFilter { tags, ..SummaryFilter::default() }), [run_id(1)]);
}

pub(crate) fn runs_are_found_by_prefix_and_as_the_latest<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    (1..=3).for_each(|number| samples::create(store, number));
    let whole = run_id(2).to_string();
    for text in [whole.as_str(), &whole.replace('-', ""), &whole.to_uppercase(), &whole[..15]] {
        assert_eq!(store.resolve(text).unwrap(), run_id(2), "{text}");
    }
    assert_eq!(store.resolve("latest").unwrap(), run_id(3));
    assert!(matches!(store.resolve("00000"), Err(StoreError::Ambiguous { count: 3, .. })));
    for text in ["", "-", "f", "last", "0000000-zz"] {
        assert!(matches!(store.resolve(text), Err(StoreError::UnknownRun(_))), "{text}");
    }
}

pub(crate) fn unfinished_runs_are_told_apart<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 1);
    samples::create(fixture.store(), 2);
    samples::create(fixture.store(), 3);
    fixture.crash();
    assert_eq!(fixture.store().unfinished().unwrap(), [2, 3].map(run_id));
    assert_eq!(fixture.store().runs().unwrap(), [1, 2, 3].map(run_id));
}

pub(crate) fn a_store_that_is_whole_checks_clean<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 30);
    samples::create(fixture.store(), 2);
    fixture.store().append(&samples::intervals(2, 12)).unwrap();
    fixture.store().commit().unwrap();
    fixture.crash();
    let check = fixture.store().check().unwrap();
    assert_eq!((check.runs_checked, check.intervals_checked, check.damage), (2, 42, Vec::new()));
    fixture.store().check_run(run_id(1)).unwrap();
}

pub(crate) fn compacting_keeps_everything<F: Fixture>() {
    let mut fixture = F::new();
    (1..=4).for_each(|number| samples::finish(fixture.store(), number, 40));
    samples::create(fixture.store(), 5);
    fixture.store().append(&samples::intervals(5, 12)).unwrap();
    fixture.store().remove_run(run_id(2)).unwrap();
    fixture.store().compact().unwrap();
    for _ in 0..2 {
        let store = fixture.store();
        assert_eq!(store.runs().unwrap(), [1, 3, 4, 5].map(run_id));
        [1, 3, 4].iter().for_each(|number| assert_whole(store, *number, 40));
        let expected = samples::sorted(samples::intervals(5, 12));
        assert_eq!(samples::read_intervals(store, run_id(5)).unwrap(), expected);
        assert_eq!(store.check().unwrap().damage, []);
        fixture.crash();
    }
}

pub(crate) fn an_export_imports_to_the_same<F: Fixture>() {
    let (mut from, mut to) = (F::new(), F::new());
    (1..=3).for_each(|number| samples::finish(from.store(), number, 25));
    let mut stream = Vec::new();
    transfer::export(from.store(), &mut stream).unwrap();
    let imported = transfer::import(to.store(), &mut stream.as_slice()).unwrap();
    assert_eq!(imported.runs, [1, 2, 3].map(run_id));
    to.crash();
    (1..=3).for_each(|number| assert_whole(to.store(), number, 25));
    assert_eq!(to.store().summaries(&SummaryFilter::default()).unwrap().len(), 3);
    let mut again = Vec::new();
    transfer::export(to.store(), &mut again).unwrap();
    assert!(again == stream, "a second export must have the same bytes");
}

pub(crate) fn an_empty_store_is_empty<F: Fixture>() {
    let mut fixture = F::new();
    fixture.store().commit().unwrap();
    fixture.store().compact().unwrap();
    let store = fixture.store();
    assert_eq!(store.runs().unwrap(), []);
    assert_eq!(store.summaries(&SummaryFilter::default()).unwrap(), []);
    assert!(matches!(store.resolve("latest"), Err(StoreError::UnknownRun(_))));
    assert_eq!(store.check().unwrap(), StoreCheck::default());
    assert!(store.append(&[samples::interval(1, 0)]).is_err());
}
