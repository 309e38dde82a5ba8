//! Facts about taking intervals in, over a store whose thread can be held up.

use std::sync::mpsc as blocking;

use proptest::prelude::*;
use shared::ids::{IntervalSequence, OperationIndex, TrialIndex};
use shared::interval::{EngineSample, ErrorKind, ErrorSample, OperationInterval, Phase};
use tokio::sync::oneshot;

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::samples::{self, run_id};

const AGENT: AgentId = AgentId::from_uuid(uuid::Uuid::from_u128(1));

fn trial() -> TrialKey {
    TrialKey { run: run_id(1), trial: TrialIndex(0), attempt: 0 }
}

fn agent(number: u128) -> AgentId {
    AgentId::from_uuid(uuid::Uuid::from_u128(number))
}

/// An interval of some three KiB.
fn interval(agent: AgentId, sequence: u64) -> Interval {
    let samples = vec![ErrorSample::new(ErrorKind::Other, "x".repeat(500)); 5];
    let operation = OperationInterval {
        operation: OperationIndex(0),
        error_samples: samples,
        ..OperationInterval::default()
    };
    Interval {
        trial: trial(),
        agent,
        sequence: IntervalSequence(sequence),
        phase: Phase::Measured,
        start_ns: sequence * 1_000_000_000,
        duration_ns: 1_000_000_000,
        is_last: false,
        operations: vec![operation],
        engine: EngineSample::default(),
        host: None,
        fingerprint: None,
        observed: BTreeMap::new(),
        folded: None,
    }
}

fn stored(agent: AgentId, sequence: u64) -> StoredInterval {
    StoredInterval {
        trial: trial(),
        agent,
        sequence: IntervalSequence(sequence),
        bytes: codec::encode_interval(&interval(agent, sequence)),
    }
}

struct Stage {
    ingest: Ingest,
    store: StoreHandle,
}

impl Stage {
    /// An ingest with so much room, for the open trial of these agents; a director that only listens.
    async fn new(room_bytes: u32, agents: impl IntoIterator<Item = AgentId>) -> Self {
        let store = StoreHandle::start(Box::new(MemoryStore::new())).unwrap();
        store.create_run(samples::record(1), samples::files(1)).await.unwrap();
        let intake = Arc::new(Intake::default());
        intake.open(trial(), LeaseEpoch(1), agents);
        let (director, mut messages) = mpsc::channel(4);
        tokio::spawn(async move { while messages.recv().await.is_some() {} });
        let ingest = Ingest { room: Room::new(room_bytes), ..Ingest::new(intake, store.clone(), director) };
        Self { ingest, store }
    }

    /// Keeps the store's thread busy until the returned sender is dropped.
    async fn hold_up(&self) -> blocking::Sender<()> {
        let (release, released) = blocking::channel::<()>();
        let (busy, is_busy) = oneshot::channel();
        let store = self.store.clone();
        tokio::spawn(async move {
            let wait = move |_: &dyn crate::store::ResultStore| {
                busy.send(()).unwrap();
                released.recv().unwrap_err();
            };
            store.read(wait).await.unwrap();
        });
        is_busy.await.unwrap();
        release
    }

    async fn stored(&self) -> Vec<StoredInterval> {
        self.store.read(|store| samples::read_intervals(store, run_id(1)).unwrap()).await.unwrap()
    }
}

