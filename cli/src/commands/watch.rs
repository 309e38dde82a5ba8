//! `fleetmark watch`: follows a run to its end.

use futures_util::StreamExt;
use shared::event::RunEvent;

use super::show;
use crate::args::AskArgs;
use crate::exit_code::{Failure, UNREACHABLE};
use crate::output;
use crate::progress::{self, Display};
use crate::rpc::Client;

pub(super) async fn run(run: String, ask: AskArgs) -> anyhow::Result<u8> {
    let mut client = show::existing(&ask.place, &run).await?;
    let mut display = progress::display(ask.json);
    let exit_code = follow(&mut client, &run, display.as_mut()).await?;
    drop(display);
    let report = show::report(&mut client, &run).await?;
    if ask.json {
        show::write_json(std::path::Path::new("-"), &report)?;
    } else {
        output::print(&output::page(&report)?)?;
    }
    Ok(exit_code)
}

/// Shows a run's events until it ends; returns its exit code.
///
/// # Errors
/// 69 when the coordinator goes away before the run ends.
pub(super) async fn follow(client: &mut Client, run: &str, display: &mut dyn Display) -> anyhow::Result<u8> {
    let mut events = client.watch(run).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        display.show(&event);
        if let RunEvent::Ended { exit_code, .. } = event {
            return Ok(exit_code);
        }
    }
    Err(Failure::with_code(
        UNREACHABLE,
        format!("the coordinator at {} went away before the run ended", client.url),
    ))
}
