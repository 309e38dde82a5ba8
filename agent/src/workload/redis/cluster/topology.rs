//! What is known of a cluster: its servers, and which of them has which slots.

use std::ops::RangeInclusive;
use std::rc::Rc;

use crate::workload::connection::target::Target;

/// How many slots the keys of a cluster are spread over.
const SLOTS: usize = 16_384;
/// A slot whose server is not known.
const UNKNOWN: u16 = u16::MAX;
/// Most servers of one cluster: what its own specification allows.
const NODES_MAX: usize = 1_000;

/// Least time between two moments at which the slots are forgotten: while a cluster chooses a new master, which takes it seconds, each
/// operation that fails would otherwise ask for them.
const FORGET_EVERY_NS: u64 = 1_000_000_000;

/// What is known of a cluster.
#[derive(Debug, Default)]
pub(in crate::workload::redis) struct Cluster {
    nodes: Vec<(Address, Rc<Target>)>,
    /// For each slot the place of its server; empty: nothing is known.
    slots: Vec<u16>,
    guide: Guide,
    /// When the slots were last forgotten; `None`: never.
    forgotten_ns: Option<u64>,
}

/// Who is asked for the slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::workload::redis) enum Guide {
    /// The server of the URL.
    #[default]
    OfUrl,
    /// A server that was known before, by its place.
    Node(usize),
}

/// Where a server of a cluster is, as the cluster says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Empty: the host that was asked.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Slots that one server has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) address: Address,
}

/// A server that sends a command on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) slot: u16,
    pub(super) address: Address,
    /// Only this once: the slot is on its way.
    pub(super) is_ask: bool,
}

impl Cluster {
    /// Whether it was asked for.
    pub(super) fn is_known(&self) -> bool {
        !self.slots.is_empty()
    }

    /// The place of a slot's server; the first one of all if it is not known: that one will know.
    pub(super) fn node_of(&self, slot: u16) -> usize {
        let node = self.slots.get(usize::from(slot)).copied().unwrap_or(UNKNOWN);
        if node == UNKNOWN { 0 } else { usize::from(node) }
    }

    /// A server by its place.
    pub(super) fn target(&self, node: usize) -> Option<Rc<Target>> {
        self.nodes.get(node).map(|(_, target)| Rc::clone(target))
    }

    /// The place of a server, which is made ready if it is new.
    pub(super) fn node_at(
        &mut self,
        address: &Address,
        make: impl Fn(&Address) -> Result<Target, String>,
    ) -> Result<usize, String> {
        if let Some(node) = self.nodes.iter().position(|(known, _)| known == address) {
            return Ok(node);
        }
        if self.nodes.len() == NODES_MAX {
            return Err(format!("it has more than {NODES_MAX} servers"));
        }
        self.nodes.push((address.clone(), Rc::new(make(address)?)));
        Ok(self.nodes.len() - 1)
    }

    /// Who is to be asked for the slots.
    pub(super) fn guide(&self) -> Guide {
        self.guide
    }

    /// Asks the next server from now on, as this one did not tell. Workers that found it silent together pass over it once.
    pub(super) fn pass_over(&mut self, silent: Guide) {
        if self.guide != silent {
            return;
        }
        let next = match silent {
            Guide::OfUrl => 0,
            Guide::Node(node) => node + 1,
        };
        self.guide = if next < self.nodes.len() { Guide::Node(next) } else { Guide::OfUrl };
    }

    /// Forgets whose the slots are, unless that was done a moment ago: the cluster may have changed.
    pub(super) fn forget(&mut self, now_ns: u64) {
        let is_due = self.forgotten_ns.is_none_or(|then| now_ns.saturating_sub(then) >= FORGET_EVERY_NS);
        if self.is_known() && is_due {
            self.slots.clear();
            self.forgotten_ns = Some(now_ns);
        }
    }

    /// Notes that a slot has moved. Nothing is noted while nothing is known: one slot alone would pass for all.
    pub(super) fn move_slot(&mut self, slot: u16, node: usize) {
        if self.is_known() {
            self.assign(slot..=slot, node);
        }
    }

    /// Notes whose slots these are.
    pub(super) fn assign(&mut self, slots: RangeInclusive<u16>, node: usize) {
        self.slots.resize(SLOTS, UNKNOWN);
        let node = u16::try_from(node).expect("there are fewer servers than a u16 counts");
        for slot in slots {
            self.slots[usize::from(slot) % SLOTS] = node;
        }
    }
}

