//! The gRPC messages of a server's HTTP/2 connections, and when their bytes passed through the kernel.

use std::collections::BTreeMap;

use super::Moment;
use super::call::Call;

/// What a client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
const FRAME_OF_DATA: u8 = 0;
const FLAG_PADDED: u8 = 8;
/// One byte says whether a gRPC message is compressed, four its length.
const MESSAGE_HEAD_BYTES: usize = 5;

const READS: [&str; 4] = ["read", "readv", "recvfrom", "recvmsg"];
const WRITES: [&str; 4] = ["write", "writev", "sendto", "sendmsg"];

/// A message that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its bytes, an encoded protobuf message.
    pub bytes: Vec<u8>,
    /// Of one that was sent: when the write began that took its first byte. Of one that was received: when the read
    /// ended that gave its last byte.
    pub moment: Moment,
}

/// One call of gRPC: a stream of one connection.
#[derive(Debug, Default)]
pub struct Conversation {
    /// What the client said.
    pub received: Vec<Message>,
    /// What the server answered.
    pub sent: Vec<Message>,
}

/// A byte, and the moments of its call: the begin of a write, the end of a read.
type Byte = (u8, Moment);

/// All calls of gRPC that a server has heard.
pub fn conversations(calls: &[Call]) -> Vec<Conversation> {
    let mut sockets: BTreeMap<&str, (Vec<Byte>, Vec<Byte>)> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.file.starts_with("socket:")) {
        let (received, sent) = sockets.entry(&call.file).or_default();
        if READS.contains(&call.name.as_str()) {
            received.extend(call.bytes.iter().map(|byte| (*byte, call.ended)));
        } else if WRITES.contains(&call.name.as_str()) {
            sent.extend(call.bytes.iter().map(|byte| (*byte, call.began)));
        }
    }
    sockets.into_values().flat_map(|(received, sent)| of_connection(&received, &sent)).collect()
}

fn of_connection(received: &[Byte], sent: &[Byte]) -> Vec<Conversation> {
    let is_http2 = received.len() >= PREFACE.len()
        && received.iter().zip(PREFACE).all(|((byte, _), expected)| byte == expected);
    if !is_http2 {
        return Vec::new();
    }
    let mut conversations: BTreeMap<u32, Conversation> = BTreeMap::new();
    for (stream, bytes) in data(&received[PREFACE.len()..]) {
        let last = |message: &[Byte]| message.last().map_or(0, |(_, moment)| *moment);
        conversations.entry(stream).or_default().received = messages(&bytes, last);
    }
    for (stream, bytes) in data(sent) {
        let first = |message: &[Byte]| message.first().map_or(0, |(_, moment)| *moment);
        conversations.entry(stream).or_default().sent = messages(&bytes, first);
    }
    conversations.into_values().collect()
}

/// The content of all DATA frames, by stream.
fn data(mut rest: &[Byte]) -> BTreeMap<u32, Vec<Byte>> {
    let mut streams: BTreeMap<u32, Vec<Byte>> = BTreeMap::new();
    while rest.len() >= FRAME_HEAD_BYTES {
        let (kind, flags) = (rest[3].0, rest[4].0);
        let length = number(&rest[..3]);
        let stream = u32::try_from(number(&rest[5..9])).expect("four bytes") & 0x7fff_ffff;
        let Some(mut payload) = rest.get(FRAME_HEAD_BYTES..FRAME_HEAD_BYTES + length) else { break };
        rest = &rest[FRAME_HEAD_BYTES + length..];
        if kind == FRAME_OF_DATA {
            if flags & FLAG_PADDED != 0 {
                payload = &payload[1..payload.len() - usize::from(payload[0].0)];
            }
            streams.entry(stream).or_default().extend_from_slice(payload);
        }
    }
    streams
}

fn messages(mut rest: &[Byte], moment: impl Fn(&[Byte]) -> Moment) -> Vec<Message> {
    let mut found = Vec::new();
    while rest.len() >= MESSAGE_HEAD_BYTES {
        assert_eq!(rest[0].0, 0, "fleetmark does not compress its messages");
        let end = MESSAGE_HEAD_BYTES + number(&rest[1..MESSAGE_HEAD_BYTES]);
        let Some(whole) = rest.get(..end) else { break };
        let bytes = whole[MESSAGE_HEAD_BYTES..].iter().map(|(byte, _)| *byte).collect();
        found.push(Message { bytes, moment: moment(whole) });
        rest = &rest[end..];
    }
    found
}

fn number(bytes: &[Byte]) -> usize {
    bytes.iter().fold(0, |number, (byte, _)| number << 8 | usize::from(*byte))
}
