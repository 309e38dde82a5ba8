//! Workloads of people's own, from end to end: the example in Python at its pace, programs that misbehave, and what an agent's
//! policy says of them.

use std::time::Duration;

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{only_trial, operation, text, whole};
use fleetmark_tests::running::wait_until_all_are_gone;
use fleetmark_tests::suites::scene_with;
use serde_json::{Value, json};

/// Far longer than a program takes to be killed.
const GONE_WITHIN: Duration = Duration::from_secs(20);

fn run(scene: &Scene, words: &[&str]) -> (Said, Value) {
    let said = scene.run(&[&["run", "process.toml", "--json", "report.json"], words].concat());
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

#[test]
fn the_example_in_python_does_ten_thousand_operations_a_second_at_our_pace() {
    let scene = scene_with("process");
    // Nothing here is held to a time: the machine may be busy.
    let (said, report) = run(&scene, &["--set", "load.drain=30s"]);
    let trial = only_trial(&report);
    let all = operation(trial, "*");
    let lag_ns = all["send_lag_ns"]["p99"].as_f64().expect("send lag is reported");
    println!(
        "{:.0} operations/s of 10000 asked for, send lag p99 {:.3} ms, latency p99 {} ns",
        all["throughput_per_s"].as_f64().unwrap_or_default(),
        lag_ns / 1e6,
        all["latency_ns"]["p99"]
    );
    assert_eq!((whole(all, "count"), whole(all, "unsent")), (50_000, 0), "{said:?}");
    assert_eq!(all["errors"], json!({}), "{all:#}");
    let service_ns = all["service_time_ns"]["p50"].as_f64().unwrap();
    assert!(service_ns < 1e6, "what the program measured, not what the pipes took: {service_ns}");
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

#[test]
fn a_closed_loop_over_a_program_is_as_quick_as_its_answers_come() {
    let scene = scene_with("process");
    let closed = scene.path().join("process.toml");
    let text = std::fs::read_to_string(&closed).unwrap();
    let text = text
        .replace("model = \"open\"\nrate = 10000\n", "")
        .replace("duration = \"5s\"", "iterations = 5000");
    std::fs::write(&closed, text).unwrap();
    let (said, report) = run(&scene, &["--set", "load.warmup=0s", "--set", "load.threads=1"]);
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(&report);
    assert_eq!(whole(operation(trial, "*"), "count"), 5_000);
    assert_eq!(operation(trial, "*")["errors"], json!({}));
}

#[test]
fn a_program_that_dies_in_the_middle_leaves_no_hang_and_no_child() {
    let scene = scene_with("process");
    let program = std::fs::read_to_string(scene.path().join("workload.py")).unwrap();
    let dying = program.replace("STORE[key] = len(STORE)", "sys.exit('out of luck')");
    assert_ne!(program, dying);
    scene.write("workload.py", &dying.replace("except Exception", "except ValueError"));
    let (said, report) = run(&scene, &["--set", "load.duration=1s", "--set", "load.rate=200"]);
    assert_eq!((said.code, &report["run"]["verdict"]), (3, &json!("invalid")), "{said:?}");
    let write = operation(only_trial(&report), "*");
    assert!(write["errors"]["closed"].as_u64().is_some_and(|count| count > 10), "{:#}", write["errors"]);
    let message = text(&write["error_samples"][0]["message"]);
    assert!(message.contains("while it was needed: out of luck"), "{message}");
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

#[test]
fn a_program_that_does_not_know_an_operation_says_so_in_the_report() {
    let scene = scene_with("process");
    let job = std::fs::read_to_string(scene.path().join("process.toml")).unwrap();
    scene.write("process.toml", &job.replace("name = \"write\"", "name = \"remove\""));
    let (said, report) = run(&scene, &["--set", "load.duration=1s", "--set", "load.rate=100"]);
    assert_eq!(said.code, 3, "{said:?}");
    let all = operation(only_trial(&report), "*");
    let message = text(&all["error_samples"][0]["message"]);
    assert!(message.contains("does not know the operation \"remove\""), "{message}");
    assert_eq!(all["errors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["protocol"]);
}

#[test]
fn an_agent_must_allow_programs_of_people_by_name() {
    let scene = scene_with("process");
    let coordinator = Coordinator::start(&scene, "store");
    let agent = Agent::start(&scene, &coordinator.url, "careful", &[]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let words = ["run", "process.toml", "--coordinator", &coordinator.url, "--wait=false"];
    let refused = scene.run(&words);
    assert!([69, 77].contains(&refused.code), "{refused:?}");
    assert!(refused.errors.contains("process"), "{refused:?}");
    drop(agent);
    let _agent = Agent::start(&scene, &coordinator.url, "willing", &["--allow", "process"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let quick = ["--set", "load.duration=1s", "--set", "load.rate=100"];
    let allowed = scene.run(&[&words[..], &quick].concat());
    assert_eq!(allowed.code, 0, "{allowed:?}");
}
