//! Whatever is measured may be broken: a run then ends soon, says how, and never passes.

use std::collections::BTreeSet;
use std::fs;

use fleetmark_tests::bad_certificate::{Flaw, SecureServer};
use fleetmark_tests::bad_server::{BadServer, ClosedPort, Manner};
use fleetmark_tests::broken_run::{ITERATIONS, check_all_failed, run_against, run_bounded, run_in};
use fleetmark_tests::cast::{Said, Scene, fleetmark};
use fleetmark_tests::readings::{altogether, findings, only_trial, trials, whole};
use serde_json::{Value, json};

#[test]
fn a_closed_port_is_a_connect_error() {
    let closed = ClosedPort::hold();
    let (said, report) = run_against(&format!("http://127.0.0.1:{}/", closed.port), "");
    let messages = check_all_failed(&said, &report, "connect");
    assert!(messages.contains("refused"), "{messages}");
}

#[test]
fn a_server_that_closes_at_once_is_a_closed_error() {
    let server = BadServer::start(Manner::ClosesAtOnce);
    let (said, report) = run_against(&server.url(), "");
    check_all_failed(&said, &report, "closed");
}

#[test]
fn a_server_that_resets_is_a_closed_error() {
    let server = BadServer::start(Manner::Resets);
    let (said, report) = run_against(&server.url(), "");
    let messages = check_all_failed(&said, &report, "closed");
    assert!(messages.contains("reset"), "{messages}");
}

#[test]
fn a_server_that_closes_within_its_head_is_a_closed_error() {
    let server = BadServer::start(Manner::ClosesWithinHead);
    let (said, report) = run_against(&server.url(), "");
    let messages = check_all_failed(&said, &report, "closed");
    assert!(messages.contains("content-le"), "what came is shown: {messages}");
}

#[test]
fn a_server_that_closes_within_its_answer_is_a_closed_error() {
    let server = BadServer::start(Manner::ClosesWithin);
    let (said, report) = run_against(&server.url(), "");
    let messages = check_all_failed(&said, &report, "closed");
    assert!(messages.contains("1000"), "how much was promised is told: {messages}");
}

#[test]
fn a_server_that_talks_garbage_is_a_protocol_error() {
    let server = BadServer::start(Manner::TalksGarbage);
    let (said, report) = run_against(&server.url(), "");
    check_all_failed(&said, &report, "protocol");
}

#[test]
fn a_server_that_never_answers_is_a_timeout() {
    let server = BadServer::start(Manner::NeverAnswers);
    let (said, report) = run_against(&server.url(), "timeout = \"300ms\"");
    check_all_failed(&said, &report, "timeout");
    let failed = &altogether(only_trial(&report))["failed_ns"];
    assert!(whole(failed, "min") >= 299_000_000, "no request was given up early: {failed:#}");
}

#[test]
fn a_server_that_answers_byte_by_byte_is_a_timeout() {
    let server = BadServer::start(Manner::Drips);
    let (said, report) = run_against(&server.url(), "timeout = \"1500ms\"");
    let messages = check_all_failed(&said, &report, "timeout");
    assert!(messages.contains("1 bytes received"), "how far it came is told: {messages}");
}

#[test]
fn an_answer_longer_than_it_says_is_a_protocol_error() {
    let server = BadServer::start(Manner::SendsMoreThanItSaid);
    let (said, report) = run_against(&server.url(), "");
    let messages = check_all_failed(&said, &report, "protocol");
    assert!(messages.contains("3 bytes came after the end"), "{messages}");
}

#[test]
fn a_chunk_that_no_memory_could_hold_is_a_protocol_error() {
    let server = BadServer::start(Manner::SendsMonstrousChunk);
    let (said, report) = run_against(&server.url(), "");
    let messages = check_all_failed(&said, &report, "protocol");
    assert!(messages.contains("a chunk of more than"), "{messages}");
}

