//! `fleetmark target` as a server of the test's own, which keeps its own count.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use crate::cast::{START_WITHIN, Scene};
use crate::patience::wait_for;
use crate::process::Process;

/// A target in a process of its own; gone when dropped.
#[derive(Debug)]
pub struct Target {
    _process: Process,
    address: String,
}

impl Target {
    /// Starts one on a free port; `more` are further words of its command line. What it says goes to `target.log` in
    /// the scene's folder.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn start(scene: &Scene, more: &[&str]) -> Self {
        Self::start_on(scene, IpAddr::V4(Ipv4Addr::LOCALHOST), more)
    }

    /// The same on another address.
    ///
    /// # Panics
    /// When it does not listen in time.
    pub fn start_on(scene: &Scene, address: IpAddr, more: &[&str]) -> Self {
        let log = scene.path().join("target.log");
        let mut command = scene.command(&["target", "--listen", &SocketAddr::new(address, 0).to_string()]);
        command.args(more).stderr(File::create(&log).expect("a log"));
        let mut process = Process::start("target", &mut command);
        let address = wait_for("the target's address", START_WITHIN, || {
            let said = fs::read_to_string(&log).ok()?;
            assert!(process.is_running(), "the target ended: {said}");
            // The line is written in pieces: it is all there when it has ended.
            Some(said.split_once('\n')?.0.rsplit_once("http://")?.1.to_owned())
        });
        Self { _process: process, address }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many requests it took so far, but for those about the count itself.
    ///
    /// # Panics
    /// When it does not say.
    pub fn count(&self) -> u64 {
        let mut stream = TcpStream::connect(&self.address).expect("the target answers");
        let request = format!("GET /count HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).expect("the target reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the target answers in text");
        let body = answer.split_once("\r\n\r\n").expect("an answer has a body").1;
        body.trim().parse().unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }
}
