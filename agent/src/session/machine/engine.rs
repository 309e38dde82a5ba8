//! What engines tell, as events of the machine.

use shared::ids::TrialKey;

use super::Event;
use crate::engine::{EngineEvent, StartRefusal};
use crate::rpc::codec;
use crate::session::outbox::Numbered;

impl Event {
    /// What a trial's engine told.
    pub fn of_engine(trial: TrialKey, event: EngineEvent) -> Self {
        match event {
            EngineEvent::Ready => Self::EngineReady(trial),
            EngineEvent::Interval(interval) => {
                let (sequence, bytes) = (interval.sequence.0, codec::encode_interval(&interval));
                Self::EngineInterval(Numbered { trial, sequence, bytes })
            }
            EngineEvent::Finished { intervals } => Self::EngineDone(trial, intervals),
            EngineEvent::Failed(reason) => Self::EngineFailed(trial, reason),
        }
    }

    /// What came of arming a trial's engine by this start, for this time; an engine that is gone answered nothing. `None`:
    /// it says itself what became of it.
    pub fn of_arming(
        trial: TrialKey,
        arming: u32,
        at_ns: u64,
        answer: Option<Result<(), StartRefusal>>,
    ) -> Option<Self> {
        Some(match answer {
            Some(Ok(())) => Self::EngineArmed(trial, arming, at_ns),
            Some(Err(StartRefusal::Passed { late_ns })) => Self::EngineLate(trial, arming, late_ns),
            Some(Err(StartRefusal::Stopped)) => return None,
            Some(Err(refusal)) => Self::EngineFailed(trial, refusal.to_string()),
            None => Self::EngineFailed(trial, "its engine is gone".to_owned()),
        })
    }
}
