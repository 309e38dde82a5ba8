//! What a trial's engine tells and what its policy refuses, handed on to the session without what is confidential.

use std::sync::Arc;

use shared::ids::{LeaseEpoch, TrialKey};
use shared::secret::mask::Mask;
use tokio::sync::{mpsc, oneshot};

use crate::engine::EngineEvent;
use crate::policy::Warden;

/// What the policy did not allow of a trial that was made ready under this lease.
pub(super) type Refused = (TrialKey, LeaseEpoch, String);

/// What the engine of a trial told that was made ready under this lease.
pub(super) type Told = (TrialKey, LeaseEpoch, EngineEvent);

/// Hears what the policy does not allow of a trial while it runs, for as long as what is given back is kept.
pub(super) fn heed(
    refused: mpsc::Sender<Refused>,
    (trial, epoch): (TrialKey, LeaseEpoch),
    warden: Arc<Warden>,
    mask: Arc<Mask>,
) -> oneshot::Sender<()> {
    let (holds, mut is_over) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            refusal = warden.refusal() => {
                let refusal = mask.hide(refusal.to_string());
                tracing::warn!(%trial, %refusal, "refused");
                let _the_session_may_be_over = refused.send((trial, epoch, refusal)).await;
            }
            _ = &mut is_over => {}
        }
    });
    holds
}

/// Hears what an engine or an observer tells of a trial.
pub(super) fn listen(
    happened: mpsc::Sender<Told>,
    (trial, epoch): (TrialKey, LeaseEpoch),
    mut events: mpsc::Receiver<EngineEvent>,
    mask: Arc<Mask>,
) {
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let event = match event {
                EngineEvent::Failed(reason) => EngineEvent::Failed(mask.hide(reason)),
                other => other,
            };
            // A session that is full lets this wait, and the engine keeps what it measures.
            if happened.send((trial, epoch, event)).await.is_err() {
                return;
            }
        }
    });
}
