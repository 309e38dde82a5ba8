//! Most resident memory of the agent under an open load, by rate and workers, beside its peers, and what each worker,
//! load thread and operation adds.
//!
//! `cargo run --release -p fleetmark-bench --bin memory` (build `fleetmark` in release first). Options: rounds, seconds.

use std::io;
use std::time::Duration;

use fleetmark_bench::memory::peak_bytes;
use fleetmark_bench::options::Options;
use fleetmark_bench::peer::{Load, Peer};
use fleetmark_bench::ratio::Spread;
use fleetmark_bench::reading;
use fleetmark_bench::stage::{Fleet, target};
use fleetmark_bench::table::Table;

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Seconds of each measurement when none are asked for: a few intervals.
const SECONDS: u64 = 4;
const RATES_PER_S: [u32; 3] = [1_000, 10_000, 30_000];
const WORKERS: [u32; 3] = [1, 100, 1_000];
/// Where differences are taken: between these and one, at 1,000 a second.
const THREADS: u32 = 4;
const OPERATIONS: u32 = 32;
const MIB: f64 = 1024.0 * 1024.0;
const FIGURES: &[&str] = &["most resident memory, MiB"];

/// A load whose memory is measured.
#[derive(Debug, Clone, Copy)]
struct Case {
    rate_per_s: u32,
    workers: u32,
    threads: u32,
    operations: u32,
}

fn main() -> io::Result<()> {
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let length = Duration::from_secs(options.next("the length in seconds", SECONDS)?);
    let peers = Peer::installed(&[Peer::Oha, Peer::Wrk]);
    let (_target, url) = target(&[])?;
    for rate_per_s in RATES_PER_S {
        for workers in WORKERS {
            let case = Case { rate_per_s, workers, threads: 1, operations: 1 };
            let mut table = Table::new(format!("{rate_per_s} a second, {workers} workers"), FIGURES);
            for _ in 0..rounds {
                table.note("fleetmark", vec![agent_peak_bytes(&url, case, length)? / MIB]);
                for peer in &peers {
                    // wrk knows no rate: its memory does not depend on one.
                    let rate_per_s = Some(rate_per_s);
                    let load = Load { connections: workers, rate_per_s, length, streams: None };
                    table.note(peer.program(), vec![peer.run(&url, load)?.memory_bytes / MIB]);
                }
            }
            print!("{table}");
        }
    }
    print_differences(&url, rounds, length)
}

/// What one more worker, thread and operation add.
fn print_differences(url: &str, rounds: usize, length: Duration) -> io::Result<()> {
    let base = Case { rate_per_s: 1_000, workers: 100, threads: 1, operations: 1 };
    let (mut worker, mut thread, mut operation) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let peak = |case| agent_peak_bytes(url, case, length);
        let least = peak(base)?;
        let added = |bytes: f64, count: u32| (bytes - least) / f64::from(count) / 1024.0;
        worker.push(added(peak(Case { workers: 1_000, ..base })?, 900));
        thread.push(added(peak(Case { threads: THREADS, ..base })?, THREADS - 1));
        operation.push(added(peak(Case { operations: OPERATIONS, ..base })?, OPERATIONS - 1));
    }
    println!();
    for (name, figures) in [("worker", worker), ("load thread", thread), ("operation", operation)] {
        if let Some(spread) = Spread::of(figures) {
            println!("each further {name} adds {spread} KiB");
        }
    }
    Ok(())
}

/// The most memory that a fresh agent ever held, bytes.
fn agent_peak_bytes(url: &str, case: Case, length: Duration) -> io::Result<f64> {
    let Case { rate_per_s, workers, threads, operations } = case;
    let operations: String = (0..operations)
        .map(|n| format!("[[workload.operations]]\nname = \"page-{n}\"\nurl = \"{url}\"\n"))
        .collect();
    let job = format!(
        "name = \"bench\"\n[workload]\nkind = \"http\"\n{operations}[load]\nmodel = \"open\"\nrate = {rate_per_s}\n\
         workers = {workers}\nthreads = {threads}\nduration = \"{}s\"\n",
        length.as_secs()
    );
    let fleet = Fleet::start()?;
    let report = fleet.run(&job)?;
    let peak = peak_bytes(fleet.agent_pid()).ok_or_else(|| io::Error::other("the agent is gone"))?;
    for doubt in reading::doubts(&report) {
        println!("{rate_per_s} a second, {workers} workers: fleetmark itself doubts a round: {doubt}");
    }
    Ok(peak as f64)
}
