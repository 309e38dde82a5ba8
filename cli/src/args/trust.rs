//! The words of `ca`, `login`, `web-login` and `audit`.

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
    /// List the certificates, and tokens for programs, that were given
    List {
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Take all certificates and tokens of a name back, and close its connections and sessions
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

/// How to sign in to the pages.
#[derive(Debug, Args)]
pub(crate) struct WebLoginArgs {
    /// Print a token for programs (`authorization: Bearer TOKEN`), not a link that signs one browser in
    #[arg(long)]
    pub(crate) bearer: bool,
    /// How long that token counts, such as 12h
    #[arg(long, value_name = "D", default_value = "30d", value_parser = lifetime, requires = "bearer")]
    pub(crate) ttl: Duration,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// A duration that may also be given in days.
fn lifetime(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days) => Ok(Duration::from_secs(u64::from(days) * ::trust::DAY_S)),
        None => duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_may_be_given_in_days() {
        assert_eq!(lifetime("30d"), Ok(Duration::from_secs(30 * 24 * 60 * 60)));
        assert_eq!(lifetime("90m"), Ok(Duration::from_secs(90 * 60)));
        assert!(lifetime("d").is_err() && lifetime("-1d").is_err());
    }
}
