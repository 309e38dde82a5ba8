//! Facts about the store's thread, over a store whose disk can be made to fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, mpsc as blocking};

use shared::baseline::{Baseline, ListedBaseline};
use shared::ids::{BaselineName, RunId, TrialKey};
use shared::run_figures::RunFigures;
use shared::run_record::{RunRecord, RunSummary};

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};
use crate::store::{CachedReport, Compaction, StoreCheck, SummaryFilter, Visit};

/// What the tests see of a store from outside its thread.
#[derive(Debug, Default)]
struct Disk {
    /// What a crash at this moment would leave.
    durable: MemoryStore,
    commits: u32,
    /// Commits that are still to fail for want of room.
    refusals: u32,
}

/// A memory store behind a disk that can be full. A failed commit loses what was appended, as sled's does.
struct FaultyStore {
    inner: MemoryStore,
    disk: Arc<Mutex<Disk>>,
}

impl FaultyStore {
    fn start() -> (StoreHandle, Arc<Mutex<Disk>>) {
        let disk = Arc::new(Mutex::new(Disk::default()));
        let store = Self { inner: MemoryStore::new(), disk: disk.clone() };
        (StoreHandle::start(Box::new(store)).unwrap(), disk)
    }
}

impl ResultStore for FaultyStore {
    fn create_run(
        &mut self,
        record: &RunRecord,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.inner.create_run(record, files)
    }

    fn save_run(&mut self, record: &RunRecord) -> Result<(), StoreError> {
        self.inner.save_run(record)
    }

    fn save_file(&mut self, run: RunId, path: &str, content: &[u8]) -> Result<(), StoreError> {
        self.inner.save_file(run, path, content)
    }

    fn append(&mut self, batch: &[StoredInterval]) -> Result<(), StoreError> {
        self.inner.append(batch)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let mut disk = self.disk.lock().unwrap();
        disk.commits += 1;
        if disk.refusals > 0 {
            disk.refusals -= 1;
            self.inner.crash();
            return Err(StoreError::Full { directory: PathBuf::from("faulty") });
        }
        self.inner.commit()?;
        disk.durable = self.inner.clone();
        Ok(())
    }

    fn finish_run(
        &mut self,
        record: &RunRecord,
        summary: &RunSummary,
        report: &CachedReport,
    ) -> Result<(), StoreError> {
        self.inner.finish_run(record, summary, report)
    }

    fn save_report(&mut self, run: RunId, report: &CachedReport) -> Result<(), StoreError> {
        self.inner.save_report(run, report)
    }

    fn save_figures(&mut self, figures: &RunFigures) -> Result<(), StoreError> {
        self.inner.save_figures(figures)
    }

    fn save_baseline(&mut self, baseline: &Baseline) -> Result<(), StoreError> {
        self.inner.save_baseline(baseline)
    }

    fn remove_baseline(&mut self, name: &BaselineName) -> Result<(), StoreError> {
        self.inner.remove_baseline(name)
    }

    fn replace_intervals(&mut self, run: RunId, intervals: Vec<StoredInterval>) -> Result<(), StoreError> {
        self.inner.replace_intervals(run, intervals)
    }

    fn remove_run(&mut self, run: RunId) -> Result<(), StoreError> {
        self.inner.remove_run(run)
    }

    fn compact(&mut self) -> Result<Compaction, StoreError> {
        self.inner.compact()
    }

    fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        self.inner.runs()
    }

    fn summaries(&self, filter: &SummaryFilter) -> Result<Vec<RunSummary>, StoreError> {
        self.inner.summaries(filter)
    }

    fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.inner.run(run)
    }

    fn file(&self, run: RunId, path: &str) -> Result<Vec<u8>, StoreError> {
        self.inner.file(run, path)
    }

    fn intervals(&self, run: RunId, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.inner.intervals(run, visit)
    }

    fn trial_intervals(
        &self,
        trial: TrialKey,
        visit: &mut dyn FnMut(StoredInterval),
    ) -> Result<(), StoreError> {
        self.inner.trial_intervals(trial, visit)
    }

    fn report(&self, run: RunId) -> Result<Option<CachedReport>, StoreError> {
        self.inner.report(run)
    }

    fn figures(&self, run: RunId) -> Result<Option<RunFigures>, StoreError> {
        self.inner.figures(run)
    }

    fn baseline(&self, name: &BaselineName) -> Result<Option<Baseline>, StoreError> {
        self.inner.baseline(name)
    }

    fn baselines(&self) -> Result<Vec<ListedBaseline>, StoreError> {
        self.inner.baselines()
    }

    fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        self.inner.unfinished()
    }

    fn check(&self) -> Result<StoreCheck, StoreError> {
        self.inner.check()
    }

    fn check_run(&self, run: RunId) -> Result<(), StoreError> {
        self.inner.check_run(run)
    }

    fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.inner.size_on_disk()
    }
}

async fn started() -> (StoreHandle, Arc<Mutex<Disk>>) {
    let (handle, disk) = FaultyStore::start();
    handle.create_run(samples::record(1), samples::files(1)).await.unwrap();
    (handle, disk)
}

fn durable_count(disk: &Mutex<Disk>) -> usize {
    samples::read_intervals(&disk.lock().unwrap().durable, run_id(1)).unwrap().len()
}

/// Keeps the store's thread busy until the returned sender is dropped.
async fn hold_up(handle: &StoreHandle) -> blocking::Sender<()> {
    let (release, released) = blocking::channel::<()>();
    let (busy, is_busy) = oneshot::channel();
    let handle = handle.clone();
    tokio::spawn(async move {
        let wait = move |_: &dyn ResultStore| {
            busy.send(()).unwrap();
            released.recv().unwrap_err();
        };
        handle.read(wait).await.unwrap();
    });
    is_busy.await.unwrap();
    release
}

