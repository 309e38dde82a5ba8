//! The words of `fleetmark profile`.

use std::path::PathBuf;

use clap::Args;

use super::AskArgs;

/// Which profile, and where it is to go.
#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// The run: an id, a unique prefix, or `latest`
    pub(crate) run: String,
    /// Only profiles of this variant
    #[arg(long, value_name = "NAME")]
    pub(crate) variant: Option<String>,
    /// The profile of this number in the run's report
    #[arg(long, value_name = "N")]
    pub(crate) number: Option<u32>,
    /// Where to write it: a file, a folder, or - for standard output; without it the profiles are listed
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}
