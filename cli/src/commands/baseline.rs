//! `fleetmark baseline`: names that stand for runs which later ones are held against.

use comfy_table::{Table, presets};
use serde_json::json;
use shared::baseline::{BaselineRunSummary, BaselineSummary};
use shared::ids::BaselineName;

use super::{runs, show};
use crate::args::{AskArgs, BaselineAction};
use crate::client;
use crate::exit_code::{DONE, INVALID};
use crate::output;
use crate::rpc::Client;

/// Letters of a commit that are shown: as many as git itself shows of most.
const COMMIT_LETTERS: usize = 12;

pub(super) async fn run(action: BaselineAction) -> anyhow::Result<u8> {
    match action {
        BaselineAction::Set { name, runs, ask } => {
            let mut client = show::existing(&ask.place, &runs[0]).await?;
            let baseline = client.set_baseline(&name, &runs, false).await?;
            tell(&ask, &baseline)
        }
        BaselineAction::List { ask } => list(ask).await,
        BaselineAction::Remove { name, ask } => {
            show::existing(&ask.place, name.as_str()).await?.remove_baseline(&name).await?;
            let json = json!({ "name": name });
            output::print(&if ask.json {
                format!("{json:#}\n")
            } else {
                format!("removed baseline {name}; its runs stay\n")
            })?;
            Ok(DONE)
        }
    }
}

/// Adds a run that has just ended to a baseline, and says so on standard error, where it does not mix with the run's result.
///
/// # Errors
/// 77 when the run cannot be part of it, with the reason.
pub(super) async fn add(client: &mut Client, name: &BaselineName, run: &str) -> anyhow::Result<()> {
    let baseline = client.set_baseline(name, &[run.to_owned()], true).await?;
    eprintln!("{}", in_words(&baseline));
    Ok(())
}

async fn list(ask: AskArgs) -> anyhow::Result<u8> {
    let baselines = match client::connect_if_stored(&ask.place).await? {
        Some(mut client) => client.baselines().await?,
        None => Vec::new(),
    };
    if ask.json {
        output::print(&format!("{}\n", serde_json::to_string_pretty(&baselines)?))?;
    } else if baselines.is_empty() {
        output::print("no baselines are kept here; `fleetmark baseline set NAME RUN` makes one\n")?;
    } else {
        output::print(&format!("{}\n", table(&baselines)))?;
    }
    let is_whole = baselines.iter().all(|baseline| baseline.damage.is_none());
    Ok(if is_whole { DONE } else { INVALID })
}

fn tell(ask: &AskArgs, baseline: &BaselineSummary) -> anyhow::Result<u8> {
    let text =
        if ask.json { serde_json::to_string_pretty(baseline)? + "\n" } else { in_words(baseline) + "\n" };
    output::print(&text)?;
    Ok(DONE)
}

/// What a baseline is now, and what that is good for: with few runs it decides nothing.
fn in_words(baseline: &BaselineSummary) -> String {
    let (name, count) = (&baseline.name, baseline.runs.len());
    let runs = if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
    let job = baseline.runs.first().map(|run| format!(" of job {}", run.job)).unwrap_or_default();
    let needed = analysis::prediction::RUNS_MIN;
    let advice = if count < needed {
        format!("; what is held against it stays inconclusive until it has {needed}")
    } else {
        String::new()
    };
    format!("baseline {name}: {runs}{job}{advice}")
}

fn table(baselines: &[BaselineSummary]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["baseline", "job", "run", "submitted", "commit", "added by"]);
    for baseline in baselines {
        if let Some(what) = &baseline.damage {
            table.add_row([baseline.name.as_str(), "damaged", what, "", "", ""]);
        }
        for (place, run) in baseline.runs.iter().enumerate() {
            let name = if place == 0 { baseline.name.as_str() } else { "" };
            table.add_row([
                name.to_owned(),
                run.job.to_string(),
                run.run.to_string(),
                runs::submitted(run.submitted_at_ms),
                commit(run),
                output::printable(&run.added_by),
            ]);
        }
    }
    table
}

fn commit(run: &BaselineRunSummary) -> String {
    run.tags.get("commit").map_or_else(
        || "–".to_owned(),
        |commit| output::printable(commit).chars().take(COMMIT_LETTERS).collect(),
    )
}
