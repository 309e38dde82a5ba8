//! Invariant *counted_once*: through any reconnects what is stored is what the agents counted, nothing lost and
//! nothing twice; and an agent that does not come back ends the run, by name.

use std::time::{Duration, Instant};

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::proxy::Proxy;
use fleetmark_tests::readings::{agents, altogether, findings, only_trial, text, whole};
use fleetmark_tests::running::Running;
use fleetmark_tests::seed::dice;
use rand::RngExt;
use rustix::process::Signal;
use serde_json::Value;

/// Four connections against a target of 2 ms need about six seconds for them.
const ITERATIONS: u64 = 12_000;
const LOAD: &str = "workers = 4\niterations = 12000";
const TWO_AGENTS: &str = "[fleet]\nagents = 2";
/// How long a run may take on a busy machine, with all that is done to it.
const ENDS_WITHIN: Duration = Duration::from_secs(90);
const WITHIN: Duration = Duration::from_secs(20);
/// Bytes after which connections are cut: from within a greeting to a second of intervals.
const CUT_AFTER: std::ops::Range<usize> = 1..5_000;
/// The same if fewer pass: agents that wait to come back say nothing.
const CUT_WITHIN: Duration = Duration::from_secs(1);
/// Short enough that the agents are still measuring at the last of them.
const CUTS: usize = 6;
const CLOSED_FOR: Duration = Duration::from_secs(3);
const STOPPED_FOR: Duration = Duration::from_secs(2);

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    agents: [Agent; 2],
}

impl Stage {
    /// `between` is where the agents call, given where the coordinator listens.
    fn new(load: &str, more: &[&str], between: impl FnOnce(&str) -> String) -> Self {
        let scene = Scene::new();
        scene.write("job.toml", &job::with_target("counted", load, 3, TWO_AGENTS));
        let coordinator =
            Coordinator::start_under(&scene, "store", &[], &[&["--listen", "127.0.0.1:0"], more].concat());
        let called = between(&coordinator.url);
        let agents = ["one", "two"].map(|name| Agent::start(&scene, &called, name, &["--allow", "command"]));
        wait_for_agents(&scene, &coordinator.url, 2);
        Self { scene, coordinator, agents }
    }

    /// Starts the run and waits until it measures.
    fn begin(&self) -> Running {
        let words = ["run", "job.toml", "--coordinator", &self.coordinator.url, "--json", "report.json"];
        let mut run = Running::start(&self.scene, &words);
        run.wait_until_it_says("running: started");
        run
    }

    /// The run finished, and every iteration was counted once.
    fn all_is_counted_once(&self, run: Running) {
        let said = run.end(ENDS_WITHIN);
        assert_eq!(said.code, 0, "{said:?}");
        let report = self.scene.json("report.json");
        assert_eq!(report["run"]["state"], "finished");
        let trial = only_trial(&report);
        assert_eq!(whole(altogether(trial), "count"), ITERATIONS);
        let by_agent: Vec<u64> =
            agents(trial).iter().map(|agent| whole(altogether(agent), "count")).collect();
        assert_eq!(by_agent, [ITERATIONS / 2; 2]);
        let coverage = &trial["coverage"];
        assert_eq!(coverage["agents_finished"], 2, "{coverage}");
        assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
        let url = &self.coordinator.url;
        let check = self.scene.run(&["store", "check", "--coordinator", url]);
        assert_eq!(check.code, 0, "{check:?}");
    }
}

#[test]
fn counted_once_through_a_network_that_is_cut() {
    let mut dice = dice();
    let mut proxy = None;
    let stage = Stage::new(LOAD, &[], |coordinator| proxy.insert(Proxy::start(coordinator)).url.clone());
    let proxy = proxy.expect("the agents call it");
    let run = stage.begin();
    for cut in 1..=CUTS {
        if cut == CUTS / 2 {
            proxy.close();
            // How long the network is away is what is tested; no state is waited for.
            std::thread::sleep(CLOSED_FOR);
            proxy.open();
        } else {
            let bytes = dice.random_range(CUT_AFTER);
            proxy.cut_after(bytes, CUT_WITHIN);
            println!("cut {cut}: after {bytes} bytes at most");
        }
    }
    stage.all_is_counted_once(run);
    assert!(proxy.cuts() >= CUTS);
}

#[test]
fn counted_once_while_the_coordinator_stands_still() {
    let stage = Stage::new(LOAD, &[], ToOwned::to_owned);
    let run = stage.begin();
    for _ in 0..2 {
        stage.coordinator.process.signal(Signal::STOP);
        // How long it stands still is what is tested; no state is waited for.
        std::thread::sleep(STOPPED_FOR);
        stage.coordinator.process.signal(Signal::CONT);
        let answers = stage.scene.run(&["agents", "--coordinator", &stage.coordinator.url]);
        assert_eq!(answers.code, 0, "{answers:?}");
    }
    stage.all_is_counted_once(run);
}

#[test]
fn agents_survive_the_coordinator() {
    let mut stage = Stage::new(LOAD, &[], ToOwned::to_owned);
    let address = stage.coordinator.url.trim_start_matches("http://").to_owned();
    let mut run = stage.begin();
    for _ in 0..2 {
        stage.coordinator.process.kill();
        run.wait_until_it_says("the agents measure on");
        stage.coordinator = Coordinator::start_on(&stage.scene, "store", &address);
        wait_for_agents(&stage.scene, &stage.coordinator.url, 2);
    }
    stage.all_is_counted_once(run);
}

#[test]
fn an_agent_that_dies_ends_the_run_by_name_and_what_it_measured_is_kept() {
    let load = "workers = 4\nduration = \"60s\"";
    let mut stage = Stage::new(load, &["--lost-after", "2s"], ToOwned::to_owned);
    let run = stage.begin();
    wait_for("intervals of both agents to be acknowledged", WITHIN, || {
        let told = |name| fleetmark_tests::acknowledged::by_log_of(&stage.scene, name).into_values().max();
        (told("one") >= Some(1) && told("two") >= Some(1)).then_some(())
    });
    stage.agents[1].process.kill();
    let killed_at = Instant::now();
    let said = run.end(Duration::from_secs(30));
    println!("the run ended {:?} after the agent", killed_at.elapsed());
    assert_eq!(said.code, 3, "{said:?}");

    let report = stage.scene.json("report.json");
    assert_eq!(report["run"]["state"], "failed");
    assert!(text(&report["run"]["reason"]).contains("agent two was lost"), "{}", report["run"]);
    let lost = findings(&report, "agent_lost");
    assert!(matches!(&lost[..], [message] if message.contains("agent two")), "{lost:?}");
    let trial = only_trial(&report);
    let of_two: &Value =
        agents(trial).iter().find(|agent| agent["name"] == "two").expect("the lost agent is shown");
    assert!(whole(altogether(of_two), "count") > 0, "what it measured is kept");
    assert_eq!(trial["valid"], false);
    assert_eq!(
        trial["coverage"]["agents_finished"], 0,
        "neither could measure to the end: {}",
        trial["coverage"]
    );

    let url = &stage.coordinator.url;
    wait_for("the other agent to be free", WITHIN, || {
        let agents = stage.scene.run(&["agents", "--coordinator", url, "--json"]).json();
        (agents.as_array()?.iter().all(|agent| agent["state"] == "idle")).then_some(())
    });
    let again =
        ["run", "job.toml", "--coordinator", url, "--set", "load.duration=1s", "--set", "fleet.agents=1"];
    let said = stage.scene.run(&again);
    assert_eq!(said.code, 0, "{said:?}");
}
