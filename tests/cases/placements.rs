//! Agents that do not share one load: each alone, pairs that meet, and such that only observe.

use std::time::Duration;

use fleetmark_tests::acknowledged;
use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::contract::departures;
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{agents, altogether, findings, list, only_trial, text, trials, whole};
use fleetmark_tests::running::Running;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(90);

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    agents: Vec<Agent>,
}

impl Stage {
    /// Agents of these names, each with a label of its own.
    fn new(names: &[(&str, &str)]) -> Self {
        let scene = Scene::new();
        let words = ["--listen", "127.0.0.1:0", "--lost-after", "2s"];
        let coordinator = Coordinator::start_under(&scene, "store", &[], &words);
        let start = |(name, role): &(&str, &str)| {
            let label = format!("role={role}");
            Agent::start(&scene, &coordinator.url, name, &["--allow", "command", "--label", &label])
        };
        let agents = names.iter().map(start).collect();
        wait_for_agents(&scene, &coordinator.url, names.len());
        Self { scene, coordinator, agents }
    }

    fn begin(&self, job: &str) -> Running {
        self.scene.write("job.toml", job);
        let words = ["run", "job.toml", "--coordinator", &self.coordinator.url, "--json", "report.json"];
        Running::start(&self.scene, &words)
    }

    /// Runs a job to its end; the report has what the contract says, and no more.
    fn run(&self, job: &str) -> (Said, Value) {
        self.ended(self.begin(job))
    }

    fn ended(&self, run: Running) -> (Said, Value) {
        let said = run.end(ENDS_WITHIN);
        let report = self.scene.json("report.json");
        assert_eq!(departures(&report), [""; 0], "{said:?}");
        (said, report)
    }

    /// Waits until a second of what an agent measured is stored.
    fn wait_until_it_measures(&self, agent: &str) {
        wait_for(&format!("intervals of {agent}"), WITHIN, || {
            (acknowledged::by_log_of(&self.scene, agent).into_values().max() >= Some(1)).then_some(())
        });
    }
}

/// Who measured in each trial: the agent's name, and its place in the order of the run.
fn turns(report: &Value) -> Vec<(&str, u64, u64)> {
    let of_trials = trials(report).iter();
    of_trials.map(|trial| (text(&trial["agent"]), whole(trial, "block"), whole(trial, "order"))).collect()
}

#[test]
fn agents_with_targets_of_their_own_each_do_all_of_the_load_at_once() {
    let stage = Stage::new(&[("one", "load"), ("two", "load")]);
    let job = job::with_target(
        "each",
        "workers = 2\niterations = 60\ntrials = 2",
        81,
        "[fleet]\nplacement = \"each\"",
    );
    let (said, report) = stage.run(&job);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(turns(&report), [("one", 0, 0), ("two", 0, 0), ("one", 1, 0), ("two", 1, 0)]);
    for trial in trials(&report) {
        assert_eq!((agents(trial).len(), &trial["pair"], &trial["valid"]), (1, &json!(null), &json!(true)));
        assert_eq!(whole(altogether(trial), "count"), 60, "not a share: each agent has all of it");
    }
    let variant = &report["variants"][0];
    assert_eq!(variant["operations"], json!([]), "nothing is merged across agents");
    let totals: Vec<(&str, u64)> = agents(variant)
        .iter()
        .map(|agent| (text(&agent["name"]), whole(altogether(agent), "count")))
        .collect();
    assert_eq!(totals, [("one", 120), ("two", 120)]);
    let estimated: Vec<&str> = list(&variant["estimates"])
        .iter()
        .filter(|estimate| estimate["metric"] == "read.latency.p50")
        .map(|estimate| text(&estimate["agent"]))
        .collect();
    assert_eq!(estimated, ["one", "two"]);
    assert!(said.out.contains("2 agents, each by itself") && said.out.contains("By trial"), "{}", said.out);
    assert!(said.out.contains("1 of one") && said.out.contains("2 of two"), "{}", said.out);
}

#[test]
fn agents_that_share_a_target_measure_it_one_after_the_other() {
    let stage = Stage::new(&[("one", "load"), ("two", "target")]);
    let fleet = "where = \"role=target\"\n[fleet]\nplacement = \"each\"";
    let job = job::with_target("turns", "workers = 2\niterations = 40\ntrials = 2", 82, fleet);
    let (said, report) = stage.run(&job);
    assert_eq!(said.code, 0, "{said:?}");
    // The second block begins with the other one.
    assert_eq!(turns(&report), [("one", 0, 0), ("two", 0, 1), ("two", 1, 0), ("one", 1, 1)]);
}

#[test]
fn every_pair_meets_in_both_directions() {
    let stage = Stage::new(&[("one", "load"), ("two", "load"), ("three", "load")]);
    let job = job::with_target("pairs", "workers = 2\niterations = 30", 83, "[fleet]\nplacement = \"pairs\"")
        .replacen("url = \"http://{{target.host}}:", "url = \"http://{{peer.host}}:", 1)
        .replace("restart = \"run\"", "restart = \"trial\"");
    let (said, report) = stage.run(&job);
    assert_eq!(said.code, 0, "{said:?}");
    let mut met: Vec<(&str, &str)> = Vec::new();
    for trial in trials(&report) {
        let (from, to) = (text(&trial["pair"]["from"]), text(&trial["pair"]["to"]));
        assert_eq!((text(&agents(trial)[0]["name"]), agents(trial).len()), (from, 1));
        assert_eq!(whole(altogether(trial), "count"), 30);
        met.push((from, to));
    }
    met.sort_unstable();
    let all = [
        ("one", "three"),
        ("one", "two"),
        ("three", "one"),
        ("three", "two"),
        ("two", "one"),
        ("two", "three"),
    ];
    assert_eq!(met, all);
    assert!(said.out.contains("3 agents in pairs") && said.out.contains("one → two"), "{}", said.out);
}

