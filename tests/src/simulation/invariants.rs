//! What always holds: one function for each, under its name.
//!
//! Room: `reports` (those that are read off a finished run's report).

mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use coordinator::store::ResultStore;
use shared::ids::{IntervalSequence, RunId, TrialIndex, TrialKey};

use super::coordinator::{Coordinator, Temper};
use super::disk::Disk;
use super::host::Seat;
use super::job::DrawnJob;
use super::process::{Link, Process};
use super::trace::place;
use super::truth::{Part, Truth};
pub use reports::{Attempts, of_report};

/// Most intervals that may be under way from one agent: the credit's own bound.
const IN_FLIGHT_MAX: usize = 64;
/// No interval here is larger; one of each trial may be read back from disk although memory is full.
const INTERVAL_BYTES_MAX: u64 = 512;

/// Something that should always hold and did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What.
    pub invariant: &'static str,
    /// How that shows.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} does not hold: {}", self.invariant, self.what)
    }
}

/// A violation of the invariant of this name.
fn violated(invariant: &'static str, what: impl Into<String>) -> Violation {
    Violation { invariant, what: what.into() }
}

/// What an agent is told to be stored would survive a crash at this very moment, byte for byte.
///
/// # Errors
/// The first interval that would not.
pub fn acked_is_durable(truth: &mut Truth, disk: &Disk, part: Part, through: u64) -> Result<(), Violation> {
    let known = truth.acknowledged.get(&part).copied().unwrap_or(0);
    truth.acknowledged.insert(part, known.max(through + 1));
    (known..=through).try_for_each(|sequence| is_durable(truth, disk, part, sequence))
}

/// The same for everything that any agent was ever told, after a crash.
///
/// # Errors
/// The first interval that is gone.
pub fn all_acked_is_durable(truth: &Truth, disk: &Disk) -> Result<(), Violation> {
    let mut told = truth.acknowledged.iter();
    told.try_for_each(|(part, next)| {
        (0..*next).try_for_each(|sequence| is_durable(truth, disk, *part, sequence))
    })
}

fn is_durable(truth: &Truth, disk: &Disk, part: Part, sequence: u64) -> Result<(), Violation> {
    let (trial, agent) = part;
    let measured = truth.measured.get(&part).and_then(|it| it.intervals.get(sequence as usize));
    let stored = disk.shown().durable(trial, agent, IntervalSequence(sequence));
    if measured.map(|interval| interval.bytes.as_slice()) == stored {
        return Ok(());
    }
    let how = if stored.is_some() { "is stored as another" } else { "would not survive a crash" };
    let what = format!("interval {sequence} of {agent} in {} was acknowledged and {how}", place(trial));
    Err(violated("acked_is_durable", what))
}

/// No two runs hold one slot of a host.
///
/// # Errors
/// The host whose slots are held by too many.
pub fn leases_exclude(coordinator: &Coordinator) -> Result<(), Violation> {
    let mut runs_on: BTreeMap<&str, (BTreeSet<RunId>, u32)> = BTreeMap::new();
    for (agent, run) in coordinator.director.schedule().fleet.leases() {
        if let Some(host) = agent.fingerprint.boot_id.as_deref() {
            let (runs, slots) = runs_on.entry(host).or_insert((BTreeSet::new(), agent.slots));
            runs.insert(run);
            if runs.len() > *slots as usize {
                let what = format!("{} runs hold the {slots} slots of {host}", runs.len());
                return Err(violated("leases_exclude", what));
            }
        }
    }
    Ok(())
}

/// And no more runs really measure on a host than it has slots; where no connection breaks, for of an agent that cannot be
/// reached nobody knows what it does.
///
/// # Errors
/// The host on which too many measure.
pub fn hosts_are_not_shared(seats: &[Seat]) -> Result<(), Violation> {
    for host in seats {
        let of_host = seats.iter().filter(|seat| seat.boot_id == host.boot_id);
        let runs: BTreeSet<RunId> =
            of_host.filter_map(|seat| seat.process.as_ref()).flat_map(Process::measures_for).collect();
        if runs.len() > host.slots as usize {
            let what =
                format!("{} runs measure on {}, which has {} slots", runs.len(), host.boot_id, host.slots);
            return Err(violated("leases_exclude", what));
        }
    }
    Ok(())
}

/// What an agent keeps for the coordinator has its bounds.
///
/// # Errors
/// Which of them is passed.
pub fn outbox_is_bounded(process: &Process) -> Result<(), Violation> {
    let (usage, bounds) = (process.machine.outbox().usage(), process.bounds);
    let beside_bytes = INTERVAL_BYTES_MAX * (process.machine.leases().len() as u64 + 1);
    let holds = usage.memory_bytes <= bounds.memory_bytes + beside_bytes
        && usage.disk_bytes <= bounds.disk_bytes
        && usage.in_flight <= IN_FLIGHT_MAX;
    if holds { Ok(()) } else { Err(violated("bounded", format!("{usage:?} is more than {bounds:?} allow"))) }
}

