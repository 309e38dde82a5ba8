//! A PostgreSQL that others wrote, and that counts every statement it ran.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::account;
use crate::cast::START_WITHIN;
use crate::nginx::free_port;
use crate::patience::wait_for;
use crate::process::Process;

/// Where Debian keeps its versions.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who it runs as when the tests run as root, whom it refuses.
const USER: &str = "postgres";
/// The password of the user `me`.
pub const PASSWORD: &str = "correct-horse-battery";

/// A PostgreSQL of its own: own data, own port, one user with a password over TCP.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    folder: TempDir,
    /// Where it listens on loopback.
    pub port: u16,
}

impl Postgres {
    /// Makes a database and starts its server, with `pg_stat_statements`.
    ///
    /// # Panics
    /// When it is not installed, or does not start in time.
    pub fn start() -> Self {
        // Beside the scene, whose folder others may not enter.
        let folder = TempDir::new().expect("a folder for the database");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder for others");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        if rustix::process::geteuid().is_root() {
            let (user, group) = account::ids(USER);
            chown(&data, Some(user), Some(group)).expect("the data belongs to the server's user");
        }
        let made = as_user(&program("initdb")).args(["-A", "trust", "-U", USER, "-D"]).arg(&data).output();
        let made = made.expect("initdb can be started");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let access = "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(data.join("pg_hba.conf"), access).expect("who may come in");
        let port = free_port();
        let mut command = as_user(&program("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", ""]);
        command.args(["-c", "fsync=off", "-c", "shared_preload_libraries=pg_stat_statements"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start("postgres", &mut command);
        let server = Self { process, folder, port };
        wait_for("postgres to answer", START_WITHIN, || server.psql("SELECT 1").ok());
        server.ask(&format!("CREATE USER me PASSWORD '{PASSWORD}'"));
        server.ask("CREATE DATABASE shop OWNER me");
        server.ask("CREATE EXTENSION pg_stat_statements");
        server
    }

    /// The URL of its database `shop`, with the password named, as jobs have it.
    pub fn url(&self) -> String {
        format!("postgres://me:{{{{env:SHOP_PASSWORD}}}}@127.0.0.1:{}/shop", self.port)
    }

    /// What it answers to a statement of its owner, in the database `shop` once that is there.
    ///
    /// # Panics
    /// When it fails.
    pub fn ask(&self, statement: &str) -> String {
        self.psql(statement).unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    fn psql(&self, statement: &str) -> Result<String, String> {
        let port = self.port.to_string();
        let run = |database: &str| {
            let words = [
                "-X",
                "-q",
                "-A",
                "-t",
                "-h",
                "127.0.0.1",
                "-U",
                USER,
                "-p",
                &port,
                "-d",
                database,
                "-c",
                statement,
            ];
            Command::new(program("psql")).args(words).output().map_err(|error| error.to_string())
        };
        let mut said = run("shop")?;
        if String::from_utf8_lossy(&said.stderr).contains("does not exist") {
            said = run("postgres")?;
        }
        match said.status.success() {
            true => Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
        }
    }

    /// How many connections the user of jobs has open.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn connections(&self) -> u64 {
        let count = self.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = 'me'");
        count.parse().expect("a count")
    }

    /// Stops it at once, as a crash would.
    pub fn stop(&self) {
        self.process.signal(Signal::QUIT);
    }

    /// Its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed, it would leave its children: asked, it takes them along.
        if self.process.is_running() {
            self.process.signal(Signal::QUIT);
            self.process.wait(START_WITHIN);
        }
    }
}

/// A program of the newest version that is installed.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.is_file());
    found.sort();
    found
        .pop()
        .expect("PostgreSQL is not installed: tests/run.sh installs it, or: apt-get install postgresql")
}

/// A program as the server's user, if the tests are root's.
fn as_user(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "QUIT", "--"])
        .arg(program);
    command.current_dir("/");
    command
}