#[test]
fn a_head_without_end_is_a_protocol_error() {
    let server = BadServer::start(Manner::NeverEndsItsHead);
    let (said, report) = run_bounded(&server.url(), "");
    let messages = check_all_failed(&said, &report, "protocol");
    assert!(
        messages.contains("more than 100 headers") || messages.contains("a head of more than"),
        "{messages}"
    );
}

#[test]
fn a_body_that_does_not_come_in_time_is_a_timeout_and_is_never_kept() {
    let server = BadServer::start(Manner::SendsTenGibibytes);
    let (said, report) = run_bounded(&server.url(), "timeout = \"300ms\"");
    check_all_failed(&said, &report, "timeout");
    let received = whole(altogether(only_trial(&report)), "bytes_received");
    assert!(received > ITERATIONS * 1024 * 1024, "the bodies came, {received} bytes of them");
}

/// Runs twenty requests against a server whose authority is trusted.
fn run_trusting(server: &SecureServer, more: &str) -> (Said, Value) {
    let scene = Scene::new();
    scene.write("authority.pem", &server.authority);
    run_in(&scene, &server.url(), &format!("tls = {{ ca_file = \"authority.pem\" {more}}}"))
}

#[test]
fn a_certificate_of_a_known_authority_is_trusted() {
    let server = SecureServer::start(Flaw::None);
    let (said, report) = run_trusting(&server, "");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(whole(altogether(only_trial(&report)), "count"), ITERATIONS);
}

