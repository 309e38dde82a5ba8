//! The API as its own document has it: two thousand requests that schemathesis makes up of it find no server error and no answer that
//! is not told of.

use std::process::{Command, Stdio};
use std::time::Duration;

use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::site::Site;

const WITHIN: Duration = Duration::from_secs(60);
/// Requests of each operation that are made up: some two thousand of all of them.
const EXAMPLES: &str = "120";
/// What counts: errors of the server, and answers that the document does not have.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

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
    let mut schemathesis = Command::new("schemathesis");
    schemathesis
        .current_dir(site.scene.path())
        .args(["run", &format!("{}/api/v1/openapi.json", site.browser.url)])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES, "--seed", "1", "--no-color"])
        .stdin(Stdio::null());
    let said = schemathesis.output().expect("it runs");
    let words = String::from_utf8_lossy(&said.stdout);
    println!("{words}");
    assert!(said.status.success(), "{words}");
}
