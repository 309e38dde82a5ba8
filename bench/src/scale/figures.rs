//! What is told of runs with crowds: one column for each, one row for each figure.

use std::time::{Duration, Instant};

use super::{LATE_AFTER, Outcome};
use crate::realistic_interval::LENGTH;

const MIB: f64 = 1024.0 * 1024.0;

/// A row: what it is, and how it is read from an outcome. `None`: it could not be measured.
type Figure = (&'static str, fn(&Outcome) -> Option<String>);

/// The rows, in their order.
const FIGURES: &[Figure] = &[
    ("intervals due", |it| Some(it.account.numbered.to_string())),
    ("acknowledged", |it| Some(it.account.acknowledged.to_string())),
    ("in the report", |it| it.reported_intervals.map(|count| count.to_string())),
    ("durable intervals per second", |it| tenths(it.account.acknowledged as f64 / load_s(it)?)),
    ("acknowledged within, p50, ms", |it| milliseconds(it.account.ack_time(0.5)?)),
    ("acknowledged within, p99, ms", |it| milliseconds(it.account.ack_time(0.99)?)),
    ("acknowledged within, all, ms", |it| milliseconds(it.account.ack_time(1.0)?)),
    ("acknowledged after more than 1 s", |it| Some(it.account.late(LATE_AFTER).to_string())),
    ("coordinator under load, cores", |it| hundredths(cores(it)?)),
    ("coordinator under load, resident MiB", |it| {
        load_of(it).and_then(|(from, to)| mebibytes(it.coordinator.resident_bytes_max(from, to)))
    }),
    ("coordinator to the run's end, resident MiB", |it| {
        load_of(it).and_then(|(from, _)| mebibytes(it.coordinator.resident_bytes_max(from, it.ended_at?)))
    }),
    ("from the last acknowledgement to the run's end, s", |it| {
        tenths(it.ended_at?.checked_duration_since(it.account.last_acknowledged?)?.as_secs_f64())
    }),
    ("bytes per interval on the wire", |it| per_interval(it, Some(it.account.interval_bytes))),
    ("bytes per interval on disk, as written", |it| per_interval(it, it.disk.written)),
    ("bytes per interval on disk, compacted", |it| per_interval(it, it.disk.compacted)),
    ("bytes per interval on disk, folded and compacted", |it| per_interval(it, it.disk.folded)),
    ("MiB per agent-hour on disk, as written", |it| per_agent_hour(it, it.disk.written)),
    ("MiB per agent-hour on disk, compacted", |it| per_agent_hour(it, it.disk.compacted)),
    ("MiB per agent-hour on disk, folded and compacted", |it| per_agent_hour(it, it.disk.folded)),
    ("strangers that came, and were turned away", |it| {
        let strangers = it.strangers;
        (strangers.connected > 0).then(|| format!("{}, {}", strangers.connected, strangers.turned_away))
    }),
    ("all agents attached after, s", |it| tenths(it.attaching.as_secs_f64())),
    ("load client, cores", |it| load_of(it).and_then(|(from, to)| hundredths(it.client.cores(from, to)?))),
    ("load client's own lateness at most, ms", |it| milliseconds(it.account.send_lag_max)),
];

/// All figures of some outcomes as a table that Markdown shows.
pub fn table(outcomes: &[Outcome]) -> String {
    let header = outcomes
        .iter()
        .map(|it| format!("{}{}", it.agents, if it.is_encrypted { " over TLS" } else { "" }))
        .collect();
    let rule = outcomes.iter().map(|_| "---".to_owned()).collect();
    let mut lines = vec![line("agents", header), line("---", rule)];
    for (name, read) in FIGURES {
        let cells = outcomes.iter().map(|it| read(it).unwrap_or_else(|| "–".to_owned())).collect();
        lines.push(line(name, cells));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How one run ended and what went wrong, what gave first first.
pub fn ending(outcome: &Outcome) -> String {
    let verdict = if outcome.is_whole() { "whole" } else { "NOT WHOLE" };
    let mut lines = vec![format!("{} agents: {verdict}; {}", outcome.agents, outcome.ending)];
    let failures = outcome.account.failures_in_words();
    lines.extend(failures.iter().chain(&outcome.troubles).map(|trouble| format!("  {trouble}")));
    lines.join("\n")
}

fn line(name: &str, cells: Vec<String>) -> String {
    format!("| {name} | {} |", cells.join(" | "))
}

/// The coordinator's CPU time under load, in cores; `None`: there was no load.
pub fn cores(outcome: &Outcome) -> Option<f64> {
    let (from, to) = load_of(outcome)?;
    outcome.coordinator.cores(from, to)
}

/// From the first interval sent to the last acknowledgement.
fn load_of(outcome: &Outcome) -> Option<(Instant, Instant)> {
    outcome.account.first_sent.zip(outcome.account.last_acknowledged)
}

/// The same in seconds, with the second that the first intervals told of.
fn load_s(outcome: &Outcome) -> Option<f64> {
    let (from, to) = load_of(outcome)?;
    Some((to.duration_since(from) + LENGTH).as_secs_f64())
}

fn per_interval(outcome: &Outcome, bytes: Option<u64>) -> Option<String> {
    let intervals = outcome.account.acknowledged;
    (intervals > 0)
        .then(|| format!("{:.0}", bytes.unwrap_or_default() as f64 / intervals as f64))
        .filter(|_| bytes.is_some())
}

fn per_agent_hour(outcome: &Outcome, bytes: Option<u64>) -> Option<String> {
    let hours = outcome.account.acknowledged as f64 * LENGTH.as_secs_f64() / 3_600.0;
    if hours > 0.0 { tenths(bytes? as f64 / MIB / hours) } else { None }
}

fn milliseconds(time: Duration) -> Option<String> {
    tenths(time.as_secs_f64() * 1e3)
}

fn mebibytes(bytes: u64) -> Option<String> {
    (bytes > 0).then(|| format!("{:.0}", bytes as f64 / MIB))
}

fn tenths(number: f64) -> Option<String> {
    number.is_finite().then(|| format!("{number:.1}"))
}

fn hundredths(number: f64) -> Option<String> {
    number.is_finite().then(|| format!("{number:.2}"))
}
