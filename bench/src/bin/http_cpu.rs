//! CPU per request and requests per CPU second of one load thread, beside its peers: closed model, HTTP/1.1, cheap servers.
//!
//! `cargo run --release -p fleetmark-bench --bin http_cpu` (build `fleetmark` in release first). Options: rounds, seconds.

use std::io;
use std::time::Duration;

use fleetmark_bench::arrival_recorder::ArrivalRecorder;
use fleetmark_bench::options::Options;
use fleetmark_bench::peer::{Load, Peer};
use fleetmark_bench::server;
use fleetmark_bench::stage::{Fleet, has, target};
use fleetmark_bench::table::Table;

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Seconds of each measurement when none are asked for.
const SECONDS: u64 = 3;
const CONNECTIONS: [u32; 2] = [50, 500];
/// Loops of the server that is never the limit.
const CREW: usize = 2;
const FIGURES: &[&str] = &["CPU per request, µs", "requests per CPU second"];

fn main() -> io::Result<()> {
    let mut options = Options::of_this_process();
    let rounds = options.next("the number of rounds", ROUNDS)?;
    let length = Duration::from_secs(options.next("the length in seconds", SECONDS)?);
    let peers = Peer::installed(&[Peer::Wrk, Peer::Oha, Peer::Hey, Peer::H2load]);
    let fleet = Fleet::start()?;
    {
        // One thread that does next to nothing: the cheapest server that this host can have, so that it is the limit last.
        let bare = ArrivalRecorder::start()?;
        measure(&fleet, "a bare epoll loop", &bare.url(), &peers, rounds, length)?;
    }
    {
        // The same twice: a client as cheap as its server would otherwise wait for it, and waiting costs it more than asking.
        let crew = ArrivalRecorder::start_crew(CREW)?;
        measure(&fleet, "two bare epoll loops", &crew[0].url(), &peers, rounds, length)?;
    }
    {
        let (_target, url) = target(&[])?;
        measure(&fleet, "fleetmark target", &url, &peers, rounds, length)?;
    }
    if has("nginx") {
        let nginx = server::nginx()?;
        measure(&fleet, "nginx", &nginx.url, &peers, rounds, length)?;
    }
    Ok(())
}

/// One table for each number of connections.
fn measure(
    fleet: &Fleet,
    server: &str,
    url: &str,
    peers: &[Peer],
    rounds: usize,
    length: Duration,
) -> io::Result<()> {
    for connections in CONNECTIONS {
        let mut table = Table::new(format!("closed, HTTP/1.1, {server}, {connections} connections"), FIGURES);
        let job = format!(
            "name = \"bench\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{url}\"\n\
             [load]\nworkers = {connections}\nthreads = 1\nduration = \"{}s\"\n",
            length.as_secs()
        );
        for _ in 0..rounds {
            let ours = fleet.measure(&job)?;
            table.note("fleetmark", vec![ours.cpu_us_per_request(), ours.requests_per_cpu_s()]);
            for peer in peers {
                let its = peer.run(url, Load { connections, rate_per_s: None, length, streams: None })?;
                table.note(peer.program(), vec![its.cpu_us_per_request(), its.requests_per_cpu_s()]);
            }
        }
        print!("{table}");
    }
    Ok(())
}
