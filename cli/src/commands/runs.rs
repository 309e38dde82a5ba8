//! `fleetmark runs`: what was run, and `runs rm`.

use comfy_table::{Table, presets};
use jiff::Timestamp;
use shared::run_record::RunSummary;

use super::show;
use crate::args::{AskArgs, RunsAction};
use crate::client;
use crate::exit_code::DONE;
use crate::output;

pub(super) async fn run(action: Option<RunsAction>, ask: AskArgs) -> anyhow::Result<u8> {
    match action {
        Some(RunsAction::Rm { run, force }) => {
            let removed = show::existing(&ask.place, &run).await?.remove_run(&run, force).await?;
            let text = if ask.json {
                format!("{:#}\n", serde_json::json!({ "run": removed }))
            } else {
                format!("removed run {removed}\n")
            };
            output::print(&text)?;
        }
        None => {
            let runs = match client::connect_if_stored(&ask.place).await? {
                Some(mut client) => client.runs().await?,
                None => Vec::new(),
            };
            if ask.json {
                output::print(&format!("{}\n", serde_json::to_string_pretty(&runs)?))?;
            } else if runs.is_empty() {
                output::print("no runs are stored here\n")?;
            } else {
                output::print(&format!("{}\n", table(&runs)))?;
            }
        }
    }
    Ok(DONE)
}

/// When a run was submitted, as people read it.
pub(super) fn submitted(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(|| "–".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

fn table(runs: &[RunSummary]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["run", "job", "state", "verdict", "trials", "submitted", "tags"]);
    for run in runs {
        let tags: Vec<String> = run.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let state = if run.damage.is_some() { "damaged" } else { run.state.as_str() };
        table.add_row([
            run.id.to_string(),
            run.name.to_string(),
            state.to_owned(),
            run.verdict.as_str().to_owned(),
            format!("{}/{}", run.trials_complete, run.trials_planned),
            submitted(run.submitted_at_ms),
            tags.join(" "),
        ]);
    }
    table
}
