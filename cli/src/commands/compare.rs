//! `fleetmark compare`: two runs, baselines, or variants of one run, against each other.

use analysis::compare_runs::named::Named;
use analysis::compare_runs::{Side, Terms, compare_runs};
use shared::run_comparison::RunComparison;

use super::show;
use crate::args::CompareArgs;
use crate::exit_code::{Failure, INVALID, USAGE};
use crate::output;
use crate::rpc::Client;

pub(super) async fn run(args: CompareArgs) -> anyhow::Result<u8> {
    let (a, b) = (Named::read(&args.a), Named::read(&args.b));
    let mut client = show::existing(&args.ask.place, a.runs).await?;
    let (a, b) = (side(a, &mut client).await?, side(b, &mut client).await?);
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

fn print(comparison: &RunComparison, is_json: bool) -> anyhow::Result<()> {
    output::print(&if is_json {
        serde_json::to_string_pretty(comparison)? + "\n"
    } else {
        let page = output::Page::of_standard_output();
        report::terminal::comparison::render(comparison, page.width, page.is_coloured)
    })
}

/// The figures behind a side.
async fn side(named: Named<'_>, client: &mut Client) -> anyhow::Result<Side> {
    let found = client.figures(named.runs).await.map_err(missing)?;
    named
        .side(found.baseline.is_some(), found.runs)
        .map_err(|problem| Failure::with_code(USAGE, problem.to_string()))
}

/// A baseline that is not there is no pass, and neither is a run.
fn missing(error: anyhow::Error) -> anyhow::Error {
    if Failure::code_of(&error) != USAGE {
        return error;
    }
    Failure::with_code(INVALID, format!("invalid: {error:#}"))
}
