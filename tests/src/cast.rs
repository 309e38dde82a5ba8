//! Who plays: coordinators, agents, command lines; all the one real binary.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::patience::wait_for;
use crate::process::Process;

/// How long anything may take to start on a busy machine.
pub const START_WITHIN: Duration = Duration::from_secs(20);

/// The binary under test: built beside the tests, in the same profile.
///
/// # Panics
/// When it is not there: build it first, as `tests/run.sh` does.
pub fn fleetmark() -> PathBuf {
    let tests = std::env::current_exe().expect("a test knows its own path");
    let built = tests.parent().and_then(Path::parent).expect("tests stand in target/<profile>/deps");
    let path = built.join("fleetmark");
    assert!(path.exists(), "{} is not built; run tests/run.sh, or cargo build -p fleetmark", path.display());
    path
}

/// A folder of its own for one test, removed at its end.
#[derive(Debug)]
pub struct Scene {
    folder: TempDir,
    /// What a shell does before it becomes the command; `None`: there is no shell.
    shell: Option<String>,
}

impl Scene {
    /// An empty folder.
    ///
    /// # Panics
    /// When it cannot be made.
    #[expect(clippy::new_without_default, reason = "making a folder is not a default")]
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder for the test"), shell: None }
    }

    /// The same, whose commands are started by a shell: a script with the program as `$0` and its words as `$@`.
    pub fn bounded_by(self, script: &str) -> Self {
        Self { shell: Some(script.to_owned()), ..self }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into it; returns its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a file in the test's folder");
        path
    }

    /// A command line in this folder, not yet started.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = match &self.shell {
            None => Command::new(fleetmark()),
            Some(script) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", script]).arg(fleetmark());
                shell
            }
        };
        command.args(words).current_dir(self.path()).stdin(Stdio::null());
        // What a person keeps from one command to the next is kept here as well.
        command.env("XDG_CONFIG_HOME", self.path().join("config"));
        command.env("XDG_DATA_HOME", self.path().join("data"));
        command
    }

    /// Runs a command line in this folder to its end.
    ///
    /// # Panics
    /// When it cannot be started or does not end within two minutes.
    pub fn run(&self, words: &[&str]) -> Said {
        self.run_within(Duration::from_secs(120), words)
    }

    /// Runs a command line in this folder to its end, which may take so long.
    ///
    /// # Panics
    /// When it cannot be started or does not end in time.
    pub fn run_within(&self, within: Duration, words: &[&str]) -> Said {
        let out = self.path().join(format!(
            "out-{}",
            words.join("-").replace(['/', ' '], "_").chars().take(80).collect::<String>()
        ));
        let errors = out.with_extension("err");
        let mut process = Process::start(
            &words.join(" "),
            self.command(words)
                .stdout(File::create(&out).expect("a file for what is said"))
                .stderr(File::create(&errors).expect("a file for what is said")),
        );
        let status = process.wait(within);
        let read = |path: &Path| fs::read_to_string(path).expect("what was said is text");
        Said { code: status.code().unwrap_or(-1), out: read(&out), errors: read(&errors) }
    }

    /// Reads a JSON file in it.
    ///
    /// # Panics
    /// When it is not there or not JSON.
    pub fn json(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.path().join(name)).expect("the JSON file is there");
        serde_json::from_str(&text).expect("the file is JSON")
    }
}

/// What a command line said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; -1: a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub errors: String,
}

impl Said {
    /// Its standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            errors: text(&output.stderr),
        }
    }
}

/// A coordinator in a process of its own.
#[derive(Debug)]
pub struct Coordinator {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub url: String,
}

