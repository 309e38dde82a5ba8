//! Jobs on a shop's database, whichever it is, and what came of them.

use serde_json::Value;

use crate::cast::{Said, Scene};
use crate::contract::departures;
use crate::postgres::PASSWORD;
use crate::readings::{only_trial, operation, text};
use crate::written::files_with;

/// A job of four workers that is as long as `load` says, on however busy a machine.
pub fn job(url: &str, workload: &str, load: &str) -> String {
    format!(
        "name = \"shop\"\n[workload]\nkind = \"sql\"\nurl = \"{url}\"\n{workload}\n[data.id]\nrange = [1, 100]\n\
         [load]\nworkers = 4\n{load}\n[limits]\nsteal = 1\nforeign_cpu = 1\ngenerator_cpu = 1\n"
    )
}

/// Runs a job, and holds its report against the contract and everything that was written against the password.
///
/// # Panics
/// When either does not hold.
pub fn run(scene: &Scene, job: &str) -> (Said, Value) {
    scene.write("job.toml", job);
    let mut command = scene.command(&["run", "job.toml", "--json", "report.json", "--html", "report.html"]);
    let said = command.env("SHOP_PASSWORD", PASSWORD).output().expect("fleetmark is built");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said =
        Said { code: said.status.code().unwrap_or(-1), out: text(&said.stdout), errors: text(&said.stderr) };
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    assert!(!said.out.contains(PASSWORD) && !said.errors.contains(PASSWORD), "{said:?}");
    assert_eq!(files_with(scene.path(), PASSWORD), [""; 0], "nothing that was written holds the password");
    (said, report)
}

/// The one operation of a job, `it`.
pub fn operations(settings: &str) -> String {
    format!("[[workload.operations]]\nname = \"it\"\n{settings}\n")
}

/// The first sample of an error, and how many there were of which kind.
///
/// # Panics
/// When there is not one trial.
pub fn failure(report: &Value) -> (String, Value) {
    let it = operation(only_trial(report), "it");
    (text(&it["error_samples"][0]["message"]).to_owned(), it["errors"].clone())
}
