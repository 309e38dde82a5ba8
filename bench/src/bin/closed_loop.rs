//! The engine alone: so many HTTP requests back to back, then the end. `instructions` counts what that takes.
//!
//! `closed_loop URL ITERATIONS WORKERS`: one load thread, everything recorded and encoded as in any trial, no
//! coordinator. Says on standard output how many requests were counted.

use std::collections::BTreeMap;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use agent::engine::{Engine, EngineEvent, clock};
use agent::policy::{Policy, Warden};
use agent::workload::http;
use shared::ids::{AgentId, AgentName, LeaseEpoch, Name, RunId, TrialIndex, TrialKey};
use shared::interval::OperationInterval;
use shared::job::{LoadModel, OperationSpec, Warmup, Window};
use shared::plan::{Assignment, LoadShare};
use tokio::sync::mpsc;

/// How far ahead the trial starts: room for a processor that valgrind plays, fifty times slower than a real one.
const LEAD_NS: u64 = 500_000_000;
/// Events on their way: one interval a second.
const EVENTS_MAX: usize = 16;

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, iterations, workers] = &words[..] else {
        return Err(io::Error::other("usage: closed_loop URL ITERATIONS WORKERS"));
    };
    let assignment = assignment(url, number(iterations)?, number(workers)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(play(assignment))?);
    Ok(())
}

fn number<T: FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| io::Error::other(format!("{text:?} is not a number that fits here")))
}

/// Runs a trial to its end; gives how many operations succeeded.
async fn play(assignment: Assignment) -> io::Result<u64> {
    let agent = AgentId::new(std::array::from_fn(|index| index as u8));
    let workload = (http::KIND.prepare)(&assignment, &Warden::new(Arc::new(Policy::unrestricted())))
        .map_err(io::Error::other)?;
    let (events, mut told) = mpsc::channel(EVENTS_MAX);
    let engine =
        Engine::prepare(agent, assignment, workload, Box::new(|| None), events).map_err(io::Error::other)?;
    let mut succeeded = 0;
    while let Some(event) = told.recv().await {
        match event {
            EngineEvent::Ready => engine.start(clock::now_ns() + LEAD_NS).map_err(io::Error::other)?,
            EngineEvent::Interval(interval) => {
                succeeded += interval
                    .operations
                    .iter()
                    .map(|operation| OperationInterval::count(operation) - operation.failed_count())
                    .sum::<u64>();
            }
            EngineEvent::Finished { .. } => return Ok(succeeded),
            EngineEvent::Failed(reason) => return Err(io::Error::other(reason)),
        }
    }
    Err(io::Error::other("the engine ended without a word"))
}

/// A closed load of GETs, all of it measured.
fn assignment(url: &str, iterations: u64, workers: u32) -> io::Result<Assignment> {
    let settings = [("url".to_owned(), serde_json::Value::from(url))].into_iter().collect();
    let name = Name::new("read").map_err(io::Error::other)?;
    Ok(Assignment {
        trial: TrialKey { run: RunId::new(0, [0; 10]), trial: TrialIndex(0), attempt: 0 },
        epoch: LeaseEpoch(1),
        kind: http::KIND.schema.kind.to_owned(),
        settings: serde_json::Map::new(),
        operations: vec![OperationSpec { name, weight: 1.0, settings }],
        is_scenario: false,
        mix: shared::plan::Mix::Alone,
        data: BTreeMap::new(),
        files: BTreeMap::new(),
        load: LoadShare {
            model: LoadModel::Closed,
            arrivals: None,
            workers,
            workers_max: workers,
            warmup: Warmup::For(Duration::ZERO),
            window: Window::Iterations(iterations),
            drain: Duration::from_secs(5),
            threads: Some(1),
            pins_threads: false,
            think: None,
            pace: None,
            connect_rate: None,
            connections_per_worker: 1,
            streams_per_connection: 1,
            new_connection_every: None,
            seed: 42,
        },
        agent_name: AgentName::new("bench").map_err(io::Error::other)?,
        agent_index: 0,
        agent_count: 1,
        is_observer: false,
        observe: shared::job::Observe::default(),
        confidential: shared::secret::Confidential::default(),
    })
}
