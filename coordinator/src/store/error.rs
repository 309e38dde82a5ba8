//! What can go wrong with a store, said so that a person knows what to do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use shared::ids::{BaselineName, RunId};

/// Something stored that cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The run that it touches; `None`: the store itself, or it cannot be told.
    pub run: Option<RunId>,
    /// What is wrong, as a fragment for people.
    pub what: String,
}

impl Damage {
    /// Damage of one run.
    pub fn of_run(run: RunId, what: impl Into<String>) -> Self {
        Self { run: Some(run), what: what.into() }
    }

    /// Damage that belongs to no run.
    pub fn of_store(what: impl Into<String>) -> Self {
        Self { run: None, what: what.into() }
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.run {
            Some(run) => write!(formatter, "run {run}: {}", self.what),
            None => write!(formatter, "the store: {}", self.what),
        }
    }
}

/// Why a store did not do what was asked. Cloneable, since one failed commit answers many callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// What is stored cannot be trusted; nothing of it may be shown as if it were whole.
    #[error(
        "read {0}; it is damaged on disk: restore it from an export, or remove it with `fleetmark runs rm`"
    )]
    Damaged(Damage),
    /// What is stored of a baseline cannot be trusted.
    #[error(
        "read baseline {name}: {what}; it is damaged on disk: restore it from an export, set it again with `fleetmark baseline set`, or remove it"
    )]
    DamagedBaseline {
        /// The baseline.
        name: BaselineName,
        /// What is wrong with it.
        what: String,
    },
    /// No such baseline.
    #[error("find baseline {0}: there is none of that name; `fleetmark baseline list` lists them")]
    UnknownBaseline(BaselineName),
    /// The store has as many baselines as it takes.
    #[error("store another baseline: there are {count_max} already, and more are not kept; remove some")]
    TooManyBaselines {
        /// Most that are kept.
        count_max: usize,
    },
    /// It was written under a schema that this version does not know.
    #[error(
        "read {what}: it was written by a newer fleetmark (schema {found}, this one knows {known}); use that version"
    )]
    Newer {
        /// What was read.
        what: String,
        /// The schema found.
        found: u16,
        /// The newest schema that this version knows.
        known: u16,
    },
    /// The disk has no room. Nothing that was acknowledged is lost, and the same call can be made again.
    #[error("write to the store at {}: its disk is full; free some space and try again", directory.display())]
    Full {
        /// Where the store lives.
        directory: PathBuf,
    },
    /// Another process holds the store.
    #[error("open the store at {}: another fleetmark has it open; talk to that one, or stop it", directory.display())]
    Locked {
        /// Where the store lives.
        directory: PathBuf,
    },
    /// No such run.
    #[error("find run {0:?}: there is none of that id or prefix; `fleetmark runs` lists them")]
    UnknownRun(String),
    /// Several runs begin like that.
    #[error(
        "find run {prefix:?}: {count} runs begin like that (such as {first} and {second}); give more of the id"
    )]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// How many runs begin with it.
        count: usize,
        /// The oldest of them.
        first: RunId,
        /// The next one.
        second: RunId,
    },
    /// A run of this id is already there.
    #[error("create run {0}: there is already a run of this id")]
    AlreadyExists(RunId),
    /// The run is over, and what is over does not change.
    #[error("change run {0}: it is finished, and finished runs do not change")]
    Over(RunId),
    /// No file of that name came with the run.
    #[error("read file {path:?} of run {run}: no such file came with it")]
    UnknownFile {
        /// The run.
        run: RunId,
        /// The file's path as the job writes it.
        path: String,
    },
    /// The files given are not those that the record names.
    #[error("create run {run}: the file {path:?} is not the one that its record names")]
    FileDiffers {
        /// The run.
        run: RunId,
        /// The file's path as the job writes it.
        path: String,
    },
    /// Larger than the store takes.
    #[error("store {what}: {size_bytes} bytes are more than the {size_bytes_max} that a value may have")]
    TooLarge {
        /// What was to be stored.
        what: String,
        /// How large it is.
        size_bytes: usize,
        /// How large it may be.
        size_bytes_max: usize,
    },
    /// An export that is cut, altered, or no export at all.
    #[error("read the export: {0}; make it again with `fleetmark store export`")]
    BadExport(String),
    /// The operating system refused.
    #[error("{doing}")]
    Io {
        /// What was being done, on which file.
        doing: String,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The database behind the store failed in a way that is neither the disk's nor damage.
    #[error("{doing}: the database says: {reason}")]
    Database {
        /// What was being done.
        doing: String,
        /// The database's own words.
        reason: String,
    },
    /// The store's thread has been closed or has ended.
    #[error("reach the store: it has been closed")]
    Closed,
    /// The call itself panicked; the store goes on.
    #[error("use the store: the call panicked ({0}); this is a bug in fleetmark")]
    Panicked(String),
}

impl StoreError {
    /// An error of the operating system, told apart into [`StoreError::Full`] and the rest.
    pub(crate) fn from_io(doing: impl Into<String>, directory: &std::path::Path, source: io::Error) -> Self {
        if is_full(&source) {
            return StoreError::Full { directory: directory.to_owned() };
        }
        StoreError::Io { doing: doing.into(), source: Arc::new(source) }
    }

    /// Damage of one run.
    pub(crate) fn damaged(run: RunId, what: impl Into<String>) -> Self {
        StoreError::Damaged(Damage::of_run(run, what))
    }
}

/// Whether an error means that there is no room left: on the disk, or in the user's quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
