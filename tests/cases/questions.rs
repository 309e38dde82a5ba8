//! Questions: what was run, what came out, who is there, what can be done.

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::readings::{list, text};
use serde_json::{Value, json};

const QUICK: &str = "name = \"quick\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"true\"\n[load]\niterations = 10\n";

/// A folder in which a job ran some times; the runs' ids, oldest first.
fn after_runs(count: usize) -> (Scene, Vec<String>) {
    let scene = Scene::new();
    scene.write("job.toml", QUICK);
    let ids = (0..count).map(|_| {
        let said = scene.run(&["run", "job.toml", "--json", "-"]);
        assert_eq!(said.code, 0, "{said:?}");
        text(&said.json()["run"]["id"]).to_owned()
    });
    let ids = ids.collect();
    (scene, ids)
}

fn listed(scene: &Scene) -> Vec<Value> {
    let said = scene.run(&["runs", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    list(&said.json()).iter().map(|run| run["id"].clone()).collect()
}

#[test]
fn runs_are_listed_newest_first() {
    let (scene, ids) = after_runs(2);
    assert_eq!(listed(&scene), [json!(ids[1]), json!(ids[0])]);
    let page = scene.run(&["runs"]).out;
    let (newer, older) = (page.find(&ids[1]).unwrap(), page.find(&ids[0]).unwrap());
    assert!(newer < older && page.contains("finished") && page.contains("quick"), "{page}");
}

#[test]
fn a_run_is_shown_by_id_prefix_and_latest() {
    let (scene, ids) = after_runs(2);
    // Both ids begin with the same time; the part that tells them apart is cut behind it.
    let shared = ids[0].bytes().zip(ids[1].bytes()).take_while(|(one, other)| one == other).count();
    let prefix = &ids[0][..=shared];
    for (name, id) in [(ids[0].as_str(), &ids[0]), (prefix, &ids[0]), ("latest", &ids[1])] {
        let said = scene.run(&["show", name, "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(said.json()["run"]["id"], json!(id), "{name}");
        assert!(scene.run(&["show", name]).out.contains(id.as_str()), "{name}");
    }
    let ambiguous = scene.run(&["show", &ids[0][..shared]]);
    assert_eq!(ambiguous.code, 64, "{ambiguous:?}");
    assert!(ambiguous.errors.contains(&ids[0]) && ambiguous.errors.contains(&ids[1]), "{ambiguous:?}");
}

#[test]
fn what_is_shown_is_what_was_reported() {
    let scene = Scene::new();
    scene.write("job.toml", QUICK);
    assert_eq!(scene.run(&["run", "job.toml", "--json", "r.json"]).code, 0);
    assert_eq!(scene.run(&["show", "latest", "--json"]).json(), scene.json("r.json"));
}

#[test]
fn a_removed_run_is_gone_and_the_others_stay() {
    let (scene, ids) = after_runs(2);
    let said = scene.run(&["runs", "rm", &ids[0], "--json"]);
    assert_eq!((said.code, &said.json()["run"]), (0, &json!(ids[0])), "{said:?}");
    assert_eq!(listed(&scene), [json!(ids[1])]);
    assert_eq!(scene.run(&["show", &ids[0]]).code, 64);
    assert_eq!(scene.run(&["show", &ids[1]]).code, 0);
    assert_eq!(scene.run(&["store", "check"]).code, 0);
}

#[test]
fn an_unknown_run_is_a_usage_error_that_names_it() {
    let (known, _) = after_runs(1);
    for scene in [&known, &Scene::new()] {
        let questions: [&[&str]; 6] = [
            &["show", "00000000"],
            &["watch", "00000000"],
            &["cancel", "00000000"],
            &["runs", "rm", "00000000"],
            &["export", "00000000", "--format", "csv"],
            &["show", "not an id"],
        ];
        for words in questions {
            let said = scene.run(words);
            assert_eq!((said.code, said.out.as_str()), (64, ""), "{words:?}: {said:?}");
            let run = words.iter().find(|word| word.starts_with("0000") || word.starts_with("not")).unwrap();
            assert!(said.errors.contains(run), "{words:?}: {said:?}");
        }
    }
}

#[test]
fn asking_where_nothing_was_run_makes_no_store() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["runs", "--json"]).json(), json!([]));
    assert_eq!(scene.run(&["agents", "--json"]).json(), json!([]));
    for words in [&["show", "latest"][..], &["runs", "rm", "latest"], &["cancel", "latest"]] {
        assert_eq!(scene.run(words).code, 64, "{words:?}");
    }
    assert!(!scene.path().join(".fleetmark").exists());
}

#[test]
fn a_run_that_is_over_cannot_be_cancelled_but_can_be_watched() {
    let (scene, ids) = after_runs(1);
    let said = scene.run(&["cancel", "latest"]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.errors.contains("over"), "{said:?}");
    let said = scene.run(&["watch", "latest"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains(&ids[0]), "{said:?}");
}

#[test]
fn every_export_format_writes_something_and_an_unknown_one_is_refused() {
    let (scene, _) = after_runs(1);
    for (format, sign) in
        [("hlog", "HISTF"), ("hgrm", "Percentile"), ("json", "latency_histogram"), ("csv", "variant,")]
    {
        let said = scene.run(&["export", "latest", "--format", format]);
        assert_eq!((said.code, said.errors.as_str()), (0, ""), "{format}");
        assert!(said.out.contains(sign), "{format}: {said:?}");
    }
    let said = scene.run(&["export", "latest", "--format", "tea"]);
    assert_eq!((said.code, said.out.as_str()), (64, ""), "{said:?}");
    assert!(said.errors.contains("tea") && said.errors.contains("hlog"), "{said:?}");
}

#[test]
fn one_run_moves_to_another_store_and_reads_the_same_there() {
    let (scene, ids) = after_runs(2);
    let said = scene.run(&["export", &ids[0], "-o", "one.fm"]);
    assert_eq!((said.code, said.out.as_str(), said.errors.as_str()), (0, "", ""), "{said:?}");
    let there = ["--store", "elsewhere"];
    let taken = scene.run(&[&["import", "one.fm", "--json"][..], &there].concat());
    assert_eq!((taken.code, &taken.json()["runs"]), (0, &json!([ids[0]])), "{taken:?}");
    let again = scene.run(&[&["import", "one.fm", "--json"][..], &there].concat());
    assert_eq!((again.code, &again.json()["already_there"]), (0, &json!([ids[0]])), "{again:?}");
    let shown = scene.run(&[&["show", "latest", "--json"][..], &there].concat()).json();
    assert_eq!(shown, scene.run(&["show", &ids[0], "--json"]).json());
    assert!(!scene.path().join("one.fm.partial").exists());
}

#[test]
fn what_is_no_whole_export_of_this_version_is_refused_and_leaves_nothing() {
    let (scene, _) = after_runs(1);
    assert_eq!(scene.run(&["export", "latest", "-o", "whole.fm"]).code, 0);
    assert_eq!(scene.run(&["export", "latest", "--format", "csv", "-o", "run.csv"]).code, 0);
    let whole = std::fs::read(scene.path().join("whole.fm")).expect("it is there");
    let mut newer = whole.clone();
    // The version stands behind the first line, of eighteen letters: two bytes, the larger first.
    newer[18] = 9;
    for (name, bytes) in [("half.fm", &whole[..whole.len() / 2]), ("newer.fm", &newer[..]), ("empty.fm", &[])]
    {
        std::fs::write(scene.path().join(name), bytes).expect("the scene is ours");
    }
    for (name, why) in [
        ("half.fm", "cut"),
        ("newer.fm", "newer"),
        ("empty.fm", "export"),
        ("run.csv", "export"),
        ("none.fm", "none.fm"),
    ] {
        let said = scene.run(&["import", name, "--store", "elsewhere"]);
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{name}: {said:?}");
        assert!(said.errors.contains(why), "{name}: {said:?}");
    }
    assert_eq!(scene.run(&["runs", "--json", "--store", "elsewhere"]).json(), json!([]));
    let unknown = scene.run(&["export", "00000000", "-o", "whole.fm"]);
    assert_eq!(unknown.code, 64, "{unknown:?}");
    assert_eq!(std::fs::read(scene.path().join("whole.fm")).expect("it is still there"), whole);
}

#[test]
fn agents_are_listed_with_what_they_are() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let _agent = Agent::start(&scene, &coordinator.url, "load-1", &["--label", "role=load", "--slots", "2"]);
    let _other = Agent::start(&scene, &coordinator.url, "load-2", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 2);
    let agents = scene.run(&["agents", "--coordinator", &coordinator.url, "--json"]).json();
    assert_eq!((&agents[0]["name"], &agents[1]["name"]), (&json!("load-1"), &json!("load-2")));
    assert_eq!((&agents[0]["labels"], &agents[0]["slots"]), (&json!({ "role": "load" }), &json!(2)));
    assert_eq!(agents[0]["state"], json!("idle"));
    let kinds = |agent: usize| -> Vec<&str> { list(&agents[agent]["kinds"]).iter().map(text).collect() };
    // What runs programs or writes files is for the agent's host to allow.
    assert!(["http", "redis", "sql", "grpc", "cpu"].iter().all(|kind| kinds(0).contains(kind)), "{agents:#}");
    assert!(["command", "process", "disk"].iter().all(|kind| !kinds(0).contains(kind)), "{agents:#}");
    assert!(kinds(1).contains(&"http") && kinds(1).contains(&"command"), "{agents:#}");
    let page = scene.run(&["agents", "--coordinator", &coordinator.url]).out;
    assert!(page.contains("load-1") && page.contains("role=load") && page.contains("idle"), "{page}");
}

#[test]
fn a_drained_agent_takes_no_more_runs_and_says_so() {
    let scene = Scene::new();
    scene.write("job.toml", QUICK);
    let coordinator = Coordinator::start(&scene, "store");
    let _agents = ["load-1", "load-2"]
        .map(|name| Agent::start(&scene, &coordinator.url, name, &["--allow", "command"]));
    wait_for_agents(&scene, &coordinator.url, 2);
    let place = ["--coordinator", &coordinator.url];
    let said = scene.run(&[&["agents", "drain", "load-1"][..], &place].concat());
    assert_eq!((said.code, said.out.as_str()), (0, "load-1 takes no more runs\n"), "{said:?}");
    let agents = scene.run(&[&["agents", "--json"][..], &place].concat()).json();
    assert_eq!((&agents[0]["state"], &agents[1]["state"]), (&json!("draining"), &json!("idle")));
    let report = scene.run(&[&["run", "job.toml", "--json", "-"][..], &place].concat()).json();
    let hosts = list(&report["hosts"]);
    assert!(matches!(&hosts[..], [host] if host["agent"] == "load-2"), "{hosts:?}");
    let both = ["run", "job.toml", "--set", "fleet.agents=2", "--wait=false"];
    let refused = scene.run(&[&both[..], &place].concat());
    assert!(refused.errors.contains("load-1: it is being drained"), "{refused:?}");
    let unknown = scene.run(&[&["agents", "drain", "load-9"][..], &place].concat());
    assert_eq!(unknown.code, 64, "{unknown:?}");
    assert!(unknown.errors.contains("no agent named load-9 is attached"), "{unknown:?}");
}

#[test]
fn a_job_is_checked_and_planned_without_running_it() {
    let scene = Scene::new();
    scene.write("job.toml", QUICK);
    let checked = scene.run(&["check", "job.toml", "--json"]).json();
    assert_eq!((&checked["valid"], &checked["name"]), (&json!(true), &json!("quick")));
    assert!(scene.run(&["check", "job.toml"]).out.contains("valid"));
    let words = ["plan", "job.toml", "--set", "load.trials=3", "--json"];
    assert_eq!(scene.run(&words).json()["trials"].as_array().unwrap().len(), 3);
    // Two trials, each a second of warm-up and two of window.
    let timed = Scene::new();
    timed.write(
        "job.toml",
        &QUICK.replace("iterations = 10", "duration = \"2s\"\nwarmup = \"1s\"\ntrials = 2"),
    );
    assert_eq!(timed.run(&["plan", "job.toml", "--json"]).json()["total_seconds"], json!(6.0));
    assert!(timed.run(&["plan", "job.toml"]).out.contains("6s"));
    assert!(!timed.path().join(".fleetmark").exists() && !scene.path().join(".fleetmark").exists());
}

#[test]
fn workloads_and_completions_are_told() {
    let scene = Scene::new();
    let kinds = scene.run(&["workloads", "--json"]).json();
    let kind =
        |name: &str| kinds.as_array().unwrap().iter().find(|kind| kind["kind"] == name).cloned().unwrap();
    assert_eq!(
        (&kind("http")["needs_permission"], &kind("command")["needs_permission"]),
        (&json!(false), &json!(true))
    );
    let measures = &kind("command")["measures"];
    assert_eq!(measures[0], json!({ "name": "cpu_time", "unit": "ns" }));
    assert!(scene.run(&["workloads"]).out.contains("url"));
    let completions = scene.run(&["completions", "bash"]);
    assert_eq!(completions.code, 0);
    assert!(completions.out.contains("_fleetmark()") && completions.out.contains("--local-agents"));
    let checked = std::process::Command::new("bash").args(["-n", "-c", &completions.out]).status().unwrap();
    assert!(checked.success(), "bash reads its completions");
}
