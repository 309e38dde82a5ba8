//! Following a run that this command submitted: to its end, or until whoever started the command interrupts it.

use super::interrupt::Interrupts;
use crate::args::PlaceArgs;
use crate::commands::watch::{self, End};
use crate::progress;
use crate::rpc::Client;

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
    is_quiet: bool,
) -> anyhow::Result<Followed> {
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