impl Redirection {
    /// Reads `MOVED 3999 127.0.0.1:6381` and `ASK …`; `None`: another error.
    pub(super) fn read(error: &[u8]) -> Option<Self> {
        let mut words = str::from_utf8(error).ok()?.split(' ');
        let is_ask = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let slot = words.next()?.parse().ok().filter(|slot: &u16| usize::from(*slot) < SLOTS)?;
        let (host, port) = words.next()?.rsplit_once(':')?;
        Some(Self { slot, address: Address { host: host.to_owned(), port: port.parse().ok()? }, is_ask })
    }
}

/// The slot of a key: CRC16 of it, or of what stands in its first braces.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        Some(&rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS as u16
}

/// CRC-16/XMODEM, as the cluster's specification asks.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// Reads a whole, well-formed answer to CLUSTER SLOTS; `None`: it is another answer.
pub(super) fn read_slots(answer: &[u8]) -> Option<Vec<Slots>> {
    let mut rest = answer;
    let Value::Array(ranges) = Value::read(&mut rest)? else { return None };
    let of = |range: Value<'_>| {
        let Value::Array(parts) = range else { return None };
        let [Value::Integer(first), Value::Integer(last), Value::Array(server), ..] = &parts[..] else {
            return None;
        };
        let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
        let host = match server.first()? {
            Value::Text(host) => str::from_utf8(host).ok()?.to_owned(),
            _ => String::new(),
        };
        let Some(Value::Integer(port)) = server.get(1) else { return None };
        let address = Address { host, port: u16::try_from(*port).ok()? };
        (usize::from(last) < SLOTS).then_some(Slots { first, last, address })
    };
    ranges.into_iter().map(of).collect()
}

/// A value of an answer that was read to its end before, so that its depth has a bound.
enum Value<'a> {
    Integer(i64),
    Text(&'a [u8]),
    Array(Vec<Value<'a>>),
    Other,
}

impl<'a> Value<'a> {
    fn read(bytes: &mut &'a [u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = bytes.split_at(end + 1);
        *bytes = rest;
        let (first, number) = line.trim_ascii_end().split_first()?;
        let number = str::from_utf8(number).ok().and_then(|digits| digits.parse::<i64>().ok());
        Some(match (first, number) {
            (b':', Some(number)) => Self::Integer(number),
            (b'$', Some(length @ 0..)) => {
                let text = bytes.get(..usize::try_from(length).ok()?)?;
                *bytes = bytes.get(text.len() + 2..)?;
                Self::Text(text)
            }
            // Not more at once than there can be: the shortest value takes three bytes.
            (b'*', Some(items @ 0..)) => {
                (0..items).map(|_| Self::read(bytes)).collect::<Option<_>>().map(Self::Array)?
            }
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_slots_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"foo"), 12_182);
        assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS as u16);
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
    }

    #[test]
    fn slots_and_redirections_are_read() {
        let answer = b"*2\r\n*3\r\n:0\r\n:8191\r\n*3\r\n$9\r\n127.0.0.1\r\n:7000\r\n$2\r\nid\r\n*3\r\n:8192\r\n:16383\r\n*2\r\n$-1\r\n:7001\r\n";
        let address = |host: &str, port| Address { host: host.to_owned(), port };
        let expected = [
            Slots { first: 0, last: 8191, address: address("127.0.0.1", 7000) },
            Slots { first: 8192, last: 16383, address: address("", 7001) },
        ];
        assert_eq!(read_slots(answer).unwrap(), expected);
        assert_eq!(read_slots(b"+OK\r\n"), None);
        assert_eq!(read_slots(b"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n"), None);
        let moved = Redirection { slot: 3999, address: address("::1", 6381), is_ask: false };
        assert_eq!(Redirection::read(b"MOVED 3999 ::1:6381"), Some(moved));
        assert_eq!(Redirection::read(b"ERR MOVED"), None);
    }

    #[test]
    fn slots_are_forgotten_once_a_second_and_no_single_one_passes_for_all() {
        let mut cluster = Cluster::default();
        cluster.move_slot(1, 0);
        assert!(!cluster.is_known(), "one slot alone is no map");
        for (now_ns, is_known) in
            [(0, false), (FORGET_EVERY_NS - 1, true), (FORGET_EVERY_NS, false), (FORGET_EVERY_NS + 1, true)]
        {
            cluster.assign(0..=16_383, 1);
            cluster.forget(now_ns);
            assert_eq!(cluster.is_known(), is_known, "{now_ns}");
        }
        cluster.move_slot(5, 0);
        assert_eq!((cluster.node_of(5), cluster.node_of(6)), (0, 1));
    }
}
