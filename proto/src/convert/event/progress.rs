//! How a running trial fares.

use std::time::Duration;

use shared::event::Progress;
use shared::event::progress::{AgentProgress, OperationProgress};
use shared::ids::{AgentName, TrialIndex};

use crate::convert::load_share::nanoseconds;
use crate::convert::{ConvertError, non_empty};

impl From<&Progress> for crate::Progress {
    fn from(progress: &Progress) -> Self {
        Self {
            trial: progress.trial.0,
            elapsed_ns: nanoseconds(progress.elapsed),
            is_warming_up: progress.is_warming_up,
            count: progress.count,
            errors: progress.errors,
            recent_per_s: progress.recent_per_s,
            p50_ns: progress.p50_ns,
            p99_ns: progress.p99_ns,
            agents_reporting: progress.agents_reporting,
            hint: progress.hint.clone().unwrap_or_default(),
            recent_p50_ns: progress.recent_p50_ns,
            recent_p99_ns: progress.recent_p99_ns,
            quantiles_ns: progress.quantiles_ns.clone(),
            max_ns: progress.max_ns,
            operations: progress.operations.iter().map(Into::into).collect(),
            agents: progress.agents.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<crate::Progress> for Progress {
    type Error = ConvertError;

    fn try_from(progress: crate::Progress) -> Result<Self, ConvertError> {
        Ok(Self {
            trial: TrialIndex(progress.trial),
            elapsed: Duration::from_nanos(progress.elapsed_ns),
            is_warming_up: progress.is_warming_up,
            count: progress.count,
            errors: progress.errors,
            recent_per_s: progress.recent_per_s,
            p50_ns: progress.p50_ns,
            p99_ns: progress.p99_ns,
            agents_reporting: progress.agents_reporting,
            hint: non_empty(progress.hint),
            recent_p50_ns: progress.recent_p50_ns,
            recent_p99_ns: progress.recent_p99_ns,
            quantiles_ns: progress.quantiles_ns,
            max_ns: progress.max_ns,
            operations: progress.operations.into_iter().map(Into::into).collect(),
            agents: progress.agents.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&OperationProgress> for crate::OperationProgress {
    fn from(operation: &OperationProgress) -> Self {
        Self {
            name: operation.name.clone(),
            count: operation.count,
            errors: operation.errors,
            recent_per_s: operation.recent_per_s,
            p50_ns: operation.p50_ns,
            p99_ns: operation.p99_ns,
        }
    }
}

impl From<crate::OperationProgress> for OperationProgress {
    fn from(operation: crate::OperationProgress) -> Self {
        Self {
            name: operation.name,
            count: operation.count,
            errors: operation.errors,
            recent_per_s: operation.recent_per_s,
            p50_ns: operation.p50_ns,
            p99_ns: operation.p99_ns,
        }
    }
}

impl From<&AgentProgress> for crate::AgentProgress {
    fn from(agent: &AgentProgress) -> Self {
        Self {
            name: agent.name.to_string(),
            recent_per_s: agent.recent_per_s,
            generator_cpu: agent.generator_cpu,
            workers: agent.workers,
        }
    }
}

impl TryFrom<crate::AgentProgress> for AgentProgress {
    type Error = ConvertError;

    fn try_from(agent: crate::AgentProgress) -> Result<Self, ConvertError> {
        Ok(Self {
            name: AgentName::new(agent.name).map_err(|error| ConvertError::new("agents.name", error))?,
            recent_per_s: agent.recent_per_s,
            generator_cpu: agent.generator_cpu,
            workers: agent.workers,
        })
    }
}
