//! Figures of runs, sent each second to whoever collects figures: by Prometheus' remote write, and by OTLP over HTTP.
//!
//! What is sent is what `/metrics` tells: the sums of all intervals that are stored, as counters that only grow. So a second that is lost
//! on the way costs resolution and no count. One task looks once a second and lays what it sees where every destination
//! reads at its own pace; a destination that is away for longer than [`SECONDS_KEPT`] misses the oldest seconds, which is counted.
//! Ingest knows nothing of all this.
//!
//! Rooms: [`settings`] (the keys), `sample` (what is seen at one moment), `remote_write` and `otlp` (how that is written), `courier` (one
//! destination), `post` (one request), [`tally`] (what became of it all).

mod courier;
mod otlp;
mod post;
mod remote_write;
mod sample;
pub mod settings;
pub mod tally;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::broadcast;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::courier::Courier;
use self::post::Post;
use self::sample::Sampled;
use self::tally::Tallies;
use crate::control::Control;
use crate::live::onlookers::Onlookers;
use crate::live::told::RunNames;

/// How often it is looked: as often as agents report.
const EVERY: Duration = Duration::from_secs(1);
/// Seconds that wait for a destination that is slow or away: a minute, of at most 32 runs with 33 operations each (some 25 MB).
const SECONDS_KEPT: usize = 60;

/// A way to write figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Prometheus' remote write, version 1.0.
    RemoteWrite,
    /// The OpenTelemetry protocol's metrics, as protobuf over HTTP.
    Otlp,
}

impl Protocol {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::RemoteWrite, Self::Otlp];

    /// Its key in a configuration.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Protocol::RemoteWrite => "prometheus",
            Protocol::Otlp => "otlp",
        }
    }

    /// A second of figures as it is sent.
    fn encode(self, sampled: &Sampled) -> Vec<u8> {
        match self {
            Protocol::RemoteWrite => remote_write::encode(sampled),
            Protocol::Otlp => otlp::encode(sampled),
        }
    }

    /// What says how it is written.
    const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Protocol::RemoteWrite => remote_write::HEADERS,
            Protocol::Otlp => otlp::HEADERS,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key())
    }
}

/// Where figures are sent.
#[derive(Debug, Clone)]
pub struct Destination {
    /// How they are written.
    pub protocol: Protocol,
    /// Whether over TLS.
    pub is_encrypted: bool,
    /// The host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, with what stands behind `?`.
    pub path: String,
    /// What lets us in, and whatever else is asked for; values are never shown.
    pub headers: HeaderMap,
    /// Whom to believe, as PEM; `None`: the system's authorities.
    pub ca_file: Option<PathBuf>,
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl Destination {
    /// Host and port, as a request names them.
    fn authority(&self) -> String {
        let host = &self.host;
        if host.contains(':') { format!("[{host}]:{}", self.port) } else { format!("{host}:{}", self.port) }
    }
}

/// Why figures cannot be exported. Shows no header.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A key of the configuration.
    #[error("read export.{key}: {what}")]
    Key {
        /// Which.
        key: String,
        /// What is wrong.
        what: String,
    },
    /// The authorities of a destination.
    #[error("export to {to}: {what}")]
    Authorities {
        /// Where to.
        to: String,
        /// What is wrong.
        what: String,
    },
}

/// Begins to export; returns what becomes of it.
///
/// # Errors
/// When a destination's authorities cannot be read.
pub(crate) fn start(
    destinations: Vec<Destination>,
    control: &Control,
    onlookers: &Arc<Onlookers>,
    stop: &CancellationToken,
) -> Result<Tallies, ExportError> {
    let tallies = Tallies::of(destinations.iter().map(|destination| destination.protocol));
    if destinations.is_empty() {
        return Ok(tallies);
    }
    let (seconds, _) = broadcast::channel(SECONDS_KEPT);
    for (destination, (_, tally)) in destinations.into_iter().zip(tallies.iter()) {
        let courier = Courier::new(Post::to(destination)?, seconds.subscribe(), tally.clone());
        let stop = stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled_owned(courier.run()).await });
    }
    let (control, onlookers, stop) = (control.clone(), onlookers.clone(), stop.clone());
    tokio::spawn(async move { stop.run_until_cancelled_owned(look(control, onlookers, seconds)).await });
    Ok(tallies)
}

/// Looks once a second at what was counted.
async fn look(control: Control, onlookers: Arc<Onlookers>, seconds: broadcast::Sender<Arc<Sampled>>) {
    let (names, began_ms) = (RunNames::default(), crate::unix_ms());
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match names.told(&control, &onlookers).await {
            Ok(runs) if runs.is_empty() => {}
            Ok(runs) => {
                let sampled = Sampled { began_ms, at_ms: crate::unix_ms(), runs };
                if seconds.send(Arc::new(sampled)).is_err() {
                    return;
                }
            }
            Err(error) => tracing::debug!(%error, "nothing is exported of this second"),
        }
    }
}
