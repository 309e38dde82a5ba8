//! Profilers: programs that run beside a trial and leave a file, within their time and their size.
//!
//! They may run as somebody else than the agent, who then owns their folder and may put there what he likes while they run. So nothing
//! in it is opened by its name alone: what is printed goes into a file that was made before, and what was written is taken only if it
//! is a plain file of his own.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;
use rustix::process::{Signal, geteuid};
use shared::profile::ProfileName;
use tempfile::TempDir;
use tokio::time::timeout;

use super::exit::Exit;
use super::launch::Launch;
use super::supervised::{StartError, Supervised};

/// How long a profiler has from its interruption to the end of its file: `perf` writes tens of megabytes then.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// What the folders of profilers begin with. Whoever uses one holds a lock on it.
const FOLDER_PREFIX: &str = "fleetmark-profile-";
/// How old a folder must be that is taken for what a killed agent left: between making and locking one lies a moment.
const LEFTOVER_AGE: Duration = Duration::from_secs(60);
/// Where what a profiler prints goes. No output can have this name, which begins with a point.
const PRINTED: &str = ".printed";
/// How a program ends that is interrupted and does nothing about it.
const INTERRUPTED: Exit = Exit::Signal(Signal::INT.as_raw());

/// Why a profiler left nothing. Reads after "failed to run the profiler: ".
#[derive(Debug, thiserror::Error)]
pub enum ProfilerError {
    /// Its program could not be started.
    #[error("{0}")]
    Start(#[from] StartError),
    /// There is no folder for what it writes.
    #[error("make a folder for its output in {}: {source}", .folder.display())]
    Folder {
        /// Where.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What stands where it should have written is not its own.
    #[error("what stands at {{{{profile.output}}}} is no plain file that {command:?} made")]
    Foreign {
        /// The program.
        command: String,
    },
    /// It wrote nothing, or not where it was told.
    #[error("{command:?} wrote nothing to {place}; it ended with {exit}. Its output: {output}")]
    Nothing {
        /// The program.
        command: String,
        /// Where it should have written.
        place: &'static str,
        /// How it ended.
        exit: Exit,
        /// The end of what it printed.
        output: String,
    },
}

/// A folder of its own for what a profiler writes, which is removed with this.
#[derive(Debug)]
pub struct Desk {
    folder: TempDir,
    output: PathBuf,
    name: ProfileName,
    /// The folder itself, locked.
    held: File,
    /// Where what a profiler prints goes, made before anybody else could write here.
    printed: File,
}

/// What a profiler left.
#[derive(Debug)]
pub struct Profile {
    /// The file, to be read by place.
    pub file: File,
    /// Its length, above 0.
    pub size_bytes: u64,
    /// Whether it was interrupted, its time being over.
    pub was_interrupted: bool,
    /// Why it may not be whole; `None`: the profiler ended well, or was interrupted as planned.
    pub problem: Option<String>,
}

impl Desk {
    /// Makes a folder in `data` for a file of this name, which whoever programs are started as can write.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(data: &Path, name: &ProfileName, launch: &Launch) -> Result<Self, ProfilerError> {
        let failed = |source| ProfilerError::Folder { folder: data.to_owned(), source };
        let folder = tempfile::Builder::new().prefix(FOLDER_PREFIX).tempdir_in(data).map_err(failed)?;
        let held = File::open(folder.path()).map_err(failed)?;
        flock(&held, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(error.into()))?;
        let printed = folder.path().join(PRINTED);
        let printed =
            File::options().read(true).write(true).create_new(true).open(printed).map_err(failed)?;
        if let Some(account) = &launch.confinement.account {
            chown(folder.path(), Some(account.user), Some(account.group)).map_err(failed)?;
        }
        Ok(Self { output: folder.path().join(name.as_str()), folder, name: name.clone(), held, printed })
    }

    /// The file that the profiler is to write.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Runs a profiler to its end, or interrupts it after `within`; it may write `size_bytes_max` at most. `takes_file` says
    /// whether it was told of [`Desk::output`]: else what it prints is what it leaves.
    ///
    /// # Errors
    /// When it cannot be started or left nothing; nothing is left running then.
    pub async fn run(
        &self,
        (fleetmark, launch): (&Path, &Launch),
        command: &[String],
        within: Duration,
        (size_bytes_max, takes_file): (u64, bool),
    ) -> Result<Profile, ProfilerError> {
        let folder = |source| ProfilerError::Folder { folder: self.folder.path().to_owned(), source };
        let stdout = if takes_file { None } else { Some(self.printed.try_clone().map_err(folder)?) };
        let mut launch = launch.clone();
        let bound = launch.confinement.file_bytes.unwrap_or(u64::MAX).min(size_bytes_max);
        launch.confinement.file_bytes = Some(bound);
        let mut profiler = Supervised::printing_to(fleetmark, &launch, command, stdout).await?;
        let ended = timeout(within, profiler.wait()).await.ok();
        let exit = match ended {
            Some(exit) => exit,
            None => {
                profiler.interrupt();
                let written = timeout(WRITE_PATIENCE, profiler.wait()).await;
                written.unwrap_or(Exit::Signal(Signal::KILL.as_raw()))
            }
        };
        let (command, output) = (profiler.command().to_owned(), profiler.output_tail());
        profiler.stop().await;
        let (file, place) = if takes_file {
            let owner =
                launch.confinement.account.as_ref().map_or(geteuid().as_raw(), |account| account.user);
            (self.written(owner, &command)?, "{{profile.output}}")
        } else {
            (Some(self.printed.try_clone().map_err(folder)?), "its stdout")
        };
        let size_bytes =
            file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |written| written.len());
        let Some(file) = file.filter(|_| size_bytes > 0) else {
            return Err(ProfilerError::Nothing { command, place, exit, output });
        };
        let problem = if size_bytes >= bound {
            Some(format!(
                "{command:?} wrote as much as it may, {bound} bytes (profile.size): the end is missing"
            ))
        } else if exit.is_success() || (ended.is_none() && exit == INTERRUPTED) {
            None
        } else {
            Some(format!("{command:?} ended with {exit}; its output: {output}"))
        };
        Ok(Profile { file, size_bytes, was_interrupted: ended.is_none(), problem })
    }

