//! CPU per request and requests per second of one load thread, beside wrk: closed model, HTTP/1.1, a cheap server.
//!
//! `cargo run --release -p fleetmark-bench --bin http_cpu` (build `fleetmark` in release first). Options: rounds, seconds.

use std::io;
use std::process::Command;

use fleetmark_bench::cpu;
use fleetmark_bench::ratio::Spread;
use fleetmark_bench::stage::{Fleet, has, target};

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Seconds of each measurement when none are asked for.
const SECONDS: u64 = 3;

/// What one tool did in one round.
#[derive(Debug, Clone, Copy)]
struct Round {
    cpu_us_per_request: f64,
    requests_per_s: f64,
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    let seconds = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(SECONDS);
    if !has("wrk") {
        return Ok(());
    }
    let (_target, url) = target(&[])?;
    let fleet = Fleet::start()?;
    println!(
        "closed model, one load thread, {rounds} interleaved rounds of {seconds} s; ratios are fleetmark / wrk"
    );
    for connections in [50, 500] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            theirs.push(wrk(&url, connections, seconds)?);
            ours.push(fleetmark(&fleet, &url, connections, seconds)?);
        }
        let figures =
            |rounds: &[Round], figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<f64>>();
        let cpu = |rounds: &[Round]| figures(rounds, |round| round.cpu_us_per_request);
        let rate = |rounds: &[Round]| figures(rounds, |round| round.requests_per_s);
        print("CPU per request, µs", connections, &cpu(&ours), &cpu(&theirs));
        print("requests per second", connections, &rate(&ours), &rate(&theirs));
    }
    Ok(())
}

fn print(what: &str, connections: u32, ours: &[f64], theirs: &[f64]) {
    let show = |spread: Option<Spread>| spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string());
    println!(
        "{connections:>4} connections  {what:<20} fleetmark {}  wrk {}  ratio {}",
        show(Spread::of(ours.to_vec())),
        show(Spread::of(theirs.to_vec())),
        show(Spread::of_ratios(ours, theirs))
    );
}

fn wrk(url: &str, connections: u32, seconds: u64) -> io::Result<Round> {
    let before = cpu::of_ended_children().unwrap_or_default();
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), url])
        .output()?;
    let used = cpu::of_ended_children().unwrap_or_default() - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let requests = text
        .lines()
        .find(|line| line.contains("requests in"))
        .and_then(|line| line.split_whitespace().next());
    let requests: f64 = requests
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| io::Error::other(format!("wrk said {text}")))?;
    Ok(Round { cpu_us_per_request: used * 1e6 / requests, requests_per_s: requests / seconds as f64 })
}

fn fleetmark(fleet: &Fleet, url: &str, connections: u32, seconds: u64) -> io::Result<Round> {
    let job = format!(
        "name = \"bench\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{url}\"\n\
         [load]\nworkers = {connections}\nthreads = 1\nduration = \"{seconds}s\"\n"
    );
    let before = cpu::of_process(fleet.agent_pid()).unwrap_or_default();
    let report = fleet.run(&job)?;
    let used = cpu::of_process(fleet.agent_pid()).unwrap_or_default() - before;
    let count = report["variants"][0]["trials"][0]["operations"][0]["count"].as_f64();
    let requests =
        count.filter(|count| *count > 0.0).ok_or_else(|| io::Error::other("nothing was measured"))?;
    Ok(Round { cpu_us_per_request: used * 1e6 / requests, requests_per_s: requests / seconds as f64 })
}
