//! `fleetmark watch`: follows a run to its end.

use futures_util::StreamExt;
use shared::event::RunEvent;
use shared::run_report::RunReport;

use super::show;
use crate::args::AskArgs;
use crate::exit_code::{Failure, INVALID, UNREACHABLE};
use crate::output;
use crate::progress::{self, Display};
use crate::rpc::Client;

pub(super) async fn run(run: String, ask: AskArgs) -> anyhow::Result<u8> {
    let mut client = show::existing(&ask.place, &run).await?;
    let mut display = progress::display(ask.json);
    let end = follow(&mut client, &run, display.as_mut()).await?;
    drop(display);
    let Some(report) = report_of(&mut client, &run, &end).await? else { return Ok(end.exit_code) };
    if ask.json {
        show::write_json(std::path::Path::new("-"), &report)?;
    } else {
        output::print(&output::page(&report)?)?;
    }
    Ok(end.exit_code)
}

/// How a run ended.
pub(super) struct End {
    /// The contract's exit code.
    pub(super) exit_code: u8,
    /// Why it failed or was cancelled.
    reason: Option<String>,
}

/// The report of a run that ended. `None`: it cannot be read, which is said; that the run failed is the worse news, and
/// its exit code stands.
///
/// # Errors
/// When the report of a run that did not fail cannot be read.
pub(super) async fn report_of(
    client: &mut Client,
    run: &str,
    end: &End,
) -> anyhow::Result<Option<RunReport>> {
    match show::report(client, run).await {
        Ok(report) => Ok(Some(report)),
        Err(error) if end.exit_code == INVALID => {
            let reason = end.reason.as_deref().unwrap_or("its result does not count");
            eprintln!("run {run} failed: {reason}; its report cannot be shown: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Shows a run's events until it ends; returns how.
///
/// # Errors
/// 69 when the coordinator goes away before the run ends.
pub(super) async fn follow(client: &mut Client, run: &str, display: &mut dyn Display) -> anyhow::Result<End> {
    let mut events = client.watch(run).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        display.show(&event);
        if let RunEvent::Ended { exit_code, reason, .. } = event {
            return Ok(End { exit_code, reason });
        }
    }
    Err(Failure::with_code(
        UNREACHABLE,
        format!("the coordinator at {} went away before the run ended", client.url),
    ))
}
