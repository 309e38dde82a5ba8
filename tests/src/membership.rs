//! A coordinator that encrypts, and how others join it: by the lines that it prints.

use std::fs;

use crate::cast::{Agent, Coordinator, Said, Scene};
use crate::patience::wait_for;

/// Words of a coordinator that encrypts on loopback.
pub const ENCRYPTED: [&str; 3] = ["--listen", "127.0.0.1:0", "--tls"];

/// Starts a coordinator that encrypts, over the store `store`; `more` are further words.
///
/// # Panics
/// When it does not listen in time.
pub fn encrypted(scene: &Scene, more: &[&str]) -> Coordinator {
    Coordinator::start_under(scene, "store", &[], &[&ENCRYPTED[..], more].concat())
}

/// The line that a coordinator printed for `an agent` or `a person` to join with, as its last start did.
///
/// # Panics
/// When it printed none.
pub fn printed_line(scene: &Scene, who: &str) -> String {
    let begins = format!("{who} joins with: ");
    wait_for("the line to join with", crate::cast::START_WITHIN, || {
        let said = fs::read_to_string(scene.path().join("coordinator.log")).ok()?;
        // A line is written in pieces: only those that have ended are whole.
        let whole = &said[..=said.rfind('\n')?];
        whole.lines().rev().find_map(|line| line.strip_prefix(&begins).map(ToOwned::to_owned))
    })
}

/// The token of that line.
///
/// # Panics
/// When it printed none.
pub fn printed_token(scene: &Scene, who: &str) -> String {
    printed_line(scene, who).rsplit(' ').next().expect("a line ends with a word").to_owned()
}

/// A token that the machine's own user asks for.
///
/// # Panics
/// When there is none.
pub fn token(scene: &Scene, role: &str, more: &[&str]) -> String {
    let words = [&["ca", "token", "--store", "store", "--role", role, "--json"][..], more].concat();
    let said = scene.run(&words);
    assert_eq!(said.code, 0, "{said:?}");
    said.json()["token"].as_str().expect("there is a token").to_owned()
}

/// Logs in; returns what was said.
pub fn log_in(scene: &Scene, token: &str, name: &str) -> Said {
    scene.run(&["login", "--join", token, "--name", name, "--context", name])
}

/// Starts an agent that joins.
pub fn joining_agent(scene: &Scene, url: &str, name: &str, token: &str, more: &[&str]) -> Agent {
    Agent::start(scene, url, name, &[&["--join", token][..], more].concat())
}

/// The record of who did what, oldest first.
///
/// # Panics
/// When it cannot be read.
pub fn record(scene: &Scene) -> Vec<serde_json::Value> {
    let said = scene.run(&["audit", "--store", "store", "--limit", "10000", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    said.out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// Waits until something was refused with a reason that contains this.
///
/// # Panics
/// When it was not in time.
pub fn wait_until_refused(scene: &Scene, reason: &str) {
    wait_for(&format!("a refusal in the record: {reason:?}"), crate::cast::START_WITHIN, || {
        let lines = record(scene);
        let is_it = |line: &serde_json::Value| {
            line["outcome"] == "refused" && line["reason"].as_str().is_some_and(|told| told.contains(reason))
        };
        lines.iter().any(is_it).then_some(())
    });
}