/// On one thread every other task runs up to where it waits.
async fn let_the_others_run() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Sends so many intervals of an agent as its credit allows; returns all the credits that it was told.
async fn send_all(mut inflow: Inflow, count: u64) -> Vec<u32> {
    let mut credits = vec![inflow.credit()];
    let (agent, mut next) = (inflow.agent, 0);
    while next < count {
        let credit = u64::from(*credits.last().unwrap());
        let batch = (next..count.min(next + credit)).map(|sequence| stored(agent, sequence)).collect();
        let receipts = match inflow.take(batch).await {
            Ok(receipts) => receipts,
            // As an agent does whose stream was ended: over a new one, again from what is not acknowledged.
            Err(IngestError::Overloaded) => {
                inflow = inflow.ingest.enter(agent).unwrap();
                credits.push(inflow.credit());
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        for receipt in receipts {
            match receipt {
                Receipt::Durable { through_sequence, .. } => next = through_sequence + 1,
                Receipt::Credit(credit) => credits.push(credit),
                Receipt::Unwanted { .. } => panic!("{receipt:?}"),
            }
        }
    }
    credits
}

#[tokio::test]
async fn a_slow_store_slows_senders_down_and_all_is_stored_in_bounded_memory() {
    const AGENTS: u128 = 100;
    const INTERVALS: u64 = 20;
    const ROOM_BYTES: u32 = 64 * 1024;
    let stage = Stage::new(ROOM_BYTES, (0..AGENTS).map(agent)).await;
    let observer = stage.ingest.room.enter().unwrap();
    assert_eq!(observer.credit(3_000), 21, "an idle store gives an agent alone nearly all room");

    let release = stage.hold_up().await;
    let senders: Vec<_> = (0..AGENTS)
        .map(|number| tokio::spawn(send_all(stage.ingest.enter(agent(number)).unwrap(), INTERVALS)))
        .collect();
    let_the_others_run().await;
    let room = &stage.ingest.room;
    assert!(room.free_bytes() < 4_000 && room.free_outside_bytes() < 4_000, "what has no place is dropped");
    assert_eq!(observer.credit(3_000), 1);

    drop(release);
    let mut credits = Vec::new();
    for sender in senders {
        credits.push(sender.await.unwrap());
    }
    assert!(credits.iter().all(|told| told.iter().all(|credit| *credit >= 1)), "{credits:?}");
    assert!(
        credits.iter().flatten().any(|credit| *credit > 1),
        "it grows as the store catches up: {credits:?}"
    );
    let all = stage.stored().await;
    assert_eq!(all.len() as u64, AGENTS as u64 * INTERVALS);
    let_the_others_run().await;
    assert_eq!(observer.credit(3_000), 21);
}

#[tokio::test]
async fn what_the_director_has_not_heard_still_takes_room() {
    let stage = Stage::new(1024 * 1024, [AGENT]).await;
    let (director, mut messages) = mpsc::channel(4);
    let ingest = Ingest { director, ..stage.ingest.clone() };
    ingest.enter(AGENT).unwrap().take(vec![stored(AGENT, 0)]).await.unwrap();
    let size_bytes = stored(AGENT, 0).bytes.len();
    assert_eq!(ingest.room.free_bytes(), 1024 * 1024 - size_bytes);
    drop(messages.recv().await.unwrap());
    assert_eq!(ingest.room.free_bytes(), 1024 * 1024);
}

#[tokio::test]
async fn a_stream_that_ends_while_it_waits_gives_its_room_back() {
    let stage = Stage::new(1024 * 1024, [AGENT]).await;
    let release = stage.hold_up().await;
    let mut inflow = stage.ingest.enter(AGENT).unwrap();
    let waiting = tokio::spawn(async move { inflow.take(vec![stored(AGENT, 0)]).await });
    let_the_others_run().await;
    assert!(stage.ingest.room.free_bytes() < 1024 * 1024);
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(stage.ingest.room.free_bytes(), 1024 * 1024);
    drop(release);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An agent that comes back any number of times, and repeats what it was not told to be stored.
    #[test]
    fn counted_once(batches in prop::collection::vec((0..6_u64, 1..5_u64, any::<bool>()), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::new(1024 * 1024, [AGENT]).await;
            let mut inflow = stage.ingest.enter(AGENT).unwrap();
            let mut durable = 0;
            for (step_back, count, breaks) in batches {
                let from = u64::saturating_sub(durable, step_back);
                let batch = (from..from + count).map(|sequence| stored(AGENT, sequence)).collect();
                let receipts = inflow.take(batch).await.unwrap();
                let told = receipts.iter().find_map(|receipt| match receipt {
                    Receipt::Durable { through_sequence, .. } => Some(*through_sequence),
                    _ => None,
                });
                durable = durable.max(from + count);
                assert_eq!(told, Some(durable - 1), "what is known is told as stored, not stored again");
                if breaks {
                    inflow = stage.ingest.enter(AGENT).unwrap();
                }
            }
            let expected: Vec<_> = (0..durable).map(|sequence| stored(AGENT, sequence)).collect();
            assert_eq!(stage.stored().await, expected);
        });
    }
}

#[tokio::test]
async fn a_batch_that_breaks_the_rules_is_refused_and_spoils_nothing() {
    let stage = Stage::new(1024 * 1024, [AGENT, agent(2)]).await;
    let mut inflow = stage.ingest.enter(AGENT).unwrap();
    inflow.take(vec![stored(AGENT, 0)]).await.unwrap();
    let folded = Interval {
        folded: Some(shared::interval::fold::Folded { intervals: 2, host_lowest: None, host_highest: None }),
        ..interval(AGENT, 1)
    };
    let bad = [
        (vec![stored(AGENT, 2)], "interval 2 of trial"),
        (vec![stored(AGENT, 1), stored(AGENT, 3)], "came where 2 was due"),
        (vec![StoredInterval { bytes: b"garbage".to_vec(), ..stored(AGENT, 1) }], "interval"),
        (vec![StoredInterval { bytes: vec![0; 5 * 1024 * 1024], ..stored(AGENT, 1) }], "bytes are more than"),
        (vec![StoredInterval { sequence: IntervalSequence(1), ..stored(AGENT, 0) }], "says it is another"),
        (vec![stored(agent(2), 0)], "says it is another"),
        (
            vec![StoredInterval { bytes: codec::encode_interval(&folded), ..stored(AGENT, 1) }],
            "stands for several",
        ),
    ];
    for (batch, expected) in bad {
        let refused = inflow.take(batch).await.unwrap_err();
        let IngestError::Protocol(message) = &refused else { panic!("{refused:?}") };
        assert!(message.contains(expected), "{message}");
    }
    let unwanted = inflow.take(vec![other_attempt()]).await.unwrap();
    assert!(matches!(&unwanted[0], Receipt::Unwanted { reason, .. } if reason.contains("over or unknown")));

    let mut other = stage.ingest.enter(agent(2)).unwrap();
    other.take(vec![stored(agent(2), 0)]).await.unwrap();
    inflow.take(vec![stored(AGENT, 1)]).await.unwrap();
    assert_eq!(stage.stored().await, [stored(AGENT, 0), stored(AGENT, 1), stored(agent(2), 0)]);
    let_the_others_run().await;
    assert_eq!(stage.ingest.room.free_bytes(), 1024 * 1024);
}

/// A whole interval of an attempt that was never begun.
fn other_attempt() -> StoredInterval {
    let trial = TrialKey { attempt: 9, ..trial() };
    let bytes = codec::encode_interval(&Interval { trial, ..interval(AGENT, 0) });
    StoredInterval { trial, agent: AGENT, sequence: IntervalSequence(0), bytes }
}
