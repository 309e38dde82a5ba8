//! A run whose coordinator is killed in the middle, while another takes its place.

use std::time::Duration;

use serde_json::Value;

use crate::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use crate::contract::departures;
use crate::running::Running;

/// How long such a run may take on a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// Runs a job over one agent. Once the run has said `moment`, its coordinator is killed, and another one begins over the same
/// store at the same address. Returns what the run said, and its report.
///
/// # Panics
/// When the run does not end in time, or its report is not as the contract has it.
pub fn run_across_a_restart(job: &str, moment: &str) -> (Said, Value) {
    let scene = Scene::new();
    scene.write("job.toml", job);
    let start = |listen: &str| {
        Coordinator::start_under(&scene, "store", &[], &["--listen", listen, "--lost-after", "10s"])
    };
    let mut coordinator = start("127.0.0.1:0");
    let url = coordinator.url.clone();
    let _agent = Agent::start(&scene, &url, "one", &["--allow", "command"]);
    wait_for_agents(&scene, &url, 1);
    let words = ["run", "job.toml", "--coordinator", &url, "--json", "report.json"];
    let mut run = Running::start(&scene, &words);
    run.wait_until_it_says(moment);
    coordinator.process.kill();
    let _again = start(url.trim_start_matches("http://"));
    let said = run.end(ENDS_WITHIN);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}
