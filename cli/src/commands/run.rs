//! `fleetmark run`: runs a job and says what came out.

mod commit;
mod interrupt;
mod quick;

use std::collections::BTreeMap;
use std::path::Path;

use coordinator::secrets::SecretStore;
use shared::job::{Job, confidences};

use super::check::{self, CheckedJob};
use super::{baseline, export, report, show, watch};
use crate::args::RunArgs;
use crate::client;
use crate::embedded::local_agents::LocalAgents;
use crate::exit_code::{DONE, Failure, INTERRUPTED, OUTPUT, USAGE};
use crate::output;
use crate::progress;
use crate::rpc::{Client, Submission};

pub(super) async fn run(args: RunArgs) -> anyhow::Result<u8> {
    let CheckedJob { toml, job, files } = checked(&args)?;
    let secrets = match &args.secrets {
        Some(file) => {
            let known = SecretStore::open(Some(file), None);
            let known = known.map_err(|error| Failure::with_code(USAGE, format!("failed to {error}")))?;
            known.for_job(&job.name, &confidences::of_job(&toml))
        }
        None => BTreeMap::new(),
    };
    if let Some(path) = &args.json {
        output::check(path)?;
    }
    report::check(&args.formats, Some(&args.page))?;
    let mut client = client::connect(&args.place).await?;
    let local_agents = match (args.local_agents, &args.place.coordinator) {
        (Some(count), _) => count,
        (None, None) => job.fleet.agents.unwrap_or(job.fleet.placement.agents_min()),
        (None, Some(_)) => 0,
    };
    let agents = start_agents(local_agents, &args, &mut client).await?;
    let tags = tags(&args, &job).await;
    let submission = Submission {
        job_toml: toml,
        files,
        tags,
        refuse_to_wait: !args.wait,
        priority: args.priority,
        secrets,
        reservation: agents.as_ref().map(|agents| agents.reservation.clone()).unwrap_or_default(),
    };
    let outcome = follow(&args, &mut client, submission).await;
    if let Some(agents) = agents {
        agents.end().await;
    }
    outcome
}

/// Tags of the command line, and the commit of the repository in which the job lies unless somebody named another.
async fn tags(args: &RunArgs, job: &Job) -> BTreeMap<String, String> {
    let mut tags = match &args.job {
        Some(path) => commit::tags(path).await,
        None => BTreeMap::new(),
    };
    tags.retain(|key, _| !job.tags.contains_key(key));
    tags.extend(args.tags.iter().cloned());
    tags
}

fn checked(args: &RunArgs) -> anyhow::Result<CheckedJob> {
    match (&args.job, &args.quick.url) {
        (Some(path), _) => check::read(path, &args.set),
        (None, Some(url)) => check::check("--url", quick::job(url, &args.quick), &args.set, Path::new(".")),
        (None, None) => Err(Failure::with_code(USAGE, "name a job file, or measure a --url")),
    }
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

/// Submits, watches to the end, and tells what came out.
async fn follow(args: &RunArgs, client: &mut Client, submission: Submission) -> anyhow::Result<u8> {
    let is_data_on_stdout = args.json.as_deref() == Some(Path::new("-"))
        || args.formats.is_on_stdout()
        || args.page.is_on_stdout();
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
                        return Ok(INTERRUPTED);
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
    let Some(report) = watch::report_of(client, &run, &end).await? else { return Ok(exit_code) };
    if let Some(path) = &args.json {
        show::write_json(path, &report)?;
    }
    report::write(&args.formats, &report)?;
    if let Some(path) = &args.page.html {
        export::write_page(client, &run, path).await?;
    }
    output::annotate(&report);
    if !args.quiet && !is_data_on_stdout {
        output::print(&output::page(&report)?)?;
    }
    if let Some(name) = &args.save_baseline
        && let Err(error) = baseline::add(client, name, &run).await
    {
        // That the run itself came to nothing good is the worse news.
        if exit_code == DONE {
            return Err(error);
        }
        eprintln!("run {run} is not added to baseline {name}: {error}");
    }
    Ok(exit_code)
}
