//! Fetching chosen series of the target's own figures, in the text format of Prometheus, once a second.
//!
//! A thread of its own does it, so that a target that answers slowly holds nothing up. One that does not answer leaves its
//! series without a value in that second.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use shared::interval::MetricInterval;
use shared::job::observe::Scrape;
use shared::metric::{MetricKind, Summary};

use crate::policy::Warden;

/// How often the series are fetched.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take: the next one is due by then.
const PATIENCE: Duration = Duration::from_millis(900);
/// Most of an answer that is read, bytes: exporters with ten thousand series fit.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

type Values = Arc<Mutex<BTreeMap<String, MetricInterval>>>;

/// Fetches until it is dropped.
#[derive(Debug)]
pub(super) struct Scraper {
    values: Values,
    /// Closing it ends the thread.
    _until_dropped: mpsc::Sender<()>,
}

impl Scraper {
    /// Begins to fetch, as far as the warden allows the address; `None`: no thread could be started.
    pub(super) fn start(scrape: Scrape, warden: Arc<Warden>) -> Option<Self> {
        let (until_dropped, dropped) = mpsc::channel::<()>();
        let values = Values::default();
        let told = Arc::clone(&values);
        let body = move || {
            while dropped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                match fetch(&scrape.url, &warden) {
                    Ok(text) => keep(&text, &scrape.series, &told),
                    Err(problem) => tracing::debug!(url = scrape.url, problem, "no figures of the target"),
                }
            }
        };
        let thread = std::thread::Builder::new().name("fleetmark-scrape".to_owned()).spawn(body);
        thread.inspect_err(|error| tracing::warn!(%error, "the target's figures are not fetched")).ok()?;
        Some(Self { values, _until_dropped: until_dropped })
    }

    /// What was fetched since it was asked last.
    pub(super) fn take(&self) -> BTreeMap<String, MetricInterval> {
        std::mem::take(&mut *self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn keep(text: &str, series: &[String], values: &Values) {
    let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
    for name in series {
        let Some(value) = value_of(text, name) else { continue };
        let metric = values.entry(name.clone()).or_insert_with(|| MetricInterval {
            unit: String::new(),
            kind: MetricKind::Gauge,
            summary: Summary::default(),
            histogram: None,
        });
        metric.summary.record(value);
    }
    // One that was only ever no number has nothing to tell.
    values.retain(|_, metric| metric.summary.count() > 0);
}

/// The value of a series: of that with just these labels, or without any written the sum over all labels.
fn value_of(text: &str, series: &str) -> Option<f64> {
    let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        // Labels may hold blanks: the name ends behind their brace.
        let end = line.rfind('}').map_or_else(|| line.find(' '), |brace| Some(brace + 1))?;
        let (name, rest) = line.split_at(end);
        let is_it = name == series || name.strip_prefix(series).is_some_and(|labels| labels.starts_with('{'));
        rest.split_whitespace()
            .next()
            .filter(|_| is_it)?
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
    });
    values.reduce(|sum, value| sum + value)
}

fn fetch(url: &str, warden: &Warden) -> Result<String, String> {
    let said = |error: std::io::Error| error.to_string();
    let (authority, path) = parts(url).ok_or("it is no address of the form http://host:port/path")?;
    let (host, port) = authority
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .unwrap_or((authority, "80"));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port: u16 = port.parse().map_err(|_| "its port is no number".to_owned())?;
    let address = (host, port).to_socket_addrs().map_err(said)?.next().ok_or("its name leads nowhere")?;
    warden.check_address(host, address).map_err(|refusal| refusal.to_string())?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(said)?;
    // Version 1.0: the answer comes whole and ends with the connection.
    let request = format!(
        "GET {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer).map_err(said)?;
    if answer.len() as u64 > ANSWER_BYTES_MAX {
        return Err(format!(
            "its answer has more than {ANSWER_BYTES_MAX} bytes: a part of it would be a wrong sum"
        ));
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("its answer has no end of headers")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status == "200" { Ok(body.to_owned()) } else { Err(format!("it answers {status:?}")) }
}

fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    (!authority.is_empty()).then_some((authority, if path.is_empty() { "/" } else { path }))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::policy::Policy;

    const TEXT: &str = "# HELP pool Connections\n# TYPE pool gauge\npool{state=\"idle now\"} 3\npool{state=\"busy\"} 4 1700000000\npools 9\nhits 1.5e3\nbroken NaN\n";

    #[test]
    fn a_series_is_its_labels_or_the_sum_over_them() {
        assert_eq!((value_of(TEXT, "pool"), value_of(TEXT, "hits")), (Some(7.0), Some(1_500.0)));
        assert_eq!(value_of(TEXT, "pool{state=\"idle now\"}"), Some(3.0));
        for absent in ["poo", "broken", "", "# HELP pool Connections"] {
            assert_eq!(value_of(TEXT, absent), None, "{absent:?}");
        }
    }

    #[test]
    fn figures_are_fetched_and_what_is_no_answer_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/metrics", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            for answer in ["HTTP/1.0 200 OK\r\n\r\nhits 2\n", "HTTP/1.1 503 No\r\n\r\n", "what"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1_024];
                let length = stream.read(&mut request).unwrap();
                assert!(request[..length].starts_with(b"GET /metrics HTTP/1.0\r\n"));
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let warden = Warden::new(Arc::new(Policy::unrestricted()));
        assert_eq!(fetch(&url, &warden).as_deref(), Ok("hits 2\n"));
        assert_eq!(fetch(&url, &warden), Err("it answers \"503\"".to_owned()));
        assert_eq!(fetch(&url, &warden), Err("its answer has no end of headers".to_owned()));
        server.join().unwrap();
        assert!(fetch("ftp://x/", &warden).is_err() && fetch("http:///", &warden).is_err());
    }

    #[test]
    fn values_of_a_second_are_kept_together() {
        let values = Values::default();
        let series = ["hits".to_owned(), "broken".to_owned()];
        keep(TEXT, &series, &values);
        keep("hits 500\n", &series, &values);
        let kept = values.lock().unwrap();
        assert_eq!(
            (kept.len(), kept["hits"].summary.count(), kept["hits"].summary.mean()),
            (1, 2, Some(1_000.0))
        );
    }
}
