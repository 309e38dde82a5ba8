//! The command line as the contract fixes it: where answers go, and with which exit code.

use std::fs;

use fleetmark_tests::bad_server::{BadServer, Manner};
use fleetmark_tests::cast::Scene;
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{altogether, only_trial, trials, whole};
use serde_json::json;

/// A program that does nothing, ten times.
const QUICK: &str = "name = \"quick\"\ntags = { team = \"api\", branch = \"main\" }\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"true\"\n[load]\niterations = 10\n";

const BROKEN: &str = r#"name = "broken"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://127.0.0.1:1/"
timeout = "5 parsecs"
[load]
dration = "5s"
workers = 0
"#;

fn quick() -> Scene {
    let scene = Scene::new();
    scene.write("job.toml", QUICK);
    scene
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let wrong: [&[&str]; 8] = [
        &["run", "--no-such-option"],
        &["frobnicate"],
        &[],
        &["run"],
        &["run", "job.toml", "--url", "http://127.0.0.1:1/"],
        &["run", "job.toml", "--coordinator", "http://127.0.0.1:1", "--store", "here"],
        &["agent"],
        &["completions", "no-such-shell"],
    ];
    for words in wrong {
        let said = Scene::new().run(words);
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{words:?}: {said:?}");
        assert!(!said.errors.is_empty(), "{words:?}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for words in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let said = Scene::new().run(words);
        assert_eq!((said.code, said.errors.as_str()), (0, ""), "{words:?}");
        assert!(!said.out.is_empty(), "{words:?}");
    }
}

#[test]
fn all_errors_of_a_job_are_shown_with_their_places() {
    let scene = Scene::new();
    scene.write("job.toml", BROKEN);
    for verb in ["run", "check", "plan"] {
        let said = scene.run(&[verb, "job.toml"]);
        assert_eq!((said.code, said.out.as_str()), (65, ""), "{verb}: {said:?}");
        for (place, caret) in
            [("job.toml:7:11", "^^^^^^^^^^^"), ("job.toml:9:1", "^^^^^^^"), ("job.toml:10:11", "^")]
        {
            assert!(said.errors.contains(place), "{verb}: {place} in {}", said.errors);
            let below = said.errors.split_once(place).unwrap().1;
            assert!(below.lines().nth(3).unwrap().ends_with(caret), "{verb}: {below}");
        }
        assert!(said.errors.contains("did you mean \"duration\"?"), "{}", said.errors);
        assert!(said.errors.contains("3 errors"), "{}", said.errors);
    }
    assert!(!scene.path().join(".fleetmark").exists(), "nothing was started for a broken job");
}

#[test]
fn a_job_that_is_not_there_is_named() {
    for verb in ["run", "check", "plan"] {
        let said = Scene::new().run(&[verb, "nowhere.toml"]);
        assert_eq!(said.code, 65, "{verb}: {said:?}");
        assert!(said.errors.contains("nowhere.toml"), "{said:?}");
    }
}

#[test]
fn what_is_set_reaches_the_job_and_is_stored_with_it() {
    let scene = quick();
    let said = scene.run(&[
        "run",
        "job.toml",
        "--set",
        "load.iterations=7",
        "--set",
        "name=other",
        "--json",
        "r.json",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("r.json");
    assert_eq!(report["run"]["name"], json!("other"));
    assert_eq!(whole(altogether(only_trial(&report)), "count"), 7);
    assert!(report["run"]["job"].as_str().unwrap().contains("iterations = 7"));

    for (set, message) in
        [("load.iterations", "path=value"), ("load.dration=5s", "duration"), ("load.workers=no", "workers")]
    {
        let said = scene.run(&["run", "job.toml", "--set", set]);
        assert_eq!(said.code, 65, "{set}: {said:?}");
        assert!(said.errors.contains(message), "{set}: {said:?}");
    }
}

#[test]
fn tags_of_the_job_and_of_the_command_line_are_kept() {
    let scene = quick();
    let said =
        scene.run(&["run", "job.toml", "--tag", "build=17", "--tag", "branch=feature", "--json", "r.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let tags = json!({ "team": "api", "branch": "feature", "build": "17" });
    assert_eq!(scene.json("r.json")["run"]["tags"], tags);
    assert_eq!(scene.run(&["runs", "--json"]).json()[0]["tags"], tags);
    assert_eq!(scene.run(&["run", "job.toml", "--tag", "nonsense"]).code, 64);
}

#[test]
fn json_on_standard_output_stands_alone() {
    let scene = quick();
    let said = scene.run(&["run", "job.toml", "--json", "-"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(departures(&said.json()), [""; 0]);
    assert!(said.errors.contains("started"), "progress goes to standard error: {said:?}");
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_anything_runs() {
    let scene = quick();
    for place in ["no/such/folder/report.json", "."] {
        let said = scene.run(&["run", "job.toml", "--json", place]);
        assert_eq!((said.code, said.out.as_str()), (73, ""), "{said:?}");
        assert!(said.errors.contains(place), "{said:?}");
    }
    assert_eq!(scene.run(&["runs", "--json"]).json(), json!([]));
}

#[test]
fn quiet_says_nothing_and_still_writes_what_was_asked_for() {
    let scene = quick();
    let said = scene.run(&["run", "job.toml", "--quiet", "--json", "r.json"]);
    assert_eq!((said.code, said.out.as_str(), said.errors.as_str()), (0, "", ""));
    assert_eq!(departures(&scene.json("r.json")), [""; 0]);
    let failed =
        scene.run(&["run", "job.toml", "--quiet", "--set", "workload.operations.it.command=\"false\""]);
    assert_eq!((failed.code, failed.out.as_str(), failed.errors.as_str()), (3, "", ""));
}

#[test]
fn a_url_is_measured_without_a_job_file() {
    let scene = Scene::new();
    let server = BadServer::start(Manner::SaysSomethingElse);
    let words = ["run", "--url", &server.url(), "--workers", "2", "--duration", "300ms", "--json", "r.json"];
    let said = scene.run(&words);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(whole(altogether(only_trial(&scene.json("r.json"))), "count") > 0);
}

#[test]
fn the_first_job_runs_as_it_was_written() {
    let scene = Scene::new();
    let said = scene.run(&["init", "first.toml"]);
    assert_eq!(said.code, 0, "{said:?}");
    let written = fs::read_to_string(scene.path().join("first.toml")).unwrap();
    assert_eq!(scene.run(&["init", "first.toml"]).code, 73, "a file that is there is not overwritten");
    assert_eq!(fs::read_to_string(scene.path().join("first.toml")).unwrap(), written);
    assert_eq!(scene.run(&["check", "first.toml"]).code, 0);
    let said = scene.run(&["run", "first.toml", "--set", "load.duration=500ms", "--json", "r.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(departures(&scene.json("r.json")), [""; 0]);
}

#[test]
fn every_trial_of_a_run_is_reported() {
    let scene = quick();
    let said = scene.run(&["run", "job.toml", "--set", "load.trials=3", "--json", "r.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    for number in 1..=3 {
        assert!(said.errors.contains(&format!("trial {number}/3")), "{said:?}");
    }
    let report = scene.json("r.json");
    let blocks: Vec<u64> = trials(&report).iter().map(|trial| whole(trial, "block")).collect();
    assert_eq!(blocks, [0, 1, 2]);
    assert!(trials(&report).iter().all(|trial| whole(altogether(trial), "count") == 10));
    let estimates = report["variants"][0]["estimates"].as_array().unwrap();
    assert!(
        estimates.iter().any(|estimate| estimate["n"] == 3 && estimate["ci95"].is_array()),
        "{estimates:#?}"
    );
}
