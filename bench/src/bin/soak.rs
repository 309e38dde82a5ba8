//! A long open load: memory and descriptors of the agent must stay what they were, and every request be counted once.
//!
//! `cargo run --release -p fleetmark-bench --bin soak` (build `fleetmark` in release first). Options: minutes, rate. Ends
//! with 1 unless memory after the first minute is flat, no descriptor is kept, and the server counted what we counted.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fleetmark_bench::memory::{open_descriptors, resident_bytes};
use fleetmark_bench::options::Options;
use fleetmark_bench::reading;
use fleetmark_bench::stage::{Fleet, target};
use serde_json::Value;

/// Minutes when nothing is asked for.
const MINUTES: u64 = 10;
/// Requests per second when nothing is asked for.
const RATE_PER_S: u32 = 20_000;
/// Until then the agent may still grow: buffers reach the size that they keep.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);
/// How far memory may lie apart after that.
const FLAT: f64 = 0.02;
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const MIB: f64 = 1024.0 * 1024.0;

/// What the agent held at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at_s: f64,
    resident_mib: f64,
    descriptors: f64,
}

fn main() -> io::Result<ExitCode> {
    let mut options = Options::of_this_process();
    let minutes = options.next("the number of minutes", MINUTES)?;
    let rate: u32 = options.next("the rate", RATE_PER_S)?;
    let (_target, url) = target(&[])?;
    let fleet = Fleet::start()?;
    let job = format!(
        "name = \"soak\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{url}\"\n\
         [load]\nmodel = \"open\"\nrate = {rate}\nworkers = 200\nduration = \"{}s\"\n",
        minutes * 60
    );
    println!("{rate} a second for {minutes} minutes against {url}");
    let is_over = AtomicBool::new(false);
    let (report, samples) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| sample(fleet.agent_pid(), &is_over));
        let report = fleet.run(&job);
        is_over.store(true, Ordering::Relaxed);
        (report, sampler.join().unwrap_or_default())
    });
    let report = report?;
    // A connection that the load opened after its last request ended is closed by now.
    let idle = open_descriptors(fleet.agent_pid()).unwrap_or_default();
    let is_steady = tell_steadiness(&samples);
    let is_counted = tell_counts(&report, count_of(&url)?);
    println!("descriptors of the idle agent afterwards: {idle}");
    for doubt in reading::doubts(&report) {
        println!("fleetmark itself doubts the run: {doubt}");
    }
    Ok(if is_steady && is_counted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a process holds, each second until told to end.
fn sample(pid: u32, is_over: &AtomicBool) -> Vec<Sample> {
    let begun = Instant::now();
    let mut samples = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        if let (Some(resident), Some(descriptors)) = (resident_bytes(pid), open_descriptors(pid)) {
            samples.push(Sample {
                at_s: begun.elapsed().as_secs_f64(),
                resident_mib: resident as f64 / MIB,
                descriptors: descriptors as f64,
            });
        }
        std::thread::sleep(SAMPLE_EVERY);
    }
    // The last second may be the agent's tidying up, with its connections closed.
    samples.pop();
    samples
}

/// Tells whether memory and descriptors stayed what they were after the first minute.
fn tell_steadiness(samples: &[Sample]) -> bool {
    let settled = samples.partition_point(|sample| sample.at_s < SETTLES_WITHIN.as_secs_f64());
    let settled = &samples[settled..];
    if settled.len() < 2 {
        println!("too short: nothing is left after the first minute");
        return false;
    }
    let range = |figure: fn(&Sample) -> f64| {
        settled
            .iter()
            .map(figure)
            .fold((f64::INFINITY, 0.0_f64), |(least, most), it| (least.min(it), most.max(it)))
    };
    let (least, most) = range(|sample| sample.resident_mib);
    let (fewest, _) = range(|sample| sample.descriptors);
    let apart = most / least - 1.0;
    println!(
        "resident memory after the first minute: {least:.2} to {most:.2} MiB, {:.2} % apart, slope {:.4} MiB a minute",
        apart * 100.0,
        60.0 * slope(settled, |sample| sample.resident_mib)
    );
    let last = settled[settled.len() - 1].descriptors;
    println!(
        "open descriptors after the first minute: {fewest} to {last} at the end, slope {:.4} a minute",
        60.0 * slope(settled, |sample| sample.descriptors)
    );
    apart <= FLAT && last <= settled[0].descriptors
}

/// Tells whether what we counted is what the server did.
fn tell_counts(report: &Value, server: u64) -> bool {
    let count = reading::altogether(report)["count"].as_u64();
    let unsent = reading::altogether(report)["unsent"].as_u64();
    println!("counted {count:?}, unsent {unsent:?}, the server counted {server}");
    count == Some(server)
}

/// The least-squares slope of a figure, per second.
fn slope(samples: &[Sample], figure: fn(&Sample) -> f64) -> f64 {
    let n = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / n;
    let (at, value) = (mean(|sample| sample.at_s), mean(figure));
    let together: f64 = samples.iter().map(|it| (it.at_s - at) * (figure(it) - value)).sum();
    let alone: f64 = samples.iter().map(|it| (it.at_s - at).powi(2)).sum();
    together / alone
}

/// What the target counted.
fn count_of(url: &str) -> io::Result<u64> {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /count HTTP/1.1\r\nhost: target\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let count = answer.split_once("\r\n\r\n").and_then(|(_, body)| body.trim().parse().ok());
    count.ok_or_else(|| io::Error::other(format!("the target said {answer:?}")))
}
