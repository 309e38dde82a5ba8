//! Profilers: programs that run beside a trial and leave a file, within their time and their size.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use shared::profile::ProfileName;
use tempfile::TempDir;
use tokio::time::timeout;

use super::exit::Exit;
use super::launch::Launch;
use super::supervised::{StartError, Supervised};

/// How long a profiler has from its interruption to the end of its file: `perf` writes tens of megabytes then.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// What the folders of profilers begin with; the agent's process follows.
const FOLDER_PREFIX: &str = "profile-";
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
}

/// What a profiler left.
#[derive(Debug)]
pub struct Profile {
    /// The file.
    pub file: PathBuf,
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
        let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(data).map_err(failed)?;
        if let Some(account) = &launch.confinement.account {
            chown(folder.path(), Some(account.user), Some(account.group)).map_err(failed)?;
        }
        Ok(Self { output: folder.path().join(name.as_str()), folder })
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
        let printed = self.folder.path().join(PRINTED);
        let stdout = if takes_file { None } else { Some(File::create(&printed).map_err(folder)?) };
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
        let (file, place) =
            if takes_file { (self.output.clone(), "{{profile.output}}") } else { (printed, "its stdout") };
        let size_bytes =
            fs::metadata(&file).map_or(0, |written| if written.is_file() { written.len() } else { 0 });
        if size_bytes == 0 {
            return Err(ProfilerError::Nothing { command, place, exit, output });
        }
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
}

/// Removes what agents left that were killed.
pub fn clear_leftovers(data: &Path) {
    let Ok(entries) = fs::read_dir(data) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists())
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(folder = %entry.path().display(), %error, "what a profiler left cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_agent_left_is_removed_and_nothing_else() {
        let data = TempDir::new().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        let left = data.path().join(format!("{FOLDER_PREFIX}{}-abc", gone.id()));
        gone.wait().unwrap();
        fs::create_dir(&left).unwrap();
        fs::write(left.join("perf.data"), "half").unwrap();
        let ours = Desk::new(data.path(), &ProfileName::default(), &Launch::default()).unwrap();
        for other in ["profile-x", "segments"] {
            fs::create_dir(data.path().join(other)).unwrap();
        }
        clear_leftovers(data.path());
        assert!(!left.exists() && ours.folder.path().exists());
        assert!(data.path().join("profile-x").exists() && data.path().join("segments").exists());
        let folder = ours.folder.path().to_owned();
        drop(ours);
        assert!(!folder.exists(), "a profiler's folder goes with it");
    }
}
