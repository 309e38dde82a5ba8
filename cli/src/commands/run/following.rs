//! Following a run that this command submitted: to its end, or until whoever started the command interrupts it.

use super::interrupt::Interrupts;
use crate::args::PlaceArgs;
use crate::commands::watch::full_screen::{self, Watched};
use crate::commands::watch::{self, End};
use crate::progress;
use crate::rpc::Client;

/// How a run is shown while it goes on.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) enum Shown {
    /// As a line of progress; quiet: not at all.
    Progress {
        /// Whether nothing is shown.
        is_quiet: bool,
    },
    /// On the whole terminal.
    FullScreen {
        /// Whether the run does not need this command, so that it may be left.
        can_go_on: bool,
    },
}

/// How following ended.
pub(in crate::commands) enum Followed {
    /// Interrupted twice: the run goes on ending without us.
    Left,
    /// The run is over.
    Over {
        /// How.
        end: End,
        /// Whether it was cancelled by an interruption.
        is_interrupted: bool,
    },
}

/// Shows a run's events until it ends. The first interruption cancels the run in order, the second leaves at once.
///
/// # Errors
/// As [`watch::follow`].
pub(in crate::commands) async fn to_the_end(
    client: &Client,
    run: &str,
    place: &PlaceArgs,
    shown: Shown,
) -> anyhow::Result<Followed> {
    let is_quiet = match shown {
        Shown::Progress { is_quiet } => is_quiet,
        Shown::FullScreen { can_go_on } => {
            return Ok(match full_screen::to_the_end(client, run, place, can_go_on).await? {
                Watched::Left => {
                    eprintln!("left; `fleetmark watch {run}` shows it again");
                    Followed::Left
                }
                Watched::Over { end, is_cancelled } => Followed::Over { end, is_interrupted: is_cancelled },
            });
        }
    };
    let mut display = progress::display(is_quiet);
    let mut watching = client.clone();
    let mut cancelling = client.clone();
    let mut interrupts = Interrupts::listen()?;
    let mut is_interrupted = false;
    let following = watch::follow(&mut watching, run, display.as_mut(), watch::patience(place));
    tokio::pin!(following);
    loop {
        tokio::select! {
            end = &mut following => return Ok(Followed::Over { end: end?, is_interrupted }),
            () = interrupts.next() => {
                if is_interrupted {
                    eprintln!("left; run {run} goes on ending without us");
                    return Ok(Followed::Left);
                }
                is_interrupted = true;
                eprintln!("cancelling; what was measured is kept (once more to leave at once)");
                // A run that is over by now needs no cancelling.
                let _its_end_is_on_its_way = cancelling.cancel(run, "interrupted at the terminal").await;
            }
        }
    }
}
