//! The words of `fleetmark baseline`, `compare` and `trend`.

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

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A run (an id, a unique prefix, or `latest`), a baseline, or one variant of either as RUN:VARIANT
    #[arg(required_unless_present = "hosts", conflicts_with = "hosts")]
    pub(crate) a: Option<String>,
    /// What is compared with it
    #[arg(required_unless_present = "hosts")]
    pub(crate) b: Option<String>,
    /// Compare the hosts of one run instead, each of which measured alone (placement = "each")
    #[arg(long, value_name = "RUN")]
    pub(crate) hosts: Option<String>,
    /// Take hosts together that share a label's value: label.KEY
    #[arg(long, value_name = "label.KEY", requires = "hosts", value_parser = label)]
    pub(crate) group_by: Option<String>,
    /// The host or group to compare with [default: the first by name]
    #[arg(long, value_name = "NAME", requires = "hosts")]
    pub(crate) reference: Option<String>,
    /// What counts as the same, such as 5% [default: the job's `limits.margin`]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) margin: Option<f64>,
    /// Comparing different hosts is meant
    #[arg(long, conflicts_with = "hosts")]
    pub(crate) across_machines: bool,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
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

/// The label that a group is made by.
fn label(text: &str) -> Result<String, String> {
    match text.strip_prefix("label.") {
        Some(label) if !label.is_empty() => Ok(label.to_owned()),
        _ => Err("it is written as label.KEY, such as label.instance".to_owned()),
    }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = shared::units::parse_share(text).map_err(|error| error.to_string())?;
    if share > 0.0 { Ok(share) } else { Err("a margin is above 0".to_owned()) }
}
