//! Facts about intervals: their order, their durability, their bounds.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use shared::ids::{TrialIndex, TrialKey};

use super::Fixture;
use crate::store::samples::{self, run_id};
use crate::store::{INTERVAL_BYTES_MAX, StoreError, StoredInterval};

pub(crate) fn intervals_come_in_key_order_each_once<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::create(store, 1);
    samples::create(store, 2);
    let mut backwards = samples::intervals(1, 60);
    backwards.reverse();
    backwards.chunks(7).for_each(|batch| store.append(batch).unwrap());
    store.append(&samples::intervals(2, 9)).unwrap();
    store.append(&backwards[..10]).unwrap();
    store.commit().unwrap();
    let expected = samples::sorted(samples::intervals(1, 60));
    assert_eq!(samples::read_intervals(store, run_id(1)).unwrap(), expected);
}

pub(crate) fn a_visit_ends_where_it_is_broken_off<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::create(store, 1);
    store.append(&samples::intervals(1, 40)).unwrap();
    samples::finish(store, 2, 40);
    for number in [1, 2] {
        let mut seen = 0;
        let mut visit = |_| {
            seen += 1;
            if seen < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        store.intervals(run_id(number), &mut visit).unwrap();
        assert_eq!(seen, 3);
    }
}

pub(crate) fn a_trial_shows_its_own_intervals_only<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::create(store, 1);
    store.append(&samples::intervals(1, 40)).unwrap();
    let repeated = StoredInterval {
        trial: TrialKey { attempt: 1, ..samples::interval(1, 4).trial },
        ..samples::interval(1, 4)
    };
    store.append(std::slice::from_ref(&repeated)).unwrap();
    samples::finish(store, 2, 40);
    for number in [1, 2] {
        // Of the finished run: before and after it was read in full.
        for _ in 0..2 {
            let mut seen = Vec::new();
            let trial = samples::interval(number, 1).trial;
            store.trial_intervals(trial, &mut |interval| seen.push(interval)).unwrap();
            let of_trial =
                samples::intervals(number, 40).into_iter().filter(|interval| interval.trial == trial);
            assert_eq!(seen, samples::sorted(of_trial.collect()));
            store.check_run(run_id(number)).unwrap();
        }
    }
    let mut seen = Vec::new();
    store.trial_intervals(repeated.trial, &mut |interval| seen.push(interval)).unwrap();
    assert_eq!(seen, std::slice::from_ref(&repeated));
    let absent = TrialKey { trial: TrialIndex(9), ..repeated.trial };
    store.trial_intervals(absent, &mut |interval| panic!("{interval:?}")).unwrap();
    let unknown = store.trial_intervals(TrialKey { run: run_id(9), ..absent }, &mut |_| ());
    assert!(matches!(unknown, Err(StoreError::UnknownRun(_))), "{unknown:?}");
}

pub(crate) fn an_interval_of_another_length_replaces_the_one_before<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::create(store, 1);
    for length in [50_000, 10, 0, 20_000] {
        let interval =
            StoredInterval { bytes: samples::noise(length as u64, length), ..samples::interval(1, 1) };
        store.append(std::slice::from_ref(&interval)).unwrap();
        store.commit().unwrap();
        assert_eq!(samples::read_intervals(store, run_id(1)).unwrap(), [interval]);
    }
}

pub(crate) fn of_two_intervals_with_one_address_in_a_batch_the_later_stays<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::create(store, 1);
    let of_length = |length| StoredInterval { bytes: samples::noise(7, length), ..samples::interval(1, 1) };
    store.append(&[of_length(50_000), samples::interval(1, 2), of_length(10)]).unwrap();
    store.commit().unwrap();
    let expected = samples::sorted(vec![of_length(10), samples::interval(1, 2)]);
    assert_eq!(samples::read_intervals(store, run_id(1)).unwrap(), expected);
}

pub(crate) fn committed_intervals_survive_a_crash<F: Fixture>() {
    let mut fixture = F::new();
    samples::create(fixture.store(), 1);
    fixture.store().append(&samples::intervals(1, 30)).unwrap();
    fixture.store().commit().unwrap();
    fixture.crash();
    let expected = samples::sorted(samples::intervals(1, 30));
    assert_eq!(samples::read_intervals(fixture.store(), run_id(1)).unwrap(), expected);
    assert_eq!(fixture.store().unfinished().unwrap(), [run_id(1)]);
}

pub(crate) fn any_sequence_of_appends_commits_and_crashes_keeps_all_committed<F: Fixture>() {
    #[derive(Debug, Clone)]
    enum Step {
        Append(Vec<u64>),
        Commit,
        Crash,
    }
    let step = prop_oneof![
        4 => prop::collection::vec(0..200_u64, 1..12).prop_map(Step::Append),
        2 => Just(Step::Commit),
        1 => Just(Step::Crash),
    ];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(16));
    let outcome = runner.run(&prop::collection::vec(step, 1..12), |steps| {
        let mut fixture = F::new();
        samples::create(fixture.store(), 1);
        let (mut appended, mut committed) = (BTreeMap::new(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Append(sequences) => {
                    let batch: Vec<_> =
                        sequences.iter().map(|sequence| samples::interval(1, *sequence)).collect();
                    fixture.store().append(&batch).unwrap();
                    appended.extend(batch.into_iter().map(|interval| (interval.sequence, interval)));
                }
                Step::Commit => {
                    fixture.store().commit().unwrap();
                    committed.clone_from(&appended);
                }
                Step::Crash => {
                    fixture.crash();
                    appended.clone_from(&committed);
                }
            }
            let found = samples::read_intervals(fixture.store(), run_id(1)).unwrap();
            let found: BTreeMap<_, _> =
                found.into_iter().map(|interval| (interval.sequence, interval)).collect();
            prop_assert!(committed.iter().all(|(sequence, interval)| found.get(sequence) == Some(interval)));
        }
        Ok(())
    });
    outcome.unwrap();
}

pub(crate) fn an_interval_that_is_too_large_is_refused_with_its_whole_batch<F: Fixture>() {
    let mut fixture = F::new();
    let store = fixture.store();
    samples::create(store, 1);
    let large = StoredInterval { bytes: vec![0; INTERVAL_BYTES_MAX + 1], ..samples::interval(1, 2) };
    let appended = store.append(&[samples::interval(1, 1), large]);
    assert!(matches!(appended, Err(StoreError::TooLarge { .. })), "{appended:?}");
    store.commit().unwrap();
    assert_eq!(samples::read_intervals(store, run_id(1)).unwrap(), []);
}
