//! `fleetmark calibrate`: whether these hosts read what is the same as the same, and what is slower as slower.
//!
//! Two runs over the normal way: an A/A, and a control that is slower by twice the margin. Both are stored like any other run, and
//! what came of them is read off their reports. Room: `jobs` (what the two runs are).

mod jobs;

use std::collections::BTreeMap;
use std::path::Path;

use analysis::calibration;
use coordinator::store::manifest::Digest;
use jiff::Timestamp;
use shared::calibration::{
    BLOCKS_MIN, CalibratedHost, Calibration, CalibrationPart, CalibrationReading, CalibrationVerdict,
    ControlTarget, LAPSES_AFTER, SAME_RUN_TAG, SCHEMA, TAG,
};
use shared::host::Fingerprint;
use shared::ids::RunId;
use shared::run_report::{HostReport, RunReport};

use self::jobs::{DEFAULT_JOB, Jobs, Terms};
use super::check::{self, CheckedJob};
use super::run::following::{self, Followed, Shown};
use super::{run as running, show};
use crate::args::CalibrateArgs;
use crate::client;
use crate::embedded::local_agents::LocalAgents;
use crate::exit_code::{Failure, INTERNAL, INTERRUPTED};
use crate::output;
use crate::rpc::{Client, Submission};

pub(super) async fn run(args: CalibrateArgs) -> anyhow::Result<u8> {
    let (base, folder) = base(&args)?;
    let mut client = client::connect(&args.ask.place).await?;
    let count = running::local_agents(args.local_agents, &args.ask.place, &base.job);
    let workers_min = match (&args.job, count) {
        // Whoever names a job says how many workers there are.
        (Some(_), _) => 1,
        (None, 0) => u32::try_from(client.agents().await?.len()).unwrap_or(u32::MAX).max(1),
        (None, count) => count,
    };
    let terms = Terms { blocks: args.blocks, margin: args.margin, workers_min };
    let jobs = Jobs::of(&base, terms, folder)?;
    let agents = running::start_agents(count, &args.ask.place, &mut client).await?;
    let calibrated = calibrate(&args, &mut client, &jobs, agents.as_ref()).await;
    if let Some(agents) = agents {
        agents.end().await;
    }
    let Some(calibration) = calibrated? else { return Ok(INTERRUPTED) };
    output::print(&if args.ask.json {
        serde_json::to_string_pretty(&calibration)? + "\n"
    } else {
        let page = output::Page::of_standard_output();
        report::terminal::calibration::render(&calibration, page.width, page.is_coloured)
    })?;
    Ok(calibration.exit_code)
}

/// The job that is calibrated with, and where the files that it names are looked for.
fn base(args: &CalibrateArgs) -> anyhow::Result<(CheckedJob, &Path)> {
    match &args.job {
        Some(path) => Ok((check::read(path, &args.set)?, path.parent().unwrap_or(Path::new(".")))),
        None => {
            let here = Path::new(".");
            Ok((check::check("the default job", DEFAULT_JOB.to_owned(), &args.set, here)?, here))
        }
    }
}

/// Runs both jobs, and judges what they read; `None`: interrupted. An A/A that does not count needs no control.
async fn calibrate(
    args: &CalibrateArgs,
    client: &mut Client,
    jobs: &Jobs,
    agents: Option<&LocalAgents>,
) -> anyhow::Result<Option<Calibration>> {
    let tag = |part: CalibrationPart| (TAG.to_owned(), part.as_str().to_owned());
    let tags = BTreeMap::from([tag(CalibrationPart::Same)]);
    let Some(report) = measure(args, client, &jobs.same, tags, agents).await? else { return Ok(None) };
    let same = read(&report, jobs)?;
    let mut slower = None;
    if same.invalid.is_none() {
        let of_same = (SAME_RUN_TAG.to_owned(), same.run.to_string());
        let tags = BTreeMap::from([tag(CalibrationPart::Slower), of_same]);
        let Some(report) = measure(args, client, &jobs.slower, tags, agents).await? else { return Ok(None) };
        slower = Some((read(&report, jobs)?, report));
    }
    Ok(Some(judged(jobs, same, &report, slower)))
}

