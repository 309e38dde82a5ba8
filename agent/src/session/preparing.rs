//! Making a trial's engine ready: the policy is asked, the workload prepared, the load threads started.

use std::sync::Arc;

use shared::ids::AgentId;
use shared::plan::Assignment;
use shared::secret::mask::Mask;
use shared::secret::veil::Veil;
use tokio::sync::mpsc;

use crate::engine::{Engine, EngineEvent};
use crate::host;
use crate::policy::{Refusal, Warden};
use crate::values::Confided;
use crate::values::names::variables_of;
use crate::workload::{self, PrepareError};

/// Events of one engine that may wait for the session.
const ENGINE_EVENTS_MAX: usize = 256;

/// Why a trial cannot be made ready. Tells nothing that is confidential.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprepared {
    /// It cannot be done.
    #[error("failed to prepare the trial: {0}")]
    Failed(String),
    /// The policy does not allow it.
    #[error("{0}")]
    Refused(String),
}

/// An engine that is ready for a trial.
pub(super) struct Ready {
    pub(super) engine: Engine,
    /// What it tells.
    pub(super) events: mpsc::Receiver<EngineEvent>,
    /// Whom it asks.
    pub(super) warden: Arc<Warden>,
    /// What nobody is told of it.
    pub(super) mask: Arc<Mask>,
}

/// Makes an engine ready for a trial, as far as the warden's policy allows.
pub(super) fn engine(
    agent: AgentId,
    warden: Arc<Warden>,
    veil: &Veil,
    assignment: Assignment,
) -> Result<Ready, Unprepared> {
    // Texts that cannot be read are told by whoever reads them next.
    let named = variables_of(&assignment).unwrap_or_default();
    let mask = Arc::clone(Confided::of(&assignment.confidential, named).mask());
    veil.cover(&mask);
    let made = made(agent, &warden, assignment).map_err(|error| match (warden.refused(), error) {
        (Some(refusal), _) | (None, Problem::Refused(refusal)) => {
            Unprepared::Refused(mask.hide(refusal.to_string()))
        }
        (None, Problem::Failed(PrepareError(problem))) => Unprepared::Failed(mask.hide(problem)),
    });
    let (engine, events) = made?;
    Ok(Ready { engine, events, warden, mask })
}

/// Why there is no engine, in words that may tell too much.
enum Problem {
    Failed(PrepareError),
    Refused(Refusal),
}

impl From<PrepareError> for Problem {
    fn from(error: PrepareError) -> Self {
        Self::Failed(error)
    }
}

fn made(
    agent: AgentId,
    warden: &Arc<Warden>,
    assignment: Assignment,
) -> Result<(Engine, mpsc::Receiver<EngineEvent>), Problem> {
    warden.policy().check(&assignment).map_err(Problem::Refused)?;
    let workload = workload::prepare(&assignment, warden)?;
    let watch = Box::new(host::HostWatch::new(&assignment.observe, warden));
    let (sender, receiver) = mpsc::channel(ENGINE_EVENTS_MAX);
    let engine = Engine::prepare(agent, assignment, workload, watch, sender)?;
    Ok((engine, receiver))
}
