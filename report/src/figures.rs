//! The figures of claims and comparisons as text, and the words around them, the same in every format.

use shared::run_report::{ClaimReport, ComparisonReport, ProfileReport, RunReport};
use shared::units::{human_bytes, human_count, human_ns, human_rate};

/// Stands where a figure cannot be given.
pub(crate) const ABSENT: &str = "–";

/// A value in its unit: `8.14 s`, `2.0 MiB`, `12.3k/s`, `0.874`.
pub(crate) fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ns" => human_ns(value),
        "bytes" => human_bytes(value),
        "per_s" => human_rate(value),
        "" => human_count(value),
        unit => format!("{} {unit}", human_count(value)),
    }
}

/// A value with its interval: `8.14 s (7.90 s to 8.40 s)`.
pub fn with_interval(value: Option<f64>, ci95: Option<[f64; 2]>, unit: &str) -> String {
    let Some(value) = value else { return ABSENT.to_owned() };
    let value = figure(value, unit);
    match ci95 {
        Some([low, high]) => format!("{value} ({} to {})", figure(low, unit), figure(high, unit)),
        None => value,
    }
}

/// What is claimed: in a person's words where there are any, else metric and rule; and about whom, where there are several.
pub fn claim(report: &RunReport, claim: &ClaimReport) -> String {
    let stated = format!("{} {}", claim.metric, claim.rule);
    let mut title = claim.text.clone().unwrap_or(stated);
    // A comparison names its other side in its rule.
    if report.variants.len() > 1 {
        title = format!("{}: {title}", claim.variant);
    }
    match whose(claim.agent.as_ref().map(ToString::to_string), claim.pair.as_ref().map(ToString::to_string)) {
        Some(whose) => format!("{title} ({whose})"),
        None => title,
    }
}

/// What is compared: `read.latency.p95 of new against old`.
pub(crate) fn comparison(comparison: &ComparisonReport) -> String {
    let title = format!("{} of {} against {}", comparison.metric, comparison.b, comparison.a);
    let agent = comparison.agent.as_ref().map(ToString::to_string);
    match whose(agent, comparison.pair.as_ref().map(ToString::to_string)) {
        Some(whose) => format!("{title} ({whose})"),
        None => title,
    }
}

/// How a comparison's word is said to people.
pub(crate) fn says(comparison: &ComparisonReport) -> String {
    let word = comparison.says.as_str();
    match comparison.more_trials_needed {
        Some(1) => format!("{word}, 1 more block would likely tell"),
        Some(more) => format!("{word}, {more} more blocks would likely tell"),
        None => word.to_owned(),
    }
}

/// What is to be known of comparisons, each sentence once.
pub(crate) fn notes(report: &RunReport) -> Vec<&str> {
    let mut told: Vec<&str> = Vec::new();
    for note in report.comparisons.iter().flat_map(|comparison| &comparison.notes) {
        if !told.contains(&note.as_str()) {
            told.push(note);
        }
    }
    told
}

fn whose(agent: Option<String>, pair: Option<String>) -> Option<String> {
    pair.or(agent)
}
/// A profile's file, or that there is none.
pub(crate) fn profile(profile: &ProfileReport) -> String {
    match profile.size_bytes {
        Some(size_bytes) => format!("{}, {}", profile.name, human_bytes(size_bytes as f64)),
        None => "nothing is stored".to_owned(),
    }
}

/// How to get a profile.
pub(crate) fn profile_command(report: &RunReport, profile: &ProfileReport) -> String {
    format!("fleetmark profile {} --number {} -o {}", report.run.id, profile.number, profile.name)
}
