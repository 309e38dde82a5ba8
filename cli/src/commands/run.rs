//! `fleetmark run`: runs a job and says what came out. Rooms: [`suite`] (several jobs), `quick` (a job without a file), `commit`
//! (which one the job lies in), `interrupt`.

mod commit;
mod interrupt;
mod quick;
mod suite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coordinator::secrets::SecretStore;
use shared::job::{Job, confidences};
use shared::run_report::RunReport;

use super::check::{self, CheckedJob};
use super::{baseline, report, show, watch};
use crate::args::RunArgs;
use crate::client;
use crate::embedded::local_agents::LocalAgents;
use crate::exit_code::{DONE, Failure, INTERRUPTED, OUTPUT, USAGE};
use crate::output;
use crate::progress;
use crate::rpc::{Client, Submission};
use suite::Jobs;

pub(super) async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let jobs = suite::jobs(&args)?;
    if let Some(path) = &args.json {
        output::check(path)?;
    }
    report::check(&args.formats)?;
    match jobs {
        Jobs::One(job) => {
            let ended = measure(&args, *job).await?;
            tell(&args, &ended)?;
            Ok(ended.exit_code)
        }
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
    let secrets = match &args.secrets {
        Some(file) => {
            let known = SecretStore::open(Some(file), None);
            let known = known.map_err(|error| Failure::with_code(USAGE, format!("failed to {error}")))?;
            known.for_job(&job.name, &confidences::of_job(&toml))
        }
        None => BTreeMap::new(),
    };
    let mut client = client::connect(&args.place).await?;
    let local_agents = match (args.local_agents, &args.place.coordinator) {
        (Some(count), _) => count,
        (None, None) => job.fleet.agents.unwrap_or(job.fleet.placement.agents_min()),
        (None, Some(_)) => 0,
    };
    let agents = start_agents(local_agents, args, &mut client).await?;
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

async fn start_agents(
    count: u32,
    args: &RunArgs,
    client: &mut Client,
) -> anyhow::Result<Option<LocalAgents>> {
    if count == 0 {
        return Ok(None);
    }
    // Beside a remote coordinator there is no store here: what the agents say goes to a folder of the same name.
    let folder = client::store_of(&args.place);
    std::fs::create_dir_all(&folder).map_err(|error| {
        Failure::with_code(OUTPUT, format!("{} cannot be made: {error}", folder.display()))
    })?;
    LocalAgents::start(count, client, &folder).await.map(Some)
}

/// Submits, watches to the end, and gets what came out.
async fn follow(args: &RunArgs, client: &mut Client, submission: Submission) -> anyhow::Result<Ended> {
    let run = client.submit(submission).await?.to_string();
    let mut display = progress::display(args.quiet);
    let mut watching = client.clone();
    let mut cancelling = client.clone();
    let mut interrupts = interrupt::Interrupts::listen()?;
    let mut is_interrupted = false;
    let end = {
        let following = watch::follow(&mut watching, &run, display.as_mut(), watch::patience(&args.place));
        tokio::pin!(following);
        loop {
            tokio::select! {
                end = &mut following => break end?,
                () = interrupts.next() => {
                    if is_interrupted {
                        eprintln!("left; run {run} goes on ending without us");
                        return Ok(Ended { exit_code: INTERRUPTED, report: None, is_interrupted });
                    }
                    is_interrupted = true;
                    eprintln!("cancelling; what was measured is kept (once more to leave at once)");
                    // A run that is over by now needs no cancelling.
                    let _its_end_is_on_its_way = cancelling.cancel(&run, "interrupted at the terminal").await;
                }
            }
        }
    };
    drop(display);
    let exit_code = if is_interrupted { INTERRUPTED } else { end.exit_code };
    let report = watch::report_of(client, &run, &end).await?;
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
    if !args.quiet && !is_data_on_stdout(args) {
        output::print(&output::page(report)?)?;
    }
    Ok(())
}

/// Whether standard output takes something for programs.
fn is_data_on_stdout(args: &RunArgs) -> bool {
    args.json.as_deref() == Some(Path::new("-")) || args.formats.is_on_stdout()
}
