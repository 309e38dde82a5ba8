//! Facts about which calibration vouches for a run.

use shared::host::Fingerprint;
use shared::ids::AgentName;
use shared::run_record::RunState;
use shared::run_report::Says;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn fingerprint(kernel: &str) -> Fingerprint {
    Fingerprint { kernel: Some(kernel.to_owned()), ..Fingerprint::default() }
}

fn host(fingerprint: Fingerprint) -> HostReport {
    HostReport { agent: AgentName::new("a1").unwrap(), fingerprint, observer: false }
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
    let figures = RunFigures {
        calibration: Some(read),
        hosts: vec![host(fingerprint(kernel))],
        ..samples::figures(number)
    };
    store.save_figures(&figures).unwrap();
}

/// Stores a calibration that read this; its control is run `number`, and its A/A the one before.
fn calibrate(store: &mut MemoryStore, number: u64, [same, slower]: [Says; 2], kernel: &str) {
    store_part(store, number - 1, reading(number - 1, CalibrationPart::Same, same, 20), kernel);
    store_part(store, number, reading(number, CalibrationPart::Slower, slower, 20), kernel);
}

/// A run submitted at that moment.
fn run(submitted_at_ms: u64) -> RunRecord {
    RunRecord { submitted_at_ms, ..samples::finished_record(1) }
}

const PASSES: [Says; 2] = [Says::Same, Says::Slower];

/// The control that vouches for a run on a host with this kernel.
fn of(store: &mut MemoryStore, record: &RunRecord, kernel: &str) -> Option<RunId> {
    of_run(store, record, &[host(fingerprint(kernel))]).unwrap().map(|mark| mark.slower_run)
}

#[test]
fn a_passed_calibration_vouches_for_its_own_hosts_and_no_others() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    assert_eq!(of(&mut store, &run(100), "6.1"), Some(run_id(11)));
    assert_eq!(of(&mut store, &run(100), "6.8"), None, "the kernel is another");
    let tagged = RunRecord { tags: [(TAG.to_owned(), "same".to_owned())].into(), ..run(100) };
    assert_eq!(of(&mut store, &tagged, "6.1"), None, "a calibration needs nobody to vouch for it");
}

#[test]
fn a_calibration_lapses_with_its_age() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    assert_eq!(of(&mut store, &run(11 + 30 * DAY_MS), "6.1"), Some(run_id(11)));
    assert_eq!(of(&mut store, &run(12 + 30 * DAY_MS), "6.1"), None);
}

#[test]
fn the_newest_that_tells_decides() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    calibrate(&mut store, 21, [Says::Inconclusive, Says::Slower], "6.1");
    assert_eq!(of(&mut store, &run(100), "6.1"), Some(run_id(11)), "one that cannot tell says nothing");
    calibrate(&mut store, 31, [Says::Slower, Says::Slower], "6.1");
    assert_eq!(of(&mut store, &run(100), "6.1"), None, "one that failed takes the older one's word away");
    calibrate(&mut store, 41, PASSES, "6.1");
    assert_eq!(of(&mut store, &run(100), "6.1"), Some(run_id(41)));
}

#[test]
fn a_calibration_without_its_other_half_is_none() {
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    store.remove_run(run_id(10)).unwrap();
    assert_eq!(of(&mut store, &run(100), "6.1"), None);
}

#[test]
fn a_calibration_vouches_by_what_the_trials_told_of_their_hosts() {
    let with_boost = |is_on: bool| {
        let details = [("boost".to_owned(), is_on.into())].into();
        Fingerprint { details, ..fingerprint("6.1") }
    };
    let mut store = MemoryStore::default();
    calibrate(&mut store, 11, PASSES, "6.1");
    for number in [10, 11] {
        let figures = store.figures(run_id(number)).unwrap().unwrap();
        store.save_figures(&RunFigures { hosts: vec![host(with_boost(true))], ..figures }).unwrap();
    }
    let of = |store: &mut MemoryStore, is_on| of_run(store, &run(100), &[host(with_boost(is_on))]).unwrap();
    assert!(of(&mut store, true).is_some());
    assert_eq!(of(&mut store, false), None, "it was calibrated with boost, and measured without");
}
