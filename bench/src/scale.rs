//! A coordinator under a crowd of agents: one run of a real job, and what it took to carry it.
//!
//! Rooms: [`figures`], what is told of it; [`strangers`], who only keep it busy; [`watchers`], who look at its pages.

pub mod figures;
pub mod strangers;
pub mod watchers;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use shared::event::RunEvent;
use shared::ids::RunId;
use shared::run_record::RunState;
use tokio::time::timeout;

use crate::crowd::{Account, Crowd};
use crate::realistic_interval::{IntervalMaker, LENGTH, OPERATIONS};
use crate::rpc::control::Control;
use crate::stage::Coordinator;
use crate::usage::{Usage, UsageWatch};
use strangers::Strangers;
use watchers::Watchers;

/// How long the next agent may take to attach.
const ATTACH_WITHIN: Duration = Duration::from_secs(30);
/// How long the agents are attached before the run: a fleet stands for a while before it is used, and its clocks are known
/// by then. The coordinator looks at each clock every two seconds.
const SETTLE: Duration = Duration::from_secs(5);
/// How long a run may take beside its load: preparing, collecting what is still on its way, judging, the report.
const END_WITHIN: Duration = Duration::from_secs(150);
/// How long folding or compacting may take.
const TIDY_WITHIN: Duration = Duration::from_secs(120);
/// The word that keeps the crowd to its run.
const RESERVATION: &str = "fleet-scale";
/// An acknowledgement that comes after the next interval was due is late.
pub const LATE_AFTER: Duration = LENGTH;
/// The unit of `st_blocks`, whatever the file system's own block is.
const BLOCK_BYTES: u64 = 512;

/// What one run with a crowd showed.
#[derive(Debug)]
pub struct Outcome {
    /// How many agents.
    pub agents: u32,
    /// Whether they came over TLS.
    pub is_encrypted: bool,
    /// How long all of them took to attach.
    pub attaching: Duration,
    /// What the agents saw.
    pub account: Account,
    /// What the coordinator's process used, from its start to the run's end.
    pub coordinator: Usage,
    /// What this process used meanwhile.
    pub client: Usage,
    /// When the run's end was told; `None`: it was not.
    pub ended_at: Option<Instant>,
    /// How the run ended, in words.
    pub ending: String,
    /// Intervals that the run's report counts; `None`: there is no report.
    pub reported_intervals: Option<u64>,
    /// What strangers could do meanwhile.
    pub strangers: strangers::Visits,
    /// What those saw who looked at the run's page.
    pub watched: watchers::Seen,
    /// The store's growth, bytes; `None`: it could not be measured.
    pub disk: Disk,
    /// What went wrong beside the agents' own failures, in the order in which it did.
    pub troubles: Vec<String>,
}

/// How much the store grew by a run, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk {
    /// As the run left it.
    pub written: Option<u64>,
    /// After compacting.
    pub compacted: Option<u64>,
    /// After folding and compacting.
    pub folded: Option<u64>,
}

/// Under what a coordinator carries its agents.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions {
    /// Whether it encrypts, and asks everybody for a certificate.
    pub is_encrypted: bool,
    /// Strangers who connect and say nothing.
    pub silent: u32,
    /// Strangers who begin a greeting and go on with a byte now and then.
    pub slow: u32,
    /// Those who look at the run's page, which moves.
    pub watchers: u32,
}

/// Has a coordinator of its own process carry so many agents through one trial of so many seconds.
///
/// # Errors
/// When it does not start. Everything after that is part of the outcome.
pub async fn measure(agents: u32, seconds: u64, conditions: Conditions) -> io::Result<Outcome> {
    let intervals = IntervalMaker::new(u64::from(agents));
    let mut words = Vec::new();
    words.extend(conditions.is_encrypted.then_some("--tls"));
    words.extend(["--http", "127.0.0.1:0"].into_iter().filter(|_| conditions.watchers > 0));
    let coordinator = Coordinator::start_with(&words)?;
    let (usage, own_usage) = (UsageWatch::begin(coordinator.pid()), UsageWatch::begin(std::process::id()));
    let mut control = Control::connect(&coordinator).await?;
    let token = control.token(agents).await?;
    let size_bytes_before = size_on_disk(&coordinator.store())?;
    let begun = Instant::now();
    let mut crowd = Crowd::gather(agents, (coordinator.url(), token), RESERVATION, intervals);
    let mut troubles = Vec::new();
    let mut story = Story::default();
    let mut strangers = None;
    let watchers = Watchers::gather(&coordinator.store(), conditions.watchers)?;
    let attached = crowd.all_attached(ATTACH_WITHIN).await;
    let attaching = begun.elapsed();
    match attached {
        Ok(()) => {
            strangers = Some(Strangers::gather(coordinator.url(), conditions.silent, conditions.slow));
            tokio::time::sleep(SETTLE).await;
            let within = Duration::from_secs(seconds) + END_WITHIN;
            if let Err(error) = run(&mut control, &job(agents, seconds), within, &mut story).await {
                troubles.push(error.to_string());
            }
        }
        Err(error) => troubles.push(error.to_string()),
    }
    let account = crowd.disperse().await;
    let strangers = strangers.map(Strangers::disperse).unwrap_or_default();
    let watched = watchers.disperse();
    let (usage, own_usage) = (usage.end(), own_usage.end());
    let mut outcome = Outcome {
        agents,
        is_encrypted: conditions.is_encrypted,
        attaching,
        account,
        coordinator: usage,
        client: own_usage,
        ended_at: story.ended_at,
        ending: story.ending,
        reported_intervals: None,
        disk: Disk::default(),
        troubles,
        strangers,
        watched,
    };
    if let Some(run) = story.run
        && let Err(error) = look_after(&mut control, run, &coordinator, size_bytes_before, &mut outcome).await
    {
        outcome.troubles.push(error.to_string());
    }
    Ok(outcome)
}

