//! The engine on real threads. Rooms: `fake` (a workload in memory that knows what it did), `metrics` (what is taken out of responses),
//! `open` (the open model), `iterations` (scenarios and pauses).

mod fake;
mod iterations;
mod metrics;
mod open;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shared::ids::{AgentName, LeaseEpoch, Name, RunId, TrialIndex, TrialKey};
use shared::interval::{ErrorKind, OperationInterval, Phase};
use shared::job::{LoadModel, OperationSpec, Warmup, Window};
use shared::plan::LoadShare;
use uuid::Uuid;

use super::*;
use fake::{Act, Did, Fake};

pub(super) const AGENT: AgentId = AgentId::from_uuid(Uuid::from_u128(7));
pub(super) const TRIAL: TrialKey =
    TrialKey { run: RunId::from_uuid(Uuid::from_u128(9)), trial: TrialIndex(0), attempt: 0 };
/// Longest that a test waits for an event: far beyond what any takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// How far ahead a test starts a trial: room for threads that wait for a core.
const LEAD_NS: u64 = 50_000_000;

pub(crate) fn load(workers: u32, warmup: Warmup, window: Window) -> LoadShare {
    LoadShare {
        model: LoadModel::Closed,
        arrivals: None,
        workers,
        workers_max: workers,
        warmup,
        window,
        drain: Duration::from_secs(1),
        threads: None,
        pins_threads: false,
        think: None,
        pace: None,
        connect_rate: None,
        connections_per_worker: 1,
        streams_per_connection: 1,
        new_connection_every: None,
        seed: 42,
    }
}

pub(crate) fn assignment(workers: u32, warmup: Warmup, window: Window) -> Assignment {
    let operation = |name| OperationSpec {
        name: Name::new(name).unwrap(),
        weight: 1.0,
        settings: serde_json::Map::new(),
    };
    Assignment {
        trial: TRIAL,
        epoch: LeaseEpoch(1),
        kind: "fake".to_owned(),
        settings: serde_json::Map::new(),
        operations: vec![operation("read"), operation("write")],
        is_scenario: false,
        mix: shared::plan::Mix::Alone,
        data: BTreeMap::new(),
        files: BTreeMap::new(),
        load: load(workers, warmup, window),
        agent_name: AgentName::new("a1").unwrap(),
        agent_index: 0,
        agent_count: 1,
        is_observer: false,
        observe: shared::job::Observe::default(),
        confidential: shared::secret::Confidential::default(),
    }
}

fn prepare(act: Act, assignment: Assignment) -> (Engine, mpsc::Receiver<EngineEvent>, Arc<Did>) {
    let did = Arc::new(Did::default());
    let (events, receiver) = mpsc::channel(4);
    let workload = boxed(Fake { act, did: Arc::clone(&did) });
    let probe = Box::new(|| Some(HostSample::default()));
    (Engine::prepare(AGENT, assignment, workload, probe, events).unwrap(), receiver, did)
}

async fn next(receiver: &mut mpsc::Receiver<EngineEvent>) -> Option<EngineEvent> {
    tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("the engine says something in time")
}

/// Starts once ready, and gives everything that came until the channel closed.
async fn play(
    engine: &Engine,
    receiver: &mut mpsc::Receiver<EngineEvent>,
) -> (Vec<Interval>, Option<EngineEvent>) {
    assert_eq!(next(receiver).await, Some(EngineEvent::Ready));
    engine.start(clock::now_ns() + LEAD_NS).unwrap();
    let (mut intervals, mut last) = (Vec::new(), None);
    while let Some(event) = next(receiver).await {
        match event {
            EngineEvent::Interval(interval) => intervals.push(interval),
            other => last = Some(other),
        }
    }
    (intervals, last)
}

