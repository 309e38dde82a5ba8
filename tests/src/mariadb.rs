//! A MariaDB that others wrote, and that counts every statement it ran.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::account;
use crate::cast::START_WITHIN;
use crate::nginx::free_port;
use crate::patience::wait_for;
use crate::postgres::PASSWORD;
use crate::process::Process;

/// Who it runs as when the tests run as root, whom it refuses.
const USER: &str = "mysql";

/// A MariaDB of its own: own data, own port, one user `me` with [`PASSWORD`] over TCP, and a database `shop`.
#[derive(Debug)]
pub struct MariaDb {
    process: Process,
    folder: TempDir,
    /// Where it listens on loopback.
    pub port: u16,
}

impl MariaDb {
    /// Makes a database and starts its server.
    ///
    /// # Panics
    /// When it is not installed, or does not start in time.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with options of the server's own.
    ///
    /// # Panics
    /// When it is not installed, or does not start in time.
    pub fn start_with(options: &[String]) -> Self {
        let folder = TempDir::new().expect("a folder for the database");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder for others");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        if rustix::process::geteuid().is_root() {
            let (user, group) = account::ids(USER);
            chown(&data, Some(user), Some(group)).expect("the data belongs to the server's user");
        }
        let mut make = as_user("mariadb-install-db");
        make.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        // Servers that are made at the same time would take each other's temporary tables away.
        make.arg(format!("--tmpdir={}", data.display()));
        let made = make.arg(format!("--datadir={}", data.display())).output();
        let made = made
            .expect("MariaDB is not installed: tests/run.sh installs it, or: apt-get install mariadb-server");
        assert!(made.status.success(), "mariadb-install-db: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut command = as_user("/usr/sbin/mariadbd");
        command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
        command.arg(format!("--socket={}", data.join("sock").display())).arg(format!("--port={port}"));
        command.arg(format!("--tmpdir={}", data.display()));
        command.args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=0",
        ]);
        command.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start("mariadbd", &mut command);
        let server = Self { process, folder, port };
        wait_for("mariadb to answer", START_WITHIN, || server.client("SELECT 1", "mysql").ok());
        server.client("CREATE DATABASE shop", "mysql").expect("a database");
        server.ask(&format!("CREATE USER me@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"));
        server.ask("GRANT ALL ON shop.* TO me@'127.0.0.1'");
        server
    }

    /// The URL of its database `shop`, with the password named, as jobs have it.
    pub fn url(&self) -> String {
        format!("mysql://me:{{{{env:SHOP_PASSWORD}}}}@127.0.0.1:{}/shop", self.port)
    }

    /// What it answers to a statement of its owner, in the database `shop`.
    ///
    /// # Panics
    /// When it fails.
    pub fn ask(&self, statement: &str) -> String {
        self.client(statement, "shop").unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// One of its own counters.
    ///
    /// # Panics
    /// When it has none of that name.
    pub fn counter(&self, name: &str) -> u64 {
        let told = self.ask(&format!("SHOW GLOBAL STATUS LIKE '{name}'"));
        told.split_whitespace().nth(1).and_then(|count| count.parse().ok()).expect("a counter")
    }

    /// How many connections the user of jobs has open.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn connections(&self) -> u64 {
        let count = self.ask("SELECT count(*) FROM information_schema.processlist WHERE user = 'me'");
        count.parse().expect("a count")
    }

    /// Stops it at once, as a crash would.
    pub fn stop(&self) {
        self.process.signal(Signal::KILL);
    }

    fn client(&self, statement: &str, database: &str) -> Result<String, String> {
        let socket = self.folder.path().join("data/sock");
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--batch", "--skip-column-names", "-u", "root", "-D", database]);
        let said = command.arg(format!("--socket={}", socket.display())).args(["-e", statement]).output();
        let said = said.map_err(|error| error.to_string())?;
        match said.status.success() {
            true => Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&said.stderr).into_owned()),
        }
    }
}

/// A program as the server's user, if the tests are root's.
fn as_user(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "KILL", "--"]);
    command.arg(program).current_dir("/");
    command
}
