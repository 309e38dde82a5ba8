//! `fleetmark store`: looks after what is kept.
//!
//! Rooms: `prune` (room on the disk), `transfer` (export and import).

mod prune;
pub(super) mod transfer;

use crate::args::{AskArgs, PlaceArgs, StoreAction};
use crate::client;
use crate::exit_code::{DONE, Failure, INVALID, UNREACHABLE};
use crate::output;
use crate::rpc::Client;

pub(super) async fn run(action: StoreAction) -> anyhow::Result<u8> {
    match action {
        StoreAction::Check { ask } => check(ask).await,
        StoreAction::Compact { ask } => prune::compact(ask).await,
        StoreAction::Prune { options, ask } => prune::prune(options, ask).await,
        StoreAction::Export { file, ask } => transfer::export(file, ask).await,
        StoreAction::Import { file, ask } => transfer::import(file, ask).await,
    }
}

/// The coordinator of a store that is there.
///
/// # Errors
/// 69 when there is none, so that looking after one does not make it; else as [`client::connect`].
async fn existing(place: &PlaceArgs) -> anyhow::Result<Client> {
    let store = client::store_of(place);
    let nothing = || {
        let problem =
            format!("{} holds no store; name another with --store or --coordinator", store.display());
        Failure::with_code(UNREACHABLE, problem)
    };
    client::connect_if_stored(place).await?.ok_or_else(nothing)
}

/// Reads everything, and names what is damaged.
async fn check(ask: AskArgs) -> anyhow::Result<u8> {
    let check = existing(&ask.place).await?.check_store().await?;
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
