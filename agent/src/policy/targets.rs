//! Where this agent may connect to.
//!
//! What denies wins. Addresses are compared as the kernel takes them: `::ffff:169.254.169.254` is 169.254.169.254, and
//! `0.0.0.0` is this host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;

use ipnet::IpNet;
use serde::Deserialize;

use super::Refusal;
use super::paths::{PathPattern, destination};

/// What begins a rule about sockets.
const UNIX: &str = "unix:";
/// The name that stands for every host.
const ANY_HOST: &str = "*";
/// Link-local addresses, among them the metadata services of clouds: whoever reaches these from inside of a machine is
/// often given its credentials.
const LINK_LOCAL: [&str; 3] = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::/32"];
/// The prefix under which translators carry IPv4 addresses (RFC 6052).
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Where an agent may connect to.
#[derive(Debug, Clone)]
pub struct TargetRules {
    allowed: Vec<TargetRule>,
    denied: Vec<TargetRule>,
}

/// One rule, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TargetRule {
    text: String,
    place: Place,
    ports: RangeInclusive<u16>,
}

#[derive(Debug, Clone)]
enum Place {
    Network(IpNet),
    AnyHost,
    Host(String),
    /// Names that end so, beginning with a dot.
    HostsWithin(String),
    Socket(PathPattern),
}

/// Everything but link-local addresses, and no sockets.
impl Default for TargetRules {
    fn default() -> Self {
        Self::new(None, Vec::new(), false)
    }
}

impl TargetRules {
    /// Rules as a configuration has them; `None`: every host is allowed, and no socket.
    pub(super) fn new(
        allowed: Option<Vec<TargetRule>>,
        denied: Vec<TargetRule>,
        allows_link_local: bool,
    ) -> Self {
        let own = LINK_LOCAL.iter().filter(|_| !allows_link_local);
        let own =
            own.map(|text| TargetRule::parse(text).expect("the networks above are written as networks are"));
        Self {
            allowed: allowed.unwrap_or_else(|| vec![TargetRule::of(ANY_HOST, Place::AnyHost)]),
            denied: own.chain(denied).collect(),
        }
    }

    /// Everything.
    pub(super) fn unrestricted() -> Self {
        let every_socket = PathPattern::parse("/**").expect("it is a path from the root");
        let allowed = vec![
            TargetRule::of(ANY_HOST, Place::AnyHost),
            TargetRule::of("unix:/**", Place::Socket(every_socket)),
        ];
        Self { allowed, denied: Vec::new() }
    }

    /// Whether a connection may be made to an address, to which a host's name led.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn check(&self, host: &str, address: SocketAddr) -> Result<(), Refusal> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let concerns = |rule: &&TargetRule| rule.concerns(&host, address);
        if let Some(rule) = self.denied.iter().find(concerns) {
            let is_own = LINK_LOCAL.contains(&rule.text.as_str());
            let rule = match is_own {
                true => format!("{:?} is denied unless `targets.link_local`", rule.text),
                false => format!("{:?} in `targets.deny`", rule.text),
            };
            return Err(Refusal::Denied { host, address, rule });
        }
        match self.allowed.iter().any(|rule| rule.concerns(&host, address)) {
            true => Ok(()),
            false => Err(Refusal::NotAllowed { host, address }),
        }
    }

    /// Whether a connection may be made to a socket.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn check_socket(&self, path: &Path) -> Result<(), Refusal> {
        let meant = destination(path).unwrap_or_else(|_| path.to_owned());
        let is_among = |rules: &[TargetRule]| {
            rules.iter().any(|rule| matches!(&rule.place, Place::Socket(pattern) if pattern.matches(&meant)))
        };
        match is_among(&self.allowed) && !is_among(&self.denied) {
            true => Ok(()),
            false => Err(Refusal::Socket(path.to_owned())),
        }
    }
}

impl TargetRule {
    /// Reads a rule: a network, an address or a host's name, each with or without ports; or a socket.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(UNIX) {
            return PathPattern::parse(path).map(|pattern| Self::of(text, Place::Socket(pattern)));
        }
        if let Some(network) = network(text) {
            return Ok(Self::of(text, Place::Network(network)));
        }
        let (place, ports) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((place, ports)) => (place, ports.strip_prefix(':')),
            None => match text.split_once(':') {
                Some((place, ports)) => (place, Some(ports)),
                None => (text, None),
            },
        };
        let wrong = || {
            format!(
                "{text:?} is no target: write a network (10.0.0.0/8), an address, a name (api.example.org, \
                 *.example.org or *), each with a port or some (name:8000-8999, [fd00::/8]:443), or unix:/path/*.sock"
            )
        };
        let ports = ports.map_or(Some(0..=u16::MAX), port_range).ok_or_else(wrong)?;
        let place = network(place).map(Place::Network).or_else(|| host(place)).ok_or_else(wrong)?;
        Ok(Self { ports, ..Self::of(text, place) })
    }

    fn of(text: &str, place: Place) -> Self {
        Self { text: text.to_owned(), place, ports: 0..=u16::MAX }
    }

    fn concerns(&self, host: &str, address: SocketAddr) -> bool {
        let is_there = match &self.place {
            Place::Network(network) => {
                forms_of(address.ip()).iter().flatten().any(|form| network.contains(form))
            }
            Place::AnyHost => true,
            Place::Host(name) => host == name,
            Place::HostsWithin(ending) => host.ends_with(ending),
            Place::Socket(_) => false,
        };
        is_there && self.ports.contains(&address.port())
    }
}

impl TryFrom<String> for TargetRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    // A rule about mapped addresses is one about those that they stand for.
    match network {
        IpNet::V6(mapped) if mapped.prefix_len() >= 96 => match mapped.addr().to_ipv4_mapped() {
            Some(address) => ipnet::Ipv4Net::new(address, mapped.prefix_len() - 96).ok().map(IpNet::V4),
            None => Some(network),
        },
        _ => Some(network),
    }
}

fn host(text: &str) -> Option<Place> {
    let name = text.strip_prefix(ANY_HOST).unwrap_or(text);
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    match (text == ANY_HOST, name.len() < text.len()) {
        (true, _) => Some(Place::AnyHost),
        (_, true) => {
            (name.starts_with('.') && is_name(name)).then(|| Place::HostsWithin(name.to_ascii_lowercase()))
        }
        (_, false) => is_name(name).then(|| Place::Host(name.trim_end_matches('.').to_ascii_lowercase())),
    }
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// The addresses that one stands for: as the kernel takes it, and the one that a translator would make of it.
fn forms_of(address: IpAddr) -> [Option<IpAddr>; 2] {
    let address = match address.to_canonical() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    };
    let translated = match address {
        IpAddr::V6(address) if address.segments()[..6] == TRANSLATED => {
            let [.., a, b, c, d] = address.octets();
            Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        _ => None,
    };
    [Some(address), translated]
}
