//! What profilers wrote, on its way into the store: asked for, bounded, stored, and only then named by the run's record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use shared::ids::{AgentId, RunId, TrialKey};
use shared::profile::{PROFILE_BYTES_MAX, ProfileName, stored_path};
use shared::run_record::{AttachedFile, RunRecord};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::director::Message;
use crate::director::profiles::{ProfileWord, Unwanted};
use crate::reporting;
use crate::store::{StoreError, StoreHandle};

/// Profiles that may be on their way at once: each is in memory until it is stored.
const ARRIVALS_MAX: usize = 4;
/// How long one that is announced waits for others: an agent gives up after a minute and a half, and its own is yet to be sent.
const ARRIVAL_WAIT: Duration = Duration::from_secs(60);
/// Profiles that may be read at once: each is in memory until its reader has it all.
const READINGS_MAX: usize = 4;
/// How long a reader waits for others.
const READING_WAIT: Duration = Duration::from_secs(10);
/// Bytes of one part that a reader gets.
const PART_BYTES: usize = 1024 * 1024;

/// Why a profile is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Too many come at once.
    #[error("{ARRIVALS_MAX} profiles are on their way already: try again")]
    Busy,
    /// It is not waited for, or the run has no room for it.
    #[error("{0}")]
    Unwanted(String),
    /// It is not what was announced.
    #[error("{0}")]
    Malformed(String),
    /// The store does not take it.
    #[error("failed to {0}")]
    Store(#[from] StoreError),
    /// The coordinator is going down.
    #[error("the coordinator is stopping")]
    Stopping,
}

/// Takes in what profilers wrote.
#[derive(Clone)]
pub struct Profiles {
    director: mpsc::Sender<Message>,
    store: StoreHandle,
    room: Arc<Semaphore>,
}

/// A profile that comes part by part.
pub struct Arrival {
    profiles: Profiles,
    agent: AgentId,
    trial: TrialKey,
    size_bytes: u64,
    content: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl Profiles {
    /// Whoever this director waits for, into this store.
    pub fn new(director: mpsc::Sender<Message>, store: StoreHandle) -> Self {
        Self { director, store, room: Arc::new(Semaphore::new(ARRIVALS_MAX)) }
    }

    /// Makes ready for a profile of this length, if it is waited for.
    ///
    /// # Errors
    /// When it is not, or there is no room for it.
    pub async fn announce(
        &self,
        agent: AgentId,
        trial: TrialKey,
        size_bytes: u64,
    ) -> Result<Arrival, ProfileError> {
        if !(1..=PROFILE_BYTES_MAX).contains(&size_bytes) {
            let problem = format!("a profile of {size_bytes} bytes is not 1 to {PROFILE_BYTES_MAX}");
            return Err(ProfileError::Malformed(problem));
        }
        let (reply, answer) = oneshot::channel();
        let wanted = self.tell(ProfileWord::Announced { agent, trial, size_bytes, reply }, answer).await?;
        wanted.map_err(|unwanted| ProfileError::Unwanted(unwanted.reason))?;
        let room = timeout(ARRIVAL_WAIT, Arc::clone(&self.room).acquire_owned()).await;
        let room = room.map_err(|_| ProfileError::Busy)?.map_err(|_| ProfileError::Stopping)?;
        Ok(Arrival { profiles: self.clone(), agent, trial, size_bytes, content: Vec::new(), _room: room })
    }

    async fn tell(
        &self,
        word: ProfileWord,
        answer: oneshot::Receiver<Result<(), Unwanted>>,
    ) -> Result<Result<(), Unwanted>, ProfileError> {
        self.director.send(Message::Profile(word)).await.map_err(|_| ProfileError::Stopping)?;
        answer.await.map_err(|_| ProfileError::Stopping)
    }
}

impl Arrival {
    /// Takes the next part.
    ///
    /// # Errors
    /// When that is more than was announced.
    pub fn add(&mut self, part: &[u8]) -> Result<(), ProfileError> {
        if (self.content.len() + part.len()) as u64 > self.size_bytes {
            let problem =
                format!("the profile is longer than the {} bytes that were announced", self.size_bytes);
            return Err(ProfileError::Malformed(problem));
        }
        self.content.extend_from_slice(part);
        Ok(())
    }

