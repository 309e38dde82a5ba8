//! Facts about exports, over the memory store; the conformance suite repeats the round trip over each provider.

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples;
use proptest::prelude::*;

fn three_runs() -> MemoryStore {
    let mut store = MemoryStore::new();
    (1..=3).for_each(|number| samples::finish(&mut store, number, 12));
    store
}

fn exported() -> Vec<u8> {
    let mut stream = Vec::new();
    export(&three_runs(), &mut stream).unwrap();
    stream
}

#[test]
fn an_export_holds_finished_runs_and_names_the_others() {
    let mut store = three_runs();
    samples::create(&mut store, 4);
    let mut stream = Vec::new();
    let exported = export(&store, &mut stream).unwrap();
    assert_eq!(exported.runs, [1, 2, 3].map(samples::run_id));
    assert_eq!(exported.unfinished, [samples::run_id(4)]);
    assert_eq!(exported.damaged, []);
}

#[test]
fn one_run_is_exported_alone_and_one_that_is_not_finished_is_not() {
    let mut store = three_runs();
    store.save_baseline(&samples::baseline("main", &[2])).unwrap();
    samples::create(&mut store, 4);
    let mut stream = Vec::new();
    let exported = export_one(&store, samples::run_id(2), &mut stream).unwrap();
    assert_eq!((exported.runs, exported.baselines.len()), (vec![samples::run_id(2)], 0));
    let mut to = MemoryStore::new();
    let imported = import(&mut to, &mut stream.as_slice()).unwrap();
    assert_eq!((imported.runs, imported.baselines), (vec![samples::run_id(2)], Vec::new()));
    assert_eq!(samples::read_intervals(&to, samples::run_id(2)).unwrap().len(), 12);
    let refused = export_one(&store, samples::run_id(4), &mut Vec::new()).unwrap_err();
    assert!(matches!(refused, StoreError::UnknownRun(_)), "{refused}");
}

#[test]
fn runs_that_are_there_already_stay_as_they_are() {
    let mut store = MemoryStore::new();
    samples::finish(&mut store, 2, 5);
    let imported = import(&mut store, &mut exported().as_slice()).unwrap();
    assert_eq!(imported.runs, [1, 3].map(samples::run_id));
    assert_eq!(imported.already_there, [samples::run_id(2)]);
    assert_eq!(samples::read_intervals(&store, samples::run_id(2)).unwrap().len(), 5);
}

#[test]
fn an_export_of_a_newer_version_is_refused() {
    let mut stream = exported();
    stream[18] = 3;
    let error = import(&mut MemoryStore::new(), &mut stream.as_slice()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 3, .. }), "{error}");
}

#[test]
fn an_export_of_the_version_before_is_read() {
    let mut stream = exported();
    stream[18] = 1;
    assert_eq!(import(&mut MemoryStore::new(), &mut stream.as_slice()).unwrap().runs.len(), 3);
}

#[test]
fn baselines_come_along_and_those_that_are_there_already_stay_as_they_are() {
    let mut from = three_runs();
    from.save_baseline(&samples::baseline("main", &[1, 2])).unwrap();
    from.save_baseline(&samples::baseline("nightly", &[3])).unwrap();
    let mut stream = Vec::new();
    assert_eq!(export(&from, &mut stream).unwrap().baselines.len(), 2);
    let (mut to, kept) = (MemoryStore::new(), samples::baseline("main", &[1]));
    to.save_baseline(&kept).unwrap();
    let imported = import(&mut to, &mut stream.as_slice()).unwrap();
    assert_eq!(imported.baselines, [samples::baseline_name("nightly")]);
    assert_eq!(imported.baselines_already_there, [samples::baseline_name("main")]);
    assert_eq!(to.baseline(&kept.name).unwrap(), Some(kept));
}

#[test]
fn something_else_is_refused() {
    let error =
        import(&mut MemoryStore::new(), &mut b"name = \"a job and no export\"".as_slice()).unwrap_err();
    assert!(matches!(error, StoreError::BadExport(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_cut_export_leaves_only_whole_runs(at in any::<prop::sample::Index>()) {
        let stream = exported();
        let mut store = MemoryStore::new();
        let outcome = import(&mut store, &mut &stream[..at.index(stream.len())]);
        prop_assert!(matches!(outcome, Err(StoreError::BadExport(_))));
        for run in store.runs().unwrap() {
            prop_assert_eq!(samples::read_intervals(&store, run).unwrap().len(), 12);
        }
    }

    #[test]
    fn an_altered_export_leaves_only_whole_runs(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut stream = exported();
        let at = at.index(stream.len());
        stream[at] ^= 1 << bit;
        let mut store = MemoryStore::new();
        prop_assert!(import(&mut store, &mut stream.as_slice()).is_err());
        for run in store.runs().unwrap() {
            prop_assert_eq!(samples::read_intervals(&store, run).unwrap().len(), 12);
        }
    }
}

/// A finished run with a profile; its record, and the path of that.
fn run_with_profile(store: &mut MemoryStore) -> (RunRecord, String) {
    let content = b"what a profiler wrote";
    let (record, path) = samples::profiled(samples::finished_record(1), content);
    store.create_run(&record, &samples::files(1)).unwrap();
    store.save_file(record.id, &path, content).unwrap();
    store.finish_run(&record, &samples::summary(1), &samples::report(1)).unwrap();
    (record, path)
}

#[test]
fn what_profilers_wrote_goes_along() {
    let (mut from, mut to, mut stream) = (MemoryStore::new(), MemoryStore::new(), Vec::new());
    let (record, path) = run_with_profile(&mut from);
    export(&from, &mut stream).unwrap();
    assert_eq!(import(&mut to, &mut stream.as_slice()).unwrap().runs, [record.id]);
    assert_eq!(to.file(record.id, &path).unwrap(), b"what a profiler wrote");
}

#[test]
fn a_run_without_a_profile_that_it_names_is_not_taken_in() {
    let (mut from, mut to, mut stream) = (MemoryStore::new(), MemoryStore::new(), Vec::new());
    let (record, _) = run_with_profile(&mut from);
    let mut writer = PartWriter::new(&mut stream).unwrap();
    writer.write(&Part::Run(Box::new(record.clone()))).unwrap();
    let (path, content) = samples::files(1).pop_first().unwrap();
    writer.write(&Part::File { path, content }).unwrap();
    writer.write(&Part::Ending { summary: samples::summary(1), report: samples::report(1) }).unwrap();
    writer.write(&Part::End).unwrap();
    let refused = import(&mut to, &mut stream.as_slice());
    assert!(matches!(refused, Err(StoreError::FileDiffers { .. })), "{refused:?}");
    assert_eq!(to.runs().unwrap(), []);
}

#[test]
fn a_run_with_more_profiles_than_a_run_may_have_is_not_taken_in() {
    let mut from = MemoryStore::new();
    let (mut record, _) = run_with_profile(&mut from);
    let size_bytes = PROFILES_BYTES_MAX + 1;
    record.profiles[0].outputs[0].file = Some(AttachedFile { sha256: "0".repeat(64), size_bytes });
    let mut to = MemoryStore::new();
    assert!(matches!(Arrival::new(&mut to, record), Err(StoreError::BadExport(_))));
}
