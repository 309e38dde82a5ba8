//! A network of its own for one test: hosts that are network namespaces, each with a cable to one switch, which can be pulled.
//!
//! The namespaces have no names: they are held by this process's descriptors, and are gone with them and with the last
//! process that runs there, whatever becomes of the test. Nothing leads out of the network.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::patience::wait_for;
use crate::process::Process;

/// How long the system may take to make a namespace.
const MADE_WITHIN: Duration = Duration::from_secs(10);
/// Addresses are this and the host's place in the network, from 1.
const SUBNET: [u8; 3] = [10, 77, 0];
/// Hosts that addresses are enough for.
const HOSTS_MAX: usize = 254;
/// The device that joins all cables, on the switch.
const BRIDGE: &str = "bridge0";

/// Hosts on one switch; gone when dropped.
#[derive(Debug)]
pub struct Network {
    switch: Namespace,
    hosts: Vec<(String, Namespace)>,
}

/// A network namespace, held open.
#[derive(Debug)]
struct Namespace(File);

impl Network {
    /// Hosts of these names, each with its cable in.
    ///
    /// # Panics
    /// When the system allows no network namespaces: this needs root, `unshare` and `ip`.
    pub fn of(names: &[&str]) -> Self {
        assert!(names.len() <= HOSTS_MAX, "a network has addresses for {HOSTS_MAX} hosts");
        let is_allowed = Command::new("unshare").args(["--net", "ip", "link"]).stdout(Stdio::null()).status();
        assert!(
            is_allowed.as_ref().is_ok_and(ExitStatus::success),
            "this test makes networks of its own: run it as root, with unshare and ip (iproute2) installed ({is_allowed:?})"
        );
        let switch = Namespace::new();
        switch.ip(&["link", "add", BRIDGE, "type", "bridge"]);
        switch.ip(&["link", "set", BRIDGE, "up"]);
        let hosts = names.iter().map(|name| ((*name).to_owned(), Namespace::new())).collect();
        let network = Self { switch, hosts };
        names.iter().for_each(|name| network.connect(name));
        network
    }

    /// Does something on a host: whatever is started there lives there, and connections begin and end there.
    ///
    /// # Panics
    /// When there is no such host; and with what panics there.
    pub fn on<T: Send>(&self, host: &str, play: impl FnOnce() -> T + Send) -> T {
        self.hosts[self.place(host)].1.inside(play)
    }

    /// A host's address.
    ///
    /// # Panics
    /// When there is no such host.
    pub fn address(&self, host: &str) -> Ipv4Addr {
        let [one, two, three] = SUBNET;
        let last = u8::try_from(self.place(host) + 1).expect("there are no more hosts than addresses");
        Ipv4Addr::new(one, two, three, last)
    }

    /// Pulls a host's cable at the switch: nothing comes or goes, and neither end is told.
    ///
    /// # Panics
    /// When there is no such host.
    pub fn pull(&self, host: &str) {
        self.switch.ip(&["link", "set", &self.port(host), "down"]);
    }

    /// Plugs it in again.
    ///
    /// # Panics
    /// When there is no such host.
    pub fn plug_in(&self, host: &str) {
        self.switch.ip(&["link", "set", &self.port(host), "up"]);
    }

    /// Lays a host's cable.
    fn connect(&self, host: &str) {
        let namespace = &self.hosts[self.place(host)].1;
        let port = self.port(host);
        let there = namespace.path();
        self.switch.ip(&["link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &there]);
        self.switch.ip(&["link", "set", &port, "master", BRIDGE, "up"]);
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace.ip(&["link", "set", "eth0", "up"]);
        namespace.ip(&["address", "add", &format!("{}/24", self.address(host)), "dev", "eth0"]);
    }

    /// The switch's end of a host's cable.
    fn port(&self, host: &str) -> String {
        format!("port{}", self.place(host))
    }

    fn place(&self, host: &str) -> usize {
        let found = self.hosts.iter().position(|(name, _)| name == host);
        found.unwrap_or_else(|| panic!("there is no host {host:?} in this network"))
    }
}

impl Namespace {
    /// An empty one. A process that does nothing holds it until we do.
    fn new() -> Self {
        let mut holder = Command::new("unshare");
        holder.args(["--net", "cat"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let holder = Process::start("unshare", &mut holder);
        let place = format!("/proc/{}/ns/net", holder.pid());
        let ours = fs::read_link("/proc/self/ns/net").expect("Linux tells our network namespace");
        wait_for("a network namespace", MADE_WITHIN, || {
            fs::read_link(&place).is_ok_and(|theirs| theirs != ours).then_some(())
        });
        Self(File::open(Path::new(&place)).expect("a namespace that is held can be opened"))
    }

    /// Does something inside, on a thread of its own, since a namespace belongs to a thread.
    fn inside<T: Send>(&self, play: impl FnOnce() -> T + Send) -> T {
        let enter_and_play = || {
            move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("root may enter a network namespace");
            play()
        };
        let played = thread::scope(|scope| scope.spawn(enter_and_play).join());
        played.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Where other processes find it while we live.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Has iproute2 do something inside.
    fn ip(&self, words: &[&str]) {
        let done = self.inside(|| Command::new("ip").args(words).output()).expect("ip can be started");
        assert!(
            done.status.success(),
            "ip {} failed: {}",
            words.join(" "),
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn hosts_reach_each_other_until_a_cable_is_pulled_and_nobody_else() {
        let network = Network::of(&["one", "two"]);
        let listener = network.on("one", || TcpListener::bind((network.address("one"), 0)).unwrap());
        let address = listener.local_addr().unwrap();
        let call = || TcpStream::connect_timeout(&address, Duration::from_millis(500)).map(drop);
        network.on("two", call).unwrap();
        network.pull("one");
        assert_eq!(network.on("two", call).unwrap_err().kind(), ErrorKind::TimedOut);
        network.plug_in("one");
        wait_for("the link", MADE_WITHIN, || network.on("two", call).ok());
        let outside = network.on("two", || TcpStream::connect("192.0.2.1:9")).unwrap_err();
        assert_eq!(outside.kind(), ErrorKind::NetworkUnreachable);
    }
}
