//! `fleetmark watch`: follows a run to its end. Room: [`full_screen`].

pub(super) mod full_screen;

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use shared::event::RunEvent;
use shared::run_report::RunReport;

use self::full_screen::Watched;
use super::show;
use crate::args::{PlaceArgs, WatchArgs};
use crate::exit_code::{Failure, INTERRUPTED, INVALID, UNREACHABLE};
use crate::output;
use crate::progress::{self, Display};
use crate::rpc::Client;
use crate::screen;

/// How long a coordinator that is started anew may take until it is there again.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(args: WatchArgs) -> anyhow::Result<u8> {
    let WatchArgs { run, ask, tui, plain } = args;
    let mut client = show::existing(&ask.place, &run).await?;
    let is_full_screen = tui || (!plain && !ask.json && screen::is_possible());
    let end = if is_full_screen {
        match full_screen::to_the_end(&client, &run, &ask.place, true).await? {
            Watched::Over { end, .. } => end,
            Watched::Left => {
                eprintln!("left; run {run} goes on: `fleetmark watch {run}` shows it again");
                return Ok(INTERRUPTED);
            }
        }
    } else {
        let mut display = progress::display(ask.json);
        follow(&mut client, &run, display.as_mut(), patience(&ask.place)).await?
    };
    let Some(report) = report_of(&mut client, &run, &end).await? else { return Ok(end.exit_code) };
    if ask.json {
        show::write_json(std::path::Path::new("-"), &report)?;
    } else {
        output::print(&output::page(&report)?)?;
    }
    Ok(end.exit_code)
}

/// How a run ended.
pub(in crate::commands) struct End {
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

/// For how long to look for a coordinator that went away in the middle of a run: of one of its own a command knows that
/// nobody starts it anew.
pub(super) fn patience(place: &PlaceArgs) -> Duration {
    if place.coordinator.is_some() { COMES_BACK_WITHIN } else { Duration::ZERO }
}

/// Shows a run's events until it ends; returns how. A coordinator that goes away is looked for again for as long as
/// `patience` says: its agents measure on, and it takes the run up where it was.
///
/// # Errors
/// 69 when the coordinator goes away before the run ends, and does not come back in time.
pub(super) async fn follow(
    client: &mut Client,
    run: &str,
    display: &mut dyn Display,
    patience: Duration,
) -> anyhow::Result<End> {
    let mut events = client.watch(run).await?;
    loop {
        match events.next().await {
            Some(Ok(event)) => {
                display.show(&event);
                if let RunEvent::Ended { exit_code, reason, .. } = event {
                    return Ok(End { exit_code, reason });
                }
            }
            Some(Err(error)) if Failure::code_of(&error) != UNREACHABLE => return Err(error),
            Some(Err(_)) | None => {
                let since = Instant::now();
                if !patience.is_zero() {
                    display.say(&format!(
                        "the coordinator at {} went away; the agents measure on, and it is waited for ({} s)",
                        client.url,
                        patience.as_secs()
                    ));
                }
                events = loop {
                    tokio::time::sleep(LOOK_EVERY.min(patience)).await;
                    match client.watch(run).await {
                        Ok(events) => break events,
                        Err(error) if Failure::code_of(&error) != UNREACHABLE => return Err(error),
                        Err(_) if since.elapsed() < patience => {}
                        Err(_) => return Err(gone(client)),
                    }
                };
            }
        }
    }
}

fn gone(client: &Client) -> anyhow::Error {
    let message = format!("the coordinator at {} went away before the run ended", client.url);
    Failure::with_code(UNREACHABLE, message)
}
