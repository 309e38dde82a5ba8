//! `fleetmark cancel`: ends a run; what it measured is kept.

use super::show;
use crate::args::AskArgs;
use crate::exit_code::DONE;
use crate::output;

pub(super) async fn run(run: String, ask: AskArgs) -> anyhow::Result<u8> {
    let cancelled =
        show::existing(&ask.place, &run).await?.cancel(&run, "cancelled with `fleetmark cancel`").await?;
    let text = if ask.json {
        format!("{:#}\n", serde_json::json!({ "run": cancelled }))
    } else {
        format!("cancelling run {cancelled}\n")
    };
    output::print(&text)?;
    Ok(DONE)
}
