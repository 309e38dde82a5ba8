//! Figures as Prometheus reads them (text format 0.0.4): the coordinator's own, whether it keeps up and with what, and those of runs
//! while they go on.
//!
//! Rooms: [`runs`], [`text`] (how lines are written).

mod runs;
mod text;

use axum::body::Body;
use http::{Response, StatusCode};
use shared::fleet::AgentState;

use self::text::Text;
use super::api::refusal;
use super::guard::Visit;
use super::{Site, answer};
use crate::control::ControlError;
use crate::director::Message;
use crate::director::run_counts::RunCounts;
use crate::export::tally::Tallies;
use crate::ingest::room::WAITING_BYTES_MAX;
use crate::ingest::tally::{BOUNDS_MS, Tallied};

/// The media type of the text format.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const AGENT_STATES: [AgentState; 4] =
    [AgentState::Idle, AgentState::Leased, AgentState::Draining, AgentState::Lost];

/// Says how the coordinator fares.
pub(super) async fn metrics(visit: Visit) -> Response<Body> {
    let read = async {
        let figures = read(&visit.site).await?.written();
        Ok::<_, ControlError>(figures + &runs::read(&visit.site).await?)
    };
    match read.await {
        Ok(figures) => answer::typed(StatusCode::OK, MEDIA_TYPE, figures),
        Err(error) => refusal::of(error),
    }
}

/// What is told, at one moment.
struct Figures {
    agents: [u64; AGENT_STATES.len()],
    runs: RunCounts,
    runs_stored: u64,
    tallied: Tallied,
    queue_bytes: u64,
    store_bytes: u64,
    uptime_s: f64,
    exports: Tallies,
}

async fn read(site: &Site) -> Result<Figures, ControlError> {
    let agents = site.control.agents().await?;
    let count = |state| agents.iter().filter(|agent| agent.state == state).count() as u64;
    let stored = |store: &dyn crate::store::ResultStore| Ok((store.runs()?.len(), store.size_on_disk()?));
    let (runs_stored, store_bytes) = site.control.store.read(stored).await.and_then(|stored| stored)?;
    let waiting = (WAITING_BYTES_MAX as usize).saturating_sub(site.ingest.room().free_bytes());
    Ok(Figures {
        agents: AGENT_STATES.map(count),
        runs: site.control.ask(|reply| Message::RunCounts { reply }).await?,
        runs_stored: runs_stored as u64,
        tallied: site.ingest.tally().read(),
        queue_bytes: waiting as u64,
        store_bytes,
        uptime_s: site.started.elapsed().as_secs_f64(),
        exports: site.exports.clone(),
    })
}

impl Figures {
    fn written(&self) -> String {
        let mut text = Text::of("fleetmark_coordinator_");
        let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        text.begin("build_info", "gauge", "The version of this coordinator.").value(
            "build_info",
            &version,
            1.0,
        );
        text.begin("uptime_seconds", "gauge", "Time since it began.").value(
            "uptime_seconds",
            "",
            self.uptime_s,
        );
        text.begin("agents", "gauge", "Agents that are known, by state.");
        for (state, count) in AGENT_STATES.iter().zip(self.agents) {
            text.value("agents", &format!("state=\"{}\"", state.as_str()), count as f64);
        }
        text.begin("runs", "gauge", "Runs that wait or run, by state.");
        for state in RunCounts::STATES.iter().filter(|state| !state.is_over()) {
            text.value("runs", &format!("state=\"{}\"", state.as_str()), self.runs.of(*state) as f64);
        }
        text.begin("runs_ended_total", "counter", "Runs that ended since it began, by state.");
        for state in RunCounts::STATES.iter().filter(|state| state.is_over()) {
            text.value(
                "runs_ended_total",
                &format!("state=\"{}\"", state.as_str()),
                self.runs.of(*state) as f64,
            );
        }
        text.begin("runs_stored", "gauge", "Runs in the store.");
        text.value("runs_stored", "", self.runs_stored as f64);
        text.begin("store_size_bytes", "gauge", "Bytes that the store takes on disk.");
        text.value("store_size_bytes", "", self.store_bytes as f64);
        text.begin(
            "ingest_intervals_total",
            "counter",
            "Intervals of agents that were stored and acknowledged.",
        );
        text.value("ingest_intervals_total", "", self.tallied.intervals as f64);
        text.begin("ingest_bytes_total", "counter", "Bytes of those intervals.");
        text.value("ingest_bytes_total", "", self.tallied.bytes as f64);
        text.begin("ingest_queue_bytes", "gauge", "Bytes of intervals that wait for the store.");
        text.value("ingest_queue_bytes", "", self.queue_bytes as f64);
        self.acknowledgements(&mut text);
        self.exports(&mut text);
        text.written()
    }

