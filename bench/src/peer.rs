//! Other load generators: how each is asked for the same load, and what it says it did.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::memory::PeakMemory;
use crate::{cpu, stage};

/// A load generator that others wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// wrk: C, epoll, HTTP/1.1, closed.
    Wrk,
    /// wrk2: wrk at a constant rate.
    Wrk2,
    /// hey: Go; its rate is one of each connection.
    Hey,
    /// oha: Rust, tokio and hyper.
    Oha,
    /// h2load of nghttp2: C, libev.
    H2load,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Connections at once.
    pub connections: u32,
    /// Requests per second; `None`: back to back.
    pub rate_per_s: Option<u32>,
    /// For how long.
    pub length: Duration,
    /// Requests at once on each connection, over HTTP/2; `None`: HTTP/1.1.
    pub streams: Option<u32>,
}

/// What a load generator did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    /// Requests that were answered with a success.
    pub requests: f64,
    /// CPU time of the generator's whole process, seconds.
    pub cpu_s: f64,
    /// Most memory that it held, bytes.
    pub memory_bytes: f64,
}

impl Done {
    /// CPU time of a request, µs.
    pub fn cpu_us_per_request(&self) -> f64 {
        self.cpu_s * 1e6 / self.requests
    }

    /// Requests for each second of CPU time: what one core of the client's machine can do at most.
    pub fn requests_per_cpu_s(&self) -> f64 {
        self.requests / self.cpu_s
    }
}

impl Peer {
    /// Those of a list that are installed, with their versions; says a word about each.
    pub fn installed(peers: &[Self]) -> Vec<Self> {
        peers.iter().copied().filter(|peer| stage::has(peer.program())).collect()
    }

    /// Its command.
    pub fn program(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Wrk2 => "wrk2",
            Self::Hey => "hey",
            Self::Oha => "oha",
            Self::H2load => "h2load",
        }
    }

    /// Runs it against a server.
    ///
    /// # Errors
    /// When it does not run, or what it says does not read.
    pub fn run(self, url: &str, load: Load) -> io::Result<Done> {
        let before_s = cpu::of_ended_children().unwrap_or_default();
        let mut command = Command::new(self.program());
        command.args(self.words(load)).arg(url);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let peak = PeakMemory::watch(child.id());
        let output = child.wait_with_output()?;
        let memory_bytes = peak.end();
        let cpu_s = cpu::of_ended_children().unwrap_or_default() - before_s;
        let said = String::from_utf8_lossy(&output.stdout);
        let requests = self.requests(&said).filter(|requests| *requests > 0.0);
        let requests =
            requests.ok_or_else(|| io::Error::other(format!("{} said {said:?}", self.program())))?;
        Ok(Done { requests, cpu_s, memory_bytes })
    }

    /// Its options for a load: one load thread wherever that can be asked for.
    fn words(self, load: Load) -> Vec<String> {
        let Load { connections, rate_per_s, length, streams } = load;
        let seconds = length.as_secs();
        let mut words = match self {
            Self::Wrk => vec!["-t1".to_owned(), format!("-c{connections}"), format!("-d{seconds}s")],
            Self::Wrk2 => vec![
                "-t1".to_owned(),
                format!("-c{connections}"),
                format!("-d{seconds}s"),
                format!("-R{}", rate_per_s.unwrap_or(u32::MAX)),
            ],
            Self::Hey => ["-cpus", "1", "-z", &format!("{seconds}s"), "-c", &connections.to_string()]
                .map(ToOwned::to_owned)
                .to_vec(),
            Self::Oha => ["--no-tui", "-j", "-z", &format!("{seconds}s"), "-c", &connections.to_string()]
                .map(ToOwned::to_owned)
                .to_vec(),
            Self::H2load => ["-t", "1", "-D", &seconds.to_string(), "-c", &connections.to_string()]
                .map(ToOwned::to_owned)
                .to_vec(),
        };
        match (self, rate_per_s, streams) {
            (Self::Hey, Some(rate), _) => words.extend(["-q".to_owned(), (rate / connections).to_string()]),
            (Self::Oha, Some(rate), _) => {
                words.extend(["-q".to_owned(), rate.to_string(), "--latency-correction".to_owned()]);
            }
            (Self::H2load, _, None) => words.push("--h1".to_owned()),
            (Self::H2load, _, Some(streams)) => words.extend(["-m".to_owned(), streams.to_string()]),
            _ => {}
        }
        words
    }

    /// The requests that it says were answered with a success.
    fn requests(self, said: &str) -> Option<f64> {
        match self {
            Self::Wrk | Self::Wrk2 => {
                let line = said.lines().find(|line| line.contains("requests in"))?;
                line.split_whitespace().next()?.parse().ok()
            }
            Self::Hey => {
                let line = said.lines().find(|line| line.trim_start().starts_with("[200]"))?;
                line.split_whitespace().nth(1)?.parse().ok()
            }
            Self::Oha => {
                let report: Value = serde_json::from_str(said).ok()?;
                report["statusCodeDistribution"]["200"].as_f64()
            }
            Self::H2load => {
                let line = said.lines().find(|line| line.starts_with("requests:"))?;
                let (before, _) = line.split_once(" succeeded")?;
                before.rsplit(' ').next()?.parse().ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_says_is_read() {
        for (peer, said) in [
            (Peer::Wrk, "Running 1s test\n  42 requests in 1.00s, 3.4KB read\n"),
            (Peer::Hey, "Status code distribution:\n  [200]\t42 responses\n"),
            (Peer::Oha, r#"{"statusCodeDistribution":{"200":42}}"#),
            (
                Peer::H2load,
                "requests: 50 total, 50 started, 45 done, 42 succeeded, 3 failed, 0 errored, 0 timeout\n",
            ),
        ] {
            assert_eq!(peer.requests(said), Some(42.0), "{peer:?}");
            assert_eq!(peer.requests("nonsense"), None);
        }
    }

    #[test]
    fn a_rate_is_asked_for_as_each_understands_it() {
        let load =
            Load { connections: 50, rate_per_s: Some(1_000), length: Duration::from_secs(3), streams: None };
        assert_eq!(Peer::Hey.words(load), ["-cpus", "1", "-z", "3s", "-c", "50", "-q", "20"]);
        assert!(Peer::Oha.words(load).ends_with(&["1000".to_owned(), "--latency-correction".to_owned()]));
        assert!(Peer::H2load.words(Load { streams: Some(16), ..load }).ends_with(&["16".to_owned()]));
    }
}