    /// What was written where it should be; `None`: nothing was.
    fn written(&self, owner: u32, command: &str) -> Result<Option<File>, ProfilerError> {
        let foreign = || ProfilerError::Foreign { command: command.to_owned() };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.held, self.name.as_str(), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(_) => return Err(foreign()),
        };
        let is_own = |it: fs::Metadata| it.is_file() && it.nlink() == 1 && it.uid() == owner;
        if file.metadata().is_ok_and(is_own) { Ok(Some(file)) } else { Err(foreign()) }
    }
}

/// Removes what agents left that were killed: folders that are ours or of whoever our programs run as, and that nobody holds.
pub fn clear_leftovers(data: &Path, launch: &Launch) {
    let Ok(entries) = fs::read_dir(data) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(FOLDER_PREFIX));
        if is_ours
            && is_left_over(&entry.path(), launch)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(folder = %entry.path().display(), %error, "what a profiler left cannot be removed");
        }
    }
}

fn is_left_over(folder: &Path, launch: &Launch) -> bool {
    let Ok(seen) = fs::symlink_metadata(folder) else { return false };
    let owners = [Some(geteuid().as_raw()), launch.confinement.account.as_ref().map(|account| account.user)];
    let is_old = seen
        .modified()
        .is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > LEFTOVER_AGE));
    let is_locked = || {
        let held = File::open(folder).map(|held| flock(&held, FlockOperation::NonBlockingLockExclusive));
        !held.is_ok_and(|locked| locked.is_ok())
    };
    seen.is_dir() && seen.mode() & 0o077 == 0 && owners.contains(&Some(seen.uid())) && is_old && !is_locked()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{DirBuilderExt, symlink};

    use super::*;

    fn desk(data: &TempDir, name: &str) -> Desk {
        Desk::new(data.path(), &ProfileName::new(name).unwrap(), &Launch::default()).unwrap()
    }

    /// A folder as a desk makes it, last touched so long ago.
    fn folder(data: &TempDir, name: &str, age: Duration) -> PathBuf {
        let path = data.path().join(name);
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        fs::write(path.join("perf.data"), "half").unwrap();
        File::open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        path
    }

    #[test]
    fn what_a_killed_agent_left_is_removed_and_nothing_else() {
        let (data, old) = (TempDir::new().unwrap(), LEFTOVER_AGE * 2);
        let left = folder(&data, "fleetmark-profile-abc", old);
        let others = ["profile-2024", "fleetmark-profile", "segments"].map(|name| folder(&data, name, old));
        let new = folder(&data, "fleetmark-profile-new", Duration::ZERO);
        let ours = desk(&data, "perf.data");
        ours.held.set_modified(SystemTime::now() - old).unwrap();
        clear_leftovers(data.path(), &Launch::default());
        assert!(!left.exists() && new.exists() && ours.folder.path().exists());
        assert!(others.iter().all(|other| other.exists()));
        let folder = ours.folder.path().to_owned();
        drop(ours);
        assert!(!folder.exists(), "a profiler's folder goes with it");
    }

    #[test]
    fn only_a_plain_file_of_the_profilers_own_is_taken() {
        let data = TempDir::new().unwrap();
        let desk = desk(&data, "perf.data");
        let owner = geteuid().as_raw();
        let taken = |owner| desk.written(owner, "perf");
        assert!(matches!(taken(owner), Ok(None)));
        let secret = data.path().join("secret");
        fs::write(&secret, "s").unwrap();
        symlink(&secret, desk.output()).unwrap();
        assert!(matches!(taken(owner), Err(ProfilerError::Foreign { .. })), "a link");
        fs::remove_file(desk.output()).unwrap();
        fs::hard_link(&secret, desk.output()).unwrap();
        assert!(matches!(taken(owner), Err(ProfilerError::Foreign { .. })), "another name of a file");
        fs::remove_file(desk.output()).unwrap();
        fs::write(desk.output(), "samples").unwrap();
        assert!(matches!(taken(owner.wrapping_add(1)), Err(ProfilerError::Foreign { .. })), "another's");
        assert!(taken(owner).is_ok_and(|file| file.is_some()));
    }
}
