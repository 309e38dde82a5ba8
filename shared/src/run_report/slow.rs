//! The slowest operations of a trial.

use serde::{Deserialize, Serialize};

use crate::ids::AgentName;

/// One of the slowest successes of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowReport {
    /// The operation's name.
    pub operation: String,
    /// Its latency, ns.
    pub latency_ns: u64,
    /// When it ended, ns since the beginning of its agent's measured window.
    pub offset_ns: u64,
    /// When that was by the coordinator's clock, RFC 3339 in UTC; `null` when the trial's start is not known.
    pub ended_at: Option<String>,
    /// Who did it.
    pub agent: AgentName,
    /// Which of the agent's workers, from 0.
    pub worker: u32,
    /// Its request, secrets masked, cut at 512 bytes; `null`: there is none to show.
    pub request: Option<String>,
}