impl Outcome {
    /// Whether the run ended well, and every interval of every agent is on disk and was acknowledged.
    pub fn is_whole(&self) -> bool {
        let numbered = self.account.numbered;
        numbered > 0
            && self.troubles.is_empty()
            && self.account.failures.is_empty()
            && self.account.acknowledged == numbered
            && self.reported_intervals == Some(numbered)
    }
}

/// What was told of a run.
#[derive(Debug, Default)]
struct Story {
    run: Option<RunId>,
    ended_at: Option<Instant>,
    ending: String,
}

/// Submits the job and follows it to its end.
async fn run(control: &mut Control, job: &str, within: Duration, story: &mut Story) -> io::Result<()> {
    let run = control.submit(job, RESERVATION).await?;
    story.run = Some(run);
    let mut is_well = true;
    let followed = control.follow(run, |event| match event {
        RunEvent::TrialFinished { findings, .. } => {
            let told = findings.iter().map(|finding| finding.message.as_str());
            story.ending = told.take(3).collect::<Vec<_>>().join("; ");
        }
        RunEvent::Ended { state, verdict, reason, .. } => {
            story.ended_at = Some(Instant::now());
            let words = [Some(format!("{state:?}, {verdict:?}").to_lowercase()), reason];
            let before = Some(std::mem::take(&mut story.ending)).filter(|words| !words.is_empty());
            story.ending = words.into_iter().chain([before]).flatten().collect::<Vec<_>>().join(": ");
            is_well = state == RunState::Finished;
        }
        _ => {}
    });
    match timeout(within, followed).await {
        Err(_) => Err(io::Error::other(format!("the run did not end within {} s", within.as_secs()))),
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) if story.ended_at.is_none() => Err(io::Error::other("the run's end was not told")),
        Ok(Ok(())) if !is_well => Err(io::Error::other("the run failed")),
        Ok(Ok(())) => Ok(()),
    }
}

/// Reads what the run's report counts, and what its intervals take on disk: as written, compacted, folded.
async fn look_after(
    control: &mut Control,
    run: RunId,
    coordinator: &Coordinator,
    size_bytes_before: u64,
    outcome: &mut Outcome,
) -> io::Result<()> {
    let grown = |size_bytes: u64| Some(size_bytes.saturating_sub(size_bytes_before));
    outcome.disk.written = grown(size_on_disk(&coordinator.store())?);
    let report = in_time("the report", control.report(run)).await?;
    outcome.reported_intervals = received(&report);
    outcome.disk.compacted = grown(in_time("compacting", control.compact()).await?);
    if in_time("folding", control.fold()).await? {
        outcome.disk.folded = grown(in_time("compacting", control.compact()).await?);
    }
    Ok(())
}

async fn in_time<T>(what: &str, call: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::other(format!("{what} took longer than {} s", TIDY_WITHIN.as_secs()));
    let done = timeout(TIDY_WITHIN, call).await.map_err(late)?;
    done.map_err(|error| io::Error::other(format!("{what}: {error}")))
}

/// Intervals that a report's only trial received.
fn received(report: &Value) -> Option<u64> {
    report["variants"][0]["trials"][0]["coverage"]["intervals_received"].as_u64()
}

/// A closed load of one trial, on all agents of the crowd and no others.
fn job(agents: u32, seconds: u64) -> String {
    let operations: String = OPERATIONS
        .iter()
        .map(|(name, _)| {
            format!("[[workload.operations]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:9/{name}\"\n")
        })
        .collect();
    format!(
        "name = \"fleet-scale\"\n[workload]\nkind = \"http\"\n{operations}[load]\nduration = \"{seconds}s\"\ntrials = 1\n\
         [fleet]\nagents = {agents}\n"
    )
}

/// Bytes that a folder takes on disk, holes in files left out. A file that goes away meanwhile counts nothing.
fn size_on_disk(folder: &Path) -> io::Result<u64> {
    let mut size_bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        size_bytes += match path.metadata() {
            Ok(metadata) if metadata.is_dir() => size_on_disk(&path)?,
            Ok(metadata) => metadata.blocks() * BLOCK_BYTES,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(size_bytes)
}