fn sum(intervals: &[Interval], counter: impl Fn(&OperationInterval) -> u64) -> u64 {
    intervals.iter().flat_map(|interval| &interval.operations).map(counter).sum()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn what_the_workload_did_is_counted_once() {
    let mut assignment = assignment(7, Warmup::For(ms(150)), Window::For(ms(300)));
    assignment.load.threads = Some(3);
    let (engine, mut receiver, did) = prepare(Act::Wait(ms(7)), assignment);
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert_eq!(last, Some(EngineEvent::Finished { intervals: intervals.len() as u64 }));
    let counted = sum(&intervals, OperationInterval::count);
    assert!(counted > 0);
    assert_eq!(counted + sum(&intervals, |one| one.warmup_ended), did.ended.load(Ordering::SeqCst));
    assert_eq!(counted, sum(&intervals, |one| one.scheduled));
    assert_eq!(counted * 10, sum(&intervals, |one| one.bytes_sent));
    let measured = intervals.iter().filter(|interval| interval.phase == Phase::Measured);
    assert_eq!(measured.map(|interval| interval.duration_ns).sum::<u64>(), 300_000_000);
    assert!(intervals.iter().all(|interval| interval.engine.threads == 3));
    assert!(intervals[..intervals.len() - 1].iter().all(|interval| !interval.is_last));
    assert!(intervals[intervals.len() - 1].is_last);
}

#[tokio::test]
async fn a_trial_of_iterations_begins_exactly_so_many() {
    let mut assignment = assignment(4, Warmup::Iterations(10), Window::Iterations(101));
    assignment.load.threads = Some(2);
    let (engine, mut receiver, did) = prepare(Act::Wait(ms(1)), assignment);
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert_eq!(last, Some(EngineEvent::Finished { intervals: intervals.len() as u64 }));
    assert_eq!(sum(&intervals, |one| one.warmup_ended), 10);
    assert_eq!(sum(&intervals, OperationInterval::count), 101);
    assert_eq!(did.begun.load(Ordering::SeqCst), 111);
    assert!(intervals.iter().all(|interval| interval.phase != Phase::Drain));
}

#[tokio::test]
async fn an_agent_without_any_iteration_finishes_at_once() {
    let assignment = assignment(1, Warmup::For(Duration::ZERO), Window::Iterations(0));
    let (engine, mut receiver, did) = prepare(Act::Wait(ms(1)), assignment);
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert_eq!((intervals.len(), last), (1, Some(EngineEvent::Finished { intervals: 1 })));
    assert_eq!(did.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn operations_that_run_over_the_windows_end_are_awaited() {
    let assignment = assignment(3, Warmup::For(Duration::ZERO), Window::For(ms(20)));
    let (engine, mut receiver, _) = prepare(Act::Wait(ms(200)), assignment);
    let (intervals, _) = play(&engine, &mut receiver).await;
    let drained = intervals.iter().filter(|interval| interval.phase == Phase::Drain);
    assert_eq!(
        drained.flat_map(|interval| &interval.operations).map(OperationInterval::count).sum::<u64>(),
        3
    );
    assert_eq!(sum(&intervals, |one| one.scheduled), 3);
}

#[tokio::test]
async fn workers_that_never_wait_are_still_cut_and_stopped_in_time() {
    let assignment = assignment(2, Warmup::For(ms(50)), Window::For(ms(300)));
    let (engine, mut receiver, did) = prepare(Act::Spin, assignment);
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert!(matches!(last, Some(EngineEvent::Finished { .. })), "{last:?}");
    let counted = sum(&intervals, OperationInterval::count) + sum(&intervals, |one| one.warmup_ended);
    assert_eq!(counted, did.ended.load(Ordering::SeqCst));
    let failed = did.failed.load(Ordering::SeqCst);
    assert!(sum(&intervals, OperationInterval::failed_count) <= failed && failed > 0);
    assert!(
        intervals.iter().flat_map(|interval| &interval.operations).all(|one| one.error_samples.len() <= 5)
    );
}

#[tokio::test]
async fn a_panic_of_the_workload_fails_the_trial_with_its_text() {
    let assignment = assignment(2, Warmup::For(Duration::ZERO), Window::For(ms(300)));
    let (engine, mut receiver, _) = prepare(Act::Panic, assignment);
    let (_, last) = play(&engine, &mut receiver).await;
    let Some(EngineEvent::Failed(reason)) = last else { panic!("{last:?}") };
    assert!(reason.contains("fleetmark-load-") && reason.contains("the workload broke"), "{reason}");
}

#[tokio::test]
async fn an_operation_that_never_ends_is_given_up_and_counted() {
    let assignment = assignment(2, Warmup::For(Duration::ZERO), Window::For(ms(100)));
    let (engine, mut receiver, _) = prepare(Act::Hang, assignment);
    let (intervals, last) = play(&engine, &mut receiver).await;
    assert!(matches!(last, Some(EngineEvent::Finished { .. })), "{last:?}");
    assert_eq!(sum(&intervals, |one| one.errors.get(&ErrorKind::Other).copied().unwrap_or(0)), 2);
}

#[tokio::test]
async fn an_abort_closes_the_story_without_an_end() {
    let assignment = assignment(2, Warmup::For(Duration::ZERO), Window::For(Duration::from_secs(3_600)));
    let (engine, mut receiver, did) = prepare(Act::Hang, assignment);
    assert_eq!(next(&mut receiver).await, Some(EngineEvent::Ready));
    engine.start(clock::now_ns() + LEAD_NS).unwrap();
    while did.begun.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    engine.abort();
    assert_eq!(next(&mut receiver).await, None);
    // The last thread to go lets the workers' shared state go.
    while Arc::strong_count(&did) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_the_engine_before_its_start_ends_it() {
    let (engine, mut receiver, did) =
        prepare(Act::Spin, assignment(2, Warmup::For(Duration::ZERO), Window::For(ms(100))));
    assert_eq!(next(&mut receiver).await, Some(EngineEvent::Ready));
    drop(engine);
    assert_eq!(next(&mut receiver).await, None);
    assert_eq!(did.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_start_in_the_past_is_refused() {
    let (engine, _receiver, _) =
        prepare(Act::Spin, assignment(1, Warmup::Iterations(0), Window::Iterations(1)));
    let refusal = engine.start(clock::now_ns() - 1_000);
    assert!(matches!(refusal, Err(StartRefusal::Passed { late_ns: 1_000.. })), "{refusal:?}");
}

#[tokio::test]
async fn a_start_that_was_moved_begins_at_the_later_moment_alone() {
    let (engine, mut receiver, did) =
        prepare(Act::Spin, assignment(2, Warmup::Iterations(0), Window::Iterations(4)));
    assert_eq!(next(&mut receiver).await, Some(EngineEvent::Ready));
    let first_ns = clock::now_ns() + LEAD_NS;
    engine.start(first_ns).unwrap();
    engine.start(first_ns + LEAD_NS).unwrap();
    let EngineEvent::Interval(_) = next(&mut receiver).await.unwrap() else { panic!("it runs to its end") };
    assert!(clock::now_ns() >= first_ns + LEAD_NS);
    assert_eq!(did.ended.load(Ordering::SeqCst), 4);
    assert!(matches!(engine.start(clock::now_ns() + LEAD_NS), Err(StartRefusal::Begun { .. })));
}

#[tokio::test]
async fn a_consumer_that_sleeps_loses_no_interval() {
    let assignment = assignment(2, Warmup::Iterations(6), Window::For(ms(1_200)));
    let (engine, mut receiver, did) = prepare(Act::Wait(ms(5)), assignment);
    assert_eq!(next(&mut receiver).await, Some(EngineEvent::Ready));
    engine.start(clock::now_ns() + LEAD_NS).unwrap();
    // The channel holds four events; nothing is taken until all has been done.
    let mut ended = 0;
    while ended == 0 || ended != did.ended.load(Ordering::SeqCst) || did.begun.load(Ordering::SeqCst) != ended
    {
        ended = did.ended.load(Ordering::SeqCst);
        tokio::time::sleep(ms(300)).await;
    }
    let mut intervals = Vec::new();
    while let Some(event) = next(&mut receiver).await {
        if let EngineEvent::Interval(interval) = event {
            intervals.push(interval);
        }
    }
    assert_eq!(sum(&intervals, OperationInterval::count) + sum(&intervals, |one| one.warmup_ended), ended);
}

#[test]
fn an_empty_share_is_refused() {
    let refuse = |change: fn(&mut Assignment)| {
        let mut assignment = assignment(1, Warmup::Iterations(0), Window::Iterations(1));
        change(&mut assignment);
        let workload = boxed(Fake { act: Act::Spin, did: Arc::default() });
        Engine::prepare(AGENT, assignment, workload, Box::new(|| None), mpsc::channel(1).0)
            .unwrap_err()
            .to_string()
    };
    assert!(refuse(|assignment| assignment.load.workers = 0).contains("load.workers"));
    assert!(refuse(|assignment| assignment.operations.clear()).contains("operations"));
}
