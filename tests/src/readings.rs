//! Reading a report: where its figures stand.

use serde_json::Value;

/// The report's only trial.
///
/// # Panics
/// When there is not exactly one variant with one trial.
pub fn only_trial(report: &Value) -> &Value {
    let trials = trials(report);
    assert_eq!(trials.len(), 1, "one trial is expected: {trials:#?}");
    &trials[0]
}

/// All trials of the report's only variant.
///
/// # Panics
/// When there is not exactly one variant.
pub fn trials(report: &Value) -> &Vec<Value> {
    let variants = report["variants"].as_array().expect("the report has variants");
    assert_eq!(variants.len(), 1, "one variant is expected");
    variants[0]["trials"].as_array().expect("the variant has trials")
}

/// One operation of a trial, a variant or an agent.
///
/// # Panics
/// When it is not there.
pub fn operation<'a>(holder: &'a Value, name: &str) -> &'a Value {
    let operations = holder["operations"].as_array().expect("there are operations");
    let found = operations.iter().find(|operation| operation["name"] == name);
    found.unwrap_or_else(|| panic!("no operation {name:?} in {operations:#?}"))
}

/// All operations of a trial, a variant or an agent together: its last one.
///
/// # Panics
/// When there is none.
pub fn altogether(holder: &Value) -> &Value {
    holder["operations"].as_array().and_then(|operations| operations.last()).expect("there are operations")
}

/// A whole number at a key.
///
/// # Panics
/// When it is none.
pub fn whole(holder: &Value, key: &str) -> u64 {
    holder[key].as_u64().unwrap_or_else(|| panic!("{key:?} is no whole number in {holder:#}"))
}

/// A text.
///
/// # Panics
/// When it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A list.
///
/// # Panics
/// When it is none.
pub fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// The agents of a trial.
///
/// # Panics
/// When there is no such list.
pub fn agents(trial: &Value) -> &Vec<Value> {
    trial["agents"].as_array().expect("the trial has agents")
}

/// Findings about the machine that the tests run on, which is shared and may be a virtual one.
pub const OF_THE_MACHINE: [&str; 7] = [
    "foreign_cpu",
    "virtualised",
    "governor_saves_power",
    "major_faults",
    "clock_stepped",
    "frequency_fell",
    "swapped",
];

/// The messages of all findings with a code, of every trial.
///
/// # Panics
/// When a finding has no message.
pub fn findings(report: &Value, code: &str) -> Vec<String> {
    let all = trials(report).iter().filter_map(|trial| trial["findings"].as_array()).flatten();
    let message = |finding: &Value| finding["message"].as_str().expect("a finding has a message").to_owned();
    all.filter(|finding| finding["code"] == code).map(message).collect()
}