#[test]
fn a_certificate_with_another_name_is_a_tls_error() {
    let server = SecureServer::start(Flaw::OtherName);
    let (said, report) = run_trusting(&server, "");
    let messages = check_all_failed(&said, &report, "tls");
    assert!(messages.contains("elsewhere.example"), "the name that it bears is told: {messages}");
    let (said, _) = run_trusting(&server, ", server_name = \"elsewhere.example\"");
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_certificate_that_has_expired_is_a_tls_error() {
    let server = SecureServer::start(Flaw::Expired);
    let (said, report) = run_trusting(&server, "");
    let messages = check_all_failed(&said, &report, "tls");
    assert!(messages.contains("expired"), "{messages}");
    let (said, _) = run_against(&server.url(), "tls = { insecure = true }");
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn plain_text_where_tls_is_expected_is_a_tls_error() {
    let server = BadServer::start(Manner::GreetsInPlainText);
    let (said, report) = run_against(&server.secure_url(), "tls = { insecure = true }");
    let messages = check_all_failed(&said, &report, "tls");
    assert!(messages.contains("does not speak TLS"), "{messages}");
}

#[test]
fn a_server_that_hangs_in_the_tls_handshake_is_a_timeout() {
    let server = BadServer::start(Manner::NeverAnswers);
    let (said, report) = run_against(&server.secure_url(), "timeout = \"300ms\"\ntls = { insecure = true }");
    let messages = check_all_failed(&said, &report, "timeout");
    assert!(messages.contains("TLS handshake"), "{messages}");
}

#[test]
fn an_answer_of_500_is_a_status_error() {
    let server = BadServer::start(Manner::Fails);
    let (said, report) = run_against(&server.url(), "");
    let messages = check_all_failed(&said, &report, "status");
    assert!(messages.contains("500"), "{messages}");
}

#[test]
fn an_answer_that_says_something_else_is_a_body_error() {
    let server = BadServer::start(Manner::SaysSomethingElse);
    let (said, report) = run_against(&server.url(), "expect = { body_contains = \"welcome\" }");
    let messages = check_all_failed(&said, &report, "body");
    assert!(messages.contains("welcome"), "{messages}");
}

/// Runs a job against the address of its target, which `sections` describe.
fn run_with(scene: &Scene, sections: &str) -> (Said, Value) {
    scene.write(
        "job.toml",
        &format!(
            "name = \"started\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"http://{{{{target.host}}}}:{{{{target.port}}}}/\"\n{sections}"
        ),
    );
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    (said, scene.json("report.json"))
}

const FEW: &str = "[load]\niterations = 20\n";
const GOOD_TARGET: &str = "[target]\nstart = [\"fleetmark\", \"target\", \"--listen\", \"{{target.host}}:{{target.port}}\"]\nready = \"http://{{target.host}}:{{target.port}}/health\"\n";

/// The run is invalid, nothing was measured, and the finding says what is expected.
fn check_broken(said: &Said, report: &Value, code: &str, what: &[&str]) {
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!(report["run"]["verdict"], json!("invalid"));
    assert_eq!(only_trial(report)["valid"], json!(false));
    let messages = findings(report, code).join("\n");
    for word in what {
        assert!(messages.contains(word), "{word:?} is expected in the finding {code}: {report:#}");
        assert!(said.out.contains(word), "{word:?} is expected on the page: {}", said.out);
    }
}

#[test]
fn a_target_that_ends_at_once_is_quoted() {
    let target = "[target]\nstart = [\"sh\", \"-c\", \"echo the configuration is missing >&2; exit 7\"]\nready = \"tcp://{{target.host}}:{{target.port}}\"\n";
    let (said, report) = run_with(&Scene::new(), &format!("{FEW}{target}"));
    check_broken(&said, &report, "target_failed", &["the configuration is missing", "7"]);
}

#[test]
fn a_target_that_cannot_be_found_is_named() {
    let (said, report) = run_with(&Scene::new(), &format!("{FEW}[target]\nstart = [\"no-such-program\"]\n"));
    check_broken(&said, &report, "target_failed", &["no-such-program"]);
}

#[test]
fn a_target_that_never_becomes_ready_ends_the_trial() {
    let target = "[target]\nstart = [\"sh\", \"-c\", \"echo still warming up; exec sleep 600\"]\nready = \"tcp://{{target.host}}:{{target.port}}\"\n";
    let (said, report) = run_with(&Scene::new(), &format!("{FEW}{target}"));
    check_broken(&said, &report, "target_failed", &["still warming up"]);
}

#[test]
fn a_hook_that_fails_makes_the_trial_invalid() {
    let hooks = "[hooks]\nbefore_trial = [[\"sh\", \"-c\", \"echo no luck today >&2; exit 9\"]]\n";
    let (said, report) = run_with(&Scene::new(), &format!("{FEW}{GOOD_TARGET}{hooks}"));
    check_broken(&said, &report, "hook_failed", &["no luck today", "9"]);
}

#[test]
fn a_hook_that_takes_too_long_makes_the_trial_invalid() {
    let hooks = "[hooks]\nafter_trial = [{ command = [\"sleep\", \"600\"], timeout = \"300ms\" }]\n";
    let (said, report) = run_with(&Scene::new(), &format!("{FEW}{GOOD_TARGET}{hooks}"));
    check_broken(&said, &report, "hook_failed", &["300ms"]);
}

/// Runs three trials against a target that writes its process id into a file; returns the ids, in order of starts.
fn starts(restart: &str) -> Vec<String> {
    let scene = Scene::new();
    let marks = scene.path().join("starts");
    let target = format!(
        "[target]\nrestart = \"{restart}\"\nstart = [\"sh\", \"-c\", \"echo $$ >> {} && exec {} target --listen {{{{target.host}}}}:{{{{target.port}}}}\"]\nready = \"http://{{{{target.host}}}}:{{{{target.port}}}}/health\"\n",
        marks.display(),
        fleetmark().display()
    );
    let (said, report) = run_with(&scene, &format!("[load]\niterations = 20\ntrials = 3\n{target}"));
    assert_eq!(said.code, 0, "{said:?}");
    let counts: Vec<u64> = trials(&report).iter().map(|trial| whole(altogether(trial), "count")).collect();
    assert_eq!(counts, [20, 20, 20]);
    fs::read_to_string(marks).expect("the target left its mark").lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_target_is_started_once_for_the_run_when_so_wanted() {
    assert_eq!(starts("run").len(), 1);
}

#[test]
fn a_target_is_started_afresh_for_every_trial_when_so_wanted() {
    let starts = starts("trial");
    assert_eq!(starts.len(), 3);
    assert_eq!(starts.iter().collect::<BTreeSet<_>>().len(), 3, "each is a process of its own");
}
