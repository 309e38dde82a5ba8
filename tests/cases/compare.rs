//! Runs against runs, and a metric over many: `compare` and `trend` with real processes.

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::readings::{list, text};
use serde_json::{Value, json};

/// A job that measures fleetmark's own target, whose answers take so long.
fn job(latency: &str, more: &str) -> String {
    format!(
        r#"
name = "nightly"

[workload]
kind = "http"

[[workload.operations]]
name = "read"
url = "http://{{{{target.host}}}}:{{{{target.port}}}}/"

[load]
workers = 2
iterations = 400

[target]
start = ["fleetmark", "target", "--listen", "{{{{target.host}}}}:{{{{target.port}}}}", "--latency", "{latency}"]
ready = "http://{{{{target.host}}}}:{{{{target.port}}}}/health"

{more}
"#
    )
}

fn ran(scene: &Scene, words: &[&str]) -> String {
    let said = scene.run(&[&["run", "job.toml", "--json", "-"], words].concat());
    assert_eq!(said.code, 0, "{said:?}");
    text(&said.json()["run"]["id"]).to_owned()
}

/// A job whose answers take so long that what else the machine does hardly shows in them.
fn steady(latency: &str, more: &str) -> String {
    job(latency, more)
        .replace("workers = 2", "workers = 4")
        .replace("iterations = 400", "iterations = 48\ntrials = 1")
}

/// A folder with a baseline of five runs against a target that takes 200 ms.
fn with_baseline() -> Scene {
    let scene = Scene::new();
    scene.write("job.toml", &steady("200ms", ""));
    (0..5).for_each(|_| drop(ran(&scene, &["--save-baseline", "main"])));
    scene
}

fn row<'a>(comparison: &'a Value, metric: &str) -> &'a Value {
    let found = list(&comparison["comparisons"]).iter().find(|row| row["metric"] == metric);
    found.unwrap_or_else(|| panic!("no row of {metric} in {comparison:#}"))
}

fn compared(said: &Said) -> Value {
    let comparison = said.json();
    assert_eq!(comparison["schema"], "fleetmark.compare/1");
    assert_eq!(comparison["exit_code"], json!(said.code), "{said:?}");
    comparison
}

#[test]
fn a_slower_run_is_told_from_a_baseline_and_a_like_one_is_not() {
    let scene = with_baseline();
    ran(&scene, &[]);
    let like = scene.run(&["compare", "main", "latest", "--json", "--margin", "20%"]);
    assert_eq!(row(&compared(&like), "read.latency.p50")["says"], "same", "{like:?}");
    ran(
        &scene,
        &[
            "--set",
            "target.start=[\"fleetmark\", \"target\", \"--listen\", \"{{target.host}}:{{target.port}}\", \"--latency\", \"400ms\"]",
        ],
    );
    let slower = scene.run(&["compare", "main", "latest", "--json", "--margin", "20%"]);
    let comparison = compared(&slower);
    assert_eq!(slower.code, 1, "{slower:?}");
    let row = row(&comparison, "read.latency.p50");
    assert_eq!((&row["says"], &row["a"], &row["b"]), (&json!("slower"), &json!("main"), &json!("latest")));
    let ratio = row["ratio"].as_f64().unwrap();
    assert!((1.5..2.2).contains(&ratio), "{row:#}");
    let page = scene.run(&["compare", "main", "latest"]);
    assert!(page.out.contains("baseline main (5 runs)") && page.out.contains("slower"), "{page:?}");
}

#[test]
fn two_single_runs_are_inconclusive_and_the_better_way_is_named() {
    let scene = Scene::new();
    scene.write("job.toml", &job("3ms", ""));
    let first = ran(&scene, &[]);
    ran(&scene, &[]);
    let said = scene.run(&["compare", &first, "latest", "--json"]);
    let comparison = compared(&said);
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(row(&comparison, "read.latency.p50")["says"], "inconclusive");
    assert!(said.out.contains("interleaved as variants"), "{said:?}");
}

