//! `fleetmark store`: looks after what is kept.

use super::show;
use crate::args::AskArgs;
use crate::exit_code::{DONE, INVALID};
use crate::output;

/// Reads everything, and names what is damaged.
pub(super) async fn check(ask: AskArgs) -> anyhow::Result<u8> {
    let check = show::existing(&ask.place, "any").await?.check_store().await?;
    let is_whole = check.damage.is_empty();
    if ask.json {
        let damage: Vec<_> =
            check.damage.iter().map(|(run, what)| serde_json::json!({ "run": run, "what": what })).collect();
        let answer = serde_json::json!({ "runs_checked": check.runs_checked, "intervals_checked": check.intervals_checked, "damage": damage });
        output::print(&format!("{answer:#}\n"))?;
    } else {
        for (run, what) in &check.damage {
            let whose = run.map_or_else(|| "the store".to_owned(), |run| format!("run {run}"));
            output::print(&format!("damaged: {whose}: {what}\n"))?;
        }
        let verdict = if is_whole {
            "nothing is damaged".to_owned()
        } else {
            format!("{} damaged", check.damage.len())
        };
        output::print(&format!(
            "{} runs and {} intervals read: {verdict}\n",
            check.runs_checked, check.intervals_checked
        ))?;
    }
    Ok(if is_whole { DONE } else { INVALID })
}