#[test]
fn pairs_without_anybody_to_meet_say_so() {
    let stage = Stage::new(&[("one", "load")]);
    let fleet = "[fleet]\nplacement = \"pairs\"\nstart_timeout = \"1s\"";
    let (said, report) = stage.run(&job::with_target("lonely", "iterations = 1", 84, fleet));
    assert_eq!(said.code, 69, "{said:?}");
    let reason = text(&report["run"]["reason"]);
    assert!(reason.contains("waits for 2 agents") && reason.contains("1 of them here"), "{reason}");
}

#[test]
fn a_lost_agent_takes_only_its_own_trials_along() {
    let mut stage = Stage::new(&[("one", "load"), ("two", "load")]);
    let fleet = "[fleet]\nplacement = \"each\"\non_agent_loss = \"continue\"";
    let run =
        stage.begin(&job::with_target("lossy", "workers = 2\nduration = \"6s\"\ntrials = 2", 85, fleet));
    stage.wait_until_it_measures("two");
    stage.agents[1].process.kill();
    let (said, report) = stage.ended(run);
    assert_eq!((said.code, &report["run"]["state"]), (3, &json!("finished")), "{said:?}");
    let valid: Vec<(&str, &Value)> =
        trials(&report).iter().map(|trial| (text(&trial["agent"]), &trial["valid"])).collect();
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(valid, [("one", &yes), ("two", &no), ("one", &yes), ("two", &no)]);
    assert_eq!(findings(&report, "agent_lost").len(), 1);
    let missing = findings(&report, "trial_not_run");
    assert!(matches!(&missing[..], [message] if message.contains("was lost before")), "{missing:?}");
    assert!(said.out.contains("2 of 4 trials did not count (of two)"), "{}", said.out);
}

#[test]
fn an_observer_tells_of_its_host_and_takes_no_load() {
    let stage = Stage::new(&[("one", "load"), ("two", "watch")]);
    let fleet = "[fleet]\nobserve = \"role=watch\"";
    let (said, report) = stage.run(&job::with_target(
        "watched",
        "workers = 2\nwarmup = \"500ms\"\nduration = \"2s\"",
        86,
        fleet,
    ));
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(&report);
    assert_eq!(agents(trial).len(), 1, "the observer is no agent of the load");
    let [observer] = &list(&trial["observers"])[..] else { panic!("{trial:#}") };
    assert_eq!(text(&observer["name"]), "two");
    for metric in ["cpu_busy", "memory_used_bytes", "agent_cpu"] {
        assert!(observer["host"][metric]["mean"].is_f64(), "{metric}: {observer:#}");
    }
    assert_eq!(observer["clock_error_us"], 0.0, "it reads the coordinator's clock");
    let hosts: Vec<(&str, bool)> =
        list(&report["hosts"]).iter().map(|host| (text(&host["agent"]), host["observer"] == true)).collect();
    assert_eq!(hosts, [("one", false), ("two", true)]);
    assert_eq!(findings(&report, "observer_lost"), [""; 0]);
    assert!(said.out.contains("Observers, whose hosts made no load"), "{}", said.out);
}

#[test]
fn losing_an_observer_is_told_and_makes_nothing_invalid() {
    let mut stage = Stage::new(&[("one", "load"), ("two", "watch")]);
    let fleet = "[fleet]\nobserve = \"role=watch\"";
    let run = stage.begin(&job::with_target("watched", "workers = 2\nduration = \"5s\"", 87, fleet));
    stage.wait_until_it_measures("two");
    stage.agents[1].process.kill();
    let (said, report) = stage.ended(run);
    assert_eq!((said.code, &only_trial(&report)["valid"]), (0, &json!(true)), "{said:?}");
    let told = findings(&report, "observer_lost");
    assert!(matches!(&told[..], [message] if message.contains("observer two")), "{told:?}");
}

#[test]
fn selectors_look_at_labels_facts_and_names_and_say_why_nobody_matches() {
    let stage = Stage::new(&[("one", "load"), ("two", "target")]);
    let run = |selector: &str| {
        let fleet = format!("[fleet]\nwhere = \"{selector}\"\nstart_timeout = \"1s\"");
        stage.run(&job::with_target("choosy", "iterations = 5", 88, &fleet))
    };
    for (selector, chosen) in [
        ("role=load", vec!["one"]),
        ("role!=load", vec!["two"]),
        ("name=two", vec!["two"]),
        ("name!=two cores>=1", vec!["one"]),
        ("cores>0 cores<=100000 cores<100001", vec!["one", "two"]),
    ] {
        let (said, report) = run(selector);
        assert_eq!(said.code, 0, "{selector}: {said:?}");
        let names: Vec<&str> = agents(only_trial(&report)).iter().map(|agent| text(&agent["name"])).collect();
        assert_eq!(names, chosen, "{selector}");
    }
    let (said, report) = run("role=load cores>=100000");
    assert_eq!(said.code, 69);
    let reason = text(&report["run"]["reason"]);
    assert!(reason.contains("one (role=load): cores>=100000 does not hold (cores is "), "{reason}");
    assert!(reason.contains("two (role=target): role=load does not hold (role is target)"), "{reason}");
}

#[test]
fn an_advertised_host_is_a_name_or_an_address() {
    let scene = Scene::new();
    let words = ["agent", "--coordinator", "http://127.0.0.1:1", "--advertise", "10.0.0.7:80"];
    let said = scene.run(&words);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.errors.contains("without a port"), "{said:?}");
}
