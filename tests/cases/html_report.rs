//! The HTML report as a reader meets it: opened from a file in a real browser without a network, with the figures of the JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::{list, text};
use serde_json::Value;
use shared::units::human_ns;

/// Ten trials of two variants take half a minute.
const ENDS_WITHIN: Duration = Duration::from_secs(180);
/// Largest page of a run of ten trials.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;
/// Widths at which a person may want to judge the page, pixels.
const WIDTHS: [u32; 3] = [400, 1024, 1600];

const JOB: &str = r#"
name = "seen"
tags = { "<b>team</b>" = "<script>alert(1)</script>" }
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/"
[params]
latency = "2ms"
[load]
workers = 4
duration = "2s"
trials = 5
[fleet]
agents = 2
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "{{latency}}", "--errors", "0.001"]
ready = "http://{{target.host}}:{{target.port}}/health"
[[variants]]
name = "first"
[[variants]]
name = "slower"
set = { "params.latency" = "4ms" }
[[claims]]
metric = "read.latency.p50"
variant = "slower"
than = "first"
no_regression = "5%"
[limits]
steal = 0.9
foreign_cpu = 1
"#;

/// Chromium with a profile that goes with the test, and no name that resolves.
fn chromium(profile: &Path, words: &[&str], page: &Path) -> Command {
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(words)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null());
    command
}

/// The folder for a person who wants to look.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("html_report");
    fs::create_dir_all(&folder).expect("a folder for pictures");
    folder
}

#[test]
fn the_page_opens_without_a_network_and_shows_the_figures_of_the_json() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    let words = ["run", "job.toml", "--local-agents", "2", "--html", "page.html", "--json", "report.json"];
    let said = scene.run_within(ENDS_WITHIN, &words);
    assert_eq!(said.code, 1, "{said:?}");
    let (page, report) = (scene.path().join("page.html"), scene.json("report.json"));
    let size = fs::metadata(&page).expect("the page").len();
    assert!(size < PAGE_BYTES_MAX, "{size} bytes");

    let profile = scene.path().join("profile");
    let read = chromium(&profile, &["--dump-dom"], &page).output().expect("chromium is installed");
    let (seen, console) = (String::from_utf8_lossy(&read.stdout), String::from_utf8_lossy(&read.stderr));
    assert!(!console.contains("CONSOLE"), "the page complains: {console}");
    for expected in figures_of(&report) {
        assert!(seen.contains(&expected), "{expected} is not on the page");
    }
    assert!(!seen.contains("<script"), "a tag's text became a script");
    assert!(
        seen.contains("Ratios with their intervals") && seen.contains("The run over time"),
        "charts are missing"
    );

    for width in WIDTHS {
        let picture = pictures().join(format!("{width}.png"));
        let shot = [format!("--window-size={width},5000"), format!("--screenshot={}", picture.display())];
        let taken = chromium(&profile, &[&shot[0], &shot[1]], &page).output().expect("chromium is installed");
        assert!(taken.status.success() && picture.exists(), "{taken:?}");
    }
}

/// What must stand on the page as it does in the JSON: verdicts, reasons and latencies.
fn figures_of(report: &Value) -> Vec<String> {
    let claims =
        list(&report["claims"]).iter().flat_map(|claim| [text(&claim["verdict"]), text(&claim["reason"])]);
    let mut expected: Vec<String> = claims.map(str::to_owned).collect();
    for variant in list(&report["variants"]) {
        for operation in list(&variant["operations"]) {
            let latency = &operation["latency_ns"];
            let times =
                ["p50", "p99", "max"].map(|name| human_ns(latency[name].as_f64().expect("it is there")));
            expected.extend(times);
        }
    }
    assert!(expected.len() >= 8, "{expected:?}");
    expected
}
