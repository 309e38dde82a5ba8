//! An agent as its coordinator sees it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, AgentName};

/// Whether an agent can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AgentState {
    /// Attached and free.
    Idle,
    /// Attached and taking part in a trial.
    Leased,
    /// Attached and to take no more runs; one that it takes part in is named as its lease.
    Draining,
    /// Its connection is gone, and its trial still waits for it.
    Lost,
}

impl AgentState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            AgentState::Idle => "idle",
            AgentState::Leased => "leased",
            AgentState::Draining => "draining",
            AgentState::Lost => "lost",
        }
    }
}

/// One agent, as listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// This life of its process.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// Whether it can be used.
    pub state: AgentState,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its facts.
    pub facts: BTreeMap<String, String>,
    /// Its fleetmark's version.
    pub fleetmark_version: String,
    /// The workload kinds it can run.
    pub kinds: Vec<String>,
    /// Slots of its host.
    pub slots: u32,
    /// Time since its last message, milliseconds.
    pub last_seen_ms_ago: u64,
    /// Its monotonic clock less the coordinator's, microseconds.
    pub clock_offset_us: Option<f64>,
    /// How wrong that may be, microseconds.
    pub clock_error_us: Option<f64>,
    /// The trial that it is leased to.
    pub lease: Option<String>,
    /// The word it is reserved by.
    pub reservation: Option<String>,
}
