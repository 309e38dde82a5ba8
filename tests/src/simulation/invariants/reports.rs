//! What a finished run's report says, held against what really happened.

use std::collections::{BTreeMap, BTreeSet};

use coordinator::store::ResultStore;
use shared::ids::{AgentId, RunId, TrialKey};
use shared::job::{Job, Kinds, Warmup, Window};
use shared::run_record::{RunRecord, RunState, TrialRecord};
use shared::run_report::{Coverage, RunReport, TrialReport};

use super::{Violation, violated};
use crate::simulation::dice::SECOND;
use crate::simulation::disk::Disk;
use crate::simulation::fault::Family;
use crate::simulation::trace::place;
use crate::simulation::truth::Truth;

/// How far agents may begin apart, however slow the links: twice what half the longest round trip leaves open.
const SPREAD_NS_MAX: u64 = 2 * SECOND;
/// What the figures of a skew may be off by rounding, microseconds.
const ROUNDING_US: f64 = 5.0;

/// One attempt at a trial: what was recorded, reported and stored of it.
struct Attempt<'a> {
    trial: TrialKey,
    record: &'a TrialRecord,
    report: &'a TrialReport,
    /// The bytes of each agent's stored intervals, by number.
    stored: BTreeMap<AgentId, BTreeMap<u64, Vec<u8>>>,
    truth: &'a Truth,
}

/// How the attempts of a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// So many ran to their end.
    pub complete: u64,
    /// So many did not.
    pub broken: u64,
}

/// Looks at a run's report, once there is one.
///
/// # Errors
/// The first invariant that does not hold.
pub fn of_report(
    disk: &Disk,
    run: RunId,
    truth: &Truth,
    family: Family,
) -> Result<Option<Attempts>, Violation> {
    let unreadable = |error: &dyn std::fmt::Display| violated("acked_is_durable", error.to_string());
    let Ok(Some(cached)) = disk.shown().report(run) else { return Ok(None) };
    let report: RunReport = serde_json::from_slice(&cached.json).map_err(|error| unreadable(&error))?;
    let Some(record) = disk.shown().run(run).map_err(|error| unreadable(&error))? else { return Ok(None) };
    let mut stored: BTreeMap<TrialKey, BTreeMap<AgentId, BTreeMap<u64, Vec<u8>>>> = BTreeMap::new();
    let mut take = |it: coordinator::store::StoredInterval| {
        stored.entry(it.trial).or_default().entry(it.agent).or_default().insert(it.sequence.0, it.bytes);
        std::ops::ControlFlow::Continue(())
    };
    disk.shown().intervals(run, &mut take).map_err(|error| unreadable(&error))?;
    let job = shared::job::parse(&record.job_toml, Kinds::Unchecked)
        .map_err(|errors| unreadable(&errors))?
        .as_planned(&record.plan);
    blocks_are_whole(&record)?;
    looks_end_runs(&record)?;
    for attempt in &record.trials {
        let trial = TrialKey { run, trial: attempt.trial, attempt: attempt.attempt };
        let stored = stored.remove(&trial).unwrap_or_default();
        let report = report_of(&report, &record, attempt).ok_or_else(|| {
            violated("missing_is_named", format!("{} has no line in its report", place(trial)))
        })?;
        let attempt = Attempt { trial, record: attempt, report, stored, truth };
        counted_once(&attempt)?;
        reconnects_lose_nothing(&attempt)?;
        missing_is_named(&attempt)?;
        start_together(&attempt, family)?;
        variants_run_their_own_load(&attempt, &record, &job)?;
    }
    match stored.keys().next() {
        Some(stray) => {
            let what = format!("{} is stored and not in the run's record", place(*stray));
            Err(violated("missing_is_named", what))
        }
        None => {
            let complete = record.trials.iter().filter(|attempt| attempt.is_complete).count() as u64;
            Ok(Some(Attempts { complete, broken: record.trials.len() as u64 - complete }))
        }
    }
}

fn report_of<'a>(
    report: &'a RunReport,
    record: &RunRecord,
    attempt: &TrialRecord,
) -> Option<&'a TrialReport> {
    let planned = record.plan.trials.get(attempt.trial.0 as usize)?;
    let trials = &report.variants.get(planned.variant.0 as usize)?.trials;
    trials.iter().find(|it| (it.block, it.attempt) == (planned.block, attempt.attempt))
}

