//! The API as its own document has it: two thousand requests that schemathesis makes up of it find no server error and no answer that
//! is not told of.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::Process;
use fleetmark_tests::site::Site;

const WITHIN: Duration = Duration::from_secs(60);
/// How long all requests together may take: on a quiet machine it is less than a minute.
const MADE_WITHIN: Duration = Duration::from_secs(180);
/// Seconds that one answer may take, to its last byte.
const ANSWER_S: &str = "10";
/// How many requests there must be at least.
const REQUESTS_MIN: u64 = 2_000;
/// Requests of each operation that are made up, at most: some of them have less to make up.
const EXAMPLES: &str = "160";
/// What counts: errors of the server, and answers that the document does not have.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Runs that were submitted wait for agents, and the events of a run that goes on end with it: they are asked for as far as told.
const SETTINGS: &str =
    "[[operations]]\ninclude-operation-id = \"watch_run\"\nparameters = { follow = \"false\" }\n";

#[test]
fn what_is_made_up_of_the_document_is_answered_as_it_says() {
    let there =
        Command::new("schemathesis").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        println!("NOT JUDGED: schemathesis is not installed (`tests/run.sh` installs it where it can)");
        return;
    }
    let site = Site::plain(&[]);
    let text = job::against("described", "http://127.0.0.1:1/", "iterations = 1", "");
    let accepted = site.browser.post("/api/v1/runs", &text);
    assert_eq!(accepted.status, 201, "{accepted:?}");
    assert_eq!(site.browser.post("/api/v1/runs/latest/cancel", "").status, 200);
    wait_for("the run to be over", WITHIN, || {
        (site.browser.get("/api/v1/runs").json()["runs"][0]["state"] == "cancelled").then_some(())
    });
    site.scene.write("schemathesis.toml", SETTINGS);
    let said = File::create(site.scene.path().join("said")).expect("the scene is ours");
    let mut schemathesis = Command::new("schemathesis");
    schemathesis
        .current_dir(site.scene.path())
        .args(["run", &format!("{}/api/v1/openapi.json", site.browser.url)])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--request-timeout", ANSWER_S])
        .args(["--seed", "1", "--no-color"])
        .stdin(Stdio::null())
        .stderr(said.try_clone().expect("it is open"))
        .stdout(said);
    let began = Instant::now();
    let status = Process::start("schemathesis", &mut schemathesis).wait(MADE_WITHIN);
    let words = fs::read_to_string(site.scene.path().join("said")).expect("it is text");
    println!("{words}");
    assert!(status.success(), "{words}");
    let made = made(&words).expect("it says how many there were");
    println!("{made} requests in {:.0?}", began.elapsed());
    assert!(made >= REQUESTS_MIN, "only {made} requests were made up");
}

/// How many requests were made: "Test cases:", and below it "2504 generated, 2504 passed".
fn made(words: &str) -> Option<u64> {
    let (_, summary) = words.rsplit_once("Test cases:")?;
    let (count, _) = summary.split_once(" generated")?;
    count.trim().replace(',', "").parse().ok()
}
