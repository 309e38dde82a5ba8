//! An agent that dies in the middle of a run, under each policy of the job: going on without it, or repeating the trial. And
//! one that stands still for a while.

use std::time::Duration;

use fleetmark_tests::acknowledged;
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{agents, altogether, findings, text, whole};
use fleetmark_tests::running::Running;
use rustix::process::Signal;
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// How long an agent stands still: longer than its connection is silent for before it counts as broken.
const STOPPED_FOR: Duration = Duration::from_secs(10);
const LOAD: &str = "workers = 4\nduration = \"8s\"";

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    agents: [Agent; 2],
}

impl Stage {
    /// Two agents, the first of which starts the target; an agent that is gone for two seconds is lost.
    fn new(fleet: &str, mark: u64) -> Self {
        Self::patient(fleet, mark, "2s")
    }

    /// The same where it may be gone for so long.
    fn patient(fleet: &str, mark: u64, lost_after: &str) -> Self {
        let scene = Scene::new();
        scene.write(
            "job.toml",
            &job::with_target("lossy", LOAD, mark, &format!("[fleet]\nagents = 2\n{fleet}")),
        );
        let words = ["--listen", "127.0.0.1:0", "--lost-after", lost_after];
        let coordinator = Coordinator::start_under(&scene, "store", &[], &words);
        let agents = ["one", "two"].map(|name| agent(&scene, &coordinator, name));
        wait_for_agents(&scene, &coordinator.url, 2);
        Self { scene, coordinator, agents }
    }

    /// Starts the run and waits until seconds of both agents are stored.
    fn begin(&self) -> Running {
        let words = ["run", "job.toml", "--coordinator", &self.coordinator.url, "--json", "report.json"];
        let run = Running::start(&self.scene, &words);
        wait_for("intervals of both agents to be acknowledged", WITHIN, || {
            let told = |name| acknowledged::by_log_of(&self.scene, name).into_values().max();
            (told("one") >= Some(1) && told("two") >= Some(1)).then_some(())
        });
        run
    }

    fn report(&self, run: Running) -> Value {
        let said = run.end(ENDS_WITHIN);
        assert_eq!(said.code, 0, "{said:?}");
        let report = self.scene.json("report.json");
        assert_eq!(report["run"]["state"], "finished", "{}", report["run"]);
        report
    }
}

fn agent(scene: &Scene, coordinator: &Coordinator, name: &str) -> Agent {
    Agent::start(scene, &coordinator.url, name, &["--allow", "command"])
}

fn trials(report: &Value) -> &Vec<Value> {
    report["variants"][0]["trials"].as_array().expect("trials")
}

#[test]
fn missing_is_named_when_the_run_goes_on_without_an_agent() {
    let mut stage = Stage::new("on_agent_loss = \"continue\"", 71);
    let run = stage.begin();
    stage.agents[1].process.kill();
    let report = stage.report(run);
    let [trial] = &trials(&report)[..] else { panic!("one attempt: {report:#}") };
    assert_eq!(trial["valid"], true, "{:#}", trial["findings"]);
    let (coverage, told) = (&trial["coverage"], findings(&report, "agent_lost"));
    assert_eq!((whole(coverage, "agents_planned"), whole(coverage, "agents_finished")), (2, 1), "{coverage}");
    let ratio = coverage["agent_seconds_ratio"].as_f64().expect("a share");
    assert!((0.55..0.95).contains(&ratio), "one whole and a part of the other: {ratio}");
    assert!(told.iter().any(|it| it.contains("agent two was lost")), "{told:?}");
    let shown = format!("covers 1 of 2 agents, {:.1} % of the planned agent-seconds", ratio * 100.0);
    assert!(told.iter().any(|it| it.contains(&shown)), "{told:?} should say {shown:?}");
    let counts: Vec<u64> = agents(trial).iter().map(|agent| whole(altogether(agent), "count")).collect();
    assert!(counts.iter().all(|count| *count > 0), "what the lost one measured is kept: {counts:?}");
    assert_eq!(whole(altogether(trial), "count"), counts.iter().sum::<u64>());
}

#[test]
fn a_lost_trial_is_repeated_with_the_agent_that_was_started_anew() {
    let mut stage = Stage::new("retries = 1", 72);
    let run = stage.begin();
    stage.agents[1].process.kill();
    let _returned = agent(&stage.scene, &stage.coordinator, "two");
    let report = stage.report(run);
    let [lost, repeated] = &trials(&report)[..] else { panic!("two attempts: {report:#}") };
    assert_eq!((whole(lost, "attempt"), &lost["valid"]), (0, &Value::Bool(false)));
    assert_eq!((whole(repeated, "attempt"), &repeated["valid"]), (1, &Value::Bool(true)), "{repeated:#}");
    assert_eq!(whole(&repeated["coverage"], "agents_finished"), 2);
    let names: Vec<&str> = agents(repeated).iter().map(|agent| text(&agent["name"])).collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn an_agent_that_stands_still_is_told_and_not_averaged() {
    let stage = Stage::patient("", 73, "60s");
    let run = stage.begin();
    stage.agents[1].process.signal(Signal::STOP);
    // How long it stands still is what is tested; no state is waited for.
    std::thread::sleep(STOPPED_FOR);
    stage.agents[1].process.signal(Signal::CONT);
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 3, "{said:?}");
    let report = stage.scene.json("report.json");
    let told = findings(&report, "agent_stalled");
    assert!(matches!(&told[..], [message] if message.contains("agent two stood still")), "{told:?}");
    assert_eq!(trials(&report)[0]["valid"], false);
}
