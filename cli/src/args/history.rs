//! The words of `fleetmark baseline`.

use clap::Subcommand;
use shared::ids::BaselineName;

use super::AskArgs;

/// What to do with baselines.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineAction {
    /// Have a name stand for these runs and no others
    Set {
        /// The name: letters, digits, `.`, `_` and `-`
        name: BaselineName,
        /// The runs: ids, unique prefixes, or `latest`
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// List baselines and their runs
    List {
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Forget a baseline; its runs stay
    Remove {
        /// The name
        name: BaselineName,
        #[command(flatten)]
        ask: AskArgs,
    },
}
