//! The words of `coordinator` and `agent`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use agent::policy::VariablePattern;
use clap::Args;
use shared::ids::{AgentName, HostAddress};
use trust::join_token::JoinToken;

use super::{duration, pair, size};

/// How to be a coordinator.
#[derive(Debug, Args)]
pub(crate) struct CoordinatorArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7411")]
    pub(crate) listen: SocketAddr,
    /// Where to serve pages and the JSON API, or `off` [default: 127.0.0.1:7412, unless --listen leaves loopback]
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<PageAddress>,
    /// Have people and programs sign in to the pages on loopback too; calls are then encrypted as with --tls
    #[arg(long, conflicts_with = "insecure")]
    pub(crate) require_login: bool,
    /// The store's folder
    #[arg(long, value_name = "DIR", default_value = ".fleetmark")]
    pub(crate) store: PathBuf,
    /// What else it is to know; docs/coordinator-keys.md says which keys there are
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The file of secrets that jobs use as `{{secret:NAME}}`; only its owner may read it
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
    /// Listen on an address that is not loopback without encryption, and ask nobody who they are
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Encrypt and ask for certificates on loopback too
    #[arg(long, conflicts_with = "insecure")]
    pub(crate) tls: bool,
    /// Under which name or address others reach this host [default: the address that it listens on, or the host's name]
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<String>,
    /// Stop when there has been nothing to do for so long
    #[arg(long, hide = true, value_parser = duration)]
    pub(crate) stop_when_idle_for: Option<Duration>,
    /// How long a run waits for an agent whose connection broke: `deadlines.lost_after` of the configuration
    #[arg(long, hide = true, value_parser = duration)]
    pub(crate) lost_after: Option<Duration>,
}

/// Where pages are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageAddress {
    /// Nowhere.
    Off,
    /// There.
    On(SocketAddr),
}

impl PageAddress {
    /// The contract's port.
    const PORT: u16 = 7412;
    /// Where, if nobody says.
    pub(crate) const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Self::PORT);
}

impl FromStr for PageAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address =
            text.parse().or_else(|_| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, Self::PORT)));
        address
            .map(Self::On)
            .map_err(|_| format!("{text:?} is neither `off` nor an address like 127.0.0.1:7412"))
    }
}

/// How to be an agent.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The coordinator
    #[arg(long, value_name = "URL")]
    pub(crate) coordinator: String,
    /// Get a certificate with this token; needed once, for a coordinator at https://
    #[arg(long, value_name = "TOKEN", env = "FLEETMARK_JOIN", hide_env_values = true)]
    pub(crate) join: Option<JoinToken>,
    /// This agent's name [default: the host's name]
    #[arg(long)]
    pub(crate) name: Option<AgentName>,
    /// A label that jobs can ask for
    #[arg(long = "label", value_name = "K=V", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
    /// Where other agents reach this host [default: the address that the coordinator sees]
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<HostAddress>,
    /// How many runs may measure on this host at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) slots: u32,
    /// Allow a kind of workload that runs programs; `command` also allows `[target]`, `[hooks]` and `[profile]`
    #[arg(long = "allow", value_name = "KIND")]
    pub(crate) allowed: Vec<String>,
    /// Let jobs read an environment variable of this agent by `{{env:NAME}}`; `BENCH_*` is all that begin so
    #[arg(long = "allow-env", value_name = "NAME")]
    pub(crate) allowed_variables: Vec<VariablePattern>,
    /// What jobs may do on this host; docs/agent-keys.md says which keys there are
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to keep what the coordinator does not take in time, once memory holds enough of it, and the certificate
    /// [default: the system's folder for temporary files; for the certificate one of the user's]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Keep at most so much there
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    pub(crate) data_max: u64,
    /// Keep at most so much in memory before
    #[arg(long, value_name = "SIZE", hide = true, default_value = "64MiB", value_parser = size)]
    pub(crate) outbox_memory: u64,
    /// Talk to an address that is not loopback without encryption
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Have no policy: for an agent that works only for the command of the person who started it
    #[arg(long, hide = true, conflicts_with_all = ["config", "allowed", "allowed_variables"])]
    pub(crate) unrestricted: bool,
    /// Serve only runs that carry the same word
    #[arg(long, hide = true)]
    pub(crate) reservation: Option<String>,
    /// Have the clock measured over the link even on the coordinator's own machine
    #[arg(long, hide = true)]
    pub(crate) measure_clock: bool,
    /// End when standard input ends
    #[arg(long, hide = true)]
    pub(crate) end_with_stdin: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_the_contracts_port_unless_another_is_named() {
        let on = |text: &str| Ok(PageAddress::On(text.parse().unwrap()));
        assert_eq!("10.0.0.1".parse(), on("10.0.0.1:7412"));
        assert_eq!("::1".parse(), on("[::1]:7412"));
        assert_eq!("127.0.0.1:0".parse(), on("127.0.0.1:0"));
        assert_eq!("off".parse(), Ok(PageAddress::Off));
        assert!(
            "bench.example:1".parse::<PageAddress>().unwrap_err().contains("neither `off` nor an address")
        );
    }
}
