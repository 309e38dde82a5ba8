//! A run as a real Prometheus sees it, which scrapes or is written to: its rate is that of the report, and every query of the dashboard
//! finds something.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetmark_tests::browser::Browser;
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::Process;
use fleetmark_tests::readings::list;
use fleetmark_tests::site::Site;
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(120);
/// How far the rate may be from the report's.
const APART_MAX: f64 = 0.02;
const SECONDS: u64 = 45;
/// The rates of fifteen seconds each, over twenty: intervals arrive and are scraped once a second, not at the same moments.
const RATE: &str = "avg_over_time(sum(rate(fleetmark_run_operations_total{run=\"RUN\"}[15s]))[20s:1s])";

const JOB: &str = r#"
name = "scraped"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/"
[load]
model = "open"
rate = 200
duration = "45s"
[fleet]
agents = 2
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "2ms", "--errors", "0.02"]
ready = "http://{{target.host}}:{{target.port}}/health"
[limits]
steal = 0.9
foreign_cpu = 1
send_lag = "100%"
error_ratio = 0.5
"#;

/// A Prometheus.
struct Prometheus {
    _process: Process,
    url: String,
}

impl Prometheus {
    /// One that scrapes each second.
    fn of(site: &Site) -> Self {
        let configuration = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: fleetmark\n    static_configs: [ {{ targets: [ \"{}\" ] }} ]\n",
            site.browser.address()
        );
        let prometheus = Self::start(&site.scene, &configuration);
        wait_for("Prometheus to scrape", WITHIN, || prometheus.value("up == 1", None));
        prometheus
    }

    /// One that is written to.
    fn written_to(scene: &Scene) -> Self {
        let prometheus = Self::start(scene, "global: {}\n");
        wait_for("Prometheus to answer", WITHIN, || prometheus.value("vector(1)", None));
        prometheus
    }

    fn start(scene: &Scene, configuration: &str) -> Self {
        let folder = scene.path();
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let configuration = scene.write("prometheus.yml", configuration);
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()))
            .arg(format!("--web.listen-address={free}"))
            .arg("--web.enable-remote-write-receiver")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("prometheus.log")).expect("a log"));
        let process = Process::start("prometheus", &mut command);
        Self { _process: process, url: format!("http://{free}") }
    }

    fn ask(&self, query: &str, at_s: Option<f64>) -> Value {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--get", "--data-urlencode", &format!("query={query}")]);
        if let Some(at_s) = at_s {
            curl.args(["--data-urlencode", &format!("time={at_s}")]);
        }
        let said = curl.arg(format!("{}/api/v1/query", self.url)).output().expect("curl is there");
        serde_json::from_slice(&said.stdout).unwrap_or(Value::Null)
    }

    /// The value of the first series that a query finds.
    fn value(&self, query: &str, at_s: Option<f64>) -> Option<f64> {
        self.ask(query, at_s)["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

#[test]
fn a_scraped_run_has_the_rate_of_its_report() {
    let site = Site::plain(&[]);
    let agent = |name| Agent::start(&site.scene, &site.coordinator.url, name, &["--allow", "command"]);
    let _agents = ["load-1", "load-2"].map(agent);
    wait_for_agents(&site.scene, &site.coordinator.url, 2);
    let prometheus = Prometheus::of(&site);
    let accepted = site.browser.post("/api/v1/runs", JOB);
    let run = accepted.json()["run"].as_str().unwrap_or_else(|| panic!("{accepted:?}")).to_owned();

    let count = format!("sum(fleetmark_run_operations_total{{run=\"{run}\"}})");
    let enough = 200.0 * (SECONDS - 4) as f64;
    wait_for("most of the run to be scraped", WITHIN, || {
        prometheus.value(&count, None).filter(|seen| *seen >= enough)
    });
    dashboard_finds_something(&prometheus, &run);
    let now_s = prometheus.value("vector(time())", None).expect("a clock");
    let rate = prometheus.value(&RATE.replace("RUN", &run), Some(now_s)).expect("a rate");
    check_metrics(&site.browser.get("/metrics").body);

    wait_for("the run to be over", WITHIN, || {
        let shown = site.browser.get("/api/v1/runs?limit=1").json();
        (shown["runs"][0]["finished_at_ms"].is_number()).then_some(())
    });
    let report = site.browser.get(&format!("/api/v1/runs/{run}")).json();
    let operation = &list(&report["variants"][0]["operations"])[0];
    let told = operation["count"].as_f64().expect("a count") / SECONDS as f64;
    assert!((rate / told - 1.0).abs() <= APART_MAX, "Prometheus says {rate} per second, the report {told}");
    let scraped = wait_for("the rest to be scraped", WITHIN, || {
        prometheus.value(&count, None).filter(|seen| *seen >= operation["count"].as_f64().unwrap_or(f64::MAX))
    });
    assert_eq!(Some(scraped), operation["count"].as_f64(), "nothing was counted twice");
}

#[test]
fn a_run_that_is_written_to_prometheus_has_the_counts_of_its_report() {
    let scene = Scene::new();
    let prometheus = Prometheus::written_to(&scene);
    let configuration = format!(
        "secrets = \"secrets.toml\"\n[export.prometheus]\nurl = \"{}/api/v1/write\"\n\
         headers = {{ authorization = \"Bearer {{{{secret:metrics}}}}\" }}\n\
         [export.otlp]\nurl = \"{}/nothing/takes/it/here\"\n",
        prometheus.url, prometheus.url
    );
    let configuration = scene.write("coordinator.toml", &configuration);
    let secrets = scene.write("secrets.toml", "metrics = \"a-token-of-ours\"\n");
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let words = [
        "--listen",
        "127.0.0.1:0",
        "--http",
        "127.0.0.1:0",
        "--config",
        configuration.to_str().expect("a path"),
    ];
    let coordinator = Coordinator::start_under(&scene, "store", &[], &words);
    let browser = Browser::of(&scene, "store");
    let _agent = Agent::start(&scene, &coordinator.url, "load-1", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let job = JOB.replace("agents = 2", "agents = 1").replace("duration = \"45s\"", "duration = \"5s\"");
    let accepted = browser.post("/api/v1/runs", &job);
    let run = accepted.json()["run"].as_str().unwrap_or_else(|| panic!("{accepted:?}")).to_owned();
    wait_for("the run to be over", WITHIN, || {
        let shown = browser.get("/api/v1/runs?limit=1").json();
        (shown["runs"][0]["finished_at_ms"].is_number()).then_some(())
    });
    let report = browser.get(&format!("/api/v1/runs/{run}")).json();
    let count = list(&report["variants"][0]["operations"])[0]["count"].as_f64().expect("a count");
    let query =
        format!("fleetmark_run_operations_total{{run=\"{run}\",name=\"scraped\",operation=\"read\"}}");
    wait_for("all of it to be written", WITHIN, || {
        prometheus.value(&query, None).filter(|seen| (seen - count).abs() < 0.5)
    });
    let buckets =
        prometheus.value(&format!("count(fleetmark_run_latency_seconds_bucket{{run=\"{run}\"}})"), None);
    assert_eq!(buckets, Some(17.0));
    let figures = browser.get("/metrics").body;
    check_metrics(&figures);
    let is_told = |line: &str| figures.lines().any(|known| known.starts_with(line));
    assert!(
        is_told("fleetmark_coordinator_export_batches_total{to=\"prometheus\",outcome=\"sent\"} "),
        "{figures}"
    );
    assert!(
        is_told("fleetmark_coordinator_export_batches_total{to=\"prometheus\",outcome=\"refused\"} 0"),
        "{figures}"
    );
    assert!(
        !is_told("fleetmark_coordinator_export_batches_total{to=\"otlp\",outcome=\"refused\"} 0"),
        "{figures}"
    );
}

/// Asks every query of the dashboard for Grafana.
fn dashboard_finds_something(prometheus: &Prometheus, run: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/grafana/fleetmark.json");
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(file).expect("it is there")).expect("JSON");
    let targets = list(&dashboard["panels"]).iter().flat_map(|panel| list(&panel["targets"]));
    let queries: Vec<String> =
        targets.map(|target| target["expr"].as_str().expect("a query").replace("$run", run)).collect();
    assert!(queries.len() >= 8, "{queries:?}");
    for query in queries {
        let answer = prometheus.ask(&query, None);
        let found = answer["data"]["result"].as_array().map_or(0, Vec::len);
        assert!(answer["status"] == "success" && found > 0, "{query}: {answer}");
    }
}

/// What Prometheus' own tool says of the text.
fn check_metrics(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there");
    promtool.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    let said = promtool.wait_with_output().expect("it ends");
    let words = [said.stdout, said.stderr].concat();
    assert!(said.status.success() && words.is_empty(), "{}", String::from_utf8_lossy(&words));
    assert!(text.contains("fleetmark_run_latency_seconds_bucket"), "{text}");
}
