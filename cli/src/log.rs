//! What servers say while they run, on standard error. `FLEETMARK_LOG` chooses how much (`debug`, `info`, `warn`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The environment variable that chooses how much is said.
const VARIABLE: &str = "FLEETMARK_LOG";

/// Starts to say things: by default what a server says (`info`), or only what a client should know (`error`).
pub(crate) fn start(default: &str) {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start, in tests, changes nothing.
    let _it_may_have_been_started = subscriber.try_init();
}
