//! Work on the store that the director waits for without standing still: one after the other, in its order.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::event::RunEvent;
use shared::ids::{AgentId, TrialKey};
use shared::plan::looks::Look;
use shared::run_record::{LookOutcome, RunRecord, RunState};
use shared::run_report::Verdict;
use tokio::sync::mpsc;

use super::Message;
use crate::live::LiveTrial;
use crate::reporting::{self, Ended};
use crate::rpc::codec;
use crate::store::{StoreError, StoreHandle};

/// How often a write that the store refuses (a full disk) is tried again, a second apart, before the run is told
/// to have ended without being stored.
const TRIES_MAX: u32 = 60;
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often it is tried after that: until then the run is listed as it was before its end.
const RETRY_LATER_AFTER: Duration = Duration::from_secs(10);

/// Something to do with the store.
#[derive(Debug)]
pub enum Errand {
    /// Store the record.
    Save(Box<RunRecord>),
    /// Judge a trial from what is stored.
    Judge(TrialKey, Box<RunRecord>),
    /// Look at what is stored of each agent below the given number, for the view of a trial that began before this process.
    Recall(TrialKey, BTreeMap<AgentId, u64>, Box<LiveTrial>),
    /// Look at what is stored of a run, to see whether it needs more blocks.
    Look(Look, Box<RunRecord>),
    /// Make and store the report.
    Finish(Box<RunRecord>),
}

/// The queue of errands. Its length is bounded by the runs that are active, each of which waits for its own.
pub struct Errands {
    sender: mpsc::UnboundedSender<Errand>,
}

impl Errands {
    /// Starts the task that runs them; it ends with this handle.
    pub fn start(store: StoreHandle, director: mpsc::Sender<Message>) -> Self {
        let (errands, queue) = Self::queue();
        tokio::spawn(run(queue, store, director));
        errands
    }

    /// An empty queue, and where to take from it: for [`run`].
    pub fn queue() -> (Self, mpsc::UnboundedReceiver<Errand>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender }, receiver)
    }

    /// Queues an errand.
    pub(super) fn run(&self, errand: Errand) {
        // The task lives as long as the director, unless the whole process is going down.
        let _the_process_is_ending = self.sender.send(errand);
    }
}

/// Runs errands, and tells the director what came of them, until it is gone.
pub async fn run(
    mut queue: mpsc::UnboundedReceiver<Errand>,
    store: StoreHandle,
    director: mpsc::Sender<Message>,
) {
    while let Some(errand) = queue.recv().await {
        if let Some(message) = carry_out(&store, errand).await
            && director.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn carry_out(store: &StoreHandle, errand: Errand) -> Option<Message> {
    match errand {
        Errand::Save(record) => {
            let run = record.id;
            let saved = store.write(move |store| store.save_run(&record)).await.and_then(|saved| saved);
            if let Err(error) = saved {
                // The record is written again at the trial's end and at the run's: until then only how far it got is unknown.
                tracing::error!(%run, %error, "the run's record cannot be stored for now");
            }
            None
        }
        Errand::Judge(trial, record) => Some(match reporting::judge(store, trial, &record).await {
            Ok((is_valid, findings)) => Message::Judged { trial, is_valid, findings },
            Err(error) => {
                tracing::error!(%trial, %error, "the trial cannot be judged");
                Message::Judged { trial, is_valid: false, findings: vec![reporting::unreadable(&error)] }
            }
        }),
        Errand::Look(look, record) => {
            let run = record.id;
            let outcome = reporting::look(store, *record, look).await.unwrap_or_else(|error| {
                tracing::error!(%run, %error, "what was measured so far cannot be looked at");
                LookOutcome::Failed(format!("failed to {error}"))
            });
            Some(Message::Looked { run, blocks: look.blocks, outcome })
        }
        Errand::Recall(trial, stored, mut earlier) => {
            let recalled = store
                .read(move |store| {
                    store.trial_intervals(trial, &mut |interval| {
                        // What does not read is told when the trial is judged.
                        let Ok(interval) = codec::decode_interval(&interval.bytes) else { return };
                        if stored.get(&interval.agent).is_some_and(|next| interval.sequence.0 < *next) {
                            earlier.add(&interval);
                        }
                    })?;
                    Ok::<_, StoreError>(earlier)
                })
                .await
                .and_then(|recalled| recalled);
            match recalled {
                Ok(earlier) => Some(Message::Recalled { trial, earlier }),
                Err(error) => {
                    tracing::error!(%trial, %error, "what was measured before cannot be shown while the trial runs");
                    None
                }
            }
        }
        Errand::Finish(record) => {
            let run = record.id;
            let event = finish(store, *record).await;
            Some(Message::Ended { run, event: Box::new(event) })
        }
    }
}

async fn finish(store: &StoreHandle, mut record: RunRecord) -> RunEvent {
    let mut tries = 0;
    loop {
        match reporting::finish(store, record.clone()).await {
            Ok(Ended { state, verdict, exit_code, reason }) => {
                return RunEvent::Ended { state, verdict, exit_code, reason };
            }
            Err(error) if tries < TRIES_MAX && error.is_worth_another_try() => {
                tracing::error!(run = %record.id, %error, "the run's end cannot be stored; trying again");
                tries += 1;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Err(error) => {
                tracing::error!(run = %record.id, %error, "the run's end cannot be stored");
                record.state = RunState::Failed;
                record.reason = Some(format!("its end could not be stored: failed to {error}"));
                let ended = RunEvent::Ended {
                    state: record.state,
                    verdict: Verdict::Invalid,
                    exit_code: Verdict::Invalid.exit_code(),
                    reason: record.reason.clone(),
                };
                if error.is_worth_another_try() {
                    tokio::spawn(finish_later(store.clone(), record));
                }
                return ended;
            }
        }
    }
}

/// Stores the end of a run that failed for want of room, once there is some. There are never more of these than runs
/// that were active when the disk became full: a full disk takes no new ones.
async fn finish_later(store: StoreHandle, record: RunRecord) {
    loop {
        tokio::time::sleep(RETRY_LATER_AFTER).await;
        match reporting::finish(&store, record.clone()).await {
            Ok(_) => return tracing::info!(run = %record.id, "the run's end is stored now"),
            Err(error) if error.is_worth_another_try() => {}
            Err(error) => return tracing::error!(run = %record.id, %error, "the run's end cannot be stored"),
        }
    }
}
