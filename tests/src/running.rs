//! A command line that goes on while the test does something else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::cast::{Said, Scene};
use crate::patience::wait_for;
use crate::process::{Process, exists};

/// How long a command line may take to say something on a busy machine.
const SAYS_WITHIN: Duration = Duration::from_secs(30);
/// Tells the files of command lines apart.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A command line that runs; killed when dropped.
#[derive(Debug)]
pub struct Running {
    /// The process.
    pub process: Process,
    out: PathBuf,
    errors: PathBuf,
}

impl Running {
    /// Starts a command line in a scene's folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(scene: &Scene, words: &[&str]) -> Self {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let path = |kind: &str| scene.path().join(format!("running-{number}.{kind}"));
        let (out, errors) = (path("out"), path("err"));
        let file = |path: &Path| File::create(path).expect("a file for what is said");
        let mut command = scene.command(words);
        let process = Process::start(&words.join(" "), command.stdout(file(&out)).stderr(file(&errors)));
        Self { process, out, errors }
    }

    /// What it has said on standard error so far.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// Waits until it has said something on standard error.
    ///
    /// # Panics
    /// When it ends or has not said it in time.
    pub fn wait_until_it_says(&mut self, text: &str) {
        wait_for(&format!("{text:?} to be said"), SAYS_WITHIN, || {
            let is_running = self.process.is_running();
            let is_said = self.errors().contains(text);
            assert!(is_said || is_running, "it ended without saying {text:?}: {}", self.errors());
            is_said.then_some(())
        });
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn end(mut self, within: Duration) -> Said {
        let status = self.process.wait(within);
        let out = fs::read_to_string(&self.out).expect("what was said is text");
        Said { code: status.code().unwrap_or(-1), out, errors: self.errors() }
    }
}

/// Processes that work in a scene's folder: all that its command lines started, unless they went elsewhere.
pub fn working_in(scene: &Scene) -> Vec<u32> {
    let folder = scene.path().canonicalize().expect("the scene's folder is there");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_here = |pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder);
    pids.filter(|pid| is_here(pid) && exists(*pid)).collect()
}

/// Waits until no process works in a scene's folder any more.
///
/// # Panics
/// When some still do after the time.
pub fn wait_until_all_are_gone(scene: &Scene, within: Duration) {
    wait_for("all processes of the test to be gone", within, || working_in(scene).is_empty().then_some(()));
}
