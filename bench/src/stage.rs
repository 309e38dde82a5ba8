//! Processes of a benchmark, none of which is left behind.

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peer::Done;
use crate::{cpu, memory, reading};

/// The store's folder within a coordinator's own.
const STORE: &str = "store";
/// How long anything may take to start.
const START_WITHIN: Duration = Duration::from_secs(20);

/// A child that is killed and reaped when dropped.
#[derive(Debug)]
pub struct Kept(Child);

impl Kept {
    /// Keeps a child.
    pub fn of(child: Child) -> Self {
        Self(child)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _it_was_ours = self.0.wait();
    }
}

/// A coordinator of its own process, with a store that goes with it.
#[derive(Debug)]
pub struct Coordinator {
    process: Kept,
    folder: tempfile::TempDir,
    url: String,
}

/// A coordinator with one agent of its own process, whose CPU time can be read alone.
#[derive(Debug)]
pub struct Fleet {
    fleetmark: PathBuf,
    agent: Kept,
    coordinator: Coordinator,
}

/// fleetmark itself, built beside this program.
///
/// # Errors
/// When it is not there.
pub fn fleetmark() -> io::Result<PathBuf> {
    beside("fleetmark", "fleetmark")
}

/// A program of ours and the package that it is built from, beside this one.
///
/// # Errors
/// When it is not there.
pub fn beside(program: &str, package: &str) -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(program);
    if path.exists() {
        return Ok(path);
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("{} is not built: cargo build --release -p {package} --bin {program}", path.display()),
    ))
}

/// Whether a program is on the path; says which version it is, or that it is missing.
pub fn has(program: &str) -> bool {
    // All but hey understand one of these; what hey says to it is no version.
    let option = if program == "nginx" { "-v" } else { "--version" };
    let Ok(output) = Command::new(program).arg(option).stdin(Stdio::null()).output() else {
        println!("{program} is missing: left out");
        return false;
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let version = said.lines().next().filter(|line| line.contains(char::is_numeric));
    println!("{program}: {}", version.unwrap_or("does not tell its version"));
    true
}

/// Starts `fleetmark target` on a free port; returns it and its URL.
///
/// # Errors
/// When it does not start.
pub fn target(more: &[&str]) -> io::Result<(Kept, String)> {
    let mut child = Command::new(fleetmark()?)
        .args(["target", "--listen", "127.0.0.1:0"])
        .args(more)
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take();
    let kept = Kept(child);
    let mut line = String::new();
    BufReader::new(stderr.ok_or_else(|| io::Error::other("no standard error"))?).read_line(&mut line)?;
    let url = line.split_whitespace().find(|word| word.starts_with("http://"));
    let url = url.ok_or_else(|| io::Error::other(format!("the target said {line:?}")))?;
    Ok((kept, format!("{url}/")))
}

/// A port that is free now.
///
/// # Errors
/// When none is left.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Starts a server that says nothing, and waits until it takes connections at a port of this host.
///
/// # Errors
/// When it does not in time.
pub fn wait_until_it_listens(command: &mut Command, port: u16) -> io::Result<Kept> {
    let kept = quiet(command)?;
    wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
    Ok(kept)
}

impl Coordinator {
    /// Starts a coordinator that neither encrypts nor asks who calls, and waits until it listens.
    ///
    /// # Errors
    /// When it does not start in time.
    pub fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with further words of its command line.
    ///
    /// # Errors
    /// When it does not start in time.
    pub fn start_with(more: &[&str]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = folder.path().join(STORE);
        let mut command = Command::new(fleetmark()?);
        let process = quiet(
            command.args(["coordinator", "--listen", "127.0.0.1:0", "--store"]).arg(&store).args(more),
        )?;
        let address = wait_for(|| std::fs::read_to_string(store.join("coordinator.address")).ok())?;
        Ok(Self { process, folder, url: address.trim().to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its store's folder.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join(STORE)
    }
}

impl Fleet {
    /// Starts a coordinator and an agent, and waits until it is attached.
    ///
    /// # Errors
    /// When they do not start in time.
    pub fn start() -> io::Result<Self> {
        let fleetmark = fleetmark()?;
        let coordinator = Coordinator::start()?;
        let agent = quiet(Command::new(&fleetmark).args([
            "agent",
            "--name",
            "bench",
            "--coordinator",
            coordinator.url(),
        ]))?;
        let fleet = Self { fleetmark, agent, coordinator };
        wait_for(|| {
            let agents = fleet.ask(&["agents", "--json"]).ok()?;
            agents.as_array().filter(|agents| !agents.is_empty()).map(drop)
        })?;
        Ok(fleet)
    }

    /// Process id of the agent.
    pub fn agent_pid(&self) -> u32 {
        self.agent.pid()
    }

    /// Runs a job and gives its report.
    ///
    /// # Errors
    /// When it does not run.
    pub fn run(&self, job: &str) -> io::Result<Value> {
        let path = self.folder().join("job.toml");
        std::fs::write(&path, job)?;
        let path = path.to_string_lossy().into_owned();
        self.ask(&["run", &path, "--quiet", "--json", "-"])
    }

    /// Runs a job, and tells what the agent's whole process did for it: load threads, collector, connection.
    ///
    /// # Errors
    /// When it does not run, or nothing was measured.
    pub fn measure(&self, job: &str) -> io::Result<Done> {
        let before_s = cpu::of_process(self.agent_pid()).unwrap_or_default();
        let report = self.run(job)?;
        let cpu_s = cpu::of_process(self.agent_pid()).unwrap_or_default() - before_s;
        for doubt in reading::doubts(&report) {
            println!("fleetmark itself doubts a round: {doubt}");
        }
        let requests = reading::figure(&report, "/latency_ns/count").filter(|requests| *requests > 0.0);
        let requests = requests.ok_or_else(|| io::Error::other(format!("nothing was measured: {report}")))?;
        let memory_bytes = memory::peak_bytes(self.agent_pid()).unwrap_or_default() as f64;
        Ok(Done { requests, cpu_s, memory_bytes })
    }

    fn ask(&self, words: &[&str]) -> io::Result<Value> {
        let output = Command::new(&self.fleetmark)
            .args(words)
            .args(["--coordinator", self.coordinator.url()])
            .output()?;
        serde_json::from_slice(&output.stdout)
            .map_err(|_| io::Error::other(format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr))))
    }

    /// The folder of this fleet, for further files.
    pub fn folder(&self) -> &Path {
        self.coordinator.folder.path()
    }
}

/// Starts a child that says nothing and is asked nothing.
fn quiet(command: &mut Command) -> io::Result<Kept> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().map(Kept)
}

/// Looks until there is something.
///
/// # Errors
/// When there is nothing within [`START_WITHIN`].
pub fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> io::Result<T> {
    let deadline = Instant::now() + START_WITHIN;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "something did not start in time"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
