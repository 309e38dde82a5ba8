//! Runs that end once enough is known: settled claims and refuted ones, also when the coordinator is restarted meanwhile.

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::job;
use fleetmark_tests::readings::{list, text, trials};
use fleetmark_tests::restarted::run_across_a_restart;
use serde_json::{Value, json};

/// What the target answers in 2 ms is below this, and never above.
const HOLDS: &str = "[[claims]]\nmetric = \"read.latency.mean\"\nbelow = \"1s\"\n";
/// What does not hold, and ends the run.
const FAILS: &str = "[[claims]]\nmetric = \"read.latency.mean\"\nbelow = \"100us\"\nabort = true\n";

fn job(trials: &str, claims: &str) -> String {
    job::with_target(
        "looks",
        &format!("iterations = 40\ntrials = {trials}"),
        91,
        &format!("{claims}\n[limits]\nsteal = 1.0\n"),
    )
}

fn run(scene: &Scene, text: &str) -> (Said, Value) {
    scene.write("job.toml", text);
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

/// After how many blocks a run was looked at, and what came of it.
fn looks(report: &Value) -> Vec<(u64, &str)> {
    let looks = list(&report["run"]["looks"]).iter();
    looks.map(|look| (look["blocks"].as_u64().unwrap_or(0), text(&look["outcome"]))).collect()
}

#[test]
fn a_run_ends_once_its_claims_are_settled_and_names_what_it_left_out() {
    let scene = Scene::new();
    let (said, report) = run(&scene, &job("{ until = \"settled\", at_most = 12 }", HOLDS));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!((trials(&report).len(), looks(&report)), (10, vec![(10, "settled")]));
    assert_eq!(report["run"]["blocks_not_needed"], json!(2));
    assert_eq!(report["claims"][0]["verdict"], json!("supported"));
    assert!(said.out.contains("settled after 10 blocks, 2 more were not needed"), "{}", said.out);
    assert!(
        said.errors.contains("every claim is decided after 10 blocks; the 2 that are left are not run"),
        "{said:?}"
    );
    let plan = scene.run(&["plan", "job.toml", "--json"]).json();
    assert_eq!(plan["looks"], json!([10]));
}

#[test]
fn a_claim_that_is_refuted_beyond_doubt_ends_the_run_and_leaves_the_others_open() {
    let (said, report) = run(&Scene::new(), &job("8", &format!("{HOLDS}{FAILS}")));
    assert_eq!(said.code, 1, "{said:?}");
    let looks = looks(&report);
    // On a busy machine the first looks may not be sure enough.
    assert!(matches!(looks.last(), Some((5..8, "refuted"))), "{looks:?}");
    let blocks = looks.last().map_or(0, |(blocks, _)| *blocks);
    assert_eq!(trials(&report).len() as u64, blocks);
    let [holds, fails] = list(&report["claims"]).as_slice() else { panic!("two claims: {report:#}") };
    assert_eq!((text(&holds["verdict"]), text(&fails["verdict"])), ("inconclusive", "refuted"));
    let undecided = format!("not decided: aborted after {blocks} blocks");
    assert!(text(&holds["reason"]).starts_with(&undecided), "{holds}");
    assert_eq!(report["run"]["state"], json!("finished"), "it ended as it was meant to");
}

#[test]
fn looks_go_on_where_a_killed_coordinator_left_them() {
    let job = job("{ until = \"settled\", at_most = 12 }", HOLDS);
    let (said, report) = run_across_a_restart(&job, "trial 8/12");
    assert_eq!((said.code, looks(&report)), (0, vec![(10, "settled")]), "{said:?}");
    let valid = trials(&report).iter().filter(|trial| trial["valid"] == true).count();
    assert_eq!(valid, 10, "{said:?}");
}
