//! Taking intervals in: check, drop what is known, write, make durable, and only then acknowledge.

mod intake;

use std::sync::Arc;
use std::time::Duration;

use shared::ids::{AgentId, TrialKey};
use shared::interval::Interval;
use tokio::sync::mpsc;

pub use intake::{Admission, Intake};

use crate::director::Message;
use crate::rpc::codec;
use crate::store::{StoreError, StoreHandle, StoredInterval};

/// How long to wait before a store that refused (a full disk) is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What an agent is told about intervals that it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// All of this trial up to and with this number is on disk.
    Durable {
        /// Which trial.
        trial: TrialKey,
        /// The highest number.
        through_sequence: u64,
    },
    /// Nothing of this trial is wanted.
    Unwanted {
        /// Which trial.
        trial: TrialKey,
        /// Why.
        reason: String,
    },
}

/// Why a stream of intervals is ended.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The agent broke the protocol's rules.
    #[error("{0}")]
    Protocol(String),
    /// The store is gone.
    #[error("the store does not answer: {0}")]
    Store(#[from] StoreError),
    /// The coordinator is stopping.
    #[error("the coordinator is stopping")]
    Stopping,
}

/// Takes in the intervals of all agents.
#[derive(Clone)]
pub struct Ingest {
    intake: Arc<Intake>,
    store: StoreHandle,
    director: mpsc::Sender<Message>,
}

impl Ingest {
    /// Intervals go to this store, and what was stored is told to the director.
    pub fn new(intake: Arc<Intake>, store: StoreHandle, director: mpsc::Sender<Message>) -> Self {
        Self { intake, store, director }
    }

    /// Takes in one batch of an agent. When it returns, everything acknowledged is on disk.
    ///
    /// While the disk is full it waits and tries again: nothing is acknowledged, and the agent keeps what it has.
    ///
    /// # Errors
    /// When the agent breaks the protocol's rules, or the store is gone.
    pub async fn take(
        &self,
        agent: AgentId,
        batch: Vec<StoredInterval>,
    ) -> Result<Vec<Receipt>, IngestError> {
        let mut fresh = Vec::new();
        let mut intervals = Vec::new();
        let mut receipts: Vec<Receipt> = Vec::new();
        // Numbers that this very batch will have made durable.
        let mut expected = std::collections::BTreeMap::new();
        for stored in batch {
            let interval = check(agent, &stored)?;
            let ahead = expected.get(&stored.trial).copied();
            match self.intake.admit(stored.trial, agent, stored.sequence.0, ahead) {
                Admission::Fresh => {
                    expected.insert(stored.trial, stored.sequence.0 + 1);
                    intervals.push(interval);
                    fresh.push(stored);
                }
                Admission::Duplicate { next_sequence } => {
                    // Told again: the stream that brought it first may have died before the director heard.
                    intervals.push(interval);
                    expected.entry(stored.trial).or_insert(next_sequence);
                }
                Admission::Unwanted => {
                    let reason = "the trial is over or unknown here".to_owned();
                    let unwanted = Receipt::Unwanted { trial: stored.trial, reason };
                    if !receipts.contains(&unwanted) {
                        receipts.push(unwanted);
                    }
                }
                Admission::Gap { next_sequence } => {
                    let sequence = stored.sequence;
                    return Err(IngestError::Protocol(format!(
                        "interval {sequence} of trial {} came where {next_sequence} was due",
                        stored.trial
                    )));
                }
            }
        }
        if !fresh.is_empty() {
            self.make_durable(fresh).await?;
        }
        for (trial, next_sequence) in expected {
            self.intake.advance(trial, agent, next_sequence);
            receipts.push(Receipt::Durable { trial, through_sequence: next_sequence - 1 });
        }
        if !intervals.is_empty() {
            self.director
                .send(Message::Stored { agent, intervals })
                .await
                .map_err(|_| IngestError::Stopping)?;
        }
        Ok(receipts)
    }

    async fn make_durable(&self, batch: Vec<StoredInterval>) -> Result<(), IngestError> {
        let mut is_reported = false;
        loop {
            match self.store.append(batch.clone()).await {
                Ok(()) => {
                    if is_reported {
                        let _stopping_is_seen_elsewhere =
                            self.director.send(Message::StoreTrouble(None)).await;
                    }
                    return Ok(());
                }
                Err(error @ StoreError::Full { .. }) => {
                    if !is_reported {
                        tracing::error!(%error, "intervals cannot be stored; agents keep theirs until they can");
                        let message = format!(
                            "the store refuses to write ({error}); agents keep what they measured until it can"
                        );
                        self.director
                            .send(Message::StoreTrouble(Some(message)))
                            .await
                            .map_err(|_| IngestError::Stopping)?;
                        is_reported = true;
                    }
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Decodes an interval in full, and holds its content against its address.
fn check(agent: AgentId, stored: &StoredInterval) -> Result<Interval, IngestError> {
    let interval =
        codec::decode_interval(&stored.bytes).map_err(|error| IngestError::Protocol(error.to_string()))?;
    if interval.agent != agent || interval.trial != stored.trial || interval.sequence != stored.sequence {
        return Err(IngestError::Protocol(format!(
            "interval {} of trial {} says it is another",
            stored.sequence, stored.trial
        )));
    }
    if interval.folded.is_some() {
        return Err(IngestError::Protocol(format!(
            "interval {} of trial {} stands for several, which only a store makes",
            stored.sequence, stored.trial
        )));
    }
    Ok(interval)
}
