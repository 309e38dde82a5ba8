//! `fleetmark compare`: two runs, baselines, or variants of one run, against each other; or the hosts of one run.

use analysis::compare_hosts::{Question, compare_hosts};
use analysis::compare_runs::{Side, Terms, compare_runs};
use shared::run_comparison::RunComparison;

use super::show;
use crate::args::CompareArgs;
use crate::exit_code::{Failure, INVALID, USAGE};
use crate::output;
use crate::rpc::Client;

pub(super) async fn run(args: CompareArgs) -> anyhow::Result<u8> {
    if let Some(run) = &args.hosts {
        return hosts(run, &args).await;
    }
    let (Some(a), Some(b)) = (&args.a, &args.b) else {
        return Err(Failure::with_code(USAGE, "name what is compared: A B, or --hosts RUN"));
    };
    let (a, b) = (Named::read(a), Named::read(b));
    let mut client = show::existing(&args.ask.place, a.runs).await?;
    let (a, b) = (a.side(&mut client).await?, b.side(&mut client).await?);
    let terms = Terms { margin: args.margin, across_machines: args.across_machines };
    let comparison = match (a.runs.as_slice(), b.runs.as_slice()) {
        ([one], [other]) if one.run == other.run && a.variant != b.variant => {
            let report = show::report(&mut client, &one.run.to_string()).await?;
            analysis::compare_variants::compare_variants(&report, &a, &b, terms)
                .map_err(|problem| Failure::with_code(crate::exit_code::INTERNAL, problem.to_string()))?
        }
        _ => compare_runs(&a, &b, terms),
    };
    print(&comparison, args.ask.json)?;
    Ok(comparison.exit_code)
}

/// The hosts of one run.
async fn hosts(run: &str, args: &CompareArgs) -> anyhow::Result<u8> {
    let report = show::report(&mut show::existing(&args.ask.place, run).await?, run).await?;
    let question = Question {
        group_by: args.group_by.as_deref(),
        reference: args.reference.as_deref(),
        margin: args.margin,
    };
    let comparison = compare_hosts(&report, question).map_err(|problem| {
        Failure::with_code(USAGE, format!("the hosts of {run} cannot be compared: {problem}"))
    })?;
    output::print(&if args.ask.json {
        serde_json::to_string_pretty(&comparison)? + "\n"
    } else {
        let page = output::Page::of_standard_output();
        report::terminal::host_comparison::render(&comparison, page.width, page.is_coloured)
    })?;
    Ok(comparison.exit_code)
}

fn print(comparison: &RunComparison, is_json: bool) -> anyhow::Result<()> {
    output::print(&if is_json {
        serde_json::to_string_pretty(comparison)? + "\n"
    } else {
        let page = output::Page::of_standard_output();
        report::terminal::comparison::render(comparison, page.width, page.is_coloured)
    })
}

/// A side as it is named on the command line.
struct Named<'a> {
    text: &'a str,
    /// A run or a baseline.
    runs: &'a str,
    variant: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Neither ids nor names of baselines hold a colon.
    fn read(text: &'a str) -> Self {
        match text.split_once(':') {
            Some((runs, variant)) => Self { text, runs, variant: Some(variant) },
            None => Self { text, runs: text, variant: None },
        }
    }

    /// The figures behind it. Without a variant it is about the only one.
    async fn side(&self, client: &mut Client) -> anyhow::Result<Side> {
        let found = client.figures(self.runs).await.map_err(missing)?;
        let variants: Vec<&str> =
            found.runs.iter().flat_map(|run| &run.variants).map(|it| it.name.as_str()).collect();
        let variant = match (self.variant, variants.as_slice()) {
            (Some(variant), _) => variant.to_owned(),
            (None, [only, others @ ..]) if others.iter().all(|other| other == only) => (*only).to_owned(),
            (None, _) => {
                let known: Vec<String> = found.runs.first().map_or_else(Vec::new, |run| {
                    run.variants.iter().map(|variant| format!("{}:{}", self.runs, variant.name)).collect()
                });
                return Err(Failure::with_code(
                    USAGE,
                    format!("{} has several variants: name one of {}", self.runs, known.join(", ")),
                ));
            }
        };
        Ok(Side {
            name: self.text.to_owned(),
            is_baseline: found.baseline.is_some(),
            variant,
            runs: found.runs,
        })
    }
}

/// A baseline that is not there is no pass, and neither is a run.
fn missing(error: anyhow::Error) -> anyhow::Error {
    if Failure::code_of(&error) != USAGE {
        return error;
    }
    Failure::with_code(INVALID, format!("invalid: {error:#}"))
}
