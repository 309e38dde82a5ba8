//! A PostgreSQL of a bench's own: its data, its port, and pgbench's tables.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::stage::{Kept, wait_for};

/// Where Debian keeps its versions.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who it runs as when we are root, whom it refuses.
const USER: &str = "postgres";
/// Rows of the table that is read from, as pgbench makes them at its smallest scale.
pub const ACCOUNTS: u64 = 100_000;

/// A server that ends with its owner.
#[derive(Debug)]
pub struct Postgres {
    server: Kept,
    _folder: TempDir,
    /// Where it listens on loopback.
    pub port: u16,
}

impl Postgres {
    /// Starts a server and fills pgbench's tables.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        if rustix::process::geteuid().is_root() {
            let (user, group) = ids()?;
            chown(folder.path(), Some(user), Some(group))?;
            chown(&data, Some(user), Some(group))?;
        }
        let made =
            as_user(&program("initdb")?).args(["-A", "trust", "-U", USER, "-D"]).arg(&data).output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = as_user(&program("postgres")?);
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        command.args(["-c", "fsync=off"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { server: Kept::of(command.spawn()?), _folder: folder, port };
        wait_for(|| server.pgbench(&["-i", "-q", "-s", "1"]).ok())?;
        Ok(server)
    }

    /// What pgbench says of a run with these words.
    ///
    /// # Errors
    /// What it complains of.
    pub fn pgbench(&self, words: &[&str]) -> io::Result<String> {
        let mut command = Command::new(program("pgbench")?);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", USER]).args(words).arg(USER);
        let said = command.output()?;
        match said.status.success() {
            true => Ok(String::from_utf8_lossy(&said.stdout).into_owned()),
            false => Err(io::Error::other(String::from_utf8_lossy(&said.stderr).into_owned())),
        }
    }
}

/// Killed, it would leave its children and what they share in memory: asked, it takes them along.
impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(pid) = i32::try_from(self.server.pid()).ok().and_then(Pid::from_raw) else { return };
        let _it_may_have_ended = kill_process(pid, Signal::QUIT);
        let stat = format!("/proc/{}/stat", self.server.pid());
        // Until it is waited for, an ended process is a zombie.
        let ended = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
        let _it_is_killed_else = wait_for(|| ended().then_some(()));
    }
}

/// A program of the newest version that is installed.
fn program(name: &str) -> io::Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.is_file());
    found.sort();
    found.pop().ok_or_else(|| io::Error::other("PostgreSQL is not installed: apt-get install postgresql"))
}

/// A program as the server's user, if we are root.
fn as_user(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let words = ["--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "QUIT", "--"];
    command.args(words).arg(program).current_dir("/");
    command
}

fn ids() -> io::Result<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let mut numbers = line.into_iter().flat_map(|line| line.split(':').skip(2)).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(user)), Some(Ok(group))) => Ok((user, group)),
        _ => Err(io::Error::other("there is no user postgres: apt-get install postgresql")),
    }
}
