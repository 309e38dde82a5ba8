//! The workload driven directly, in directories of the tests' own.

use std::path::Path;

use serde_json::{Map, Value, json};
use shared::ids::Name;
use shared::job::OperationSpec;

use super::*;

fn assignment(settings: Value, kernels: &[&str]) -> Assignment {
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    let Value::Object(settings) = settings else { unreachable!("it is written as a table") };
    assignment.settings = settings;
    let operation = |(place, kernel): (usize, &&str)| OperationSpec {
        name: Name::new(format!("k{place}")).unwrap(),
        weight: 1.0,
        settings: Map::from_iter([("kernel".to_owned(), json!(kernel))]),
    };
    assignment.operations = kernels.iter().enumerate().map(operation).collect();
    assignment
}

fn read(settings: Value, kernels: &[&str]) -> Result<Settings, String> {
    Settings::read(&assignment(settings, kernels), NonZeroU32::MIN).map_err(|error| error.to_string())
}

/// Settings for a small file that any file system can hold.
pub(super) fn settings(directory: &Path, kernels: &[&str]) -> Settings {
    read(json!({ "directory": directory, "size": "3MiB", "direct": false }), kernels).unwrap()
}

fn disk(settings: Settings) -> Disk {
    Disk { settings: Arc::new(settings), threads: NonZeroU32::MIN, area: Arc::default() }
}

#[tokio::test]
async fn every_kernel_does_its_accesses_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let kernels = ["read-sequential/1", "read-random/1", "write-sequential/1", "write-random/1", "fsync/1"];
    let disk = disk(settings(folder.path(), &kernels));
    let mut worker = disk.worker(&(), Seat { worker: 0, seed: 1 });
    worker.ready().await;
    let mut bytes = Vec::new();
    for operation in (0..5).chain(0..2) {
        // Writes keep what reads look for.
        for round in 0..20 {
            let mut outcome = Outcome::default();
            outcome.clear(0, true);
            worker.run(OperationIndex(operation), &mut outcome).await;
            assert_eq!(outcome.sample, None, "{operation}");
            if round == 0 {
                bytes.push((outcome.bytes_received, outcome.bytes_sent));
            }
        }
    }
    assert_eq!(bytes[..5], [(1 << 20, 0), (4096, 0), (0, 1 << 20), (0, 4096), (0, 2_300)]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its files have no names");
}

#[tokio::test]
async fn what_is_not_what_was_written_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(settings(folder.path(), &["read-sequential/1"]));
    let mut worker = disk.worker(&(), Seat { worker: 0, seed: 1 });
    worker.ready().await;
    let area = disk.area.get().unwrap().as_ref().unwrap();
    area.overwrite(&[0xff; 8]);
    let mut outcome = Outcome::default();
    outcome.clear(0, true);
    worker.run(OperationIndex(0), &mut outcome).await;
    let sample = outcome.sample.expect("it fails");
    assert!(sample.message.ends_with("what is read at 0 was never written there"), "{}", sample.message);
}

#[tokio::test]
async fn a_run_through_the_page_cache_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let disk = disk(settings(folder.path(), &["read-random/1"]));
    let mut worker = disk.worker(&(), Seat { worker: 0, seed: 1 });
    worker.ready().await;
    let mut labels = 0;
    for _ in 0..3 {
        let mut outcome = Outcome::default();
        outcome.clear(0, true);
        worker.run(OperationIndex(0), &mut outcome).await;
        labels += outcome.remarks.len();
    }
    assert_eq!(labels, 1);
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let here = |more: Value| {
        let mut settings = json!({ "directory": folder.path(), "direct": false });
        settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        settings
    };
    for (settings, kernel, words) in [
        (json!({ "directory": "here" }), "fsync/1", "give an absolute path"),
        (
            json!({ "directory": "/no/such/place" }),
            "fsync/1",
            "the directory /no/such/place: cannot be opened",
        ),
        (here(json!({ "size": "1000TiB" })), "read-random/1", "give a smaller `size`"),
        (here(json!({ "size": 5 })), "read-random/1", "`size` is 5 bytes, and must be 1MiB at least"),
        (here(json!({})), "read-random/7", "no kernel \"read-random/7\""),
        (here(json!({ "file": "x" })), "fsync/1", "unknown field `file`"),
    ] {
        let error = read(settings, &[kernel]).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
