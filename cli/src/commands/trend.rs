//! `fleetmark trend`: how a metric went from run to run, and where it changed.

use super::show;
use crate::args::TrendArgs;
use crate::exit_code::DONE;
use crate::output;

pub(super) async fn run(args: TrendArgs) -> anyhow::Result<u8> {
    let TrendArgs { metric, job, limit, ask } = args;
    let mut client = show::existing(&ask.place, "latest").await?;
    let history = client.history(&metric, job.as_ref().map(|job| job.as_str()), limit).await?;
    let trend = analysis::trend::trend(&metric, history);
    output::print(&if ask.json {
        serde_json::to_string_pretty(&trend)? + "\n"
    } else {
        let page = output::Page::of_standard_output();
        report::terminal::trend::render(&trend, page.width, page.is_coloured)
    })?;
    Ok(DONE)
}
