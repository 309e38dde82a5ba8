//! The report's JSON as the contract has it, key by key: what must be there, and of which type. Room: `answers`, of sweeps, searches and profilers.

mod answers;

use jiff::Timestamp;
use serde_json::{Map, Value};

use self::answers::{PROFILE, SEARCH, SWEEP};

/// What a value must be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    OneOf(&'static [&'static str]),
    Boolean,
    /// A whole number, at least 0.
    Count,
    Number,
    /// RFC 3339 in UTC.
    Time,
    /// Two numbers.
    Interval,
    /// A kind, or `null`.
    OrNull(&'static Kind),
    /// An object with free keys.
    Map(&'static Kind),
    List(&'static Kind),
    /// A kind; the key may be absent.
    OrAbsent(&'static Kind),
    /// An object with exactly these keys.
    Table(&'static [(&'static str, Kind)]),
    Anything,
}

use Kind::{Anything, Boolean, Count, Interval, List, Number, OneOf, OrAbsent, OrNull, Table, Text, Time};

const REPORT: Kind = Table(&[
    ("schema", OneOf(&["fleetmark.run/1"])),
    ("run", Table(RUN)),
    ("variants", List(&Table(VARIANT))),
    ("claims", List(&Table(CLAIM))),
    ("comparisons", List(&Table(COMPARISON))),
    // Added: what sweeps over one number answer.
    ("sweeps", OrAbsent(&List(&Table(SWEEP)))),
    // Added: what was searched for, and found.
    ("search", OrAbsent(&Table(SEARCH))),
    // Added: what profilers wrote in trials that were not measured.
    ("profiles", OrAbsent(&List(&Table(PROFILE)))),
    ("hosts", List(&Table(HOST))),
]);

const HOST: &[(&str, Kind)] = &[
    ("agent", Text),
    ("fingerprint", Kind::Map(&Anything)),
    // Added: the labels of its agent, by which hosts are grouped.
    ("labels", OrAbsent(&Kind::Map(&Text))),
    // Added: that it only observed.
    ("observer", OrAbsent(&Boolean)),
];

const RUN: &[(&str, Kind)] = &[
    ("id", Text),
    ("name", Text),
    ("state", OneOf(&["finished", "failed", "cancelled"])),
    ("verdict", OneOf(&["supported", "refuted", "inconclusive", "invalid", "none"])),
    ("exit_code", Count),
    // Added to the contract's: why a run failed or was cancelled.
    ("reason", OrNull(&Text)),
    ("started_at", Time),
    ("finished_at", Time),
    ("seed", Count),
    // Added: when it was looked at before its plan was done, and what that spared.
    ("looks", OrAbsent(&List(&Table(LOOK)))),
    ("blocks_not_needed", OrAbsent(&Count)),
    ("tags", Kind::Map(&Text)),
    ("fleetmark_version", Text),
    ("analysis_version", Text),
    ("job", Text),
];

const LOOK: &[(&str, Kind)] =
    &[("blocks", Count), ("alpha", Number), ("outcome", OneOf(&["go_on", "settled", "refuted", "failed"]))];

const VARIANT: &[(&str, Kind)] = &[
    ("name", Text),
    ("parameters", Kind::Map(&Anything)),
    ("trials", List(&Table(TRIAL))),
    ("operations", List(&Table(OPERATION))),
    // Added: what each agent measured, merged over trials.
    ("agents", List(&Table(AGENT_TOTALS))),
    ("estimates", List(&Table(ESTIMATE))),
];

const AGENT_TOTALS: &[(&str, Kind)] =
    &[("name", Text), ("pair", OrAbsent(&Table(PAIR))), ("operations", List(&Table(OPERATION)))];

const PAIR: &[(&str, Kind)] = &[("from", Text), ("to", Text)];

const TRIAL: &[(&str, Kind)] = &[
    ("block", Count),
    ("order", Count),
    ("attempt", Count),
    ("valid", Boolean),
    // Added: which agent did it alone.
    ("agent", OrAbsent(&Text)),
    ("pair", OrNull(&Table(PAIR))),
    ("findings", List(&Table(FINDING))),
    ("start_skew_us", OrNull(&Number)),
    ("start_skew_error_us", OrNull(&Number)),
    ("coverage", Table(COVERAGE)),
    ("operations", List(&Table(OPERATION))),
    ("agents", List(&Table(AGENT))),
    // Added: how hosts fared that made no load.
    ("observers", OrAbsent(&List(&Table(OBSERVER)))),
    // Added: the slowest successes.
    ("slowest", OrAbsent(&List(&Table(SLOW)))),
    // Added: how a database meant to do the statements.
    ("plans", OrAbsent(&List(&Table(PLAN)))),
];

const PLAN: &[(&str, Kind)] = &[("operation", Text), ("plan", Text)];

const SLOW: &[(&str, Kind)] = &[
    ("operation", Text),
    ("latency_ns", Count),
    ("offset_ns", Count),
    ("ended_at", OrNull(&Text)),
    ("agent", Text),
    ("worker", Count),
    ("request", OrNull(&Text)),
];

const OBSERVER: &[(&str, Kind)] = &[
    ("id", Text),
    ("name", Text),
    ("clock_offset_us", OrNull(&Number)),
    ("clock_error_us", OrNull(&Number)),
    ("host", Kind::Map(&Anything)),
    // Added: how the memory of an observed process went.
    ("memory", OrAbsent(&Anything)),
];

const FINDING: &[(&str, Kind)] = &[
    ("code", Text),
    ("severity", OneOf(&["invalid", "suspect", "note"])),
    ("agent", OrNull(&Text)),
    ("message", Text),
];

const COVERAGE: &[(&str, Kind)] = &[
    ("agents_planned", Count),
    ("agents_finished", Count),
    ("intervals_planned", OrNull(&Count)),
    ("intervals_received", Count),
    ("agent_seconds_ratio", OrNull(&Number)),
];

const AGENT: &[(&str, Kind)] = &[
    ("id", Text),
    ("name", Text),
    ("operations", List(&Table(OPERATION))),
    ("clock_offset_us", OrNull(&Number)),
    ("clock_error_us", OrNull(&Number)),
    ("generator_cpu", OrNull(&Number)),
    ("workers_peak", Count),
    ("host", Kind::Map(&Anything)),
    // Added: how the memory of an observed process went.
    ("memory", OrAbsent(&Anything)),
];

const ESTIMATE: &[(&str, Kind)] = &[
    ("metric", Text),
    ("unit", Text),
    ("agent", OrNull(&Text)),
    ("pair", OrNull(&Table(PAIR))),
    ("n", Count),
    ("mean", OrNull(&Number)),
    ("ci95", OrNull(&Interval)),
];

const CLAIM: &[(&str, Kind)] = &[
    ("text", OrNull(&Text)),
    ("metric", Text),
    ("unit", Text),
    ("rule", Text),
    ("variant", Text),
    ("than", OrNull(&Text)),
    ("baseline", OrNull(&Text)),
    ("agent", OrNull(&Text)),
    // Added: under `pairs` the pair that it is about.
    ("pair", OrAbsent(&Table(PAIR))),
    ("n", Count),
    ("value", OrNull(&Number)),
    ("ci95", OrNull(&Interval)),
    ("verdict", OneOf(&["supported", "refuted", "inconclusive", "invalid"])),
    ("reason", Text),
    ("more_trials_needed", OrNull(&Count)),
    ("severity", OneOf(&["gate", "warn"])),
];

const COMPARISON: &[(&str, Kind)] = &[
    ("metric", Text),
    ("a", Text),
    ("b", Text),
    // Added: whom it is about under `each` and `pairs`.
    ("agent", OrAbsent(&Text)),
    ("pair", OrAbsent(&Table(PAIR))),
    // Added: how many blocks there were, and how many more would settle it.
    ("n", Count),
    ("ratio", OrNull(&Number)),
    ("ci95", OrNull(&Interval)),
    ("says", OneOf(&["faster", "slower", "same", "inconclusive"])),
    ("primary", Boolean),
    ("more_trials_needed", OrNull(&Count)),
    ("fingerprint_differences", List(&Text)),
    // Added: what is to be known of it.
    ("notes", OrAbsent(&List(&Text))),
];

const OPERATION: &[(&str, Kind)] = &[
    ("name", Text),
    ("count", Count),
    ("unsent", Count),
    ("errors", Kind::Map(&Count)),
    ("error_samples", List(&Table(&[("kind", Text), ("message", Text)]))),
    ("error_ratio", OrNull(&Number)),
    ("scheduled_per_s", OrNull(&Number)),
    ("throughput_per_s", OrNull(&Number)),
    ("latency_ns", Table(DISTRIBUTION)),
    ("service_time_ns", Table(DISTRIBUTION)),
    ("send_lag_ns", Table(DISTRIBUTION)),
    ("worker_wait_ns", Table(DISTRIBUTION)),
    ("failed_ns", Table(DISTRIBUTION)),
    // Added: the phases of a request, where they were asked for, and what a program used.
    ("pool_wait_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("dns_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("connect_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("tls_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("first_byte_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("body_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("cpu_time_ns", OrAbsent(&Table(DISTRIBUTION))),
    ("max_memory_bytes", OrAbsent(&Table(DISTRIBUTION))),
    ("bytes_sent", Count),
    ("bytes_received", Count),
    // Added to the contract's: connections opened inside the window.
    ("connects", Count),
    ("metrics", Kind::Map(&Table(METRIC))),
];

const DISTRIBUTION: &[(&str, Kind)] = &[
    ("count", Count),
    ("min", OrNull(&Number)),
    ("mean", OrNull(&Number)),
    ("stdev", OrNull(&Number)),
    ("p50", OrNull(&Number)),
    ("p75", OrNull(&Number)),
    ("p90", OrNull(&Number)),
    ("p95", OrNull(&Number)),
    ("p99", OrNull(&Number)),
    ("p99_9", OrNull(&Number)),
    ("p99_99", OrNull(&Number)),
    ("max", OrNull(&Number)),
];

const METRIC: &[(&str, Kind)] = &[
    // `ns`, `bytes`, `per_s`, empty or a word of the job's own.
    ("unit", Text),
    // Added: what its values are.
    ("kind", OneOf(&["gauge", "ratio", "histogram"])),
    ("count", Count),
    ("mean", OrNull(&Number)),
    ("stdev", OrNull(&Number)),
    ("min", OrNull(&Number)),
    ("max", OrNull(&Number)),
    // Added: the quantiles of a histogram, those that its sample can carry.
    ("p50", OrAbsent(&Number)),
    ("p75", OrAbsent(&Number)),
    ("p90", OrAbsent(&Number)),
    ("p95", OrAbsent(&Number)),
    ("p99", OrAbsent(&Number)),
    ("p99_9", OrAbsent(&Number)),
    ("p99_99", OrAbsent(&Number)),
];

/// What is wrong with the report of a run that is over, each with its place; empty: it is as the contract has it.
pub fn departures(report: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check("report", report, REPORT, &mut found);
    found
}

fn check(place: &str, value: &Value, kind: Kind, found: &mut Vec<String>) {
    let fits = match kind {
        Text => value.is_string(),
        OneOf(words) => value.as_str().is_some_and(|text| words.contains(&text)),
        Boolean => value.is_boolean(),
        Count => value.is_u64(),
        Number => value.is_number(),
        Time => value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<Timestamp>().is_ok()),
        Interval => value.as_array().is_some_and(|ends| ends.len() == 2 && ends.iter().all(Value::is_number)),
        OrNull(_) if value.is_null() => true,
        OrNull(kind) | OrAbsent(kind) => return check(place, value, *kind, found),
        List(kind) => {
            let elements = value.as_array();
            for (at, element) in elements.into_iter().flatten().enumerate() {
                check(&format!("{place}[{at}]"), element, *kind, found);
            }
            elements.is_some()
        }
        Kind::Map(kind) => {
            let entries = value.as_object();
            for (key, element) in entries.into_iter().flatten() {
                check(&format!("{place}.{key}"), element, *kind, found);
            }
            entries.is_some()
        }
        Table(keys) => {
            let table = value.as_object();
            if let Some(table) = table {
                check_table(place, table, keys, found);
            }
            table.is_some()
        }
        Anything => true,
    };
    if !fits {
        found.push(format!("{place} is no {kind:?}: {value}"));
    }
}

fn check_table(place: &str, table: &Map<String, Value>, keys: &[(&str, Kind)], found: &mut Vec<String>) {
    for (key, kind) in keys {
        match table.get(*key) {
            Some(value) => check(&format!("{place}.{key}"), value, *kind, found),
            None if matches!(kind, OrAbsent(_)) => {}
            None => found.push(format!("{place}.{key} is missing")),
        }
    }
    let unknown = table.keys().filter(|key| keys.iter().all(|(known, _)| known != key));
    found.extend(unknown.map(|key| format!("{place}.{key} is not in the contract")));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: &Value, kind: Kind) -> Vec<String> {
        let mut found = Vec::new();
        check("it", value, kind, &mut found);
        found
    }

    #[test]
    fn what_is_missing_added_or_of_another_type_is_found_with_its_place() {
        const KIND: Kind =
            List(&Table(&[("a", Count), ("b", OrNull(&Text)), ("c", Time), ("e", OrAbsent(&Text))]));
        let good = json!({ "a": 1, "b": null, "c": "2026-01-02T03:04:05Z" });
        assert_eq!(found(&json!([good]), KIND), [""; 0]);
        let wrong = json!([good, { "a": -1, "c": "2026-01-02T03:04:05+01:00", "d": 0, "e": null }]);
        let places = [
            "it[1].a is no Count",
            "it[1].b is missing",
            "it[1].c is no Time",
            "it[1].e is no Text",
            "it[1].d is not in",
        ];
        let found = found(&wrong, KIND);
        assert_eq!(found.len(), places.len(), "{found:#?}");
        for (departure, place) in found.iter().zip(places) {
            assert!(departure.starts_with(place), "{departure}");
        }
    }

    #[test]
    fn an_empty_report_lacks_every_section() {
        assert_eq!(departures(&json!({})).len(), 6);
        assert_eq!(departures(&json!(null)).len(), 1);
    }
}