#[test]
fn runs_of_another_shape_are_invalid_and_what_differs_is_said() {
    let scene = Scene::new();
    scene.write("job.toml", &job("3ms", ""));
    let first = ran(&scene, &[]);
    ran(&scene, &["--set", "load.workers=4"]);
    let said = scene.run(&["compare", &first, "latest"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.out.contains("workers (2 and 4)"), "{said:?}");
}

#[test]
fn what_nothing_is_called_is_no_pass() {
    let scene = Scene::new();
    scene.write("job.toml", &job("3ms", ""));
    ran(&scene, &[]);
    for (words, code) in [
        (["compare", "nothing", "latest"], 3),
        (["compare", "latest", "00000000"], 3),
        (["trend", "read.latency.p50", "--job=other"], 64),
    ] {
        let said = scene.run(&words);
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{words:?}: {said:?}");
    }
    let said = scene.run(&["compare", "latest:new", "latest:old"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.out.contains("no variant \"new\": it has default"), "{said:?}");
}

#[test]
fn a_trend_shows_every_run_with_its_commit_and_where_it_changed() {
    let scene = Scene::new();
    scene.write("job.toml", &steady("40ms", ""));
    let slow = "target.start=[\"fleetmark\", \"target\", \"--listen\", \"{{target.host}}:{{target.port}}\", \"--latency\", \"160ms\"]";
    for number in 0..12 {
        let commit = format!("commit=c0ffee{number:02}");
        let words = ["--tag", commit.as_str(), "--set", slow];
        ran(&scene, if number < 6 { &words[..2] } else { &words });
    }
    let said = scene.run(&["trend", "read.latency.p50", "--json"]);
    let trend = said.json();
    assert_eq!((&trend["schema"], &trend["job"]), (&json!("fleetmark.trend/1"), &json!("nightly")));
    let series = &list(&trend["series"])[0];
    let commits: Vec<&str> =
        list(&series["points"]).iter().map(|point| text(&point["tags"]["commit"])).collect();
    assert_eq!((commits[0], commits[11], commits.len()), ("c0ffee00", "c0ffee11", 12));
    let changes: Vec<u64> =
        list(&series["change_points"]).iter().filter_map(|it| it["at"].as_u64()).collect();
    assert!(changes.contains(&6), "{series:#}");
    let page = scene.run(&["trend", "read.latency.p50", "--job", "nightly"]).out;
    assert!(page.contains('▲') && page.contains("c0ffee06") && page.contains("▲ changed by +"), "{page}");
}

/// The claim that a run makes against the baseline `main`, and what came of it.
fn verdict(scene: &Scene, code: i32, words: &[&str]) -> (String, String) {
    let said = scene.run(&[&["run", "job.toml", "--json", "claimed.json"], words].concat());
    assert_eq!(said.code, code, "{said:?}");
    let claim = scene.json("claimed.json")["claims"][0].clone();
    assert_eq!(claim["baseline"], "main");
    (text(&claim["verdict"]).to_owned(), text(&claim["reason"]).to_owned())
}

#[test]
fn a_claim_against_a_baseline_is_decided_by_its_runs_and_the_same_tomorrow() {
    let claim = "[limits]\nsteal = 1.0\n[[claims]]\nmetric = \"read.latency.p50\"\nbaseline = \"main\"\nno_regression = \"40%\"\n";
    let scene = Scene::new();
    scene.write("job.toml", &steady("200ms", claim));
    let (word, reason) = verdict(&scene, 3, &["--save-baseline", "main"]);
    assert!(word == "invalid" && reason.contains("there is no baseline named \"main\""), "{reason}");
    let (word, reason) = verdict(&scene, 2, &["--save-baseline", "main"]);
    assert!(word == "inconclusive" && reason.contains("interleaved as variants"), "{reason}");
    (0..3).for_each(|_| drop(verdict(&scene, 2, &["--save-baseline", "main"])));
    let (word, reason) = verdict(&scene, 0, &[]);
    assert!(word == "supported" && reason.contains("over its 5 runs"), "{reason}");
    // Whatever becomes of the baseline: what the run was held against is its own.
    assert_eq!(scene.run(&["baseline", "remove", "main"]).code, 0);
    let again = scene.run(&["verify", "job.toml", "--run", "latest", "--json"]);
    assert_eq!((again.code, again.json()), (0, scene.json("claimed.json")), "{again:?}");
    assert_eq!(verdict(&scene, 3, &[]).0, "invalid");
}

#[test]
fn a_slower_run_is_refuted_by_its_baseline_and_one_of_another_shape_is_invalid() {
    let claim = "[limits]\nsteal = 1.0\n[[claims]]\nmetric = \"read.latency.p50\"\nbaseline = \"main\"\nno_regression = \"30%\"\n";
    let scene = with_baseline();
    scene.write("job.toml", &steady("400ms", claim));
    let (word, reason) = verdict(&scene, 1, &[]);
    assert!(word == "refuted" && reason.contains("× that of the baseline main"), "{reason}");
    scene.write("job.toml", &steady("200ms", claim));
    let (word, reason) = verdict(&scene, 3, &["--set", "load.workers=3"]);
    assert!(word == "invalid" && reason.contains("workers (4 and 3)"), "{reason}");
}

#[test]
fn two_variants_of_a_run_are_compared_block_by_block() {
    let variants = "[[variants]]\nname = \"old\"\nset = {}\n[[variants]]\nname = \"new\"\nset = { \"target.start\" = [\"fleetmark\", \"target\", \"--listen\", \"{{target.host}}:{{target.port}}\", \"--latency\", \"9ms\"] }\n";
    let scene = Scene::new();
    let text = job("3ms", variants).replace("iterations = 400", "iterations = 150\ntrials = 6");
    scene.write("job.toml", &text);
    ran(&scene, &[]);
    let said = scene.run(&["compare", "latest:old", "latest:new", "--json"]);
    let comparison = compared(&said);
    assert_eq!(said.code, 1, "{said:?}");
    let row = row(&comparison, "read.latency.p50");
    assert_eq!((&row["says"], &row["n"]), (&json!("slower"), &json!(6)));
    let ambiguous = scene.run(&["compare", "latest", "latest:new"]);
    assert!(ambiguous.code == 64 && ambiguous.errors.contains("latest:old"), "{ambiguous:?}");
}
