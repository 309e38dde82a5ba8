//! The slowest operations of a trial, out of those that each agent told.

use std::cmp::Reverse;

use shared::interval::slow::SLOWEST_MAX;
use shared::job::Job;
use shared::run_record::{AgentPart, TrialRecord};
use shared::run_report::SlowReport;

use super::cell::Cell;
use super::rfc3339;

const NS_PER_MS: u64 = 1_000_000;

/// The slowest first. What each agent tells of an operation are its slowest, so that those of all are among them.
pub(super) fn of(job: &Job, attempt: &TrialRecord, parts: &[(&AgentPart, &Cell)]) -> Vec<SlowReport> {
    let mut slowest = Vec::new();
    for (part, cell) in parts {
        for (operation, tally) in job.workload.operations.iter().zip(cell.tallies()) {
            slowest.extend(tally.slowest().iter().map(|slow| SlowReport {
                operation: operation.name.to_string(),
                latency_ns: slow.latency_ns,
                offset_ns: slow.ended_at_ns.saturating_sub(cell.window_start_ns()),
                ended_at:
                    attempt.started_at_ms.map(|started_at_ms| {
                        rfc3339(started_at_ms.saturating_add(slow.ended_at_ns / NS_PER_MS))
                    }),
                agent: part.name.clone(),
                worker: slow.worker,
                request: slow.request.clone(),
            }));
        }
    }
    slowest.sort_by(|one, other| {
        let rank = |slow: &SlowReport| (Reverse(slow.latency_ns), slow.offset_ns);
        rank(one).cmp(&rank(other)).then_with(|| (&one.agent, one.worker).cmp(&(&other.agent, other.worker)))
    });
    slowest.truncate(SLOWEST_MAX);
    slowest
}
