//! Making a trial's engine ready: the policy is asked, the workload prepared, the load threads started.

use std::sync::Arc;

use shared::ids::AgentId;
use shared::plan::Assignment;
use tokio::sync::mpsc;

use crate::engine::{Engine, EngineEvent};
use crate::host;
use crate::policy::{Refusal, Warden};
use crate::workload::{PrepareError, TABLE};

/// Events of one engine that may wait for the session.
const ENGINE_EVENTS_MAX: usize = 256;

/// Why a trial cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprepared {
    /// It cannot be done.
    #[error("failed to prepare the trial: {0}")]
    Failed(#[from] PrepareError),
    /// The policy does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Makes an engine ready for a trial, as far as the warden's policy allows; its events come with it.
pub(super) fn engine(
    agent: AgentId,
    warden: &Arc<Warden>,
    assignment: Assignment,
) -> Result<(Engine, mpsc::Receiver<EngineEvent>), Unprepared> {
    warden.policy().check(&assignment)?;
    let kind = TABLE
        .iter()
        .find(|kind| kind.schema.kind == assignment.kind)
        .ok_or_else(|| PrepareError(format!("this agent does not know {:?} workloads", assignment.kind)))?;
    let workload = (kind.prepare)(&assignment, warden)?;
    let mut probe = host::HostProbe::new();
    let (sender, receiver) = mpsc::channel(ENGINE_EVENTS_MAX);
    let engine = Engine::prepare(agent, assignment, workload, Box::new(move || probe.sample()), sender)?;
    Ok((engine, receiver))
}
