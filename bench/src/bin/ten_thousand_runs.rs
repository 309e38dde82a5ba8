//! How long lists, histories and comparisons take over many stored runs.
//!
//! `cargo run --release -p fleetmark-bench --bin ten_thousand_runs`. Option: how many runs. Writing them takes some minutes on a
//! disk that syncs slowly: every run's end is made durable.

use std::error::Error;
use std::time::Instant;

use coordinator::figures;
use coordinator::history::{self, HistoryQuestion, RUNS_MAX};
use coordinator::store::sled::SledStore;
use coordinator::store::{ResultStore, StoreHandle, SummaryFilter};
use fleetmark_bench::made_up_runs::{MadeUpRuns, run_id};
use fleetmark_bench::options::Options;

/// Runs when no number is asked for.
const RUNS: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let count = Options::of_this_process().next("the number of runs", RUNS)?;
    let folder = tempfile::tempdir()?;
    let runs = MadeUpRuns::new();
    let mut store = SledStore::open(folder.path())?;
    timed(&format!("write {count} runs"), || {
        (1..=count).try_for_each(|number| runs.write(&mut store, number))
    })?;
    drop(store);
    let store = timed("open the store", || SledStore::open(folder.path()))?;
    let all = SummaryFilter::default();
    let newest = SummaryFilter { limit: Some(1_000), ..SummaryFilter::default() };
    timed("runs: list the newest 1,000, for the first time", || store.summaries(&newest))?;
    timed("runs: list the newest 1,000 again", || store.summaries(&newest))?;
    let listed = timed("runs: list all", || store.summaries(&all))?;
    println!("{} runs are listed", listed.len());
    let runtime = tokio::runtime::Runtime::new()?;
    let store = StoreHandle::start(Box::new(store))?;
    for limit in [1_000, RUNS_MAX] {
        let question = HistoryQuestion { metric: "read.latency.p95".to_owned(), job: None, runs_max: limit };
        let history = timed(&format!("trend: at most {limit} runs"), || {
            runtime.block_on(history::read(&store, question)).map(|history| history.points.len())
        })?;
        println!("{history} values");
    }
    let (first, last) = (run_id(1), run_id(count));
    timed("compare: the figures of two runs", || {
        runtime.block_on(store.write(move |store| {
            [first, last].into_iter().try_for_each(|run| figures::of_run(store, run).map(drop))
        }))
    })??;
    runtime.block_on(store.close());
    Ok(())
}

fn timed<T, E>(what: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    done
}
