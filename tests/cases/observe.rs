//! What is watched beside the load: a process, with its memory.

use std::process::Command;
use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::contract::departures;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::Process;
use fleetmark_tests::readings::{altogether, findings, only_trial};
use serde_json::Value;

/// Keeps a mebibyte more each second; written to, so that it is resident.
const LEAKS: &str = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(b'x' * (1 << 18)))\n    time.sleep(0.25)\n";
/// Takes as much, and gives all of it back every second.
const GIVES_BACK: &str = "import time\nwhile True:\n    kept = []\n    for _ in range(4):\n        kept.append(bytearray(b'x' * (1 << 18)))\n        time.sleep(0.25)\n";

/// The report of a job that observes a Python program for so long.
fn observed(program: &str, duration: &str) -> Value {
    let scene = Scene::new();
    scene.write("program.py", program);
    let mut command = Command::new("python3");
    command.arg("program.py").current_dir(scene.path());
    let process = Process::start("python3", &mut command);
    let pid_file = scene.write("program.pid", &format!("{}\n", process.pid()));
    scene.write(
        "job.toml",
        &format!(
            "name = \"observed\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = [\"sleep\", \"0.01\"]\n\
             [load]\nduration = \"{duration}\"\n[observe]\nprocess = {{ pid_file = \"{}\" }}\n",
            pid_file.display()
        ),
    );
    let said = scene.run_within(Duration::from_secs(90), &["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    report
}

fn has(report: &Value, code: &str) -> bool {
    !findings(report, code).is_empty()
}

#[test]
fn a_process_that_leaks_grows_and_one_that_gives_back_does_not() {
    let leaking = observed(LEAKS, "12s");
    assert!(has(&leaking, "memory_grows"), "{leaking:#}");
    let memory = &only_trial(&leaking)["agents"][0]["memory"];
    let slope = memory["slope_bytes_per_s"].as_f64().expect("a slope");
    assert!((0.8e6..1.3e6).contains(&slope), "a mebibyte a second: {memory}");
    assert!(memory["bytes_per_1000_operations"].as_f64().is_some_and(|bytes| bytes > 0.0), "{memory}");
    let steady = observed(GIVES_BACK, "12s");
    assert!(!has(&steady, "memory_grows"), "{steady:#}");
}

#[test]
fn a_process_is_told_with_all_that_it_holds() {
    let report = observed("while True:\n    pass\n", "3s");
    let host = &only_trial(&report)["agents"][0]["host"];
    let mean =
        |metric: &str| host[metric]["mean"].as_f64().unwrap_or_else(|| panic!("no {metric}: {host:#}"));
    assert!(mean("process_cpu") > 0.1, "it never rests: {host:#}");
    assert!(mean("workload_cpu") > 0.1, "what is observed is no stranger: {host:#}");
    assert_eq!((mean("process_count"), mean("process_threads")), (1.0, 1.0));
    assert!(mean("process_files") >= 3.0 && mean("process_memory_bytes") > 1e6);
}

#[test]
fn a_process_that_is_not_there_is_told() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "name = \"nobody\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"true\"\n\
         [load]\nduration = \"1s\"\n[observe]\nprocess = \"no-such-program\"\n",
    );
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    assert!(has(&scene.json("report.json"), "not_observed"), "{said:?}");
}

#[test]
fn the_target_s_own_figures_are_fetched_and_those_that_never_came_are_told() {
    let scene = Scene::new();
    scene.write(
        "server.py",
        "import http.server\n\
         class Server(http.server.BaseHTTPRequestHandler):\n\
         \x20   def do_GET(self):\n\
         \x20       self.send_response(200)\n\
         \x20       self.end_headers()\n\
         \x20       self.wfile.write(b'pool{state=\"idle\"} 3\\npool{state=\"busy\"} 4\\n')\n\
         \x20   def log_message(self, *words):\n\
         \x20       pass\n\
         server = http.server.HTTPServer(('127.0.0.1', 0), Server)\n\
         open('port.new', 'w').write(str(server.server_port))\n\
         import os\n\
         os.rename('port.new', 'port')\n\
         server.serve_forever()\n",
    );
    let mut command = Command::new("python3");
    command.arg("server.py").current_dir(scene.path());
    let _server = Process::start("python3", &mut command);
    let port = wait_for("the server's port", Duration::from_secs(20), || {
        std::fs::read_to_string(scene.path().join("port")).ok()
    });
    scene.write(
        "job.toml",
        &format!(
            "name = \"figures\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = [\"sleep\", \"0.01\"]\n\
             [load]\nduration = \"4s\"\n[observe]\n\
             prometheus = {{ url = \"http://127.0.0.1:{port}/metrics\", series = [\"pool\", \"gone\"] }}\n"
        ),
    );
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    let pool = &altogether(only_trial(&report))["metrics"]["pool"];
    assert_eq!(pool["mean"].as_f64(), Some(7.0), "the sum over its labels: {report:#}");
    assert!(
        findings(&report, "not_observed").iter().any(|message| message.contains("of gone from")),
        "{said:?}"
    );
}
