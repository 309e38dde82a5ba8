//! Two commands in one folder: they share one coordinator, neither depends on the other's life, and nothing of a
//! killed one is left behind.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::family::{self, Family, Member};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::{Process, with_command_line};
use serde_json::Value;

/// How long anything that must come may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(40);
/// How long what a killed command started may outlive it: its target has 5 s to end in order.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// What is measured for two seconds, and what would be for a minute if nobody killed it.
const SHORT: &str = "workers = 2\nduration = \"2s\"";
const LONG: &str = "workers = 2\nduration = \"60s\"";
/// A run whose own agents are dead waits for others no longer than this.
const START_TIMEOUT: &str = "[fleet]\nstart_timeout = \"3s\"";

/// A `fleetmark run` under way.
struct Running {
    process: Process,
    name: String,
    errors: PathBuf,
    mark: String,
}

impl Running {
    fn begin(scene: &Scene, name: &str, load: &str) -> Self {
        // Unique among all tests that run now: this process and the job's name.
        let mark = u64::from(std::process::id()) * 1_000 + name.bytes().map(u64::from).sum::<u64>();
        scene.write(&format!("{name}.toml"), &job::with_target(name, load, mark, START_TIMEOUT));
        let errors = scene.path().join(format!("{name}.err"));
        let said = File::create(&errors).expect("a file for what is said");
        let mut command = scene.command(&["run", &format!("{name}.toml")]);
        let process = Process::start(name, command.stdout(Stdio::null()).stderr(said));
        Self { process, name: name.to_owned(), errors, mark: job::seed_word(mark) }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.errors).expect("what was said is text")
    }

    fn wait_until_it_measures(&self) {
        wait_for("the trial's start", WITHIN, || self.said().contains("running: started").then_some(()));
    }

    /// What it started for itself: everything but the coordinator, which serves others too.
    fn family(&self) -> Vec<Member> {
        family::of(self.process.pid()).into_iter().filter(|member| !member.is_a("coordinator")).collect()
    }

    fn finishes(&mut self) {
        let status = self.process.wait(WITHIN);
        assert_eq!(status.code(), Some(0), "{}: {}", self.name, self.said());
    }

    /// Kills the command, and holds that its family goes with it.
    fn kill_with_family(&mut self, parts: &[&str]) {
        let family = Family(self.family());
        for part in parts {
            assert!(family.0.iter().any(|member| member.is_a(part)), "no {part} among {family:?}");
        }
        self.process.kill();
        let mark = self.mark.clone();
        wait_for("the family to go", GONE_WITHIN, || {
            (family.is_gone() && with_command_line(&mark).is_empty()).then_some(())
        });
    }
}

/// The newest run of a job, as listed.
fn listed(scene: &Scene, name: &str) -> Option<Value> {
    let runs = scene.run(&["runs", "--json"]);
    assert_eq!(runs.code, 0, "{runs:?}");
    runs.json().as_array().expect("a list").iter().find(|run| run["name"] == name).cloned()
}

fn wait_until_listed(scene: &Scene, name: &str, state: &str) -> String {
    let run = wait_for(&format!("{name} to be {state}"), WITHIN, || {
        listed(scene, name).filter(|run| run["state"] == state)
    });
    run["id"].as_str().expect("an id").to_owned()
}

/// A killed command's run has failed, and says why.
fn failed_with_a_reason(scene: &Scene, name: &str) {
    let run = wait_until_listed(scene, name, "failed");
    let shown = scene.run(&["show", &run, "--json"]).json();
    let reason = shown["run"]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("agent"), "it says whom it lost: {reason:?}");
}

/// Only one coordinator ever served the folder, and it ends when nobody needs it.
fn one_coordinator_that_ends(scene: &Scene) {
    let store = scene.path().join(".fleetmark");
    wait_for("the coordinator to end by itself", WITHIN, || {
        (!store.join("coordinator.address").exists()).then_some(())
    });
    let log = fs::read_to_string(store.join("server.log")).expect("the servers' log");
    assert_eq!(log.matches("fleetmark coordinator listens on").count(), 1, "{log}");
}

#[test]
fn two_runs_in_one_folder_share_a_coordinator_and_both_finish() {
    let scene = Scene::new();
    let mut first = Running::begin(&scene, "first", SHORT);
    let mut second = Running::begin(&scene, "second", SHORT);
    for name in ["first", "second"] {
        let run = wait_for("the run to be listed", WITHIN, || listed(&scene, name));
        let shown = scene.run(&["show", run["id"].as_str().expect("an id"), "--json"]);
        assert_eq!(shown.code, 0, "{shown:?}");
    }
    first.finishes();
    second.finishes();
    for name in ["first", "second"] {
        wait_until_listed(&scene, name, "finished");
    }
    one_coordinator_that_ends(&scene);
}

#[test]
fn the_other_run_goes_on_when_the_command_that_began_first_is_killed() {
    let scene = Scene::new();
    let mut first = Running::begin(&scene, "first", LONG);
    first.wait_until_it_measures();
    let mut second = Running::begin(&scene, "second", SHORT);
    wait_until_listed(&scene, "second", "queued");
    first.kill_with_family(&["agent", "guard", "target"]);
    second.finishes();
    failed_with_a_reason(&scene, "first");
    wait_until_listed(&scene, "second", "finished");
    one_coordinator_that_ends(&scene);
}

#[test]
fn the_other_run_goes_on_when_the_command_that_came_second_is_killed() {
    let scene = Scene::new();
    let mut first = Running::begin(&scene, "first", SHORT);
    first.wait_until_it_measures();
    let mut second = Running::begin(&scene, "second", LONG);
    wait_until_listed(&scene, "second", "queued");
    second.kill_with_family(&["agent"]);
    first.finishes();
    failed_with_a_reason(&scene, "second");
    wait_until_listed(&scene, "first", "finished");
    one_coordinator_that_ends(&scene);
}