/// Runs one of the jobs to its end; `None`: interrupted.
async fn measure(
    args: &CalibrateArgs,
    client: &mut Client,
    job: &CheckedJob,
    tags: BTreeMap<String, String>,
    agents: Option<&LocalAgents>,
) -> anyhow::Result<Option<RunReport>> {
    let submission = Submission {
        job_toml: job.toml.clone(),
        files: job.files.clone(),
        tags,
        refuse_to_wait: false,
        priority: 0,
        secrets: running::secrets(args.secrets.as_deref(), &job.toml, &job.job)?,
        reservation: agents.map(|agents| agents.reservation.clone()).unwrap_or_default(),
    };
    let run = client.submit(submission).await?.to_string();
    let is_quiet = args.quiet || args.ask.json;
    match following::to_the_end(client, &run, &args.ask.place, Shown::Progress { is_quiet }).await? {
        Followed::Left | Followed::Over { is_interrupted: true, .. } => Ok(None),
        Followed::Over { .. } => show::report(client, &run).await.map(Some),
    }
}

fn read(report: &RunReport, jobs: &Jobs) -> anyhow::Result<CalibrationReading> {
    let untagged = || {
        let message = format!("run {} does not say which part of the calibration it is", report.run.id);
        Failure::with_code(INTERNAL, message)
    };
    calibration::reading(&report.run.tags, report, jobs.margin).ok_or_else(untagged)
}

/// What came of both.
fn judged(
    jobs: &Jobs,
    same: CalibrationReading,
    report: &RunReport,
    slower: Option<(CalibrationReading, RunReport)>,
) -> Calibration {
    let (mut verdict, mut reason) = calibration::verdict(&same, slower.as_ref().map(|(read, _)| read));
    let (slower, hosts_of_control) = slower.map(|(read, report)| (read, report.hosts)).unzip();
    if hosts_of_control.is_some_and(|hosts| !calibration::covers(&report.hosts, &hosts)) {
        verdict = CalibrationVerdict::Invalid;
        reason = "the control ran on other hosts than the A/A: have both use the same agents (fleet.where)"
            .to_owned();
    }
    let now = Timestamp::now();
    let calibrated_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let hosts = report.hosts.iter().filter(|host| !host.observer);
    Calibration {
        schema: SCHEMA.to_owned(),
        verdict,
        exit_code: verdict.exit_code(),
        reason,
        hosts: hosts.map(calibrated).collect(),
        margin: jobs.margin,
        blocks_min: BLOCKS_MIN,
        smallest_effect: calibration::smallest_effect(&same),
        notes: notes(jobs, &same, slower.as_ref().map(|read| read.run), verdict),
        same,
        slower,
        slower_by: calibration::slower_by(jobs.margin),
        control_target: jobs.control_target,
        calibrated_at: calibrated_at.to_string(),
        lapses_at: calibrated_at.checked_add(LAPSES_AFTER).unwrap_or(Timestamp::MAX).to_string(),
    }
}

fn calibrated(host: &HostReport) -> CalibratedHost {
    // Another boot, or another fleetmark, is the same host.
    let lasting = Fingerprint { boot_id: None, fleetmark_version: None, ..host.fingerprint.clone() };
    let json = serde_json::to_vec(&lasting).expect("a fingerprint has text keys and finite numbers only");
    CalibratedHost { agent: host.agent.to_string(), fingerprint_sha256: Digest::of(&json).to_string() }
}

fn notes(
    jobs: &Jobs,
    same: &CalibrationReading,
    slower: Option<RunId>,
    verdict: CalibrationVerdict,
) -> Vec<String> {
    let mut notes = Vec::new();
    if jobs.control_target == ControlTarget::Default {
        notes.push("the control measured fleetmark's own target under the job's load: nobody knows how to make the job's own target slower by a known amount, so that the job's workload would be read as slower is not shown".to_owned());
    }
    if verdict == CalibrationVerdict::Passed {
        notes.push("it vouches for runs on these hosts that end from now on, until it lapses, a host changes, or one of its two runs is removed".to_owned());
    }
    let runs: Vec<String> =
        [Some(same.run), slower].into_iter().flatten().map(|run| run.to_string()).collect();
    notes.push(format!("what was measured: fleetmark show {}", runs.join(", fleetmark show ")));
    notes
}
