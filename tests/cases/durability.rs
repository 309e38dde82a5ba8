//! Invariant *acked_is_durable*, as a whole: a coordinator that is killed at any moment loses nothing that it
//! acknowledged, ends its run as failed with a reason, and its agents serve the next one.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fleetmark_tests::acknowledged::{self, Acknowledged};
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::{Process, with_command_line};
use fleetmark_tests::seed::dice;
use fleetmark_tests::stored;
use rand::RngExt;

/// How often the coordinator is killed.
const KILLS: usize = 20;
/// Long enough for a kill at any of its moments, short enough for twenty.
const LOAD: &str = "workers = 2\nduration = \"400ms\"\ntrials = 3";
/// Kills at a random moment come within this: what a run takes from its submission to its last trial.
const MOMENTS: std::ops::Range<u64> = 50..2_000;
/// Kills that follow an acknowledgement come this late at most: into the middle of what follows it.
const MOMENTS_AFTER_ACKNOWLEDGEMENT: std::ops::Range<u64> = 0..30;
/// How long anything that must come may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);
const AGENTS: [&str; 2] = ["one", "two"];

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    agents: Vec<Agent>,
    /// What stands on the targets' command lines.
    mark: u64,
}

impl Stage {
    fn new(mark: u64) -> Self {
        let scene = Scene::new();
        scene.write("job.toml", &job::with_target("killed", LOAD, mark, "[fleet]\nagents = 2"));
        let coordinator = Coordinator::start(&scene, "store");
        let agents =
            AGENTS.map(|name| Agent::start(&scene, &coordinator.url, name, &["--allow", "command"])).into();
        wait_for_agents(&scene, &coordinator.url, AGENTS.len());
        Self { scene, coordinator, agents, mark }
    }

    fn begin_run(&self) -> Process {
        let said = File::create(self.scene.path().join("run.said")).expect("a file for what is said");
        let mut command =
            self.scene.command(&["run", "job.toml", "--coordinator", &self.coordinator.url, "--quiet"]);
        Process::start("run", command.stdout(Stdio::null()).stderr(said))
    }

    fn acknowledged(&self) -> BTreeMap<&'static str, Acknowledged> {
        AGENTS.map(|name| (name, acknowledged::by_log_of(&self.scene, name))).into()
    }

    /// Kills the coordinator and starts it again where it was.
    fn kill_and_restart(&mut self) {
        self.coordinator.process.kill();
        let address = self.coordinator.url.trim_start_matches("http://").to_owned();
        self.coordinator = Coordinator::start_on(&self.scene, "store", &address);
        wait_for_agents(&self.scene, &self.coordinator.url, AGENTS.len());
    }

    /// Everything that any agent was told is on disk is there; returns how many intervals that were, by run.
    fn check_acknowledged(&self) -> BTreeMap<String, usize> {
        let ids = self.agent_ids();
        let mut checked = BTreeMap::new();
        for (name, acknowledged) in self.acknowledged() {
            for (trial, through) in acknowledged {
                let run = trial.split('/').next().expect("a trial names its run").to_owned();
                let stored =
                    stored::intervals(&self.coordinator.url, &run).expect("an acknowledged run is readable");
                for sequence in 0..=through {
                    let address =
                        stored::Address { trial: trial.clone(), agent: ids[name].clone(), sequence };
                    assert!(stored.contains_key(&address), "acknowledged to {name} and lost: {address:?}");
                    *checked.entry(run.clone()).or_default() += 1;
                }
            }
        }
        checked
    }

    fn agent_ids(&self) -> BTreeMap<String, String> {
        let agents = self.scene.run(&["agents", "--coordinator", &self.coordinator.url, "--json"]).json();
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        agents
            .as_array()
            .expect("a list")
            .iter()
            .map(|agent| (text(&agent["name"]), text(&agent["id"])))
            .collect()
    }

    /// Every run is over, and says why if it failed.
    fn check_runs(&self) {
        let url = &self.coordinator.url;
        for run in
            self.scene.run(&["runs", "--coordinator", url, "--json"]).json().as_array().expect("a list")
        {
            assert_eq!(run["damage"], serde_json::Value::Null, "{run}");
            let state = run["state"].as_str().expect("a state");
            assert!(matches!(state, "failed" | "finished"), "a run under a dead coordinator is over: {run}");
            if state == "failed" {
                let id = run["id"].as_str().expect("an id");
                let report = self.scene.run(&["show", id, "--coordinator", url, "--json"]).json();
                let reason = report["run"]["reason"].as_str().unwrap_or_default();
                assert!(reason.contains("the coordinator ended"), "{}", report["run"]);
            }
        }
        let check = self.scene.run(&["store", "check", "--coordinator", url]);
        assert_eq!(check.code, 0, "{check:?}");
    }
}

#[test]
fn acked_is_durable() {
    let mut dice = dice();
    let mut stage = Stage::new(dice.random_range(1_000_000..1_000_000_000_u64));
    let mark = job::seed_word(stage.mark);
    for kill in 0..KILLS {
        let before: u64 = acknowledgements(&stage);
        let mut run = stage.begin_run();
        let moment = if kill % 2 == 0 {
            dice.random_range(MOMENTS)
        } else {
            let more = dice.random_range(1..=4);
            wait_for("acknowledgements", WITHIN, || {
                (acknowledgements(&stage) >= before + more).then_some(())
            });
            dice.random_range(MOMENTS_AFTER_ACKNOWLEDGEMENT)
        };
        // The moment itself is what is rolled: no state is waited for here.
        std::thread::sleep(Duration::from_millis(moment));
        let killed_at = Instant::now();
        stage.kill_and_restart();
        println!("kill {kill}: after {moment} ms, back after {:?}", killed_at.elapsed());
        run.wait(WITHIN);
        stage.check_acknowledged();
        stage.check_runs();
        wait_for("the dead run's target to go", WITHIN, || with_command_line(&mark).is_empty().then_some(()));
    }
    let checked = stage.check_acknowledged();
    println!("acknowledged intervals by run: {checked:?}");
    assert!(
        checked.len() >= KILLS / 2,
        "too few runs were acknowledged anything to prove something: {checked:?}"
    );

    let said = stage.scene.run(&["run", "job.toml", "--coordinator", &stage.coordinator.url]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        stage.agents.iter_mut().all(|agent| agent.process.is_running()),
        "agents survive their coordinator"
    );
}

/// How many intervals have been acknowledged to all agents in all trials.
fn acknowledgements(stage: &Stage) -> u64 {
    stage.acknowledged().values().flat_map(BTreeMap::values).map(|through| through + 1).sum()
}
