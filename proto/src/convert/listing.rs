//! Runs and agents in lists.

use shared::fleet::{AgentState, AgentStatus};
use shared::ids::{AgentName, Name};
use shared::run_record::{RunState, RunSummary};
use shared::run_report::Verdict;

use super::{ConvertError, agent_id, non_empty, run_id};

impl From<&RunSummary> for crate::RunSummary {
    fn from(run: &RunSummary) -> Self {
        Self {
            run_id: run.id.as_bytes().to_vec(),
            name: run.name.to_string(),
            state: run.state.as_str().to_owned(),
            verdict: run.verdict.as_str().to_owned(),
            exit_code: run.exit_code.map(u32::from),
            submitted_at_ms: run.submitted_at_ms,
            finished_at_ms: run.finished_at_ms,
            tags: run.tags.clone(),
            trials_complete: run.trials_complete,
            trials_planned: run.trials_planned,
            damage: run.damage.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<crate::RunSummary> for RunSummary {
    type Error = ConvertError;

    fn try_from(run: crate::RunSummary) -> Result<Self, ConvertError> {
        Ok(Self {
            id: run_id(&run.run_id)?,
            name: Name::new(run.name).map_err(|error| ConvertError::new("name", error))?,
            state: run_state(&run.state)?,
            verdict: verdict(&run.verdict)?,
            exit_code: run
                .exit_code
                .map(u8::try_from)
                .transpose()
                .map_err(|error| ConvertError::new("exit_code", error))?,
            submitted_at_ms: run.submitted_at_ms,
            finished_at_ms: run.finished_at_ms,
            tags: run.tags,
            trials_complete: run.trials_complete,
            trials_planned: run.trials_planned,
            damage: non_empty(run.damage),
        })
    }
}

impl From<&AgentStatus> for crate::AgentStatus {
    fn from(agent: &AgentStatus) -> Self {
        Self {
            agent_id: agent.id.as_bytes().to_vec(),
            name: agent.name.to_string(),
            state: agent.state.as_str().to_owned(),
            labels: agent.labels.clone(),
            facts: agent.facts.clone(),
            fleetmark_version: agent.fleetmark_version.clone(),
            kinds: agent.kinds.clone(),
            slots: agent.slots,
            last_seen_ms_ago: agent.last_seen_ms_ago,
            clock_offset_us: agent.clock_offset_us,
            clock_error_us: agent.clock_error_us,
            lease: agent.lease.clone().unwrap_or_default(),
            reservation: agent.reservation.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<crate::AgentStatus> for AgentStatus {
    type Error = ConvertError;

    fn try_from(agent: crate::AgentStatus) -> Result<Self, ConvertError> {
        let state = [AgentState::Idle, AgentState::Leased, AgentState::Draining, AgentState::Lost]
            .into_iter()
            .find(|state| state.as_str() == agent.state);
        Ok(Self {
            id: agent_id(&agent.agent_id)?,
            name: AgentName::new(agent.name).map_err(|error| ConvertError::new("name", error))?,
            state: state.ok_or_else(|| {
                ConvertError::new("state", format!("{:?} is not a state of an agent", agent.state))
            })?,
            labels: agent.labels,
            facts: agent.facts,
            fleetmark_version: agent.fleetmark_version,
            kinds: agent.kinds,
            slots: agent.slots,
            last_seen_ms_ago: agent.last_seen_ms_ago,
            clock_offset_us: agent.clock_offset_us,
            clock_error_us: agent.clock_error_us,
            lease: non_empty(agent.lease),
            reservation: non_empty(agent.reservation),
        })
    }
}

/// Reads the contract's word for a run's state.
pub(crate) fn run_state(word: &str) -> Result<RunState, ConvertError> {
    let states =
        [RunState::Queued, RunState::Running, RunState::Finished, RunState::Failed, RunState::Cancelled];
    states
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| ConvertError::new("state", format!("{word:?} is not a state of a run")))
}

/// Reads the contract's word for a verdict.
pub(crate) fn verdict(word: &str) -> Result<Verdict, ConvertError> {
    let verdicts =
        [Verdict::Supported, Verdict::Refuted, Verdict::Inconclusive, Verdict::Invalid, Verdict::None];
    verdicts
        .into_iter()
        .find(|verdict| verdict.as_str() == word)
        .ok_or_else(|| ConvertError::new("verdict", format!("{word:?} is not a verdict")))
}