/// Trials run in the order of the plan, those of a block side by side; of a run that is finished each was begun.
fn blocks_are_whole(record: &RunRecord) -> Result<(), Violation> {
    let begun: Vec<u32> = record.trials.iter().map(|attempt| attempt.trial.0).collect();
    let planned = record.trials_needed().count() as u32;
    let distinct: BTreeSet<u32> = begun.iter().copied().collect();
    if !begun.is_sorted() || (record.state == RunState::Finished && distinct != (0..planned).collect()) {
        let what = format!("of {planned} trials these were begun, in this order: {begun:?}");
        return Err(violated("blocks_are_whole", what));
    }
    Ok(())
}

/// A run is looked at after ever more blocks, and nothing is begun after a look that ends it.
fn looks_end_runs(record: &RunRecord) -> Result<(), Violation> {
    let is_in_order = record.looks.windows(2).all(|pair| pair[0].look.blocks < pair[1].look.blocks);
    let before_last = record.looks.iter().rev().skip(1);
    let is_only_last = !before_last.into_iter().any(|looked| looked.outcome.ends_run());
    let needed = record.trials_needed().count() as u32;
    let is_kept = record.trials.iter().all(|attempt| attempt.trial.0 < needed);
    if is_in_order && is_only_last && is_kept {
        return Ok(());
    }
    Err(violated("looks_end_runs", format!("{needed} trials are needed after {:?}", record.looks)))
}

/// An engine that came to its end measured for as long as its variant says.
fn variants_run_their_own_load(
    attempt: &Attempt<'_>,
    record: &RunRecord,
    job: &Job,
) -> Result<(), Violation> {
    let Some(planned) = record.plan.trials.get(attempt.trial.trial.0 as usize) else { return Ok(()) };
    let load = &job.of_variant(planned.variant).load;
    let (Warmup::For(warmup), Window::For(window)) = (load.warmup, load.window) else { return Ok(()) };
    // A second each, and the drain.
    let due = (warmup + window).as_secs() + 1;
    for part in &attempt.record.agents {
        let measured = attempt.truth.measured.get(&(attempt.trial, part.id)).filter(|it| it.is_done);
        let numbered = measured.map_or(due, |it| it.intervals.len() as u64);
        if numbered != due {
            let what = format!(
                "{} measured {numbered} intervals in {}, and its variant has {due}",
                part.name,
                place(attempt.trial)
            );
            return Err(violated("variants_run_their_own_load", what));
        }
    }
    Ok(())
}

/// The merged count is the sum of what engines counted in the intervals that are stored; in a trial that is said to be
/// whole that is all that they counted.
fn counted_once(attempt: &Attempt<'_>) -> Result<(), Violation> {
    let Attempt { trial, stored, truth, .. } = attempt;
    let mut counted = 0;
    for (agent, intervals) in stored {
        let Some(measured) = truth.measured.get(&(*trial, *agent)) else {
            let what = format!("{agent} never measured {}, and something of it is stored", place(*trial));
            return Err(violated("counted_once", what));
        };
        for (sequence, bytes) in intervals {
            match measured.intervals.get(*sequence as usize) {
                Some(interval) if interval.bytes == *bytes => counted += interval.count,
                _ => {
                    let what = format!(
                        "interval {sequence} of {agent} in {} is not what it measured",
                        place(*trial)
                    );
                    return Err(violated("counted_once", what));
                }
            }
        }
    }
    let reported = attempt.report.operations.last().map_or(0, |all| all.count);
    if reported != counted {
        let what = format!("{} reports {reported} operations, and {counted} are stored", place(*trial));
        return Err(violated("counted_once", what));
    }
    let all: u64 = attempt
        .record
        .agents
        .iter()
        .filter_map(|it| truth.measured.get(&(*trial, it.id)))
        .map(|it| it.count())
        .sum();
    if attempt.is_said_to_be_whole() && reported != all {
        let what =
            format!("{} is whole with {reported} operations, and engines counted {all}", place(*trial));
        return Err(violated("counted_once", what));
    }
    Ok(())
}

