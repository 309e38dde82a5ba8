//! Taking intervals in: check, drop what is known, write, make durable, and only then acknowledge.
//!
//! Rooms: `intake` (which are wanted, and up to where they are on disk), [`room`] (how much may wait, and so how much
//! each agent may send), [`tally`] (how much came in, and how fast it was acknowledged).

mod intake;
pub mod room;
pub mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shared::ids::{AgentId, LeaseEpoch, TrialKey};
use shared::interval::Interval;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub use intake::{Admission, Intake};
use room::{CREDIT_AT_FIRST, Room, Seat, WAITING_BYTES_MAX};
use tally::Tally;

use crate::director::Message;
use crate::live::onlookers::Onlookers;
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
    /// So many intervals may be under way from now on.
    Credit(u32),
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
    /// Too much waits for the store.
    #[error("the store is too slow for all that agents send; send this again")]
    Overloaded,
    /// There are more streams than agents could have.
    #[error("too many agents report at once; try again later")]
    TooMany,
}

/// Takes in the intervals of all agents.
#[derive(Clone)]
pub struct Ingest {
    intake: Arc<Intake>,
    store: StoreHandle,
    director: mpsc::Sender<Message>,
    room: Arc<Room>,
    tally: Arc<Tally>,
    onlookers: Arc<Onlookers>,
}

/// Takes in the intervals of one agent's stream.
pub struct Inflow {
    ingest: Ingest,
    agent: AgentId,
    seat: Seat,
    /// What the agent was told last.
    credit: u32,
}

impl Ingest {
    /// Intervals go to this store, and what was stored is told to the director.
    pub fn new(intake: Arc<Intake>, store: StoreHandle, director: mpsc::Sender<Message>) -> Self {
        Self {
            intake,
            store,
            director,
            room: Room::new(WAITING_BYTES_MAX),
            tally: Arc::default(),
            onlookers: Arc::default(),
        }
    }

    /// The same with other room.
    pub fn bounded(self, bytes_max: u32) -> Self {
        Self { room: Room::new(bytes_max), ..self }
    }

    /// An agent begins to report.
    ///
    /// # Errors
    /// When there are too many streams.
    pub fn enter(&self, agent: AgentId) -> Result<Inflow, IngestError> {
        let seat = self.room.enter().ok_or(IngestError::TooMany)?;
        Ok(Inflow { ingest: self.clone(), agent, seat, credit: CREDIT_AT_FIRST })
    }

    /// The room that all streams share.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// How much came in so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Those who see what is stored.
    pub(crate) fn onlookers(&self) -> &Arc<Onlookers> {
        &self.onlookers
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

impl Inflow {
    /// How many intervals the agent may have under way: to be told first.
    pub fn credit(&self) -> u32 {
        self.credit
    }

    /// Whether an interval was measured under a lease that is outdated: it is to be dropped without a word, for a refusal
    /// would make its agent forget what it measures under the new one.
    pub fn is_outdated(&self, trial: TrialKey, epoch: Option<LeaseEpoch>) -> bool {
        self.ingest.intake.is_outdated(trial, epoch)
    }

    /// Takes in one batch, once there is room for it. When it returns, everything acknowledged is on disk.
    ///
    /// While the disk is full it waits and tries again: nothing is acknowledged, and the agent keeps what it has.
    ///
    /// # Errors
    /// When the agent breaks the protocol's rules, or the store is gone, or there was no room: the batch was dropped then,
    /// and its agent, which was not acknowledged, sends it again over its next stream.
    pub async fn take(&mut self, batch: Vec<StoredInterval>) -> Result<Vec<Receipt>, IngestError> {
        let arrived = Instant::now();
        let (count, size_bytes) =
            (batch.len(), batch.iter().map(|interval| interval.bytes.len()).sum::<usize>());
        let Some(room) = self.seat.take(size_bytes).await else {
            drop(batch);
            // Its agent comes back at once when it is told: not before that helps.
            self.seat.wait_for_room(size_bytes).await;
            return Err(IngestError::Overloaded);
        };
        let sorted = self.sort(batch)?;
        let (fresh, fresh_bytes) = (sorted.fresh.len(), sorted.fresh.iter().map(|one| one.bytes.len()).sum());
        if !sorted.fresh.is_empty() {
            self.ingest.make_durable(sorted.fresh).await?;
            sorted
                .fresh_places
                .iter()
                .for_each(|place| self.ingest.onlookers.note(&sorted.intervals[*place]));
        }
        let mut receipts = sorted.unwanted;
        for (trial, next_sequence) in sorted.expected {
            self.ingest.intake.advance(trial, self.agent, next_sequence);
            receipts.push(Receipt::Durable { trial, through_sequence: next_sequence - 1 });
        }
        if !sorted.intervals.is_empty() {
            let stored = Message::Stored { agent: self.agent, intervals: sorted.intervals, room };
            self.ingest.director.send(stored).await.map_err(|_| IngestError::Stopping)?;
        }
        self.ingest.tally.note(fresh, fresh_bytes, arrived.elapsed());
        let credit = self.seat.credit(size_bytes / count.max(1));
        if credit != self.credit {
            self.credit = credit;
            receipts.push(Receipt::Credit(credit));
        }
        Ok(receipts)
    }

    /// Decodes and checks a batch, and tells what is new in it.
    fn sort(&self, batch: Vec<StoredInterval>) -> Result<Sorted, IngestError> {
        let mut sorted = Sorted::default();
        for stored in batch {
            let interval = check(self.agent, &stored)?;
            let ahead = sorted.expected.get(&stored.trial).copied();
            match self.ingest.intake.admit(stored.trial, self.agent, stored.sequence.0, ahead) {
                Admission::Fresh => {
                    sorted.expected.insert(stored.trial, stored.sequence.0 + 1);
                    sorted.fresh_places.push(sorted.intervals.len());
                    sorted.intervals.push(interval);
                    sorted.fresh.push(stored);
                }
                Admission::Duplicate { next_sequence } => {
                    // Told again: the stream that brought it first may have died before the director heard.
                    sorted.intervals.push(interval);
                    sorted.expected.entry(stored.trial).or_insert(next_sequence);
                }
                Admission::Unwanted => {
                    let reason = "the trial is over or unknown here".to_owned();
                    let unwanted = Receipt::Unwanted { trial: stored.trial, reason };
                    if !sorted.unwanted.contains(&unwanted) {
                        sorted.unwanted.push(unwanted);
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
        Ok(sorted)
    }
}

/// A batch, taken apart.
#[derive(Default)]
struct Sorted {
    /// What is to be stored.
    fresh: Vec<StoredInterval>,
    /// What is to be told to the director.
    intervals: Vec<Interval>,
    /// Which of those are to be stored.
    fresh_places: Vec<usize>,
    /// Numbers that this very batch will have made durable.
    expected: BTreeMap<TrialKey, u64>,
    /// Trials of which nothing is wanted.
    unwanted: Vec<Receipt>,
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
