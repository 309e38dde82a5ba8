//! CPU of a unary call over gRPC beside a plain tonic client in a loop: closed, by turns, against one echo in a process of its own.
//!
//! `cargo run --release -p fleetmark-bench --bin grpc_cpu` (build `fleetmark` in release first). Options: rounds, thousands of
//! calls. The plain client is this program once more, so that its CPU time can be read alone.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetmark_bench::options::Options;
use fleetmark_bench::plain_grpc::{self, WORKERS};
use fleetmark_bench::stage::{Fleet, fleetmark, free_port, wait_until_it_listens};
use fleetmark_bench::table::Table;
use fleetmark_bench::{cpu, reading};

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Thousands of calls of each measurement when none are asked for.
const THOUSANDS: u64 = 200;
/// The first word with which this program is the plain client.
const PLAIN: &str = "plain-client";
const FIGURES: &[&str] = &["CPU per call, µs", "p50 of latency, µs"];

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, port, calls] = words.as_slice()
        && word == PLAIN
    {
        return plain(port, calls);
    }
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let calls = options.next("thousands of calls", THOUSANDS)? * 1_000;
    let fleet = Fleet::start()?;
    let port = free_port()?;
    let echo = format!("127.0.0.1:{port}");
    let mut command = Command::new(fleetmark()?);
    command.args(["target", "--listen", "127.0.0.1:0", "--grpc-echo", &echo]);
    let _server = wait_until_it_listens(&mut command, port)?;
    std::fs::write(fleet.folder().join("echo.proto"), plain_grpc::SOURCE)?;
    let job = format!(
        "name = \"bench\"\n[workload]\nkind = \"grpc\"\n[[workload.operations]]\nname = \"say\"\n\
         url = \"http://{echo}\"\nmethod = \"fleetmark.echo.Echo/Say\"\nproto = [\"echo.proto\"]\n\
         message = {{ text = \"{}\", number = {} }}\n\
         [load]\nworkers = {WORKERS}\nthreads = 1\niterations = {calls}\n",
        plain_grpc::TEXT,
        plain_grpc::NUMBER,
    );
    let mut table = Table::new(format!("closed, unary calls, {WORKERS} connections"), FIGURES);
    for _ in 0..rounds {
        let before_s = cpu::of_process(fleet.agent_pid()).unwrap_or_default();
        let report = fleet.run(&job)?;
        let cpu_s = cpu::of_process(fleet.agent_pid()).unwrap_or_default() - before_s;
        let p50_ns = reading::figure(&report, "/latency_ns/p50").unwrap_or(f64::NAN);
        table.note("fleetmark", vec![cpu_s * 1e6 / calls as f64, p50_ns / 1e3]);
        let (its_cpu_s, its_p50_us) = plain_client(port, calls)?;
        table.note("plain tonic", vec![its_cpu_s * 1e6 / calls as f64, its_p50_us]);
    }
    print!("{table}");
    Ok(())
}

/// Seconds of CPU time that the plain client's calls took it, and the median of their latency, µs.
fn plain_client(port: u16, calls: u64) -> io::Result<(f64, f64)> {
    let before_s = cpu::of_ended_children().unwrap_or_default();
    let mut command = Command::new(std::env::current_exe()?);
    let output =
        command.args([PLAIN, &port.to_string(), &calls.to_string()]).stderr(Stdio::inherit()).output()?;
    let cpu_s = cpu::of_ended_children().unwrap_or_default() - before_s;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let p50_us =
        said.trim().parse().map_err(|_| io::Error::other(format!("the plain client said {said:?}")))?;
    Ok((cpu_s, p50_us))
}

/// What this program does as the plain client: so many calls, and the median of their latency on its output.
fn plain(port: &str, calls: &str) -> io::Result<()> {
    let calls = calls.parse().map_err(|_| io::Error::other(format!("{calls:?} is no number")))?;
    let median: Duration = plain_grpc::run(&format!("http://127.0.0.1:{port}"), calls)?;
    println!("{}", median.as_secs_f64() * 1e6);
    Ok(())
}
