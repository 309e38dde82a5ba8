//! Job files as people write them: what reads, what is refused, and how it is said.

mod claims;
mod hostile;
mod kinds;
mod messages;
mod mix;
mod pacing;
mod scenario;
mod search;
mod templates;
mod variants;

use std::time::Duration;

use fleetmark_shared as shared;
use kinds::KINDS;
use shared::job::{Job, Kinds, Window, parse};

const EXAMPLE: &str = include_str!("../contract_example.toml");

const VALID: &str = r#"
name = "steady"
tags = { team = "api" }

[workload]
kind = "http"

[[workload.operations]]
name = "read"
weight = 3
url = "http://{{target.host}}:{{target.port}}/{{path}}"
timeout = "{{patience}}"
body_file = "../body.json"

[[workload.operations]]
url = "http://127.0.0.1:1/"
body_file = "../body.json"

[params]
path = "status"
patience = "2s"
n = 3

[load]
workers = 8
warmup = { iterations = 3 }
duration = "1m30s"
trials = 2
seed = 42

[fleet]
agents = 2
where = "role=load cores>=4"

[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}"]
ready = "http://{{target.host}}:{{target.port}}/health"

[hooks]
before_run = ["sh -c 'echo {{path}}'", ["true"], { command = "sleep 1", timeout = "3s" }]

[limits]
error_ratio = "2%"
margin = 0.1
"#;

fn read(text: &str) -> Result<Job, String> {
    parse(text, Kinds::Known(KINDS)).map_err(|errors| errors.to_string())
}

/// The errors of a text that is fine but for what stands in it.
fn errors(text: &str) -> String {
    read(text).expect_err("the text is wrong on purpose")
}

/// A small job with further lines at its end.
fn job_with(lines: &str) -> String {
    format!(
        "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"http://h/\"\n{lines}"
    )
}

#[test]
fn a_full_job_reads_with_its_defaults() {
    let job = read(VALID).unwrap();
    assert_eq!(job.workload.operations.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["read", "http"]);
    assert_eq!(job.load.window, Window::For(Duration::from_secs(90)));
    assert_eq!((job.load.workers, job.load.trials, job.load.seed), (Some(8), 2, Some(42)));
    assert_eq!(job.load.drain, Duration::from_secs(5));
    assert_eq!(job.fleet.start_timeout, Duration::from_secs(60));
    assert_eq!(job.limits.error_ratio, 0.02);
    assert_eq!(job.limits.generator_cpu, 0.8);
    assert_eq!(job.files, ["../body.json"]);
    assert_eq!(job.hooks.before_run[0].command, ["sh", "-c", "echo {{path}}"]);
    assert_eq!(job.hooks.before_run[1].timeout, Duration::from_secs(60));
    assert_eq!(job.hooks.before_run[2].timeout, Duration::from_secs(3));
}

#[test]
fn the_smallest_job_has_every_default() {
    let job = read(&job_with("")).unwrap();
    assert_eq!(job.load.window, Window::For(Duration::from_secs(10)));
    assert_eq!((job.load.workers, job.load.trials, job.load.threads), (None, 1, None));
    assert_eq!(job.workload.operations[0].weight, 1.0);
}

#[test]
fn templates_are_filled_in_from_params_and_target() {
    let job = read(VALID).unwrap();
    let extra =
        [("target.host", "10.0.0.1"), ("target.port", "81")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let resolved = job.resolved(&extra.into()).unwrap();
    assert_eq!(resolved.workload.operations[0].settings["url"], "http://10.0.0.1:81/status");
    assert_eq!(resolved.workload.operations[0].settings["timeout"], "2s");
    assert_eq!(resolved.target.unwrap().ready.as_deref(), Some("http://10.0.0.1:81/health"));
    assert_eq!(resolved.hooks.before_run[0].command[2], "echo status");
    let too_early = job.resolved(&Default::default()).unwrap_err();
    assert_eq!(too_early.to_string(), "\"{{target.host}}\" has no value here");
}

#[test]
fn a_coordinator_takes_any_key_of_a_workload() {
    let text =
        "name = \"j\"\n[workload]\nkind = \"novel\"\nzeal = 3\n[[workload.operations]]\nfoo = [1, 2]\n";
    let job = parse(text, Kinds::Unchecked).unwrap();
    assert_eq!(job.workload.settings["zeal"], 3);
    assert_eq!(job.workload.operations[0].name.as_str(), "novel");
    assert_eq!(job.workload.operations[0].settings["foo"], serde_json::json!([1, 2]));
}
