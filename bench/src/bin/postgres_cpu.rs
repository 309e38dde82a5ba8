//! Selects per CPU second and their latency beside pgbench: closed, prepared, by turns, over one PostgreSQL of its own.
//!
//! `cargo run --release -p fleetmark-bench --bin postgres_cpu` (build `fleetmark` in release first). Options: rounds, thousands of
//! selects.

use std::io;

use fleetmark_bench::options::Options;
use fleetmark_bench::postgres::{ACCOUNTS, Postgres};
use fleetmark_bench::stage::Fleet;
use fleetmark_bench::table::Table;
use fleetmark_bench::{cpu, reading};

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Thousands of selects of each measurement when none are asked for.
const THOUSANDS: u64 = 80;
/// Connections at once.
const CONNECTIONS: u64 = 8;
const FIGURES: &[&str] = &["selects per CPU second", "mean latency, µs"];

fn main() -> io::Result<()> {
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let selects = options.next("thousands of selects", THOUSANDS)? * 1_000;
    let fleet = Fleet::start()?;
    let server = Postgres::start()?;
    let job = format!(
        "name = \"bench\"\n[workload]\nkind = \"sql\"\nurl = \"postgres://postgres@127.0.0.1:{}/postgres\"\n\
         [[workload.operations]]\nname = \"select\"\nstatement = \"SELECT abalance FROM pgbench_accounts WHERE aid = $1\"\n\
         params = [\"{{{{random.int(1,{ACCOUNTS})}}}}\"]\n\
         [load]\nworkers = {CONNECTIONS}\nthreads = 1\niterations = {selects}\n",
        server.port
    );
    let mut table = Table::new(format!("closed, prepared select, {CONNECTIONS} connections"), FIGURES);
    for _ in 0..rounds {
        let before_s = cpu::of_process(fleet.agent_pid()).unwrap_or_default();
        let report = fleet.run(&job)?;
        let cpu_s = cpu::of_process(fleet.agent_pid()).unwrap_or_default() - before_s;
        let mean_ns = reading::figure(&report, "/latency_ns/mean").unwrap_or(f64::NAN);
        table.note("fleetmark", vec![selects as f64 / cpu_s, mean_ns / 1e3]);
        let (its_cpu_s, its_mean_us) = pgbench(&server, selects)?;
        table.note("pgbench", vec![selects as f64 / its_cpu_s, its_mean_us]);
    }
    print!("{table}");
    Ok(())
}

/// Seconds of CPU time that its selects took it, and the mean of their latency, µs.
fn pgbench(server: &Postgres, selects: u64) -> io::Result<(f64, f64)> {
    let before_s = cpu::of_ended_children().unwrap_or_default();
    let (clients, each) = (CONNECTIONS.to_string(), (selects / CONNECTIONS).to_string());
    let said = server.pgbench(&["-n", "-S", "-M", "prepared", "-c", &clients, "-j", "1", "-t", &each])?;
    let cpu_s = cpu::of_ended_children().unwrap_or_default() - before_s;
    // "latency average = 0.123 ms"
    let line = said.lines().find_map(|line| line.strip_prefix("latency average = "));
    let mean_ms = line.and_then(|line| line.strip_suffix(" ms")?.parse::<f64>().ok());
    let mean_ms = mean_ms.ok_or_else(|| io::Error::other(format!("pgbench said {said:?}")))?;
    Ok((cpu_s, mean_ms * 1e3))
}
