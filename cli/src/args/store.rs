//! The words of `fleetmark store`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{AskArgs, duration};

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// Read everything, and name what is damaged
    Check {
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Give back the room of what was removed
    Compact {
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Remove finished runs, and keep less detail of those that stay
    Prune {
        #[command(flatten)]
        options: PruneArgs,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Write all finished runs to a file, for backup and migration
    Export {
        /// The file; `-` is standard output
        file: PathBuf,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Take up the runs of an export that are not there yet
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        ask: AskArgs,
    },
}

/// Which runs to remove, and which to fold. A run is removed if everything that is said lets it go.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Remove runs older than this, such as 30d or 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: Option<Duration>,
    /// Keep so many of the newest runs
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<u32>,
    /// Of runs that stay and are older than this keep ten seconds of each agent, and one of all agents together
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) fold_older_than: Option<Duration>,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A duration that may be given in days.
fn age(text: &str) -> Result<Duration, String> {
    const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;
    match text.strip_suffix('d').map(str::parse::<u64>) {
        Some(Ok(days)) => Ok(Duration::from_secs(days.saturating_mul(SECONDS_OF_A_DAY))),
        _ => duration(text).map_err(|error| format!("{error}; or a number of days such as 30d")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_may_be_given_in_days() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("90m"), Ok(Duration::from_secs(5_400)));
        for bad in ["", "d", "-1d", "month"] {
            assert!(age(bad).is_err(), "{bad:?}");
        }
    }
}
