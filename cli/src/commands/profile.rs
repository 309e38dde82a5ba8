//! `fleetmark profile`: what a profiler of a run wrote.

use std::path::Path;

use shared::run_report::{ProfileReport, RunReport};

use super::show;
use crate::args::ProfileArgs;
use crate::exit_code::{DONE, Failure, USAGE};
use crate::output;

pub(super) async fn run(args: ProfileArgs) -> anyhow::Result<u8> {
    let ProfileArgs { run, variant, number, output, ask } = args;
    let mut client = show::existing(&ask.place, &run).await?;
    let report = show::report(&mut client, &run).await?;
    let Some(output) = output else {
        if ask.json {
            output::print(&(serde_json::to_string_pretty(&report.profiles)? + "\n"))?;
        } else {
            output::print(&report::terminal::profiles_page(
                &report,
                output::Page::of_standard_output().width,
            ))?;
        }
        return Ok(DONE);
    };
    let profile = chosen(&report, variant.as_deref(), number)?;
    let output = if output.is_dir() { output.join(profile.name.as_str()) } else { output };
    output::check(&output)?;
    let content = client.profile(&report.run.id.to_string(), profile.number).await?;
    output::write_bytes(&output, &content)?;
    if output != Path::new("-") {
        eprintln!("{}: {} bytes of {}", output.display(), content.len(), profile.variant);
    }
    Ok(DONE)
}

/// The profile that is meant: the last with a file of what was named.
fn chosen<'a>(
    report: &'a RunReport,
    variant: Option<&str>,
    number: Option<u32>,
) -> anyhow::Result<&'a ProfileReport> {
    let is_meant = |profile: &&ProfileReport| {
        variant.is_none_or(|variant| profile.variant == variant)
            && number.is_none_or(|number| profile.number == number)
    };
    let meant: Vec<&ProfileReport> = report.profiles.iter().filter(is_meant).collect();
    let stored: Vec<&ProfileReport> = meant.iter().filter(|it| it.size_bytes.is_some()).copied().collect();
    let usage = |message: String| Failure::with_code(USAGE, message);
    let run = report.run.id;
    match (stored.as_slice(), meant.first()) {
        ([profile], _) => Ok(profile),
        ([], None) if report.profiles.is_empty() => {
            Err(usage(format!("run {run} has no profiles: its job has no [profile]")))
        }
        ([], None) => Err(usage(format!(
            "run {run} has no such profile; `fleetmark profile {run}` lists those that it has"
        ))),
        ([], Some(profile)) => {
            let problem = profile.problem.as_deref().unwrap_or("nothing arrived");
            Err(usage(format!("nothing is stored of that profile: {problem}")))
        }
        (several, _) => {
            let of_one_variant = several.windows(2).all(|pair| pair[0].variant == pair[1].variant);
            let with = if of_one_variant { "--number" } else { "--variant or --number" };
            let count = several.len();
            Err(usage(format!(
                "{count} profiles are meant: name one with {with}; `fleetmark profile {run}` lists them"
            )))
        }
    }
}