impl Coordinator {
    /// Starts one over the store `store` in the scene's folder, on a free port, and waits until it listens.
    /// What it says goes to `coordinator.log` in that folder.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn start(scene: &Scene, store: &str) -> Self {
        Self::start_on(scene, store, "127.0.0.1:0")
    }

    /// The same on a given address.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn start_on(scene: &Scene, store: &str, listen: &str) -> Self {
        Self::start_under(scene, store, &[], &["--listen", listen])
    }

    /// The same under another program, such as strace: `under` are that one's words, which end by becoming the
    /// coordinator; `more` are further words of the coordinator's own command line.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn start_under(scene: &Scene, store: &str, under: &[&str], more: &[&str]) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(scene.path().join("coordinator.log"))
            .expect("a log");
        let binary = fleetmark();
        let mut words = under.iter().map(AsRef::as_ref).chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().expect("there is the binary at least"));
        command.args(words).args(["coordinator", "--store", store]).args(more);
        command.current_dir(scene.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut process = Process::start("coordinator", &mut command);
        let pid = process.pid();
        let file = scene.path().join(store).join("coordinator.address");
        // What the process itself sees there: it may have mounted a disk of its own.
        let file = format!("/proc/{pid}/root{}", file.display());
        let url = wait_for("the coordinator's address", START_WITHIN, || {
            assert!(
                process.is_running(),
                "the coordinator ended: {}",
                fs::read_to_string(scene.path().join("coordinator.log")).unwrap_or_default()
            );
            let address = fs::read_to_string(&file).ok()?;
            // A file left behind by a killed coordinator names a process that is gone.
            let (_, listens) = address.trim().split_once("://")?;
            is_listening(listens, pid).then(|| address.trim().to_owned())
        });
        Self { process, url }
    }
}

/// An agent in a process of its own.
#[derive(Debug)]
pub struct Agent {
    /// The process.
    pub process: Process,
}

impl Agent {
    /// Starts one; `more` are further words of its command line. What it says goes to `NAME.log` in the folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(scene: &Scene, coordinator: &str, name: &str, more: &[&str]) -> Self {
        let command = scene.command(&["agent", "--coordinator", coordinator, "--name", name]);
        Self::start_by(scene, name, command, more)
    }

    /// The same under another program, such as unshare: `under` are that one's words, which end by becoming the agent.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_under(scene: &Scene, coordinator: &str, name: &str, under: &[&str], more: &[&str]) -> Self {
        let (program, words) = under.split_first().expect("a program and its words");
        let mut command = Command::new(program);
        command.args(words).arg(fleetmark()).args(["agent", "--coordinator", coordinator, "--name", name]);
        command.current_dir(scene.path()).stdin(Stdio::null());
        Self::start_by(scene, name, command, more)
    }

    fn start_by(scene: &Scene, name: &str, mut command: Command, more: &[&str]) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(scene.path().join(format!("{name}.log")))
            .expect("a log");
        command.args(more).env("FLEETMARK_LOG", "debug,h2=warn,hyper=warn,tower=warn");
        Self { process: Process::start(name, command.stdout(Stdio::null()).stderr(log)) }
    }
}

/// Waits until so many agents are attached.
///
/// # Panics
/// When they are not in time.
pub fn wait_for_agents(scene: &Scene, coordinator: &str, count: usize) {
    wait_for(&format!("{count} agents"), START_WITHIN, || {
        let agents = scene.run(&["agents", "--coordinator", coordinator, "--json"]);
        (agents.code == 0 && agents.json().as_array().map_or(0, Vec::len) == count).then_some(())
    });
}

/// Whether a process listens at an address: its sockets are looked up, so that a stale address does not count.
fn is_listening(address: &str, pid: u32) -> bool {
    let Some(port) = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()) else {
        return false;
    };
    // Its own tables: it may live in a network of its own.
    let table = ["tcp", "tcp6"]
        .map(|name| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default())
        .concat();
    let wanted = format!(":{port:04X}");
    let inodes = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words.get(1)?.ends_with(&wanted) && *words.get(3)? == "0A").then(|| format!("socket:[{}]", words[9]))
    });
    let held: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok()?.to_str().map(ToOwned::to_owned))
        .collect();
    inodes.into_iter().any(|inode| held.contains(&inode))
}
