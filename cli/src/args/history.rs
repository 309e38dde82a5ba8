//! The words of `fleetmark baseline` and `trend`.

use clap::{Args, Subcommand};
use shared::ids::{BaselineName, Name};

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

/// Whose history to show.
#[derive(Debug, Args)]
pub(crate) struct TrendArgs {
    /// The metric, such as read.latency.p95 or throughput
    pub(crate) metric: String,
    /// The job [default: that of the newest run which has the metric]
    #[arg(long, value_name = "NAME")]
    pub(crate) job: Option<Name>,
    /// So many of the newest runs
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}
