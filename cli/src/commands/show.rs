//! `fleetmark show`: what came out of a run.

use std::path::Path;

use shared::run_report::RunReport;

use crate::args::{AskArgs, PlaceArgs};
use crate::client;
use crate::exit_code::{DONE, Failure, USAGE};
use crate::output;
use crate::rpc::Client;

pub(super) async fn run(run: String, ask: AskArgs) -> anyhow::Result<u8> {
    let report = report(&mut existing(&ask.place, &run).await?, &run).await?;
    if ask.json {
        write_json(Path::new("-"), &report)?;
    } else {
        output::print(&output::page(&report)?)?;
    }
    Ok(DONE)
}

/// The coordinator that may know a run.
///
/// # Errors
/// 64 when there is no store here, so there can be no such run; else as [`client::connect`].
pub(super) async fn existing(place: &PlaceArgs, run: &str) -> anyhow::Result<Client> {
    let store = client::store_of(place);
    let nothing = || {
        Failure::with_code(
            USAGE,
            format!(
                "there is no run {run:?}: {} holds no store; name another with --store or --coordinator",
                store.display()
            ),
        )
    };
    client::connect_if_stored(place).await?.ok_or_else(nothing)
}

/// A run's report.
///
/// # Errors
/// When there is no such run, or what is stored of it is damaged.
pub(super) async fn report(client: &mut Client, run: &str) -> anyhow::Result<RunReport> {
    Ok(serde_json::from_str(&client.show(run).await?)?)
}

/// Writes a report as the contract's JSON.
///
/// # Errors
/// 73 when it cannot be written.
pub(super) fn write_json(path: &Path, report: &RunReport) -> anyhow::Result<()> {
    use report::Reporter;
    output::write(path, &report::json::Json.render(report)?)
}
