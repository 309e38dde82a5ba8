//! The words of `fleetmark calibrate`.

use std::path::PathBuf;

use clap::Args;
use shared::calibration::BLOCKS_MIN;

use super::AskArgs;
use super::history::share;

/// What to calibrate, and with what.
#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// The job whose load and workload are used [default: fleetmark's own small server, measured by its median]
    pub(crate) job: Option<PathBuf>,
    /// Blocks of each of the two runs; fewer than 20 pass nothing, and show only what comes out
    #[arg(long, value_name = "N", default_value_t = BLOCKS_MIN, value_parser = clap::value_parser!(u32).range(5..=1_000))]
    pub(crate) blocks: u32,
    /// What counts as the same, such as 5%; the control is slower by twice that [default: the job's `limits.margin`]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) margin: Option<f64>,
    /// Start so many agents on this machine [default: as many as the job asks for, without --coordinator]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) local_agents: Option<u32>,
    /// Change a value of the job: `load.workers=8`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// The file of secrets that the job uses as `{{secret:NAME}}`, without --coordinator; only its owner may read it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["coordinator", "context"])]
    pub(crate) secrets: Option<PathBuf>,
    /// Show no progress
    #[arg(long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}
