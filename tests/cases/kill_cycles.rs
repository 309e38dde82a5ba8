//! Coordinator and agents are killed again and again, at moments that dice choose: every run ends and says why, nothing
//! acknowledged is lost, nothing is counted twice, and the next run finds all as if nothing had been.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use fleetmark_tests::acknowledged;
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{agents, altogether, list, text, trials, whole};
use fleetmark_tests::running::Running;
use fleetmark_tests::seed::dice;
use fleetmark_tests::stored::{self, Address};
use fleetmark_tests::target::Target;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

/// The environment variable that says how many cycles there are.
const CYCLES_VARIABLE: &str = "FLEETMARK_KILL_CYCLES";
/// How many there are without it.
const CYCLES: usize = 10;
const AGENTS: [&str; 3] = ["one", "two", "three"];
/// Long enough to be killed anywhere in it, short enough for many.
const LOAD: &str = "workers = 3\nduration = \"1200ms\"\ntrials = 2";
/// Kills come so late after the run was asked for, milliseconds: what it takes from there to its end.
const MOMENTS_MS: std::ops::Range<u64> = 0..3_500;
/// Longer than agents that live take to come back: only those that were killed are lost, as their successors take
/// their names.
const LOST_AFTER: &str = "15s";
/// How long a run may take, with all that is done to it.
const ENDS_WITHIN: Duration = Duration::from_secs(45);
const WITHIN: Duration = Duration::from_secs(20);

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Victims {
    Coordinator,
    Agent,
    Both,
}

const TURNS: [Victims; 3] = [Victims::Coordinator, Victims::Agent, Victims::Both];

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    agents: [Agent; 3],
    target: Target,
}

impl Stage {
    fn new() -> Self {
        let scene = Scene::new();
        let target = Target::start(&scene, &["--latency", "2ms"]);
        scene.write("job.toml", &job::against("killed", &target.url(), LOAD, "[fleet]\nagents = 3"));
        let coordinator = coordinator(&scene, "127.0.0.1:0");
        let agents = AGENTS.map(|name| Agent::start(&scene, &coordinator.url, name, &[]));
        wait_for_agents(&scene, &coordinator.url, AGENTS.len());
        Self { scene, coordinator, agents, target }
    }

    /// Kills at one moment, and starts again where they were.
    fn kill_and_restart(&mut self, victims: Victims, agent: usize) {
        if victims != Victims::Agent {
            self.coordinator.process.kill();
        }
        if victims != Victims::Coordinator {
            self.agents[agent].process.kill();
        }
        if victims != Victims::Agent {
            let address = self.coordinator.url.trim_start_matches("http://").to_owned();
            self.coordinator = coordinator(&self.scene, &address);
        }
        if victims != Victims::Coordinator {
            self.agents[agent] = Agent::start(&self.scene, &self.coordinator.url, AGENTS[agent], &[]);
        }
    }

