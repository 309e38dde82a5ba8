//! Requests per CPU second over HTTP/2, beside h2load: one load thread, nghttpd; few connections of many streams, many of
//! one stream, and one of very many.
//!
//! `cargo run --release -p fleetmark-bench --bin http2_cpu` (build `fleetmark` in release first). Options: rounds, seconds.

use std::io;
use std::time::Duration;

use fleetmark_bench::options::Options;
use fleetmark_bench::peer::{Load, Peer};
use fleetmark_bench::server;
use fleetmark_bench::stage::{Fleet, has};
use fleetmark_bench::table::Table;

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Seconds of each measurement when none are asked for.
const SECONDS: u64 = 3;
/// Connections, and streams at once on each.
const SHAPES: &[(u32, u32)] = &[(8, 16), (50, 1), (1, 100)];
const FIGURES: &[&str] = &["requests per CPU second", "CPU per request, µs"];

fn main() -> io::Result<()> {
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let length = Duration::from_secs(options.next("the length in seconds", SECONDS)?);
    let peers = Peer::installed(&[Peer::H2load]);
    if !has("nghttpd") {
        return Ok(());
    }
    let (fleet, server) = (Fleet::start()?, server::nghttpd()?);
    for (connections, streams) in SHAPES.iter().copied() {
        let job = format!(
            "name = \"bench\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{}\"\nversion = \"2\"\n\
             [load]\nworkers = {}\nstreams_per_connection = {streams}\nthreads = 1\nduration = \"{}s\"\n",
            server.url,
            connections * streams,
            length.as_secs()
        );
        let load = Load { connections, rate_per_s: None, length, streams: Some(streams) };
        let title = format!("closed, HTTP/2, nghttpd, {connections} connections of {streams} streams");
        let mut table = Table::new(title, FIGURES);
        for _ in 0..rounds {
            let ours = fleet.measure(&job)?;
            table.note("fleetmark", vec![ours.requests_per_cpu_s(), ours.cpu_us_per_request()]);
            for peer in &peers {
                let its = peer.run(&server.url, load)?;
                table.note(peer.program(), vec![its.requests_per_cpu_s(), its.cpu_us_per_request()]);
            }
        }
        print!("{table}");
    }
    Ok(())
}