    /// Nothing where nothing is exported.
    fn exports(&self, text: &mut Text) {
        if self.exports.is_empty() {
            return;
        }
        text.begin(
            "export_batches_total",
            "counter",
            "Seconds of figures that were exported, by what became of them.",
        );
        for (to, tally) in self.exports.iter() {
            for (outcome, count) in tally.outcomes() {
                let labels = format!("to=\"{to}\",outcome=\"{outcome}\"");
                text.value("export_batches_total", &labels, count as f64);
            }
        }
        text.begin("export_failures_total", "counter", "Attempts to export that failed and are made again.");
        for (to, tally) in self.exports.iter() {
            text.value("export_failures_total", &format!("to=\"{to}\""), tally.failures() as f64);
        }
    }

    fn acknowledgements(&self, text: &mut Text) {
        let name = "ingest_ack_latency_seconds";
        text.begin(
            name,
            "histogram",
            "Time between the arrival of a batch of intervals and its acknowledgement.",
        );
        let mut so_far = 0;
        let bounds = BOUNDS_MS.iter().map(|bound_ms| (*bound_ms as f64 / 1e3).to_string());
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(self.tallied.batches) {
            so_far += count;
            text.value(&format!("{name}_bucket"), &format!("le=\"{bound}\""), so_far as f64);
        }
        text.value(&format!("{name}_sum"), "", self.tallied.waited.as_secs_f64());
        text.value(&format!("{name}_count"), "", so_far as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::run_record::RunState;

    use super::*;
    use crate::export::Protocol;
    use crate::ingest::tally::Tally;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        let (tally, mut runs) = (Tally::default(), RunCounts::default());
        tally.note(3, 4_500, Duration::from_millis(4));
        tally.note(1, 500, Duration::from_secs(20));
        runs.add(RunState::Running);
        runs.add(RunState::Finished);
        let figures = Figures {
            agents: [1, 2, 0, 0],
            runs,
            runs_stored: 7,
            tallied: tally.read(),
            queue_bytes: 0,
            store_bytes: 4_096,
            uptime_s: 1.5,
            exports: Tallies::of([Protocol::Otlp]),
        };
        let text = figures.written();
        for line in [
            "# TYPE fleetmark_coordinator_ingest_ack_latency_seconds histogram",
            "fleetmark_coordinator_agents{state=\"leased\"} 2",
            "fleetmark_coordinator_runs{state=\"running\"} 1",
            "fleetmark_coordinator_runs_ended_total{state=\"finished\"} 1",
            "fleetmark_coordinator_ingest_intervals_total 4",
            "fleetmark_coordinator_ingest_ack_latency_seconds_bucket{le=\"0.002\"} 0",
            "fleetmark_coordinator_ingest_ack_latency_seconds_bucket{le=\"0.005\"} 1",
            "fleetmark_coordinator_ingest_ack_latency_seconds_bucket{le=\"10\"} 1",
            "fleetmark_coordinator_ingest_ack_latency_seconds_bucket{le=\"+Inf\"} 2",
            "fleetmark_coordinator_ingest_ack_latency_seconds_sum 20.004",
            "fleetmark_coordinator_ingest_ack_latency_seconds_count 2",
            "fleetmark_coordinator_export_batches_total{to=\"otlp\",outcome=\"dropped\"} 0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in:\n{text}");
        }
    }
}
