//! Figures and counts as text, for the reasons of verdicts.

use shared::units::{human_bytes, human_count, human_ns, human_rate, human_share};

/// A value in its unit.
pub(super) fn figure(value: f64, unit: &str) -> String {
    match unit {
        "ns" => human_ns(value),
        "bytes" => human_bytes(value),
        "per_s" => human_rate(value),
        "" => human_count(value),
        unit => format!("{} {unit}", human_count(value)),
    }
}

/// A unit as people call it.
pub(super) fn unit_words(unit: &str) -> &str {
    if unit.is_empty() { "plain numbers" } else { unit }
}

/// An interval in its unit: `7.90 s to 8.40 s`.
pub(super) fn interval([low, high]: [f64; 2], unit: &str) -> String {
    format!("{} to {}", figure(low, unit), figure(high, unit))
}

/// `1 trial`, `10 trials`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What a ratio means in per cent: `12.6 % less`.
pub(super) fn change(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 1.0 => format!("{} less", human_share(1.0 - ratio)),
        ratio if ratio > 1.0 => format!("{} more", human_share(ratio - 1.0)),
        _ => "the same".to_owned(),
    }
}

/// What it would take, as the end of a reason.
pub(super) fn what_it_takes(more: Option<u64>, what: &str) -> String {
    match more {
        Some(1) => format!("about 1 more {what} would likely settle it"),
        Some(more) => format!("about {more} more {what}s would likely settle it"),
        None => format!("no reasonable number of {what}s would settle it: the limit is too near"),
    }
}
