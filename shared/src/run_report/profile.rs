//! A profile as the JSON contract has it.

use serde::{Deserialize, Serialize};

use crate::ids::AgentName;
use crate::profile::ProfileName;

/// What came of the profiler in one trial that was not measured, on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileReport {
    /// Its number among the run's profiles, from 0: by it one is asked for.
    pub number: u32,
    /// Which variant the trial ran.
    pub variant: String,
    /// Which attempt at it, from 0.
    pub attempt: u32,
    /// On whose host the profiler ran; `null`: the trial did not get as far.
    pub agent: Option<AgentName>,
    /// What the file is called.
    pub name: ProfileName,
    /// Its length; `null`: nothing is stored.
    pub size_bytes: Option<u64>,
    /// SHA-256 of it, lower-case hex; `null`: nothing is stored.
    pub sha256: Option<String>,
    /// Why nothing is stored, or why what is may not be whole; `null`: nothing is to be said.
    pub problem: Option<String>,
}
