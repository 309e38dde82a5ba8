//! Suites that people bring: the examples in a scene of their own, and metrics of a report.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cast::Scene;
use crate::contract;

/// A folder of the examples.
///
/// # Panics
/// When the tests do not stand in the workspace.
pub fn examples(folder: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace");
    root.join("examples").join(folder)
}

/// A scene with the files of a folder of the examples.
///
/// # Panics
/// When they cannot be copied.
pub fn scene_with(folder: &str) -> Scene {
    let scene = Scene::new();
    for entry in fs::read_dir(examples(folder)).expect("the examples are there") {
        let path = entry.expect("an example").path();
        if path.is_file() {
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, scene.path().join(name)).expect("an example can be copied");
        }
    }
    scene
}

/// What is wrong with a suite's JSON, each with its place; empty: it has the keys that it should and no other, and each of its
/// runs is as the contract has it.
pub fn departures(suite: &Value) -> Vec<String> {
    let keys: Vec<&str> =
        suite.as_object().into_iter().flat_map(|it| it.keys()).map(String::as_str).collect();
    let mut found = Vec::new();
    if keys != ["schema", "exit_code", "runs", "problems"] {
        found.push(format!("a suite has other keys: {keys:?}"));
    }
    if suite["schema"] != "fleetmark.suite/1" || !suite["exit_code"].is_u64() || !suite["problems"].is_array()
    {
        found.push(format!("schema, exit_code or problems are of another type: {:.200}", suite.to_string()));
    }
    let runs = suite["runs"].as_array().into_iter().flatten().enumerate();
    for (place, run) in runs {
        found.extend(
            contract::departures(run).into_iter().map(|departure| format!("runs[{place}]: {departure}")),
        );
    }
    found
}

/// The names of an operation's metrics that stand for something measured, not for a figure about it or its program.
///
/// # Panics
/// When the report has no such operation.
pub fn measured(operation: &Value) -> Vec<&str> {
    let metrics = operation["metrics"].as_object().expect("an operation has metrics");
    let is_own = |name: &&str| !name.contains('.') && !matches!(*name, "cpu_time" | "max_memory");
    metrics.keys().map(String::as_str).filter(is_own).collect()
}
