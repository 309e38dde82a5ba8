//! Facts about files that are stored with a run while it goes on.

use shared::ids::{AgentId, AgentName, TrialIndex, VariantIndex};
use shared::profile::{ProfileOutput, ProfiledTrial};
use shared::run_record::{AttachedFile, RunRecord, TrialRecord};

use super::Fixture;
use crate::store::manifest::Digest;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};
use crate::store::{ResultStore, StoreError, transfer};

/// Longer than one chunk of any store.
const LENGTH: usize = 40_000;

/// The record of a sample run whose profiler wrote something, and where that is stored.
fn profiled(record: RunRecord, content: &[u8]) -> (RunRecord, String) {
    let agent = AgentId::new([7; 16]);
    let trial = TrialRecord {
        trial: TrialIndex(3),
        attempt: 0,
        agents: Vec::new(),
        cells: Vec::new(),
        observers: Vec::new(),
        agents_planned: None,
        started_at_ms: None,
        is_complete: true,
        start_skew_us: None,
        start_skew_error_us: None,
        findings: Vec::new(),
    };
    let file = AttachedFile { sha256: Digest::of(content).to_string(), size_bytes: content.len() as u64 };
    let name = AgentName::new("a1").unwrap();
    let output = ProfileOutput { agent, name, file: Some(file), problem: None };
    let profile = ProfiledTrial { variant: VariantIndex(0), trial, outputs: vec![output] };
    let path = profile.path(agent);
    (RunRecord { profiles: vec![profile], ..record }, path)
}

pub(crate) fn what_a_profiler_wrote_is_stored_and_moved_with_its_run<F: Fixture>() {
    let mut fixture = F::new();
    let content = samples::noise(9, LENGTH);
    samples::create(fixture.store(), 1);
    let (running, path) = profiled(samples::record(1), &content);
    fixture.store().save_file(run_id(1), &path, b"an earlier try").unwrap();
    fixture.store().save_file(run_id(1), &path, &content).unwrap();
    fixture.store().save_run(&running).unwrap();
    fixture.crash();
    assert_eq!(fixture.store().file(run_id(1), &path).unwrap(), content);
    let (finished, _) = profiled(samples::finished_record(1), &content);
    fixture.store().finish_run(&finished, &samples::summary(1), &samples::report(1)).unwrap();
    let late = fixture.store().save_file(run_id(1), &path, b"late");
    assert!(matches!(late, Err(StoreError::Over(_))), "{late:?}");
    fixture.crash();
    let store = fixture.store();
    store.compact().unwrap();
    assert_eq!(store.check().unwrap().damage, []);
    assert_eq!(store.file(run_id(1), &path).unwrap(), content);
    let mut stream = Vec::new();
    transfer::export(store, &mut stream).unwrap();
    let mut elsewhere = MemoryStore::new();
    transfer::import(&mut elsewhere, &mut stream.as_slice()).unwrap();
    assert_eq!(elsewhere.file(run_id(1), &path).unwrap(), content);
    store.remove_run(run_id(1)).unwrap();
    assert!(store.file(run_id(1), &path).is_err());
}

pub(crate) fn a_file_of_an_unknown_run_is_refused<F: Fixture>() {
    let saved = F::new().store().save_file(run_id(1), "x", b"y");
    assert!(matches!(saved, Err(StoreError::UnknownRun(_))), "{saved:?}");
}
