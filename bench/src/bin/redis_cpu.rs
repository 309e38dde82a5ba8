//! GETs per CPU second and their latency beside redis-benchmark: closed, without pipelining, by turns, over one Redis of its own.
//!
//! `cargo run --release -p fleetmark-bench --bin redis_cpu` (build `fleetmark` in release first). Options: rounds, thousands of GETs.

use std::io;
use std::process::Command;

use fleetmark_bench::options::Options;
use fleetmark_bench::stage::{Fleet, Kept, free_port, has, wait_until_it_listens};
use fleetmark_bench::table::Table;
use fleetmark_bench::{cpu, reading};

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Thousands of GETs of each measurement when none are asked for.
const THOUSANDS: u64 = 200;
/// Connections at once, as redis-benchmark has them by default.
const CONNECTIONS: u32 = 50;
const FIGURES: &[&str] = &["GETs per CPU second", "p50 of latency, µs"];

fn main() -> io::Result<()> {
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let gets = options.next("thousands of GETs", THOUSANDS)? * 1_000;
    if !has("redis-benchmark") {
        return Err(io::Error::other(
            "redis-benchmark is not installed: apt-get install redis-tools redis-server",
        ));
    }
    let fleet = Fleet::start()?;
    let (_server, port) = server()?;
    let job = format!(
        "name = \"bench\"\n[workload]\nkind = \"redis\"\nurl = \"redis://127.0.0.1:{port}\"\n\
         [[workload.operations]]\nname = \"get\"\ncommand = [\"GET\", \"key:__rand_int__\"]\n\
         [load]\nworkers = {CONNECTIONS}\nthreads = 1\niterations = {gets}\n"
    );
    let mut table = Table::new(format!("closed, GET, {CONNECTIONS} connections"), FIGURES);
    for _ in 0..rounds {
        let before_s = cpu::of_process(fleet.agent_pid()).unwrap_or_default();
        let report = fleet.run(&job)?;
        let cpu_s = cpu::of_process(fleet.agent_pid()).unwrap_or_default() - before_s;
        let p50_ns = reading::figure(&report, "/latency_ns/p50").unwrap_or(f64::NAN);
        table.note("fleetmark", vec![gets as f64 / cpu_s, p50_ns / 1e3]);
        let (its_cpu_s, its_p50_us) = redis_benchmark(port, gets)?;
        table.note("redis-benchmark", vec![gets as f64 / its_cpu_s, its_p50_us]);
    }
    print!("{table}");
    Ok(())
}

/// A Redis that keeps nothing, and its port.
fn server() -> io::Result<(Kept, u16)> {
    let port = free_port()?;
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    Ok((wait_until_it_listens(&mut command, port)?, port))
}

/// Seconds of CPU time that its GETs took it, and the median of their latency, µs.
fn redis_benchmark(port: u16, gets: u64) -> io::Result<(f64, f64)> {
    let before_s = cpu::of_ended_children().unwrap_or_default();
    let (port, clients, gets) = (port.to_string(), CONNECTIONS.to_string(), gets.to_string());
    let words = ["-p", &port, "-c", &clients, "-n", &gets, "-t", "get", "--csv"];
    let output = Command::new("redis-benchmark").args(words).output()?;
    let cpu_s = cpu::of_ended_children().unwrap_or_default() - before_s;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms",…
    let line = said.lines().find(|line| line.starts_with("\"GET\""));
    let p50_ms = line.and_then(|line| line.split(',').nth(4)?.trim_matches('"').parse::<f64>().ok());
    let p50_ms = p50_ms.ok_or_else(|| io::Error::other(format!("redis-benchmark said {said:?}")))?;
    Ok((cpu_s, p50_ms * 1e3))
}