    /// The list of runs.
    fn runs(&self) -> Vec<Value> {
        let said = self.scene.run(&["runs", "--coordinator", &self.coordinator.url, "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        list(&said.json()).clone()
    }

    /// The run that is not among those known before; `None`: it was never accepted.
    fn run_beside(&self, known: &BTreeSet<String>) -> Option<String> {
        let ids = self.runs().into_iter().map(|run| text(&run["id"]).to_owned());
        ids.into_iter().find(|id| !known.contains(id))
    }

    /// Waits until a run is over; gives its report.
    fn report(&self, run: &str) -> Value {
        wait_for("the run to be over", ENDS_WITHIN, || {
            let runs = self.runs();
            let listed =
                runs.iter().find(|listed| listed["id"] == run).expect("a run that was accepted stays");
            assert_eq!(listed["damage"], Value::Null, "{listed}");
            matches!(text(&listed["state"]), "finished" | "failed").then_some(())
        });
        self.scene.run(&["show", run, "--coordinator", &self.coordinator.url, "--json"]).json()
    }

    /// What all agents' logs say was acknowledged of a run is stored; gives how many intervals that were.
    fn check_acknowledged(&self, run: &str, report: &Value, stored: &BTreeMap<Address, u64>) -> u64 {
        let mut checked = 0;
        for name in AGENTS {
            let of_name = trials(report).iter().flat_map(agents).filter(|agent| agent["name"] == name);
            // A process that was started anew is another agent of the name.
            let ids: BTreeSet<&str> = of_name.map(|agent| text(&agent["id"])).collect();
            let of_run = acknowledged::by_log_of(&self.scene, name);
            for (trial, through) in of_run.into_iter().filter(|(trial, _)| trial.starts_with(run)) {
                let is_stored = |id: &&str, sequence| {
                    stored.contains_key(&Address { trial: trial.clone(), agent: (*id).to_owned(), sequence })
                };
                let is_whole = ids.iter().any(|id| (0..=through).all(|sequence| is_stored(id, sequence)));
                assert!(is_whole, "acknowledged to {name} through {through} of {trial}: {stored:?}");
                checked += through + 1;
            }
        }
        checked
    }

    /// All agents are here and free.
    fn wait_until_all_are_free(&self) {
        wait_for("all agents to be free", WITHIN, || {
            let said = self.scene.run(&["agents", "--coordinator", &self.coordinator.url, "--json"]).json();
            let is_free = |agent: &Value| agent["state"] == "idle" && agent["lease"] == Value::Null;
            (list(&said).len() == AGENTS.len() && list(&said).iter().all(is_free)).then_some(())
        });
    }
}

fn coordinator(scene: &Scene, listen: &str) -> Coordinator {
    Coordinator::start_under(scene, "store", &[], &["--listen", listen, "--lost-after", LOST_AFTER])
}

/// What agents counted, by the stored intervals themselves, is what the report says of each and of all together;
/// gives how many operations that are.
fn check_counts(report: &Value, stored: &BTreeMap<Address, u64>) -> u64 {
    let mut by_agent: BTreeMap<String, u64> = BTreeMap::new();
    for (address, count) in stored {
        *by_agent.entry(address.agent.clone()).or_default() += count;
    }
    let mut told: BTreeMap<String, u64> = BTreeMap::new();
    for trial in trials(report) {
        let of_agents: u64 = agents(trial).iter().map(count).sum();
        assert_eq!(count(trial), of_agents, "a trial's count is the sum of its agents'");
        for agent in agents(trial) {
            *told.entry(text(&agent["id"]).to_owned()).or_default() += count(agent);
        }
    }
    told.retain(|_, count| *count > 0);
    by_agent.retain(|_, count| *count > 0);
    assert_eq!(told, by_agent, "the report says what is stored");
    told.values().sum()
}

/// Operations of a trial, or of an agent in it; an agent that was lost before it measured has none.
fn count(holder: &Value) -> u64 {
    if list(&holder["operations"]).is_empty() { 0 } else { whole(altogether(holder), "count") }
}

/// One run, during which somebody is killed.
fn play(stage: &mut Stage, victims: Victims, dice: &mut StdRng) -> String {
    let known: BTreeSet<String> = stage.runs().iter().map(|run| text(&run["id"]).to_owned()).collect();
    let served_before = stage.target.count();
    let policy = if dice.random() { "continue" } else { "fail" };
    let (moment_ms, agent) = (dice.random_range(MOMENTS_MS), dice.random_range(0..AGENTS.len()));
    let policy_word = format!("fleet.on_agent_loss={policy}");
    let words = ["run", "job.toml", "--coordinator", &stage.coordinator.url, "--set", &policy_word];
    let run = Running::start(&stage.scene, &words);
    // The moment itself is what is rolled: no state is waited for here.
    std::thread::sleep(Duration::from_millis(moment_ms));
    let killed = Instant::now();
    stage.kill_and_restart(victims, agent);
    let said = run.end(ENDS_WITHIN);
    wait_for_agents(&stage.scene, &stage.coordinator.url, AGENTS.len());
    let what = format!("{victims:?} after {moment_ms} ms, {policy}");
    let Some(id) = stage.run_beside(&known) else {
        assert_eq!(said.code, 69, "a run that was never accepted: {said:?}");
        stage.wait_until_all_are_free();
        return format!("{what}: never accepted");
    };
    let report = stage.report(&id);
    let ended = killed.elapsed();
    stage.wait_until_all_are_free();
    let stored = stored::intervals(&stage.coordinator.url, &id).expect("a run that is over can be read");
    let acknowledged = stage.check_acknowledged(&id, &report, &stored);
    let counted = check_counts(&report, &stored);
    let served = stage.target.count() - served_before;
    assert!(counted <= served, "{counted} were counted and {served} served");
    let is_whole = |trial: &Value| whole(&trial["coverage"], "agents_finished") == 3;
    if trials(&report).iter().all(is_whole) {
        assert_eq!(counted, served, "what the target served, nothing else and nothing twice");
    }
    let check = stage.scene.run(&["store", "check", "--coordinator", &stage.coordinator.url]);
    assert_eq!(check.code, 0, "{check:?}");
    let (state, reason) =
        (text(&report["run"]["state"]), report["run"]["reason"].as_str().unwrap_or_default());
    check_ending(victims, policy, state, reason);
    format!(
        "{what}: {state} {reason:?} {ended:.1?} after; {acknowledged} intervals acknowledged, {counted} of {served} counted"
    )
}

/// A run fails only by the loss of a killed agent, and only when its job says so.
fn check_ending(victims: Victims, policy: &str, state: &str, reason: &str) {
    if state == "finished" {
        return;
    }
    assert_ne!(victims, Victims::Coordinator, "agents and runs survive the coordinator: {reason}");
    assert_eq!(policy, "fail", "a run that goes on without an agent was ended: {reason}");
    assert!(reason.contains("was lost"), "a run that failed says why: {reason:?}");
}

#[test]
fn every_run_ends_and_nothing_is_lost_whoever_is_killed() {
    let cycles =
        std::env::var(CYCLES_VARIABLE).map_or(CYCLES, |count| count.parse().expect("a number of cycles"));
    let mut dice = dice();
    let mut stage = Stage::new();
    for cycle in 0..cycles {
        let outcome = play(&mut stage, TURNS[cycle % TURNS.len()], &mut dice);
        println!("cycle {cycle}: {outcome}");
    }
    let said = stage.scene.run(&["run", "job.toml", "--coordinator", &stage.coordinator.url]);
    assert_eq!(said.code, 0, "after all that, a run like any other: {said:?}");
}
