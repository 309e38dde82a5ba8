//! User instructions per request of the engine: closed model, HTTP/1.1, 50 connections, everything recorded.
//!
//! `cargo run --release -p fleetmark-bench --bin instructions` (build `closed_loop` in release first). Options: rounds.

use std::io;

use fleetmark_bench::instructions;
use fleetmark_bench::ratio::Spread;
use fleetmark_bench::stage::{beside, has};

/// Rounds when none are asked for: the count varies little.
const ROUNDS: usize = 3;

fn main() -> io::Result<()> {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    if !has("valgrind") {
        return Ok(());
    }
    let closed_loop = beside("closed_loop", "fleetmark-bench")?;
    let counts: io::Result<Vec<f64>> = (0..rounds).map(|_| instructions::per_request(&closed_loop)).collect();
    if let Some(spread) = Spread::of(counts?) {
        let Spread { median, least, most } = spread;
        println!("user instructions per request: {median:.0} ({least:.0} to {most:.0}), {rounds} rounds");
    }
    Ok(())
}
