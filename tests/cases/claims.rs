//! Claims from end to end: the published stories as jobs, what is never a pass, and deciding again from what is stored.

use std::fs;
use std::path::{Path, PathBuf};

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{list, text, whole};
use serde_json::{Value, json};

fn example(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace");
    root.join("examples/claims").join(name)
}

/// Runs an example; its report.
fn run(scene: &Scene, name: &str) -> (Said, Value) {
    let job = example(name);
    let path = job.to_str().expect("the workspace's path is text");
    let said = scene.run(&["run", path, "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{name}");
    (said, report)
}

fn claims(report: &Value) -> &[Value] {
    list(&report["claims"])
}

#[test]
fn a_false_claim_is_refuted_with_its_figures() {
    let (said, report) = run(&Scene::new(), "false-claim.toml");
    assert_eq!((said.code, &report["run"]["verdict"]), (1, &json!("refuted")), "{said:?}");
    let [bound, ratio] = claims(&report) else { panic!("two claims") };
    assert_eq!((&bound["verdict"], &ratio["verdict"]), (&json!("refuted"), &json!("refuted")));
    let value = bound["value"].as_f64().unwrap();
    assert!((81.0e6..120.0e6).contains(&value), "81.4 ms and what the machine adds: {value}");
    assert!(text(&bound["reason"]).contains("above 40.0 ms"), "{bound}");
    assert!(ratio["value"].as_f64().unwrap() > 1.5, "{ratio}");
    // The verdicts stand before what was measured.
    let page = said.out;
    let (verdicts, measured) = (page.find("Claims").unwrap(), page.find("merged over").unwrap());
    assert!(verdicts < measured && page.contains("the report is 40 % faster"), "{page}");
}

#[test]
fn one_trial_each_is_inconclusive_and_says_how_many_it_takes() {
    let (said, report) = run(&Scene::new(), "single-run.toml");
    assert_eq!((said.code, &report["run"]["verdict"]), (2, &json!("inconclusive")), "{said:?}");
    let [claim] = claims(&report) else { panic!("one claim") };
    assert_eq!((whole(claim, "n"), whole(claim, "more_trials_needed")), (1, 4));
    assert!(text(&claim["reason"]).contains("at least 5 blocks: 4 more trials of each side"), "{claim}");
    let words: Vec<&Value> = list(&report["comparisons"]).iter().map(|it| &it["says"]).collect();
    assert!(!words.is_empty() && words.iter().all(|word| **word == json!("inconclusive")), "{words:?}");
}

#[test]
fn a_suite_that_errors_is_invalid() {
    let (said, report) = run(&Scene::new(), "erroring-suite.toml");
    assert_eq!((said.code, &report["run"]["verdict"]), (3, &json!("invalid")), "{said:?}");
    let [claim] = claims(&report) else { panic!("one claim") };
    assert_eq!(claim["verdict"], json!("invalid"));
    assert!(text(&claim["reason"]).contains("71.9 % of 32 operations failed (23 exit)"), "{claim}");
}

#[test]
fn a_baseline_that_nobody_stored_is_invalid() {
    let (said, report) = run(&Scene::new(), "missing-baseline.toml");
    assert_eq!((said.code, &report["run"]["verdict"]), (3, &json!("invalid")), "{said:?}");
    let [claim] = claims(&report) else { panic!("one claim") };
    assert!(text(&claim["reason"]).contains("no baseline named \"nobody-stored-this\""), "{claim}");
}

#[test]
fn a_claim_that_holds_is_supported_and_decided_the_same_again() {
    let scene = Scene::new();
    let (said, report) = run(&scene, "supported.toml");
    assert_eq!((said.code, &report["run"]["verdict"]), (0, &json!("supported")), "{said:?}");
    let job = fs::read_to_string(example("supported.toml")).unwrap();
    scene.write("job.toml", &job);
    let again = scene.run(&["verify", "job.toml", "--run", "latest", "--json"]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(again.out, fs::read_to_string(scene.path().join("report.json")).unwrap(), "byte for byte");
    // Another claim about the same measurements comes out as it deserves.
    scene.write("bolder.toml", &job.replace("at_most = 0.70", "at_most = 0.20"));
    let bolder = scene.run(&["verify", "bolder.toml", "--run", "latest", "--markdown", "-"]);
    assert_eq!(bolder.code, 1, "{bolder:?}");
    assert!(bolder.out.starts_with("## supported: refuted\n"), "{bolder:?}");
    // What was measured is not what another job would have measured.
    scene.write("other.toml", &job.replace("trials = 6", "trials = 7"));
    let other = scene.run(&["verify", "other.toml", "--run", "latest"]);
    assert_eq!(other.code, 65, "{other:?}");
    assert!(other.errors.contains("they differ at load.trials"), "{other:?}");
}

#[test]
fn a_benchmark_that_was_not_reported_is_invalid_and_never_a_pass() {
    let scene = Scene::new();
    let job = "name = \"suite\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"true\"\n\
        [load]\niterations = 20\n[expect]\nmetrics = [\"metric.test_simple.mean\"]\ncount = 32\n";
    scene.write("job.toml", job);
    let said = scene.run(&[
        "run",
        "job.toml",
        "--json",
        "report.json",
        "--junit",
        "report.xml",
        "--markdown",
        "report.md",
    ]);
    assert_eq!(said.code, 3, "{said:?}");
    let report = scene.json("report.json");
    let codes: Vec<&Value> =
        list(&report["variants"][0]["trials"][0]["findings"]).iter().map(|it| &it["code"]).collect();
    assert_eq!(codes.iter().filter(|code| ***code == json!("expectation_missed")).count(), 2, "{codes:?}");
    let written = |name: &str| fs::read_to_string(scene.path().join(name)).unwrap();
    assert!(written("report.xml").contains("errors=\"1\""), "{}", written("report.xml"));
    assert!(written("report.md").starts_with("## suite: invalid\n"), "{}", written("report.md"));
    let again = scene.run(&["report", "latest", "--junit", "again.xml"]);
    assert_eq!((again.code, written("again.xml")), (0, written("report.xml")), "{again:?}");
}
