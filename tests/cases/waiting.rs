//! What a run does that has no coordinator, or not the agents that it needs.

use std::time::{Duration, Instant};

use fleetmark_tests::bad_server::{BadServer, ClosedPort, Manner};
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::readings::{altogether, only_trial, whole};
use fleetmark_tests::running::Running;
use serde_json::{Value, json};

/// How soon it is told that nobody is there.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// How soon a run says what it waits for.
const SAID_WITHIN: Duration = Duration::from_secs(1);
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Ten programs on one agent of a role.
fn job(start_timeout: &str) -> String {
    format!(
        "name = \"picky\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"true\"\n[load]\niterations = 10\n[fleet]\nwhere = \"role=load\"\nagents = 1\nstart_timeout = \"{start_timeout}\"\n"
    )
}

/// A coordinator with one attached agent, which is not the one that the job wants.
fn with_another_agent(start_timeout: &str) -> (Scene, Coordinator, Agent) {
    let scene = Scene::new();
    scene.write("job.toml", &job(start_timeout));
    let coordinator = Coordinator::start(&scene, "store");
    let words = ["--label", "role=target", "--allow", "command"];
    let agent = Agent::start(&scene, &coordinator.url, "bystander", &words);
    wait_for_agents(&scene, &coordinator.url, 1);
    (scene, coordinator, agent)
}

fn runs(scene: &Scene, coordinator: &Coordinator) -> Value {
    scene.run(&["runs", "--coordinator", &coordinator.url, "--json"]).json()
}

#[test]
fn a_coordinator_that_is_not_there_is_told_at_once() {
    let scene = Scene::new();
    scene.write("job.toml", &job("60s"));
    let closed = ClosedPort::hold();
    let url = format!("http://127.0.0.1:{}", closed.port);
    for words in [&["run", "job.toml"][..], &["agents"], &["runs"], &["show", "latest"], &["watch", "latest"]]
    {
        let began = Instant::now();
        let said = scene.run(&[words, &["--coordinator", &url]].concat());
        assert_eq!((said.code, said.out.as_str()), (69, ""), "{words:?}: {said:?}");
        assert!(said.errors.contains(&url) && said.errors.contains("refused"), "{words:?}: {said:?}");
        assert!(began.elapsed() < TOLD_WITHIN, "{words:?} took {:?}", began.elapsed());
    }
}

#[test]
fn whoever_answers_and_is_no_coordinator_is_told_apart() {
    let scene = Scene::new();
    for manner in
        [Manner::NeverAnswers, Manner::ClosesAtOnce, Manner::TalksGarbage, Manner::SaysSomethingElse]
    {
        let server = BadServer::start(manner);
        let began = Instant::now();
        let said = scene.run(&["agents", "--coordinator", &server.url()]);
        assert_eq!((said.code, said.out.as_str()), (69, ""), "{manner:?}: {said:?}");
        assert!(said.errors.contains(&server.url()), "{manner:?}: {said:?}");
        assert!(began.elapsed() < TOLD_WITHIN, "{manner:?} took {:?}", began.elapsed());
    }
}

#[test]
fn a_run_without_its_agents_gives_up_and_says_what_there_is() {
    let (scene, coordinator, _agent) = with_another_agent("2s");
    let began = Instant::now();
    let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url]);
    assert_eq!(said.code, 69, "{said:?}");
    assert!(began.elapsed() >= Duration::from_secs(2), "it waits for as long as it was told");
    for word in ["waits for 1 agent", "role=load", "bystander", "role=target"] {
        assert!(said.errors.contains(word), "{word:?} is expected in {:?}", said.errors);
    }
    let listed = runs(&scene, &coordinator);
    assert_eq!((&listed[0]["state"], &listed[0]["exit_code"]), (&json!("failed"), &json!(69)));
    let report = scene.run(&["show", "latest", "--coordinator", &coordinator.url, "--json"]).json();
    assert!(report["run"]["reason"].as_str().unwrap().contains("role=load"), "{:#}", report["run"]);
    assert_eq!(scene.run(&["watch", "latest", "--coordinator", &coordinator.url]).code, 69);
}

#[test]
fn a_run_that_may_not_wait_is_refused_and_leaves_nothing() {
    let (scene, coordinator, _agent) = with_another_agent("60s");
    let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url, "--wait=false"]);
    assert_eq!((said.code, said.out.as_str()), (69, ""), "{said:?}");
    assert!(said.errors.contains("role=load") && said.errors.contains("role=target"), "{said:?}");
    assert_eq!(runs(&scene, &coordinator), json!([]));
}

#[test]
fn a_waiting_run_begins_by_itself_when_its_agent_comes() {
    let (scene, coordinator, _agent) = with_another_agent("60s");
    let words = ["run", "job.toml", "--coordinator", &coordinator.url, "--json", "r.json"];
    let mut run = Running::start(&scene, &words);
    run.wait_until_it_says("waits for 1 agent");
    assert_eq!(runs(&scene, &coordinator)[0]["state"], json!("queued"));
    let _wanted =
        Agent::start(&scene, &coordinator.url, "wanted", &["--label", "role=load", "--allow", "command"]);
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("r.json");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), 10);
    assert_eq!(trial["agents"][0]["name"], json!("wanted"));
}

#[test]
fn a_run_that_lacks_one_of_three_agents_says_so_within_a_second_and_begins_with_the_third() {
    let scene = Scene::new();
    scene.write("job.toml", &job("60s"));
    let coordinator = Coordinator::start(&scene, "store");
    let words = ["--label", "role=load", "--allow", "command"];
    let agent = |name| Agent::start(&scene, &coordinator.url, name, &words);
    let _two = ["one", "two"].map(agent);
    wait_for_agents(&scene, &coordinator.url, 2);
    let words = ["run", "job.toml", "--coordinator", &coordinator.url, "--json", "r.json"];
    let asked = Instant::now();
    let mut run = Running::start(&scene, &[&words[..], &["--set", "fleet.agents=3"]].concat());
    run.wait_until_it_says("waits for 3 agents where role=load; 2 of them here");
    assert!(asked.elapsed() < SAID_WITHIN, "it was said after {:?}", asked.elapsed());
    let _third = agent("three");
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("r.json");
    assert_eq!(whole(&only_trial(&report)["coverage"], "agents_finished"), 3);
}

#[test]
fn an_agent_runs_no_programs_unless_it_was_allowed_to() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let _agent = Agent::start(&scene, &coordinator.url, "careful", &["--label", "role=load"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let marks = scene.path().join("marks");
    let script = format!("touch {}", marks.display());
    let target = "kind = \"http\"\n[[workload.operations]]\nurl = \"http://127.0.0.1:1/\"\n[target]\n";
    let jobs = [
        format!("kind = \"command\"\n[[workload.operations]]\ncommand = \"{script}\"\n"),
        format!("{target}start = [\"sh\", \"-c\", \"{script}\"]\n"),
        format!("{}[hooks]\nbefore_run = [\"{script}\"]\n", target.replace("[target]\n", "")),
    ];
    for workload in jobs {
        scene.write("job.toml", &format!("name = \"eager\"\n[workload]\n{workload}"));
        let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url]);
        assert_eq!(said.code, 77, "{workload}: {said:?}");
        assert!(said.out.contains("careful refuses") && said.out.contains("--allow"), "{workload}: {said:?}");
        assert!(!marks.exists(), "{workload}");
    }
}