/// What the coordinator keeps has its bounds: it never knows of more than there is, and of the room no more is free than
/// there was.
///
/// # Errors
/// Which of them is passed.
pub fn coordinator_is_bounded(
    coordinator: &Coordinator,
    runs: usize,
    temper: Temper,
) -> Result<(), Violation> {
    let room = coordinator.ingest.room();
    let (active, free_bytes) = (coordinator.director.schedule().active_runs(), room.free_bytes());
    let holds = active <= runs && free_bytes <= temper.room_bytes as usize;
    let what =
        || format!("{active} of {runs} runs are active, {free_bytes} of {} bytes free", temper.room_bytes);
    if holds { Ok(()) } else { Err(violated("bounded", what())) }
}

/// To be told when time is up: some run did not end.
pub fn every_run_ends(disk: &Disk, jobs: &[DrawnJob]) -> Violation {
    let is_open = |job: &&DrawnJob| !matches!(disk.shown().report(job.run), Ok(Some(_)));
    let open: Vec<String> = jobs
        .iter()
        .filter(is_open)
        .map(|job| match disk.shown().run(job.run) {
            Ok(Some(record)) => format!("run {:?} is {:?} at {:?}", job.run, record.state, record.bookmark),
            other => format!("run {:?} is not stored: {other:?}", job.run),
        })
        .collect();
    violated("every_run_ends", open.join("; "))
}

/// To be told when time is up: all runs are over, and somebody still holds something of them.
pub fn nothing_is_held(seats: &[Seat]) -> Violation {
    let held = seats.iter().filter_map(|seat| Some((&seat.name, seat.process.as_ref()?.machine.leases())));
    let held: Vec<String> = held
        .filter(|(_, leases)| !leases.is_empty())
        .flat_map(|(name, leases)| {
            leases.into_iter().map(move |(trial, epoch)| format!("{name}: {} under {epoch}", place(trial)))
        })
        .collect();
    violated("every_run_ends", format!("all are over, and still held is {}", held.join(", ")))
}

/// Trials that were measuring when a coordinator crashed ran to their end.
///
/// # Errors
/// The first that did not.
pub fn agents_survive_the_coordinator(truth: &Truth, disk: &Disk) -> Result<(), Violation> {
    for trial in &truth.survivors {
        let record = disk.shown().run(trial.run).ok().flatten();
        let attempt = record.as_ref().and_then(|record| {
            record.trials.iter().find(|it| (it.trial, it.attempt) == (trial.trial, trial.attempt))
        });
        if !attempt.is_some_and(|attempt| attempt.is_complete) {
            let findings = attempt.map(|attempt| &attempt.findings);
            let what =
                format!("{} was measuring at a crash and did not survive it: {findings:?}", place(*trial));
            return Err(violated("agents_survive_the_coordinator", what));
        }
    }
    Ok(())
}

/// The trials that a coordinator which crashed now had noted to be running, of which all agents measure and are attached.
pub fn measuring(disk: &Disk, seats: &[Seat], truth: &Truth) -> Vec<TrialKey> {
    let unfinished = disk.shown().unfinished().unwrap_or_default();
    let records = unfinished.into_iter().filter_map(|run| disk.shown().run(run).ok().flatten());
    let trials = records.filter_map(|record| {
        let bookmark = record.bookmark?;
        let trial = &bookmark["trial"];
        let is_running =
            bookmark["step"] == "run" && trial["is_broken"] == false && bookmark["ending"].is_null();
        let index = u32::try_from(trial["index"].as_u64()?).ok()?;
        let attempt = u32::try_from(trial["attempt"].as_u64()?).ok()?;
        let agents = bookmark["agents"].as_array()?.len();
        is_running.then_some((TrialKey { run: record.id, trial: TrialIndex(index), attempt }, agents))
    });
    let is_well = |seat: &Seat, trial: TrialKey| {
        seat.process.as_ref().is_some_and(|process| {
            let measures = truth.measured.get(&(trial, process.id)).is_some_and(|it| it.began_ns.is_some());
            let is_held = process.machine.leases().iter().any(|(held, _)| *held == trial);
            measures && is_held && matches!(process.link, Link::Stands(_)) && seat.unreachable_until_ns == 0
        })
    };
    trials
        .filter(|(trial, agents)| seats.iter().filter(|seat| is_well(seat, *trial)).count() == *agents)
        .map(|(trial, _)| trial)
        .collect()
}

/// To be told when a coordinator cannot begin over what an earlier one left.
pub fn unreadable(error: &str) -> Violation {
    violated("every_run_ends", format!("a coordinator cannot begin over what is on the disk: {error}"))
}

/// Whether a run is stored.
pub fn is_stored(disk: &Disk, run: RunId) -> bool {
    matches!(disk.shown().run(run), Ok(Some(_)))
}
