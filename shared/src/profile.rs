//! Profiles: what a profiler wrote in a trial that is not measured, and what is kept of it with the run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, AgentName, VariantIndex};
use crate::run_record::{AttachedFile, TrialRecord};

/// Largest profile, in bytes: what a store takes in one piece.
pub const PROFILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most bytes of all profiles of one run: four of the largest, or sixteen of the usual bound.
pub const PROFILES_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most profiles of one run: those of a hundred variants on some hosts each, and every one is a line of its report.
pub const PROFILES_MAX: usize = 1_000;
/// Longest name of a profile's file, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// The name of a profile's file: letters, digits, `.`, `_` and `-`, so that it is one wherever it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

/// Why a text names no profile's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file's name has 1 to {NAME_BYTES_MAX} letters, digits, . _ and -, and does not begin with . or -")]
pub struct ProfileNameError;

impl ProfileName {
    /// Takes a name.
    ///
    /// # Errors
    /// When it would not be a file's name everywhere.
    pub fn new(text: impl Into<String>) -> Result<Self, ProfileNameError> {
        let text = text.into();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_name = (1..=NAME_BYTES_MAX).contains(&text.len())
            && text.bytes().all(is_plain)
            && !text.starts_with(['.', '-']);
        if is_name { Ok(Self(text)) } else { Err(ProfileNameError) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a profile is called where the job does not say.
impl Default for ProfileName {
    fn default() -> Self {
        Self("profile".to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<String> for ProfileName {
    type Error = ProfileNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

/// One attempt at a trial with a profiler. It stands apart from the run's trials, so that nothing that measures meets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfiledTrial {
    /// Which variant it ran.
    pub variant: VariantIndex,
    /// The attempt itself.
    pub trial: TrialRecord,
    /// What came of the profiler on each host that it ran on.
    #[serde(default)]
    pub outputs: Vec<ProfileOutput>,
}

/// What came of the profiler on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileOutput {
    /// The agent's process.
    pub agent: AgentId,
    /// Its name.
    pub name: AgentName,
    /// What is stored; `None`: nothing is.
    pub file: Option<AttachedFile>,
    /// What is to be said of it: why there is nothing, or why what there is may not be whole.
    pub problem: Option<String>,
}

impl ProfiledTrial {
    /// What came of the profiler on an agent's host, made if nothing was known of it yet.
    pub fn output_of(&mut self, agent: AgentId, name: &AgentName) -> &mut ProfileOutput {
        let place = self.outputs.iter().position(|output| output.agent == agent).unwrap_or_else(|| {
            self.outputs.push(ProfileOutput { agent, name: name.clone(), file: None, problem: None });
            self.outputs.len() - 1
        });
        &mut self.outputs[place]
    }

    /// Under which path the store keeps what an agent's profiler wrote. No file of a job can have such a path.
    pub fn path(&self, agent: AgentId) -> String {
        path_of(&self.trial, agent)
    }

    /// What is stored of it, with the paths.
    pub fn files(&self) -> impl Iterator<Item = (String, &AttachedFile)> {
        self.outputs.iter().filter_map(|output| Some((self.path(output.agent), output.file.as_ref()?)))
    }
}

fn path_of(trial: &TrialRecord, agent: AgentId) -> String {
    stored_path(trial.trial.0, trial.attempt, agent)
}

/// Under which path the store keeps what the profiler of an agent wrote in an attempt at a trial.
pub fn stored_path(trial: u32, attempt: u32, agent: AgentId) -> String {
    format!("\0profile/{trial}/{attempt}/{agent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_named_as_a_file_can_be_anywhere() {
        for name in ["perf.data", "stacks-1.txt", "a", "profile"] {
            assert_eq!(ProfileName::new(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", ".hidden", "a/b", "-o", "a b", "ä", &"a".repeat(101)] {
            assert_eq!(ProfileName::new(name), Err(ProfileNameError), "{name:?}");
        }
    }
}
