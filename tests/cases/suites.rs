//! Several jobs as a suite, from end to end: one table, one exit code, one report that links them.

use std::fs;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::{list, text};
use fleetmark_tests::suites::departures;
use serde_json::json;

fn job(name: &str, program: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"{program}\"\n\
         [load]\niterations = 20\nworkers = 1\n[limits]\nsteal = 1.0\n{more}\n"
    )
}

/// A folder with a job that is supported, one that is refuted and one that is invalid.
fn scene() -> Scene {
    let scene = Scene::new();
    fs::create_dir(scene.path().join("jobs")).expect("a folder for the jobs");
    let claim = |below: &str| format!("[[claims]]\nmetric = \"it.latency.p50\"\nbelow = \"{below}\"\n");
    scene.write("jobs/a-good.toml", &job("good", "true", &claim("10s")));
    scene.write("jobs/b-slow.toml", &job("slow", "sleep 0.02", &claim("10ms")));
    scene.write("jobs/c-broken.toml", &job("broken", "false", ""));
    scene.write("jobs/notes.md", "no job");
    scene
}

#[test]
fn a_folder_of_jobs_is_one_table_one_report_and_the_worst_exit_code() {
    let scene = scene();
    let files = ["--json", "suite.json", "--markdown", "suite.md", "--junit", "suite.xml"];
    let said = scene.run(&[&["run", "jobs"], &files[..]].concat());
    assert_eq!(said.code, 3, "{said:?}");
    for line in
        ["Suite of 3 jobs", "good", "supported", "slow", "refuted", "broken", "invalid", "exit code 3"]
    {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    let suite = scene.json("suite.json");
    assert_eq!((&suite["schema"], &suite["exit_code"]), (&json!("fleetmark.suite/1"), &json!(3)));
    let runs = list(&suite["runs"]);
    let names: Vec<&str> = runs.iter().map(|run| text(&run["run"]["name"])).collect();
    assert_eq!(names, ["good", "slow", "broken"]);
    assert_eq!(departures(&suite), [""; 0], "each run is a run's report");
    let read = |name: &str| fs::read_to_string(scene.path().join(name)).unwrap();
    let page = read("suite.md");
    assert!(page.starts_with("# Suite of 3 jobs: exit code 3\n"), "{page}");
    for run in runs {
        let id = text(&run["run"]["id"]);
        assert!(
            page.contains(&format!("(#run-{id})")) && page.contains(&format!("<a id=\"run-{id}\">")),
            "{page}"
        );
    }
    let xml = read("suite.xml");
    assert_eq!((xml.matches("<testsuites ").count(), xml.matches("<testsuite ").count()), (1, 3), "{xml}");
    // Each is a run of its own.
    let listed = scene.run(&["runs", "--json"]).json();
    assert_eq!(list(&listed).len(), 3, "{listed:#}");
}

#[test]
fn several_files_run_in_their_order_and_an_invalid_job_keeps_all_from_running() {
    let scene = scene();
    let said = scene.run(&["run", "jobs/b-slow.toml", "jobs/a-good.toml", "--json", "-"]);
    assert_eq!(said.code, 1, "{said:?}");
    let suite = said.json();
    let names: Vec<&str> = list(&suite["runs"]).iter().map(|run| text(&run["run"]["name"])).collect();
    assert_eq!(names, ["slow", "good"]);
    scene.write("jobs/d-typo.toml", &job("typo", "true", "[lode]\n"));
    let refused = scene.run(&["run", "jobs"]);
    assert_eq!(refused.code, 65, "{refused:?}");
    assert!(refused.errors.contains("d-typo.toml"), "{refused:?}");
    assert_eq!(list(&scene.run(&["runs", "--json"]).json()).len(), 2, "nothing of it ran");
}

#[test]
fn a_suite_is_no_baseline_and_an_empty_folder_no_suite() {
    let scene = scene();
    let said = scene.run(&["run", "jobs", "--save-baseline", "main"]);
    assert_eq!(said.code, 64, "{said:?}");
    fs::create_dir(scene.path().join("empty")).unwrap();
    let empty = scene.run(&["run", "empty"]);
    assert_eq!(empty.code, 64, "{empty:?}");
    assert!(empty.errors.contains("holds no job"), "{empty:?}");
}
