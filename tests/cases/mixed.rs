//! Several workloads in one run: what each of them did is counted where it was done, and one that fails leaves the others alone.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{altogether, list, only_trial, operation, text, whole};
use fleetmark_tests::witness::Witness;
use serde_json::{Value, json};

const ITERATIONS: u64 = 2_000;

/// A program of the process protocol that notes each operation in a file.
const NOTING: &str = r#"
import json, sys
notes = open("process.notes", "a", buffering=1)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["type"] == "hello":
        print(json.dumps({"type": "ready", "protocol": 1, "operations": ["store"]}), flush=True)
    elif asked["type"] == "begin":
        for operation in asked["operations"]:
            notes.write(operation["input"] + "\n")
        results = [{"id": operation["id"], "duration_ns": 1000} for operation in asked["operations"]]
        print(json.dumps({"type": "done", "results": results}), flush=True)
"#;

/// A mix of three kinds: 60 % of two http operations, 30 % of a program that answers, 10 % of one that is started.
fn mix(url: &str, folder: &str, more: &str) -> String {
    format!(
        r#"
name = "mixed"

[[workloads]]
kind = "http"
weight = 60

[[workloads.operations]]
name = "even"
weight = 3
url = "{url}/item/2"

[[workloads.operations]]
name = "odd"
url = "{url}/item/3"

[[workloads]]
name = "storing"
kind = "process"
weight = 30
command = ["python3", "noting.py"]
cwd = "{folder}"

[[workloads.operations]]
name = "store"
input = "process {{{{sequence}}}}"

[[workloads]]
kind = "command"
weight = 10

[[workloads.operations]]
name = "batch"
command = ["sh", "-c", "echo command {{{{sequence}}}} >> command.notes"]
cwd = "{folder}"

[load]
workers = 4
iterations = {ITERATIONS}

[limits]
steal = 1.0
foreign_cpu = 1.0
{more}
"#
    )
}

fn run(scene: &Scene, job: &str) -> (Said, Value) {
    scene.write("noting.py", NOTING);
    scene.write("mixed.toml", job);
    let said = scene.run(&["run", "mixed.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

fn notes(scene: &Scene, name: &str) -> Vec<String> {
    let notes = fs::read_to_string(scene.path().join(name)).expect("the program wrote it");
    notes.lines().map(str::to_owned).collect()
}

#[test]
fn what_each_workload_did_is_counted_where_it_was_done() {
    let scene = Scene::new();
    let witness = Witness::start();
    let claims = "
        [[claims]]\nmetric = \"even.latency.p95\"\nbelow = \"1m\"\n
        [[claims]]\nmetric = \"store.latency.p95\"\nbelow = \"1m\"\n
        [[claims]]\nmetric = \"batch.latency.p95\"\nbelow = \"1m\"\n";
    let job = mix(&witness.url(), &scene.path().display().to_string(), claims);
    let (said, report) = run(&scene, &job);
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(&report);
    let count = |name: &str| whole(operation(trial, name), "count");
    assert_eq!(whole(altogether(trial), "count"), ITERATIONS);
    assert_eq!(altogether(trial)["errors"], json!({}));
    let seen = witness.seen();
    let seen = |line: &str| seen.iter().filter(|seen| *seen == line).count() as u64;
    assert_eq!((count("even"), count("odd")), (seen("GET /item/2 200"), seen("GET /item/3 200")));
    assert_eq!(count("store"), notes(&scene, "process.notes").len() as u64);
    assert_eq!(count("batch"), notes(&scene, "command.notes").len() as u64);
    // What only one of the kinds measures stays with its operations.
    assert_eq!(whole(&operation(trial, "batch")["metrics"]["cpu_time"], "count"), count("batch"));
    assert_eq!(operation(trial, "even")["metrics"].get("cpu_time"), None);
    // Five standard deviations of a binomial share each.
    for (name, share) in [("even", 0.45), ("odd", 0.15), ("store", 0.3), ("batch", 0.1)] {
        let (expected, total) = (share * ITERATIONS as f64, ITERATIONS as f64);
        let off = (count(name) as f64 - expected).abs();
        assert!(off < 5.0 * (total * share * (1.0 - share)).sqrt(), "{name}: {} of {expected}", count(name));
    }
    let verdicts: Vec<&Value> = list(&report["claims"]).iter().map(|claim| &claim["verdict"]).collect();
    assert_eq!(verdicts, ["supported"; 3], "{:#}", report["claims"]);
}

#[test]
fn no_number_of_a_sequence_comes_twice_in_a_mix() {
    let scene = Scene::new();
    let witness = Witness::start();
    let (said, _) = run(&scene, &mix(&witness.url(), &scene.path().display().to_string(), ""));
    assert_eq!(said.code, 0, "{said:?}");
    let number = |line: &String| line.split(' ').nth(1).unwrap().parse::<u64>().unwrap();
    let mut numbers: Vec<u64> = ["process.notes", "command.notes"]
        .iter()
        .flat_map(|file| notes(&scene, file))
        .map(|line| number(&line))
        .collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all);
}

#[test]
fn one_workload_that_fails_is_named_and_the_others_are_done() {
    let scene = Scene::new();
    // A port that was free a moment ago, and where nobody listens.
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let job = mix(&format!("http://{gone}"), &scene.path().display().to_string(), "");
    let (said, report) = run(&scene, &job);
    assert_eq!((said.code, text(&report["run"]["verdict"])), (3, "invalid"), "{said:?}");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), ITERATIONS);
    for name in ["even", "odd"] {
        let failed = operation(trial, name);
        assert_eq!(failed["errors"], json!({ "connect": whole(failed, "count") }), "{name}");
    }
    for (name, file) in [("store", "process.notes"), ("batch", "command.notes")] {
        let done = operation(trial, name);
        assert_eq!(done["errors"], json!({}), "{name}");
        assert_eq!(whole(done, "count"), notes(&scene, file).len() as u64, "{name}");
    }
}

#[test]
fn an_agent_must_allow_every_kind_of_a_mix() {
    let scene = Scene::new();
    let witness = Witness::start();
    scene.write("noting.py", NOTING);
    scene.write("mixed.toml", &mix(&witness.url(), &scene.path().display().to_string(), ""));
    let coordinator = Coordinator::start(&scene, "store");
    let agent = Agent::start(&scene, &coordinator.url, "careful", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let words = ["run", "mixed.toml", "--coordinator", &coordinator.url, "--wait=false"];
    let refused = scene.run(&words);
    assert!([69, 77].contains(&refused.code), "{refused:?}");
    assert!(refused.errors.contains("process"), "{refused:?}");
    assert!(witness.seen().is_empty());
    drop(agent);
    let allowed = ["--allow", "command", "--allow", "process"];
    let _agent = Agent::start(&scene, &coordinator.url, "willing", &allowed);
    wait_for_agents(&scene, &coordinator.url, 1);
    let said = scene.run(&words);
    assert_eq!(said.code, 0, "{said:?}");
}
