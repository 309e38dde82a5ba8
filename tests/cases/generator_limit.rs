//! Asked for more than it can do, the generator ends in time, says so, and takes no more memory than ever.

use std::time::{Duration, Instant};

use bench::arrival_recorder::ArrivalRecorder;
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::process::peak_memory_bytes;
use fleetmark_tests::readings::{altogether, findings, only_trial, whole};
use serde_json::{Value, json};

const WINDOW: Duration = Duration::from_secs(5);
const DRAIN: Duration = Duration::from_secs(2);
/// What a run takes beside its window: preparing, starting together, collecting, on a busy machine.
const AROUND: Duration = Duration::from_secs(10);

/// What became of a rate.
struct Asked {
    report: Value,
    lasted: Duration,
    agent_peak_bytes: u64,
}

/// Asks a fresh agent for a rate, from one thread.
fn ask_for(rate_per_s: u32) -> Asked {
    let (scene, server) = (Scene::new(), ArrivalRecorder::start().expect("a server"));
    let coordinator = Coordinator::start(&scene, "store");
    let agent = Agent::start(&scene, &coordinator.url, "one", &[]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let load = format!(
        "model = \"open\"\nrate = {rate_per_s}\nthreads = 1\nworkers = 64\nduration = \"{}s\"\ndrain = \"{}s\"",
        WINDOW.as_secs(),
        DRAIN.as_secs()
    );
    scene.write("job.toml", &job::against("limit", &server.url(), &load, ""));
    let begun = Instant::now();
    let words = ["run", "job.toml", "--quiet", "--coordinator", &coordinator.url, "--json", "report.json"];
    let said = scene.run(&words);
    let lasted = begun.elapsed();
    assert!([0, 3].contains(&said.code), "{said:?}");
    let agent_peak_bytes = peak_memory_bytes(agent.process.pid()).expect("the agent still runs");
    Asked { report: scene.json("report.json"), lasted, agent_peak_bytes }
}

#[test]
fn a_million_a_second_is_refused_by_the_figures_and_not_by_the_memory() {
    let modest = ask_for(1_000);
    assert_eq!(whole(altogether(only_trial(&modest.report)), "count"), 5_000);
    let absurd = ask_for(1_000_000);

    let trial = only_trial(&absurd.report);
    assert_eq!((&trial["valid"], &absurd.report["run"]["verdict"]), (&json!(false), &json!("invalid")));
    let messages = findings(&absurd.report, "generator_saturated");
    assert!(!messages.is_empty(), "{:#}", trial["findings"]);
    assert!(absurd.lasted < WINDOW + DRAIN + AROUND, "it took {:?}", absurd.lasted);

    let all = altogether(trial);
    assert_eq!(whole(all, "count") + whole(all, "unsent"), 5_000_000, "nothing that was due is forgotten");
    let reached = all["throughput_per_s"].as_f64().expect("the rate that it reached");
    assert!((1_000.0..1_000_000.0).contains(&reached), "{reached} a second");

    let (least, most) = (modest.agent_peak_bytes as f64, absurd.agent_peak_bytes as f64);
    println!("{reached:.0} a second; {:.1} MiB and {:.1} MiB", least / 1048576.0, most / 1048576.0);
    assert!(most <= 1.1 * least, "{most} bytes at a million a second, {least} at a thousand");
}
