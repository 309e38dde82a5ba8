//! Words of `watch`.

use clap::Args;

use super::AskArgs;

/// What to follow, and how to show it.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The run: an id, a unique prefix of one, or `latest`
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    /// Insist on the whole terminal [default: where standard input and output are one]
    #[arg(long, conflicts_with = "json")]
    pub(crate) tui: bool,
    /// Show a line of progress only
    #[arg(long, conflicts_with = "tui")]
    pub(crate) plain: bool,
}
