//! Facts about runs, their files and their reports.

use std::collections::BTreeMap;

use shared::run_record::RunState;
use shared::run_report::Verdict;

use super::{Fixture, assert_whole};
use crate::store::samples::{self, run_id};
use crate::store::{CachedReport, StoreError, SummaryFilter};

pub(crate) fn a_new_run_reads_back_whole<F: Fixture>() {
    let mut fixture = F::new();
    samples::create(fixture.store(), 1);
    fixture.crash();
    let store = fixture.store();
    assert_eq!(store.run(run_id(1)).unwrap(), Some(samples::record(1)));
    assert_eq!(store.file(run_id(1), samples::FILE).unwrap(), samples::file_content(1));
    assert_eq!(store.report(run_id(1)).unwrap(), None);
    let summaries = store.summaries(&SummaryFilter::default()).unwrap();
    assert_eq!(
        (summaries.len(), summaries[0].state, summaries[0].verdict),
        (1, RunState::Running, Verdict::None)
    );
}

pub(crate) fn a_saved_record_replaces_the_one_before<F: Fixture>() {
    let mut fixture = F::new();
    samples::create(fixture.store(), 1);
    let mut longer = samples::record(1);
    longer.job_toml = String::from_utf8_lossy(&samples::noise(1, 60_000)).into_owned();
    fixture.store().save_run(&longer).unwrap();
    assert_eq!(fixture.store().run(run_id(1)).unwrap(), Some(longer));
    fixture.store().save_run(&samples::record(1)).unwrap();
    fixture.crash();
    assert_eq!(fixture.store().run(run_id(1)).unwrap(), Some(samples::record(1)));
}

pub(crate) fn a_finished_run_reads_back_whole<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 40);
    fixture.crash();
    assert_whole(fixture.store(), 1, 40);
    assert_eq!(fixture.store().summaries(&SummaryFilter::default()).unwrap(), [samples::summary(1)]);
}

pub(crate) fn a_finished_run_does_not_change<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::finish(store, 1, 5);
    let late = store.append(&[samples::interval(1, 99)]);
    assert!(matches!(late, Err(StoreError::Over(_))), "{late:?}");
    let saved = store.save_run(&samples::record(1));
    assert!(matches!(saved, Err(StoreError::Over(_))), "{saved:?}");
    let again = store.finish_run(&samples::finished_record(1), &samples::summary(1), &samples::report(1));
    assert!(matches!(again, Err(StoreError::Over(_))), "{again:?}");
    assert_whole(store, 1, 5);
}

pub(crate) fn other_intervals_can_take_the_place_of_a_finished_run_s<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 40);
    samples::finish(fixture.store(), 2, 10);
    samples::create(fixture.store(), 3);
    // There and back again: each replacement lies where the one before it did not.
    for count in [6, 40, 0, 12] {
        let store = fixture.store();
        store.replace_intervals(run_id(1), samples::intervals(1, count)).unwrap();
        assert_whole(store, 1, count);
        fixture.crash();
        let store = fixture.store();
        assert_whole(store, 1, count);
        assert_eq!(store.check().unwrap().damage, []);
        store.compact().unwrap();
        assert_whole(store, 1, count);
        assert_whole(store, 2, 10);
        let trial = samples::interval(1, 0).trial;
        let mut seen = 0;
        store.trial_intervals(trial, &mut |_| seen += 1).unwrap();
        assert_eq!(seen, (0..count).filter(|sequence| sequence % 3 == 0).count());
    }
    let store = fixture.store();
    let of_another = store.replace_intervals(run_id(2), samples::intervals(1, 1));
    assert!(matches!(of_another, Err(StoreError::UnknownRun(_))), "{of_another:?}");
    for run in [3, 4] {
        let unfinished = store.replace_intervals(run_id(run), Vec::new());
        assert!(matches!(unfinished, Err(StoreError::UnknownRun(_))), "{unfinished:?}");
    }
    assert_whole(store, 2, 10);
}

pub(crate) fn a_run_is_created_once<F: Fixture>() {
    let mut fixture = F::new();
    samples::create(fixture.store(), 1);
    let again = fixture.store().create_run(&samples::record(1), &samples::files(1));
    assert!(matches!(again, Err(StoreError::AlreadyExists(_))), "{again:?}");
}

pub(crate) fn files_must_be_those_of_the_record<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    let mut too_many = samples::files(1);
    too_many.insert("more".to_owned(), Vec::new());
    for files in [BTreeMap::new(), samples::files(2), too_many] {
        let created = store.create_run(&samples::record(1), &files);
        assert!(matches!(created, Err(StoreError::FileDiffers { .. })), "{created:?}");
    }
    assert_eq!(store.runs().unwrap(), []);
}

pub(crate) fn a_removed_run_is_gone<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 20);
    samples::finish(fixture.store(), 2, 20);
    samples::create(fixture.store(), 3);
    fixture.store().remove_run(run_id(1)).unwrap();
    fixture.store().remove_run(run_id(3)).unwrap();
    fixture.crash();
    let store = fixture.store();
    assert_eq!(store.runs().unwrap(), [run_id(2)]);
    assert_eq!(store.run(run_id(1)).unwrap(), None);
    assert!(matches!(samples::read_intervals(store, run_id(1)), Err(StoreError::UnknownRun(_))));
    assert_eq!(store.check().unwrap().damage, []);
    assert_whole(store, 2, 20);
}

pub(crate) fn a_removed_run_can_be_created_again<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 20);
    fixture.store().remove_run(run_id(1)).unwrap();
    samples::finish(fixture.store(), 1, 3);
    fixture.crash();
    assert_whole(fixture.store(), 1, 3);
}

pub(crate) fn a_report_can_be_made_again<F: Fixture>() {
    let mut fixture = F::new();
    samples::finish(fixture.store(), 1, 1);
    let newer = CachedReport { analysis_version: "2".to_owned(), json: b"{}".to_vec() };
    fixture.store().save_report(run_id(1), &newer).unwrap();
    fixture.crash();
    assert_eq!(fixture.store().report(run_id(1)).unwrap(), Some(newer));
    assert_eq!(fixture.store().check().unwrap().damage, []);
}

pub(crate) fn unknown_runs_and_files_are_said_to_be_unknown<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    let run = run_id(1);
    let is_unknown = |outcome: Result<(), StoreError>| matches!(outcome, Err(StoreError::UnknownRun(_)));
    assert_eq!(store.run(run).unwrap(), None);
    assert!(is_unknown(store.save_run(&samples::record(1))));
    assert!(is_unknown(store.append(&[samples::interval(1, 0)])));
    assert!(is_unknown(store.finish_run(&samples::record(1), &samples::summary(1), &samples::report(1))));
    assert!(is_unknown(store.save_report(run, &samples::report(1))));
    assert!(is_unknown(store.remove_run(run)));
    assert!(is_unknown(store.intervals(run, &mut |_| std::ops::ControlFlow::Continue(()))));
    assert!(is_unknown(store.report(run).map(drop)));
    assert!(is_unknown(store.check_run(run)));
    samples::create(store, 1);
    assert!(is_unknown(store.save_report(run, &samples::report(1))));
    assert!(matches!(store.file(run, "other.csv"), Err(StoreError::UnknownFile { .. })));
}
