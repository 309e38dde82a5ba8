//! `fleetmark run`: runs a job and says what came out. Rooms: [`suite`] (several jobs), `quick` (a job without a file), `commit`
//! (which one the job lies in), `interrupt`.

mod commit;
pub(super) mod following;
pub(super) mod interrupt;
mod quick;
mod suite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coordinator::secrets::SecretStore;
use shared::job::{Job, confidences};
use shared::run_report::RunReport;
use shared::secret::{SecretName, SecretText};

use self::following::{Followed, Shown};
use super::check::{self, CheckedJob};
use super::{baseline, export, report, show, watch};
use crate::args::{PlaceArgs, RunArgs};
use crate::client;
use crate::embedded::local_agents::LocalAgents;
use crate::exit_code::{DONE, Failure, INTERRUPTED, OUTPUT, USAGE};
use crate::output;
use crate::rpc::{Client, Submission};
use crate::screen;
use suite::Jobs;

pub(super) async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let jobs = suite::jobs(&args)?;
    if args.tui {
        screen::check()?;
    }
    if let Some(path) = &args.json {
        output::check(path)?;
    }
    report::check(&args.formats, Some(&args.page))?;
    match jobs {
        Jobs::One(job) => {
            let ended = measure(&args, *job).await?;
            tell(&args, &ended)?;
            Ok(ended.exit_code)
        }
        Jobs::Several(_) if args.page.html.is_some() => Err(Failure::with_code(
            USAGE,
            "--html is of one run: run the suite without it, then `fleetmark report RUN --html FILE` for each",
        )),
        Jobs::Several(jobs) => suite::run(&args, jobs).await,
    }
}

/// A job that is about to run.
struct Ready {
    /// The file that it comes from; `None`: the command line.
    path: Option<PathBuf>,
    checked: CheckedJob,
}

/// What came out of a job.
struct Ended {
    exit_code: u8,
    /// `None`: it cannot be read, which was said.
    report: Option<RunReport>,
    /// Whether the person at the terminal ended it.
    is_interrupted: bool,
}

/// Runs a job to its end.
async fn measure(args: &RunArgs, job: Ready) -> anyhow::Result<Ended> {
    let Ready { path, checked: CheckedJob { toml, job, files } } = job;
    let secrets = secrets(args.secrets.as_deref(), &toml, &job)?;
    let mut client = client::connect(&args.place).await?;
    let local_agents = local_agents(args.local_agents, &args.place, &job);
    let agents = start_agents(local_agents, &args.place, &mut client).await?;
    let tags = tags(args, path.as_deref(), &job).await;
    let submission = Submission {
        job_toml: toml,
        files,
        tags,
        refuse_to_wait: !args.wait,
        priority: args.priority,
        secrets,
        reservation: agents.as_ref().map(|agents| agents.reservation.clone()).unwrap_or_default(),
    };
    let outcome = follow(args, &mut client, submission).await;
    if let Some(agents) = agents {
        agents.end().await;
    }
    outcome
}

/// Tags of the command line, and the commit of the repository in which the job lies unless somebody named another.
async fn tags(args: &RunArgs, path: Option<&Path>, job: &Job) -> BTreeMap<String, String> {
    let mut tags = match path {
        Some(path) => commit::tags(path).await,
        None => BTreeMap::new(),
    };
    tags.retain(|key, _| !job.tags.contains_key(key));
    tags.extend(args.tags.iter().cloned());
    tags
}

/// The secrets that a job uses, from a file of the person's own.
///
/// # Errors
/// 64 when the file cannot be read, or others may.
pub(super) fn secrets(
    file: Option<&Path>,
    toml: &str,
    job: &Job,
) -> anyhow::Result<BTreeMap<SecretName, SecretText>> {
    let Some(file) = file else { return Ok(BTreeMap::new()) };
    let known = SecretStore::open(Some(file), None);
    let known = known.map_err(|error| Failure::with_code(USAGE, format!("failed to {error}")))?;
    Ok(known.for_job(&job.name, &confidences::of_job(toml)))
}

/// How many agents this command starts for itself: as many as it is asked for, or without a coordinator as many as the job needs.
pub(super) fn local_agents(asked: Option<u32>, place: &PlaceArgs, job: &Job) -> u32 {
    match (asked, &place.coordinator) {
        (Some(count), _) => count,
        (None, None) => job.fleet.agents.unwrap_or(job.fleet.placement.agents_min()),
        (None, Some(_)) => 0,
    }
}

/// Starts agents on this machine for as long as the command lasts; none for none.
///
/// # Errors
/// 73 when their folder cannot be made, 69 when they do not attach.
pub(super) async fn start_agents(
    count: u32,
    place: &PlaceArgs,
    client: &mut Client,
) -> anyhow::Result<Option<LocalAgents>> {
    if count == 0 {
        return Ok(None);
    }
    // Beside a remote coordinator there is no store here: what the agents say goes to a folder of the same name.
    let folder = client::store_of(place);
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::with_code(OUTPUT, format!("{} cannot be made: {error}", folder.display()))
    })?;
    LocalAgents::start(count, client, &folder).await.map(Some)
}

/// Submits, watches to the end, and gets what came out.
async fn follow(args: &RunArgs, client: &mut Client, submission: Submission) -> anyhow::Result<Ended> {
    let display = match args.tui {
        // Its agents end with this command, and so would the run.
        true => Shown::FullScreen { can_go_on: submission.reservation.is_empty() },
        false => Shown::Progress { is_quiet: args.quiet },
    };
    let run = client.submit(submission).await?.to_string();
    let (end, is_interrupted) = match following::to_the_end(client, &run, &args.place, display).await? {
        Followed::Left => return Ok(Ended { exit_code: INTERRUPTED, report: None, is_interrupted: true }),
        Followed::Over { end, is_interrupted } => (end, is_interrupted),
    };
    let exit_code = if is_interrupted { INTERRUPTED } else { end.exit_code };
    let report = watch::report_of(client, &run, &end).await?;
    if let Some(path) = args.page.html.as_ref().filter(|_| report.is_some()) {
        export::write_page(client, &run, path).await?;
    }
    if let Some(name) = args.save_baseline.as_ref().filter(|_| report.is_some())
        && let Err(error) = baseline::add(client, name, &run).await
    {
        // That the run itself came to nothing good is the worse news.
        if exit_code == DONE {
            return Err(error);
        }
        eprintln!("run {run} is not added to baseline {name}: {error}");
    }
    Ok(Ended { exit_code, report, is_interrupted })
}

/// Tells what came out of a job, wherever that was asked for.
fn tell(args: &RunArgs, ended: &Ended) -> anyhow::Result<()> {
    let Some(report) = &ended.report else { return Ok(()) };
    if let Some(path) = &args.json {
        show::write_json(path, report)?;
    }
    report::write(&args.formats, report)?;
    output::annotate(report);
    if !args.quiet && !is_data_on_stdout(args) {
        output::print(&output::page(report)?)?;
    }
    Ok(())
}

/// Whether standard output takes something for programs.
fn is_data_on_stdout(args: &RunArgs) -> bool {
    args.json.as_deref() == Some(Path::new("-")) || args.formats.is_on_stdout() || args.page.is_on_stdout()
}
