//! What happens on a disk that is really full: a small one, mounted where only the test sees it.

use std::path::PathBuf;

use super::*;
use crate::store::{StoreHandle, StoredInterval};

/// Where the inner test finds the small disk.
const SMALL_DISK: &str = "FLEETMARK_TEST_SMALL_DISK";
/// The outer test's disk, and the file on it that stands for what somebody deletes to make room.
const DISK_MIB: usize = 24;
const BALLAST_BYTES: usize = 6 * 1024 * 1024;
/// What has to be free for sled to open a database that a full disk has interrupted.
const REOPENING_BYTES: usize = 2 * 1024 * 1024;

/// Runs an inner test of this module on a small disk of its own. Where mounting is not allowed it says so
/// and proves nothing.
fn on_a_small_disk(inner: &str) {
    let mount_point = tempfile::tempdir().unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    let script = format!(
        "mount -t tmpfs -o size={DISK_MIB}m none \"$0\" || exit 75; exec \"$1\" {module}::{inner} --exact --ignored --nocapture"
    );
    #[expect(clippy::disallowed_types, reason = "a test needs a mount namespace of its own")]
    let output = std::process::Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .args([mount_point.path(), &std::env::current_exe().unwrap()])
        .env(SMALL_DISK, mount_point.path())
        .output();
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    match output {
        Ok(output) if said(&output).contains("1 passed") => {}
        Ok(output) if said(&output).contains("running 1 test") => {
            panic!("{}\n{}", said(&output), String::from_utf8_lossy(&output.stderr));
        }
        refused => println!("skipped: no private mount here ({refused:?})"),
    }
}

/// Appends a MiB at a time until the store says that the disk is full.
async fn fill(
    handle: &StoreHandle,
    acked: &mut Vec<StoredInterval>,
    sequence: &mut u64,
) -> Vec<StoredInterval> {
    loop {
        let batch: Vec<StoredInterval> = (0..8)
            .map(|_| {
                *sequence += 1;
                StoredInterval {
                    bytes: samples::noise(*sequence, 128 * 1024),
                    ..samples::interval(1, *sequence)
                }
            })
            .collect();
        match handle.append(batch.clone()).await {
            Ok(()) => acked.extend(batch),
            Err(StoreError::Full { .. }) => return batch,
            Err(other) => panic!("a full disk must be called that, not {other}"),
        }
        assert!(acked.len() < DISK_MIB * 8, "the disk must become full");
    }
}

fn fills_up_and_recovers(headroom_bytes: u64) {
    let disk = PathBuf::from(std::env::var_os(SMALL_DISK).unwrap());
    let directory = disk.join("store");
    let ballast = disk.join("ballast");
    let reserve = disk.join("reserve");
    fs::write(&ballast, vec![1; BALLAST_BYTES]).unwrap();
    fs::write(&reserve, vec![1; REOPENING_BYTES]).unwrap();
    let open = || SledStore::open_with_headroom(&directory, headroom_bytes).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let handle = StoreHandle::start(Box::new(open())).unwrap();
        handle.create_run(samples::record(1), samples::files(1)).await.unwrap();
        let (mut acked, mut sequence) = (Vec::new(), 0);
        let refused = fill(&handle, &mut acked, &mut sequence).await;
        assert!(acked.len() >= 16, "some of it must fit");
        for _ in 0..5 {
            let again = handle.append(refused.clone()).await;
            assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
        }
        fs::remove_file(&ballast).unwrap();
        handle.append(refused.clone()).await.unwrap();
        acked.extend(refused);
        fill(&handle, &mut acked, &mut sequence).await;
        fs::remove_file(&reserve).unwrap();
        handle.close().await;
        let store = open();
        let found = samples::read_intervals(&store, run_id(1)).unwrap();
        let found: BTreeSet<_> =
            found.iter().map(|interval| (interval.sequence, interval.bytes.len())).collect();
        let lost: Vec<_> = acked
            .iter()
            .filter(|interval| !found.contains(&(interval.sequence, interval.bytes.len())))
            .collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        store.check_run(run_id(1)).unwrap();
    });
}

#[test]
fn a_disk_that_fills_up_under_sled_loses_nothing_acknowledged() {
    on_a_small_disk("fills_up_under_sled");
}

#[test]
#[ignore = "needs the small disk that the test beside it mounts"]
fn fills_up_under_sled() {
    fills_up_and_recovers(0);
}

#[test]
fn a_store_stops_before_the_disk_is_full_and_goes_on_when_there_is_room() {
    on_a_small_disk("stops_with_headroom");
}

#[test]
#[ignore = "needs the small disk that the test beside it mounts"]
fn stops_with_headroom() {
    fills_up_and_recovers(4 * 1024 * 1024);
}
