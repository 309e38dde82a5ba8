//! Facts about which calibration vouches for a run.

use shared::host::Fingerprint;
use shared::ids::{AgentId, AgentName, TrialIndex};
use shared::run_record::{AgentPart, RunState, TrialRecord};
use shared::run_report::Says;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn fingerprint(kernel: &str) -> Fingerprint {
    Fingerprint { kernel: Some(kernel.to_owned()), ..Fingerprint::default() }
}

fn reading(number: u64, part: CalibrationPart, says: Says, blocks: u64) -> CalibrationReading {
    CalibrationReading {
        part,
        run: run_id(number),
        same_run: (part == CalibrationPart::Slower).then(|| run_id(number - 1)),
        metric: "latency.p50".to_owned(),
        margin: 0.05,
        blocks,
        ratio: Some(1.0),
        ci95: Some([0.99, 1.01]),
        says,
        invalid: None,
    }
}

/// Stores a run of a calibration on a host with this kernel.
fn store_part(store: &mut MemoryStore, number: u64, read: CalibrationReading, kernel: &str) {
    let name = Name::new(JOB_NAME).unwrap();
    let tags = std::collections::BTreeMap::from([(TAG.to_owned(), read.part.as_str().to_owned())]);
    let record = RunRecord { name: name.clone(), tags: tags.clone(), ..samples::record(number) };
    store.create_run(&record, &samples::files(number)).unwrap();
    let record = RunRecord { state: RunState::Finished, finished_at_ms: Some(number), ..record };
    let summary = RunSummary { name, tags, finished_at_ms: Some(number), ..samples::summary(number) };
    store.finish_run(&record, &summary, &samples::report(number)).unwrap();
    let host = HostReport {
        agent: AgentName::new("calibrated").unwrap(),
        fingerprint: fingerprint(kernel),
        labels: Default::default(),
        observer: false,
    };
    let figures = RunFigures { calibration: Some(read), hosts: vec![host], ..samples::figures(number) };
    store.save_figures(&figures).unwrap();
}

/// Stores a calibration that read this; its control is run `number`, and its A/A the one before.
fn calibrate(store: &mut MemoryStore, number: u64, [same, slower]: [Says; 2], kernel: &str) {
    store_part(store, number - 1, reading(number - 1, CalibrationPart::Same, same, 20), kernel);
    store_part(store, number, reading(number, CalibrationPart::Slower, slower, 20), kernel);
}

/// A run on a host with this kernel, submitted at that moment.
fn run(kernel: &str, submitted_at_ms: u64) -> RunRecord {
    let agent = AgentPart {
        id: AgentId::new([1; 16]),
        name: AgentName::new("a1").unwrap(),
        labels: Default::default(),
        fingerprint: fingerprint(kernel),
        clock_offset_us: None,
        clock_error_us: None,
        intervals_reported: None,
    };
    let trial = TrialRecord {
        trial: TrialIndex(0),
        attempt: 0,
        agents: vec![agent],
        cells: Vec::new(),
        observers: Vec::new(),
        agents_planned: None,
        started_at_ms: None,
        is_complete: true,
        start_skew_us: None,
        start_skew_error_us: None,
        findings: Vec::new(),
    };
    RunRecord { submitted_at_ms, trials: vec![trial], ..samples::finished_record(1) }
}

const PASSES: [Says; 2] = [Says::Same, Says::Slower];

fn of(store: &mut MemoryStore, record: &RunRecord) -> Option<RunId> {
    of_run(store, record).unwrap().map(|mark| mark.slower_run)
}

#[test]
fn a_passed_calibration_vouches_for_its_own_hosts_and_no_others() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    assert_eq!(of(&mut store, &run("6.1", 100)), Some(run_id(11)));
    assert_eq!(of(&mut store, &run("6.8", 100)), None, "the kernel is another");
    let tagged = RunRecord { tags: [(TAG.to_owned(), "same".to_owned())].into(), ..run("6.1", 100) };
    assert_eq!(of(&mut store, &tagged), None, "a calibration needs nobody to vouch for it");
}

#[test]
fn a_calibration_lapses_with_its_age() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    assert_eq!(of(&mut store, &run("6.1", 11 + 30 * DAY_MS)), Some(run_id(11)));
    assert_eq!(of(&mut store, &run("6.1", 12 + 30 * DAY_MS)), None);
}

#[test]
fn the_newest_that_tells_decides() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    calibrate(&mut store, 21, [Says::Inconclusive, Says::Slower], "6.1");
    assert_eq!(of(&mut store, &run("6.1", 100)), Some(run_id(11)), "one that cannot tell says nothing");
    calibrate(&mut store, 31, [Says::Slower, Says::Slower], "6.1");
    assert_eq!(of(&mut store, &run("6.1", 100)), None, "one that failed takes the older one's word away");
    calibrate(&mut store, 41, PASSES, "6.1");
    assert_eq!(of(&mut store, &run("6.1", 100)), Some(run_id(41)));
}

#[test]
fn a_calibration_without_its_other_half_is_none() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    store.remove_run(run_id(10)).unwrap();
    assert_eq!(of(&mut store, &run("6.1", 100)), None);
}
