//! The words of `ca`, `login` and `audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use trust::certificate::HolderName;
use trust::join_token::JoinToken;
use trust::role::Role;

use super::{AskArgs, duration};

/// What to do about certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CaAction {
    /// Make an authority, unless there is one
    Init {
        /// The store's folder
        #[arg(long, value_name = "DIR", default_value = ".fleetmark")]
        store: PathBuf,
    },
    /// Give a token with which newcomers get a certificate
    Token {
        /// What they become: agent, operator or viewer
        #[arg(long, default_value = "agent")]
        role: Role,
        /// How many may use it
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// How long it counts, such as 1h
        #[arg(long, value_name = "D", default_value = "1h", value_parser = duration)]
        ttl: Duration,
        /// Where they reach the coordinator [default: where it says that it is]
        #[arg(long, value_name = "URL")]
        url: Option<String>,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// List the certificates that were given
    List {
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Take all certificates of a name back, and close their connections
    Revoke {
        /// Whose
        name: HolderName,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Make a new authority; the former one is trusted until everybody has exchanged theirs
    Rotate {
        #[command(flatten)]
        ask: AskArgs,
    },
}

/// How to log in.
#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The token, as the coordinator prints it or `fleetmark ca token --role operator` gives it
    #[arg(long, value_name = "TOKEN", env = "FLEETMARK_JOIN", hide_env_values = true)]
    pub(crate) join: JoinToken,
    /// The coordinator [default: the one that the token names]
    #[arg(long, value_name = "URL")]
    pub(crate) coordinator: Option<String>,
    /// What to call it here [default: its host]
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Who you are there [default: your user and host]
    #[arg(long)]
    pub(crate) name: Option<HolderName>,
}
