//! The rule: read from the socket, written to the database's file, fsync of it, and only then acknowledged.

use std::collections::BTreeMap;

use prost::Message as _;

use super::Moment;
use super::call::{Call, calls};
use super::conversation::{Conversation, conversations};

/// What a trace shows.
#[derive(Debug, Default)]
pub struct Findings {
    /// Acknowledgements that left.
    pub acknowledgements: usize,
    /// Intervals that they acknowledged.
    pub intervals: usize,
    /// Where the rule was broken, in words.
    pub violations: Vec<String>,
}

/// An interval's address on the wire: agent, run, trial, attempt, number.
type Address = (Vec<u8>, Vec<u8>, u32, u32, u64);

/// Holds a coordinator's trace against the rule. `database` is how the path of the database's file ends.
///
/// # Panics
/// When the trace does not read.
pub fn check(trace: &str, database: &str) -> Findings {
    let calls = calls(trace);
    let of_database: Vec<&Call> =
        calls.iter().filter(|call| call.file.ends_with(database) && call.returned >= 0).collect();
    let reports: Vec<(Vec<u8>, Conversation)> = conversations(&calls)
        .into_iter()
        .filter_map(|conversation| Some((reporter(&conversation)?, conversation)))
        .collect();
    let arrived = arrivals(&reports);
    let mut findings = Findings::default();
    for (agent, conversation) in &reports {
        for sent in &conversation.sent {
            let message = proto::ReportDown::decode(sent.bytes.as_slice()).expect("a ReportDown").message;
            let Some(proto::report_down::Message::Acknowledgement(acknowledgement)) = message else {
                continue;
            };
            findings.acknowledgements += 1;
            let trial = acknowledgement.trial.expect("an acknowledgement names its trial");
            for sequence in 0..=acknowledgement.through_sequence {
                findings.intervals += 1;
                let address = (agent.clone(), trial.run_id.clone(), trial.trial, trial.attempt, sequence);
                let broken = violation(arrived.get(&address).copied(), sent.moment, &of_database);
                let what = || format!("trial {} interval {sequence}", trial.trial);
                findings.violations.extend(broken.map(|broken| format!("{}: {broken}", what())));
            }
        }
    }
    findings
}

/// What is wrong with an acknowledgement that began to leave at `left`; `None`: nothing.
fn violation(arrived: Option<Moment>, left: Moment, of_database: &[&Call]) -> Option<String> {
    let Some(arrived) = arrived.filter(|arrived| *arrived < left) else {
        return Some(format!("acknowledged at {left} and not there yet"));
    };
    let writes: Vec<Moment> = of_database
        .iter()
        .filter(|call| {
            matches!(call.name.as_str(), "pwrite64" | "pwritev" | "write" | "writev") && call.began > arrived
        })
        .map(|call| call.ended)
        .collect();
    let is_synced = of_database.iter().any(|call| {
        matches!(call.name.as_str(), "fsync" | "fdatasync")
            && call.ended < left
            && writes.iter().any(|written| *written < call.began)
    });
    (!is_synced).then(|| {
        format!("read at {arrived}, acknowledged at {left}, and between no write and fsync of the database")
    })
}

/// Who reports in a conversation; `None`: it is no `Report`.
fn reporter(conversation: &Conversation) -> Option<Vec<u8>> {
    let first = proto::ReportUp::decode(conversation.received.first()?.bytes.as_slice()).ok()?;
    match first.message? {
        proto::report_up::Message::Hello(hello) if hello.agent_id.len() == 16 => Some(hello.agent_id),
        _ => None,
    }
}

/// When each interval was read in full, over whichever connection it came first.
fn arrivals(reports: &[(Vec<u8>, Conversation)]) -> BTreeMap<Address, Moment> {
    let mut arrived: BTreeMap<Address, Moment> = BTreeMap::new();
    for (agent, conversation) in reports {
        for received in &conversation.received {
            let message = proto::ReportUp::decode(received.bytes.as_slice()).expect("a ReportUp").message;
            let Some(proto::report_up::Message::Batch(batch)) = message else { continue };
            for interval in batch.intervals {
                let trial = interval.trial.expect("an interval names its trial");
                let address = (agent.clone(), trial.run_id, trial.trial, trial.attempt, interval.sequence);
                let moment = arrived.entry(address).or_insert(received.moment);
                *moment = received.moment.min(*moment);
            }
        }
    }
    arrived
}

#[cfg(test)]
mod tests;