    /// Stores it, and has the run's record name it.
    ///
    /// # Errors
    /// When it is not whole, the store does not take it, or nobody waits for it any more.
    pub async fn finish(self) -> Result<(), ProfileError> {
        let Self { profiles, agent, trial, size_bytes, content, _room } = self;
        if content.len() as u64 != size_bytes {
            let problem = format!("{} of the profile's {size_bytes} bytes came", content.len());
            return Err(ProfileError::Malformed(problem));
        }
        let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = stored_path(trial.trial.0, trial.attempt, agent);
        let stray = path.clone();
        profiles.store.write(move |store| store.save_file(trial.run, &path, &content)).await??;
        let (reply, answer) = oneshot::channel();
        let file = AttachedFile { sha256, size_bytes };
        let noted = profiles.tell(ProfileWord::Stored { agent, trial, file, reply }, answer).await?;
        let Err(Unwanted { reason, is_stray }) = noted else { return Ok(()) };
        if is_stray {
            // No record will name it: in its place nothing is kept. A run that ended meanwhile takes no file any more.
            let emptied = profiles.store.write(move |store| store.save_file(trial.run, &stray, &[])).await;
            if let Err(error) = emptied.and_then(|emptied| emptied) {
                tracing::warn!(%trial, %error, "a profile that nobody waits for any more stays in the store");
            }
        }
        Err(ProfileError::Unwanted(reason))
    }
}

/// A profile that is stored, and the room that reading it takes.
#[derive(Debug)]
pub struct StoredProfile {
    /// What the file is called.
    pub name: ProfileName,
    content: Bytes,
    room: OwnedSemaphorePermit,
}

impl StoredProfile {
    /// How long it is, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.content.len()
    }

    /// What is in it, part by part; the room is given back with the last.
    pub fn into_parts(self) -> impl Iterator<Item = Bytes> + Send + use<> {
        let Self { mut content, room, .. } = self;
        std::iter::from_fn(move || {
            let _until_all_is_read = &room;
            let part = content.split_to(content.len().min(PART_BYTES));
            (!part.is_empty()).then_some(part)
        })
    }
}

/// Room for those who read profiles.
#[derive(Debug, Clone)]
pub struct Readings(Arc<Semaphore>);

impl Default for Readings {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(READINGS_MAX)))
    }
}

impl Readings {
    /// Waits for room, though not for ever: `None`, others take their time.
    pub async fn room(&self) -> Option<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.0).acquire_owned();
        tokio::time::timeout(READING_WAIT, room).await.ok()?.ok()
    }
}

/// Reads a profile of a run by its number in the run's report; `active` is the record of a run that is not over. `None`: there is
/// no such profile, or nothing was stored of it.
///
/// # Errors
/// When there is no such run, or what is stored is damaged.
pub async fn read(
    store: &StoreHandle,
    run: RunId,
    active: Option<RunRecord>,
    number: u32,
    room: OwnedSemaphorePermit,
) -> Result<Option<StoredProfile>, StoreError> {
    store
        .read(move |store| {
            let record = match active {
                Some(record) => record,
                None => store.run(run)?.ok_or_else(|| StoreError::UnknownRun(run.to_string()))?,
            };
            let entry = record.profile_entries().nth(number as usize);
            let Some((trial, Some(output))) =
                entry.filter(|(_, output)| output.is_some_and(|it| it.file.is_some()))
            else {
                return Ok(None);
            };
            let name =
                reporting::job_of(&record).ok().and_then(|job| Some(job.profile.as_ref()?.output.clone()));
            let content = store.file(run, &trial.path(output.agent))?.into();
            Ok(Some(StoredProfile { name: name.unwrap_or_default(), content, room }))
        })
        .await?
}
