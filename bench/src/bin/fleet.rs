//! How many agents one coordinator carries: simulated agents, a real connection and an interval each second of each.
//!
//! `cargo run --release -p fleetmark-bench --bin fleet` (build `fleetmark` in release first). Options: numbers of agents.
//! Ends with 1 unless every interval of every run is on disk and was acknowledged.

use std::io;
use std::process::ExitCode;

use fleetmark_bench::scale::{figures, measure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Numbers of agents when none are asked for.
const AGENTS: [u32; 5] = [100, 500, 1_000, 2_000, 5_000];
/// Seconds of load for each.
const SECONDS: u64 = 20;
/// Descriptors of a process beside one for each agent's connection.
const OTHER_DESCRIPTORS: u64 = 200;

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = words.iter().map(|word| number_of_agents(word)).collect::<io::Result<Vec<u32>>>()?;
    let numbers = if asked.is_empty() { AGENTS.to_vec() } else { asked };
    let mut outcomes = Vec::new();
    for agents in numbers {
        allow_descriptors(u64::from(agents) + OTHER_DESCRIPTORS)?;
        // A runtime of its own for each, so that none pays for what an earlier one left behind.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let outcome = runtime.block_on(measure(agents, SECONDS))?;
        println!("{}", figures::ending(&outcome));
        outcomes.push(outcome);
    }
    println!("\n{}", figures::table(&outcomes));
    let is_whole = outcomes.iter().all(|outcome| outcome.is_whole());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn number_of_agents(word: &str) -> io::Result<u32> {
    word.parse().ok().filter(|agents| *agents > 0).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("a number of agents is at least 1, not {word:?}"))
    })
}

/// Raises the bound on descriptors as far as it may be, for this process and the coordinator that it starts.
fn allow_descriptors(wanted: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(io::Error::other(format!(
            "{wanted} descriptors are needed and {} allowed: raise the hard limit (ulimit -Hn)",
            limit.maximum.unwrap_or_default()
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