/// Of an agent that measured to its end, and to which nothing happened but that connections broke or a coordinator crashed,
/// everything is stored: the other half of *counted_once*.
fn reconnects_lose_nothing(attempt: &Attempt<'_>) -> Result<(), Violation> {
    let Attempt { trial, truth, .. } = attempt;
    if truth.cancelled.contains(&trial.run) {
        return Ok(());
    }
    for part in attempt.record.agents.iter().filter(|part| !truth.troubled.contains(&part.id)) {
        let Some(measured) = truth.measured.get(&(*trial, part.id)).filter(|it| it.is_done) else { continue };
        let (numbered, stored) =
            (measured.intervals.len(), attempt.stored.get(&part.id).map_or(0, BTreeMap::len));
        if stored != numbered {
            let what =
                format!("{stored} of {}'s {numbered} intervals in {} are stored", part.name, place(*trial));
            return Err(violated("counted_once", what));
        }
    }
    Ok(())
}

/// Coverage says what is stored, and no trial is said to be whole of which something is missing.
fn missing_is_named(attempt: &Attempt<'_>) -> Result<(), Violation> {
    let named = |what: String| Err(violated("missing_is_named", format!("{}: {what}", place(attempt.trial))));
    let coverage = &attempt.report.coverage;
    let stored: u64 = attempt.stored.values().map(|intervals| intervals.len() as u64).sum();
    if coverage.intervals_received != stored {
        return named(format!(
            "{} intervals are said to be received, {stored} are",
            coverage.intervals_received
        ));
    }
    let says_nothing = attempt.report.valid && !attempt.record.findings.iter().any(|it| it.agent.is_some());
    for part in &attempt.record.agents {
        let measured = attempt.truth.measured.get(&(attempt.trial, part.id));
        let numbered = measured.map_or(0, |it| it.intervals.len());
        let stored = attempt.stored.get(&part.id).map_or(0, BTreeMap::len);
        let is_done = measured.is_some_and(|it| it.is_done);
        if says_nothing && (!is_done || stored != numbered) {
            return named(format!(
                "valid without a word, but {stored} of {}'s {numbered} intervals are stored, done: {is_done}",
                part.name
            ));
        }
        if part.intervals_reported.is_some_and(|reported| reported > numbered as u64) {
            return named(format!("{} is said to have numbered more than {numbered}", part.name));
        }
    }
    Ok(())
}

/// In a trial that ran to its end all that count in it held its lease and began at one moment; how far apart is told.
fn start_together(attempt: &Attempt<'_>, family: Family) -> Result<(), Violation> {
    if !attempt.record.is_complete {
        return Ok(());
    }
    let apart = |what: String| Err(violated("start_together", format!("{}: {what}", place(attempt.trial))));
    let mut began = Vec::new();
    for agent in attempt.stored.keys() {
        let Some(measured) = attempt.truth.measured.get(&(attempt.trial, *agent)) else { continue };
        let lease = attempt.truth.epochs.get(&attempt.trial);
        if lease != Some(&measured.epoch) {
            return apart(format!(
                "{agent} measured under lease {}, the trial had {lease:?}",
                measured.epoch
            ));
        }
        began.extend(measured.began_ns);
    }
    let (Some(first), Some(last)) = (began.iter().min(), began.iter().max()) else { return Ok(()) };
    let spread_ns = last - first;
    let TrialReport { start_skew_us, start_skew_error_us, .. } = attempt.report;
    let told_us =
        start_skew_us.zip(*start_skew_error_us).map(|(skew_us, error_us)| 2.0 * (skew_us + error_us));
    match told_us {
        Some(told_us) if spread_ns as f64 / 1e3 > told_us + ROUNDING_US => {
            apart(format!("agents began {spread_ns} ns apart, and told is {told_us} us at most"))
        }
        None if family == Family::Calm => apart("how far apart agents began is not told".to_owned()),
        _ if spread_ns > SPREAD_NS_MAX => apart(format!("agents began {spread_ns} ns apart")),
        _ => Ok(()),
    }
}

impl Attempt<'_> {
    /// Whether the report says that nothing is missing.
    fn is_said_to_be_whole(&self) -> bool {
        let Coverage { agents_planned, agents_finished, intervals_planned, intervals_received, .. } =
            self.report.coverage;
        self.record.is_complete
            && agents_finished == agents_planned
            && intervals_planned == Some(intervals_received)
    }
}