/// Asks for appends that all wait in the queue when this returns.
async fn queue_appends(
    handle: &StoreHandle,
    batches: Vec<Vec<StoredInterval>>,
) -> Vec<tokio::task::JoinHandle<Result<(), StoreError>>> {
    let append = |batch| {
        let handle = handle.clone();
        tokio::spawn(async move { handle.append(batch).await })
    };
    let waiting = batches.into_iter().map(append).collect();
    // On one thread every task spawned before runs up to where it waits.
    tokio::task::yield_now().await;
    waiting
}

#[tokio::test]
async fn acked_is_durable() {
    let (handle, disk) = started().await;
    for sequence in 0..20 {
        handle.append(vec![samples::interval(1, sequence)]).await.unwrap();
        assert_eq!(durable_count(&disk), sequence as usize + 1);
    }
}

#[tokio::test]
async fn appends_that_wait_share_one_commit() {
    let (handle, disk) = started().await;
    let release = hold_up(&handle).await;
    let waiting =
        queue_appends(&handle, (0..50).map(|sequence| vec![samples::interval(1, sequence)]).collect()).await;
    drop(release);
    for append in waiting {
        append.await.unwrap().unwrap();
    }
    assert_eq!((durable_count(&disk), disk.lock().unwrap().commits), (50, 1));
}

#[tokio::test]
async fn a_commit_is_bounded_in_bytes() {
    let (handle, disk) = started().await;
    let release = hold_up(&handle).await;
    let large =
        |sequence| StoredInterval { bytes: vec![0; 3 * 1024 * 1024], ..samples::interval(1, sequence) };
    let waiting = queue_appends(&handle, (0..6).map(|sequence| vec![large(sequence)]).collect()).await;
    drop(release);
    for append in waiting {
        append.await.unwrap().unwrap();
    }
    assert_eq!(disk.lock().unwrap().commits, 2);
}

#[tokio::test]
async fn what_waits_is_bounded_in_bytes() {
    let (handle, _disk) = started().await;
    let release = hold_up(&handle).await;
    let large =
        |sequence| StoredInterval { bytes: vec![0; 16 * 1024 * 1024], ..samples::interval(1, sequence) };
    let waiting = queue_appends(&handle, (0..8).map(|sequence| vec![large(sequence)]).collect()).await;
    assert_eq!(handle.room.available_permits(), 0);
    assert_eq!(QUEUE_COMMANDS - handle.commands.capacity(), 4, "the others wait outside of the queue");
    drop(release);
    for append in waiting {
        append.await.unwrap().unwrap();
    }
    assert_eq!(handle.room.available_permits(), QUEUE_KIBIBYTES as usize);
}

#[tokio::test]
async fn a_full_disk_is_told_to_all_who_wait_and_the_store_recovers() {
    let (handle, disk) = started().await;
    handle.append(vec![samples::interval(1, 0)]).await.unwrap();
    disk.lock().unwrap().refusals = 2;
    let release = hold_up(&handle).await;
    let batches: Vec<_> = (1..4).map(|sequence| vec![samples::interval(1, sequence)]).collect();
    let waiting = queue_appends(&handle, batches.clone()).await;
    drop(release);
    for append in waiting {
        let outcome = append.await.unwrap();
        assert!(matches!(outcome, Err(StoreError::Full { .. })), "{outcome:?}");
    }
    assert_eq!(durable_count(&disk), 1, "what was acknowledged before is still there");
    assert!(handle.append(batches[0].clone()).await.is_err());
    for batch in batches {
        handle.append(batch).await.unwrap();
    }
    assert_eq!(durable_count(&disk), 4);
}

#[tokio::test]
async fn a_refused_batch_does_not_spoil_the_others() {
    let (handle, disk) = started().await;
    let release = hold_up(&handle).await;
    let batches =
        vec![vec![samples::interval(1, 0)], vec![samples::interval(9, 0)], vec![samples::interval(1, 1)]];
    let waiting = queue_appends(&handle, batches).await;
    drop(release);
    let mut outcomes = Vec::new();
    for append in waiting {
        outcomes.push(append.await.unwrap().is_ok());
    }
    assert_eq!(outcomes, [true, false, true]);
    assert_eq!(durable_count(&disk), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_harms_nobody() {
    let (handle, disk) = started().await;
    let release = hold_up(&handle).await;
    let waiting =
        queue_appends(&handle, vec![vec![samples::interval(1, 0)], vec![samples::interval(1, 1)]]).await;
    waiting[0].abort();
    drop(release);
    let [_, second] = <[_; 2]>::try_from(waiting).unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(durable_count(&disk), 2);
}

#[tokio::test]
async fn a_call_that_panics_is_its_callers_error_and_the_store_goes_on() {
    let (handle, disk) = started().await;
    let outcome = handle.read(|_| panic!("on purpose")).await;
    assert!(matches!(&outcome, Err(StoreError::Panicked(words)) if words == "on purpose"), "{outcome:?}");
    handle.append(vec![samples::interval(1, 0)]).await.unwrap();
    assert_eq!(durable_count(&disk), 1);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (handle, disk) = started().await;
    let other = handle.clone();
    let release = hold_up(&handle).await;
    let waiting = queue_appends(&handle, vec![vec![samples::interval(1, 0)]]).await;
    drop(release);
    handle.close().await;
    for append in waiting {
        append.await.unwrap().unwrap();
    }
    assert_eq!(durable_count(&disk), 1);
    assert!(matches!(other.append(vec![samples::interval(1, 1)]).await, Err(StoreError::Closed)));
    assert!(matches!(other.read(|store| store.runs()).await, Err(StoreError::Closed)));
    other.close().await;
}
