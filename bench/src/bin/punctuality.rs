//! How punctual an open load arrives at 1,000, 10,000 and 30,000 a second, as a server sees it, beside its peers.
//!
//! `cargo run --release -p fleetmark-bench --bin punctuality` (build `fleetmark` in release first). Options: rounds,
//! seconds. A server writes down when it has read each request; deviation is how far that lies, earlier or later, from an even
//! schedule through the median arrival. The first half second is left out for everybody: there connections are made.

use std::io;
use std::time::Duration;

use fleetmark_bench::arrival_recorder::{ArrivalRecorder, Arrivals};
use fleetmark_bench::options::Options;
use fleetmark_bench::peer::{Load, Peer};
use fleetmark_bench::ratio::Spread;
use fleetmark_bench::reading;
use fleetmark_bench::schedule_fit::{at_quantile, deviations_ns, rate_per_s};
use fleetmark_bench::stage::Fleet;
use fleetmark_bench::table::Table;
use serde_json::Value;

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Seconds of each measurement when none are asked for.
const SECONDS: u64 = 5;
const RATES_PER_S: [u32; 3] = [1_000, 10_000, 30_000];
/// Connections: several times what is needed at the highest rate, and hey divides its rate by them.
const CONNECTIONS: u32 = 50;
/// What is left out at the beginning.
const BEGINNING_NS: u64 = 500_000_000;
/// How far the achieved rate may lie from the one that was asked for.
const RATE_TOLERANCE: f64 = 0.001;
const FIGURES: &[&str] = &["deviation at p50, µs", "deviation at p99, µs", "rate reached / asked for"];

/// What fleetmark says of itself in one round.
#[derive(Debug, Default)]
struct OwnWords {
    send_lag_p99_us: Vec<f64>,
    generator_cpu: Vec<f64>,
    rate: Vec<f64>,
    doubts: Vec<String>,
}

fn main() -> io::Result<()> {
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let length = Duration::from_secs(options.next("the length in seconds", SECONDS)?);
    let peers = Peer::installed(&[Peer::Oha, Peer::Wrk2, Peer::Hey]);
    let fleet = Fleet::start()?;
    for rate in RATES_PER_S {
        let mut table = Table::new(format!("open, {rate} a second, {CONNECTIONS} connections"), FIGURES);
        let mut own = OwnWords::default();
        for _ in 0..rounds {
            let server = ArrivalRecorder::start()?;
            own.note(&fleet.run(&job(&server.url(), rate, length))?, rate);
            table.note("fleetmark", figures(&server.stop()?, rate));
            for peer in &peers {
                let server = ArrivalRecorder::start()?;
                let load = Load { connections: CONNECTIONS, rate_per_s: Some(rate), length, streams: None };
                peer.run(&server.url(), load)?;
                table.note(peer.program(), figures(&server.stop()?, rate));
            }
        }
        print!("{table}");
        own.print();
    }
    Ok(())
}

fn job(url: &str, rate_per_s: u32, length: Duration) -> String {
    format!(
        "name = \"bench\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{url}\"\n\
         [load]\nmodel = \"open\"\nrate = {rate_per_s}\nworkers = {CONNECTIONS}\nthreads = 1\nduration = \"{}s\"\n",
        length.as_secs()
    )
}

/// What the server saw, in the table's order; a figure that cannot be given is not a number.
fn figures(arrivals: &Arrivals, rate: u32) -> Vec<f64> {
    let first_ns = arrivals.at_ns.first().copied().unwrap_or_default();
    let begun = arrivals.at_ns.partition_point(|at_ns| *at_ns < first_ns + BEGINNING_NS);
    let settled = &arrivals.at_ns[begun..];
    let deviations = deviations_ns(settled, f64::from(rate));
    let at = |quantile| at_quantile(&deviations, quantile).map_or(f64::NAN, |ns| ns / 1e3);
    let reached = rate_per_s(settled).map_or(f64::NAN, |reached| reached / f64::from(rate));
    vec![at(0.5), at(0.99), reached]
}

impl OwnWords {
    fn note(&mut self, report: &Value, rate: u32) {
        let figure = |path| reading::figure(report, path).unwrap_or(f64::NAN);
        self.send_lag_p99_us.push(figure("/send_lag_ns/p99") / 1e3);
        self.generator_cpu.push(reading::generator_cpu(report).unwrap_or(f64::NAN));
        let reached = figure("/scheduled_per_s") / f64::from(rate);
        self.rate.push(reached);
        if (reached - 1.0).abs() > RATE_TOLERANCE {
            self.doubts.push(format!("the rate was missed: {reached:.4} of what was asked for"));
        }
        self.doubts.extend(reading::doubts(report));
    }

    fn print(self) {
        let Self { send_lag_p99_us, generator_cpu, rate, doubts } = self;
        for (name, figures) in [
            ("send lag at p99, µs", send_lag_p99_us),
            ("CPU share of the load thread", generator_cpu),
            ("rate scheduled / asked for", rate),
        ] {
            if let Some(spread) = Spread::of(figures) {
                println!("fleetmark itself says: {name}: {spread}");
            }
        }
        for doubt in doubts {
            println!("fleetmark itself doubts a round: {doubt}");
        }
    }
}
