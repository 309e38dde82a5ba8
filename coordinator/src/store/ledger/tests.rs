//! Facts about the ledger as a file.

use std::fs;

use shared::ids::Name;

use super::*;
use crate::store::manifest::{Digest, IntervalTally};

fn run(number: u64) -> RunId {
    RunId::new(number, [0; 10])
}

fn birth() -> Birth {
    Birth { name: Name::new("read").unwrap(), submitted_at_ms: 7 }
}

fn ending() -> Ending {
    let intervals = IntervalTally { count: 5, sha256: Digest::of(b"intervals") };
    Ending { manifest_sha256: Digest::of(b"manifest"), intervals }
}

/// A ledger with run 1 finished, run 2 created, run 3 removed.
fn three_runs(directory: &Path) -> Ledger {
    let mut ledger = Ledger::open(directory).unwrap();
    for number in 1..=3 {
        ledger.append(run(number), Event::Creating(birth())).unwrap();
        ledger.append(run(number), Event::Created(birth())).unwrap();
    }
    ledger.append(run(1), Event::Finishing(ending())).unwrap();
    ledger.append(run(1), Event::Finished(ending())).unwrap();
    ledger.append(run(3), Event::Removing).unwrap();
    ledger.append(run(3), Event::Removed).unwrap();
    ledger
}

#[test]
fn what_was_appended_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let entries = three_runs(directory.path()).entries().clone();
    let again = Ledger::open(directory.path()).unwrap();
    assert_eq!(again.entries(), &entries);
    assert_eq!(again.entry(run(1)).unwrap().standing, Standing::Finished(ending()));
    assert_eq!(again.entry(run(2)).unwrap().standing, Standing::Created);
    assert_eq!(again.entry(run(3)), None);
    assert_eq!(again.damage(), []);
}

#[test]
fn a_torn_last_line_is_forgotten_and_written_over() {
    let directory = tempfile::tempdir().unwrap();
    drop(three_runs(directory.path()));
    let path = directory.path().join(FILE_NAME);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"deadbeef 1 creat"].concat()).unwrap();
    let mut ledger = Ledger::open(directory.path()).unwrap();
    assert_eq!(ledger.damage(), []);
    ledger.append(run(4), Event::Creating(birth())).unwrap();
    let again = Ledger::open(directory.path()).unwrap();
    assert_eq!(again.damage(), []);
    assert_eq!(again.entry(run(4)).unwrap().standing, Standing::Creating);
}

#[test]
fn a_damaged_line_is_named_with_its_number_and_run() {
    let directory = tempfile::tempdir().unwrap();
    drop(three_runs(directory.path()));
    let path = directory.path().join(FILE_NAME);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen(" finished ", " finisher ", 1)).unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    assert_eq!(ledger.damage().len(), 1);
    assert_eq!(ledger.damage()[0].run, Some(run(1)));
    assert!(ledger.damage()[0].what.contains("line 8 "), "{}", ledger.damage()[0]);
    assert_eq!(ledger.entry(run(1)).unwrap().standing, Standing::Finishing(ending()));
}

#[test]
fn garbage_without_any_line_end_is_read_in_bounded_pieces() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(FILE_NAME), vec![b'x'; 3_000_000]).unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    assert_eq!(ledger.damage().len(), DAMAGED_LINES_MAX);
}

#[test]
fn rewriting_keeps_what_it_is_given_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = three_runs(directory.path());
    let entries = ledger.entries().clone();
    ledger.rewrite(entries.clone()).unwrap();
    ledger.append(run(2), Event::Removing).unwrap();
    ledger.append(run(2), Event::Removed).unwrap();
    let again = Ledger::open(directory.path()).unwrap();
    assert_eq!(again.entries().keys().copied().collect::<Vec<_>>(), [run(1)]);
    assert_eq!(again.entry(run(1)), entries.get(&run(1)));
}

#[test]
fn a_ledger_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let body = "2 exploded";
    fs::write(directory.path().join(FILE_NAME), format!("{:08x} {body}\n", crc32fast::hash(body.as_bytes())))
        .unwrap();
    let error = Ledger::open(directory.path()).unwrap_err();
    assert!(error.to_string().contains("newer fleetmark"), "{error}");
}
