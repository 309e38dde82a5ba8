//! A Redis that others wrote, and that counts every command it was sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cast::{START_WITHIN, Scene};
use crate::nginx::free_port;
use crate::patience::wait_for;
use crate::process::Process;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// A free port may be taken by somebody else meanwhile; five times in a row means something else is wrong.
const PORTS_TRIED_MAX: u32 = 5;

/// A Redis of its own, which keeps nothing on disk.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    /// Where it listens on loopback.
    pub port: u16,
    password: Option<String>,
}

impl Redis {
    /// Starts one in the scene's folder, on a free port, and waits until it answers.
    ///
    /// # Panics
    /// When it is not installed or does not answer in time.
    pub fn start(scene: &Scene) -> Self {
        Self::start_with(scene, &[], None)
    }

    /// The same with further words of its command line, and a password that it wants.
    ///
    /// # Panics
    /// When it is not installed or does not answer in time.
    pub fn start_with(scene: &Scene, words: &[&str], password: Option<&str>) -> Self {
        for _ in 0..PORTS_TRIED_MAX {
            let port = free_port();
            let mut command = Command::new("redis-server");
            command.args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--daemonize",
                "no",
            ]);
            command.args(password.iter().flat_map(|password| ["--requirepass", *password])).args(words);
            command.arg("--dir").arg(scene.path()).stdin(Stdio::null()).stdout(Stdio::null());
            let mut process = Process::start("redis-server", &mut command);
            let password = password.map(str::to_owned);
            let is_up = wait_for("redis-server to listen", START_WITHIN, || {
                if !process.is_running() {
                    return Some(false);
                }
                TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(true)
            });
            if is_up {
                return Self { process, port, password };
            }
        }
        panic!("redis-server did not start on any of {PORTS_TRIED_MAX} free ports");
    }

    /// Its URL, without a password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command over a connection of its own, and reads the text that answers it.
    ///
    /// # Panics
    /// When it does not answer, or with something else than a text.
    pub fn ask(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("redis-server listens");
        stream.set_read_timeout(Some(ANSWER_WITHIN)).expect("a timeout");
        if let Some(password) = &self.password {
            stream.write_all(&command(&["AUTH", password])).expect("AUTH is sent");
        }
        stream.write_all(&command(words)).expect("a command is sent");
        let mut reader = BufReader::new(stream);
        if self.password.is_some() {
            assert_eq!(line(&mut reader), "+OK", "the password is right");
        }
        let first = line(&mut reader);
        let Some(length) = first.strip_prefix('$').and_then(|length| length.parse().ok()) else {
            return first[1..].to_owned();
        };
        let mut text = vec![0; length];
        reader.read_exact(&mut text).expect("the text follows its length");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// How often it did each command since it was started or `CONFIG RESETSTAT`, by its name in lower case.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let told = self.ask(&["INFO", "commandstats"]);
        let read = told.lines().filter_map(|line| {
            let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), figures.split(',').next()?.parse().ok()?))
        });
        read.collect()
    }

    /// How many connections are open beside the one that asks.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn others_connected(&self) -> usize {
        self.ask(&["CLIENT", "LIST"]).lines().filter(|line| !line.contains("cmd=client")).count()
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

fn command(words: &[&str]) -> Vec<u8> {
    let told: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{told}", words.len()).into_bytes()
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("an answer comes");
    line.trim_end().to_owned()
}
