//! Conversions between the wire and the domain. What comes from the wire is checked here, once, in full.
//!
//! Rooms: [`interval`] (what agents measured), [`assignment`] (what agents are told to do) with its [`load_share`]
//! and the data that workers take turns with, [`confidential`] (what they may tell nobody), [`event`] (what observers see),
//! [`listing`] (runs and agents in lists), and baselines and histories.

pub mod assignment;
mod baseline;
pub mod confidential;
mod data;
pub mod event;
pub mod interval;
pub mod listing;
pub mod load_share;

use shared::finding::{Finding, FindingCode, Severity};
use shared::ids::{AgentId, RunId, TrialIndex, TrialKey};

/// Longest sentence that travels for people (reasons, findings), in bytes.
pub const SENTENCE_BYTES_MAX: usize = 4096;

/// A message of the wire that breaks the wire's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message breaks the protocol: {field}: {problem}")]
pub struct ConvertError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl ConvertError {
    /// An error about a field.
    pub fn new(field: &'static str, problem: impl std::fmt::Display) -> Self {
        Self { field, problem: problem.to_string() }
    }

    /// A field that must be there and is not.
    pub fn missing(field: &'static str) -> Self {
        Self::new(field, "is missing")
    }
}

/// Reads a run id.
///
/// # Errors
/// When it is not 16 bytes.
pub fn run_id(bytes: &[u8]) -> Result<RunId, ConvertError> {
    RunId::from_bytes(bytes).map_err(|error| ConvertError::new("run_id", error))
}

/// Reads an agent id.
///
/// # Errors
/// When it is not 16 bytes.
pub fn agent_id(bytes: &[u8]) -> Result<AgentId, ConvertError> {
    AgentId::from_bytes(bytes).map_err(|error| ConvertError::new("agent_id", error))
}

/// Reads a trial key that must be there.
///
/// # Errors
/// When it is absent or its run id is not 16 bytes.
pub fn trial_key(key: Option<crate::TrialKey>) -> Result<TrialKey, ConvertError> {
    let key = key.ok_or(ConvertError::missing("trial"))?;
    Ok(TrialKey { run: run_id(&key.run_id)?, trial: TrialIndex(key.trial), attempt: key.attempt })
}

impl From<TrialKey> for crate::TrialKey {
    fn from(key: TrialKey) -> Self {
        Self { run_id: key.run.as_bytes().to_vec(), trial: key.trial.0, attempt: key.attempt }
    }
}

impl From<&Finding> for crate::Finding {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str().to_owned(),
            severity: severity_word(finding.severity).to_owned(),
            agent_id: finding.agent.map(|agent| agent.as_bytes().to_vec()).unwrap_or_default(),
            message: sentence(&finding.message),
        }
    }
}

impl TryFrom<crate::Finding> for Finding {
    type Error = ConvertError;

    fn try_from(finding: crate::Finding) -> Result<Self, ConvertError> {
        let code = FindingCode::ALL.iter().copied().find(|code| code.as_str() == finding.code);
        let severity = [Severity::Note, Severity::Suspect, Severity::Invalid]
            .into_iter()
            .find(|known| severity_word(*known) == finding.severity);
        Ok(Self {
            code: code
                .ok_or_else(|| ConvertError::new("code", format!("{:?} is not a finding", finding.code)))?,
            severity: severity.ok_or_else(|| {
                ConvertError::new("severity", format!("{:?} is not a severity", finding.severity))
            })?,
            agent: if finding.agent_id.is_empty() { None } else { Some(agent_id(&finding.agent_id)?) },
            message: finding.message,
        })
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Suspect => "suspect",
        Severity::Invalid => "invalid",
    }
}

/// Cuts a sentence to [`SENTENCE_BYTES_MAX`] at a character.
pub fn sentence(text: &str) -> String {
    let end =
        (0..=text.len().min(SENTENCE_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[..end].to_owned()
}

/// An empty text stands for an absent one.
pub(crate) fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
